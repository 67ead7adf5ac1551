/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "expr/arith.h"
#include "expr/cond_internal.h"
#include "x86/regs.h"

static bool truth(const struct mt_cond_node *node, const struct mt_cond_input *input)
{
	if (node->type.is_float)
		return mt_cond_eval_float(node, input) != 0.0;
	return mt_cond_eval_int(node, input) != 0;
}

/* ---- Leaves */

/* The raw bytes of a part; what lies past the watched range is zero, as in the kernel's frame. */
static uint64_t part_bytes(const struct mt_cond_node *node, const struct mt_cond_input *input)
{
	const uint8_t *bytes = node->op == MT_OP_OLD ? input->old_value : input->new_value;
	size_t offset = node->u.part.offset, width = node->u.part.width;
	uint64_t raw = 0;

	if (offset >= input->len)
		return 0;
	memcpy(&raw, bytes + offset, width < input->len - offset ? width : input->len - offset);
	return raw;
}

static uint64_t eval_part(const struct mt_cond_node *node, const struct mt_cond_input *input)
{
	uint64_t raw = part_bytes(node, input);
	unsigned bits = node->u.part.bit_size;

	if (!bits)
		return mt_arith_canonical(raw, node->type);
	raw <<= 64 - node->u.part.bit_offset - bits;
	if (node->type.is_signed)
		return (uint64_t)((int64_t)raw >> (64 - bits));
	return raw >> (64 - bits);
}

static double eval_float_part(const struct mt_cond_node *node, const struct mt_cond_input *input)
{
	uint64_t raw = part_bytes(node, input);
	float narrow;
	double wide;

	if (node->type.size == 8) {
		memcpy(&wide, &raw, sizeof(wide));
		return wide;
	}
	memcpy(&narrow, &raw, sizeof(narrow));
	return (double)narrow;
}

static uint64_t eval_leaf(const struct mt_cond_node *node, const struct mt_cond_input *input)
{
	switch (node->op) {
	case MT_OP_CONST:
		return node->u.constant;
	case MT_OP_TID:
		return mt_arith_canonical(input->tid, node->type);
	case MT_OP_PID:
		return mt_arith_canonical(input->pid, node->type);
	case MT_OP_HITS:
		return input->hits;
	case MT_OP_PC:
		return input->regs->r[MT_REG_RIP];
	case MT_OP_REG:
		return mt_reg_part_get(input->regs, node->u.reg);
	case MT_OP_COMM_EQ:
		return !strncmp(input->comm, node->u.comm, sizeof(node->u.comm));
	default: /* MT_OP_OLD, MT_OP_NEW */
		return eval_part(node, input);
	}
}

/* ---- Integer operators */

static bool compare(const struct mt_cond_node *node, const struct mt_cond_input *input)
{
	if (node->a->type.is_float)
		return mt_arith_compare_floats(node->op, mt_cond_eval_float(node->a, input),
		                               mt_cond_eval_float(node->b, input));
	return mt_arith_compare_integers(node->op, mt_cond_eval_int(node->a, input),
	                                 mt_cond_eval_int(node->b, input), node->a->type.is_signed);
}

/* C leaves out-of-range values open; here they become the nearest integer, and NaN becomes 0. */
static uint64_t float_to_int(double value, struct mt_arith type)
{
	unsigned bits = 8u * type.size;
	double limit = ldexp(1.0, (int)(type.is_signed ? bits - 1 : bits));
	uint64_t largest = UINT64_MAX >> (64 - bits + type.is_signed);

	if (isnan(value))
		return 0;
	if (value >= limit)
		return largest;
	if (value <= (type.is_signed ? -limit : 0.0))
		return type.is_signed ? ~largest : 0;
	return type.is_signed ? (uint64_t)(int64_t)value : (uint64_t)value;
}

static uint64_t eval_cast(const struct mt_cond_node *node, const struct mt_cond_input *input)
{
	if (node->a->type.is_float)
		return float_to_int(mt_cond_eval_float(node->a, input), node->type);
	return mt_arith_canonical(mt_cond_eval_int(node->a, input), node->type);
}

uint64_t mt_cond_eval_int(const struct mt_cond_node *node, const struct mt_cond_input *input)
{
	switch (node->op) {
	case MT_OP_CAST:
		return eval_cast(node, input);
	case MT_OP_NEG:
		return mt_arith_canonical(-mt_cond_eval_int(node->a, input), node->type);
	case MT_OP_NOT:
		return mt_arith_canonical(~mt_cond_eval_int(node->a, input), node->type);
	case MT_OP_LNOT:
		return !truth(node->a, input);
	case MT_OP_EQ:
	case MT_OP_NE:
	case MT_OP_LT:
	case MT_OP_LE:
	case MT_OP_GT:
	case MT_OP_GE:
		return compare(node, input);
	case MT_OP_LAND:
		return truth(node->a, input) && truth(node->b, input);
	case MT_OP_LOR:
		return truth(node->a, input) || truth(node->b, input);
	case MT_OP_COND:
		return mt_cond_eval_int(truth(node->a, input) ? node->b : node->c, input);
	default:
		if (node->op < MT_OP_CAST)
			return eval_leaf(node, input);
		return mt_arith_integers(node->op, mt_cond_eval_int(node->a, input),
		                         mt_cond_eval_int(node->b, input), node->type);
	}
}

/* ---- Floating operators */

/* A float's operation in double, rounded once more, is the float's own: 53 bits suffice twice over
 * (Figueroa 1995). */
static double rounded(double value, struct mt_arith type)
{
	return type.size == 4 ? (double)(float)value : value;
}

/* Straight to the type: by way of double a long would be rounded twice. */
static double int_to_float(uint64_t value, struct mt_arith from, struct mt_arith type)
{
	if (type.size == 4)
		return (double)(from.is_signed ? (float)(int64_t)value : (float)value);
	return from.is_signed ? (double)(int64_t)value : (double)value;
}

static double eval_float_cast(const struct mt_cond_node *node, const struct mt_cond_input *input)
{
	if (node->a->type.is_float)
		return rounded(mt_cond_eval_float(node->a, input), node->type);
	return int_to_float(mt_cond_eval_int(node->a, input), node->a->type, node->type);
}

double mt_cond_eval_float(const struct mt_cond_node *node, const struct mt_cond_input *input)
{
	switch (node->op) {
	case MT_OP_FCONST:
		return node->u.fconstant;
	case MT_OP_OLD:
	case MT_OP_NEW:
		return eval_float_part(node, input);
	case MT_OP_CAST:
		return eval_float_cast(node, input);
	case MT_OP_NEG:
		return -mt_cond_eval_float(node->a, input);
	case MT_OP_COND:
		return mt_cond_eval_float(truth(node->a, input) ? node->b : node->c, input);
	default:
		return rounded(mt_arith_floats(node->op, mt_cond_eval_float(node->a, input),
		                               mt_cond_eval_float(node->b, input)),
		               node->type);
	}
}

bool mt_cond_eval(const struct mt_cond *cond, const struct mt_cond_input *input)
{
	return truth(cond->root, input);
}
