/* SPDX-License-Identifier: MIT */
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

static void note_unreadable(const struct mt_cond_input *input, struct mt_error *error)
{
	if (error && input->unreadable)
		*input->unreadable = true;
	mt_error_free(error);
}

/* What cannot be read is 0, and told. */
static uint64_t memory_bytes(const struct mt_cond_node *node, const struct mt_cond_input *input)
{
	uint64_t addr = mt_cond_eval_int(node->a, input), raw = 0;
	struct mt_error *error =
	    input->read ? input->read(input->arg, addr, &raw, node->u.part.width)
	                : mt_error_new(MT_ERR_UNREADABLE, "there is no memory to read from");

	if (error)
		raw = 0;
	note_unreadable(input, error);
	return raw;
}

static uint64_t raw_bytes(const struct mt_cond_node *node, const struct mt_cond_input *input)
{
	return node->op == MT_OP_LOAD ? memory_bytes(node, input) : part_bytes(node, input);
}

/* A byte at a time: text may end where memory does. */
static bool eval_text(const struct mt_cond_node *node, const struct mt_cond_input *input)
{
	uint64_t addr = mt_cond_eval_int(node->a, input);
	size_t count = node->u.text.len + (node->u.text.is_prefix ? 0u : 1u);

	for (size_t i = 0; i < count; i++) {
		char c = 0;
		struct mt_error *error =
		    input->read ? input->read(input->arg, addr + i, &c, 1)
		                : mt_error_new(MT_ERR_UNREADABLE, "there is no memory");

		if (error || c != node->u.text.bytes[i]) {
			note_unreadable(input, error);
			return false;
		}
	}
	return true;
}

static uint64_t eval_part(const struct mt_cond_node *node, const struct mt_cond_input *input)
{
	uint64_t raw = raw_bytes(node, input);
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
	uint64_t raw = raw_bytes(node, input);
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
	case MT_OP_TEXT_EQ:
		return eval_text(node, input);
	default: /* MT_OP_OLD, MT_OP_NEW, MT_OP_LOAD */
		return eval_part(node, input);
	}
}

/* ---- Integer operators */

static bool compare(const struct mt_cond_node *node, const struct mt_cond_input *input)
{
	if (node->a->type.is_float)
		return mt_arith_compare_floats(node->op,
		                               (long double)mt_cond_eval_float(node->a, input),
		                               (long double)mt_cond_eval_float(node->b, input));
	return mt_arith_compare_integers(node->op, mt_cond_eval_int(node->a, input),
	                                 mt_cond_eval_int(node->b, input), node->a->type.is_signed);
}

static uint64_t eval_cast(const struct mt_cond_node *node, const struct mt_cond_input *input)
{
	if (node->a->type.is_float)
		return (uint64_t)mt_arith_to_integer(
		    (long double)mt_cond_eval_float(node->a, input), node->type);
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

static double eval_float_cast(const struct mt_cond_node *node, const struct mt_cond_input *input)
{
	struct mt_arith from = node->a->type;

	if (from.is_float)
		return (double)mt_arith_round((long double)mt_cond_eval_float(node->a, input),
		                              node->type.size);
	return (double)mt_arith_to_float(mt_cond_eval_int(node->a, input), from.is_signed,
	                                 node->type.size);
}

double mt_cond_eval_float(const struct mt_cond_node *node, const struct mt_cond_input *input)
{
	switch (node->op) {
	case MT_OP_FCONST:
		return node->u.fconstant;
	case MT_OP_OLD:
	case MT_OP_NEW:
	case MT_OP_LOAD:
		return eval_float_part(node, input);
	case MT_OP_CAST:
		return eval_float_cast(node, input);
	case MT_OP_NEG:
		return -mt_cond_eval_float(node->a, input);
	case MT_OP_COND:
		return mt_cond_eval_float(truth(node->a, input) ? node->b : node->c, input);
	default:
		return (double)mt_arith_floats(
		    node->op, (long double)mt_cond_eval_float(node->a, input),
		    (long double)mt_cond_eval_float(node->b, input), node->type.size);
	}
}

bool mt_cond_eval(const struct mt_cond *cond, const struct mt_cond_input *input)
{
	return truth(cond->root, input);
}
