/* SPDX-License-Identifier: MIT */
#include "expr/arith.h"
#include "expr/cond_internal.h"

/* ---- What a tree is made of */

bool mt_cond_node_uses(const struct mt_cond_node *node, enum mt_op op)
{
	return node && (node->op == op || mt_cond_node_uses(node->a, op) ||
	                mt_cond_node_uses(node->b, op) || mt_cond_node_uses(node->c, op));
}

bool mt_cond_node_reads_memory(const struct mt_cond_node *node)
{
	return mt_cond_node_uses(node, MT_OP_LOAD) || mt_cond_node_uses(node, MT_OP_TEXT_EQ);
}

bool mt_cond_node_has_floats(const struct mt_cond_node *node)
{
	return node && (node->type.is_float || mt_cond_node_has_floats(node->a) ||
	                mt_cond_node_has_floats(node->b) || mt_cond_node_has_floats(node->c));
}

/* ---- Building */

static bool is_constant(const struct mt_cond_node *node)
{
	return !node || node->op == MT_OP_CONST || node->op == MT_OP_FCONST;
}

/* Whether the operator depends on nothing but constant operands. */
static bool is_foldable(const struct mt_cond_node *node)
{
	return node->op >= MT_OP_CAST && is_constant(node->a) && is_constant(node->b) &&
	       is_constant(node->c);
}

static void fold(struct mt_cond_node *node)
{
	struct mt_cond_node folded = { .type = node->type };

	if (node->type.is_float) {
		folded.op = MT_OP_FCONST;
		folded.u.fconstant = mt_cond_eval_float(node, NULL);
	} else {
		folded.op = MT_OP_CONST;
		folded.u.constant = mt_cond_eval_int(node, NULL);
	}
	*node = folded;
}

struct mt_error *mt_cond_node_new(struct mt_arena *arena, struct mt_cond_node node,
                                  const struct mt_cond_node **made)
{
	struct mt_cond_node *copy = mt_arena_alloc(arena, sizeof(*copy));

	if (!copy)
		return mt_error_nomem();
	*copy = node;
	if (is_foldable(copy))
		fold(copy);
	*made = copy;
	return NULL;
}

static bool is_bit_field(const struct mt_cond_node *node)
{
	return (node->op == MT_OP_OLD || node->op == MT_OP_NEW || node->op == MT_OP_LOAD) &&
	       node->u.part.bit_size;
}

/* A bit-field is converted to its declared type too: after that its width says nothing anymore. */
struct mt_error *mt_cond_convert(struct mt_arena *arena, const struct mt_cond_node *node,
                                 struct mt_arith type, const struct mt_cond_node **made)
{
	struct mt_cond_node cast = { .op = MT_OP_CAST, .type = type, .a = node };

	if (!mt_arith_same(node->type, type) || is_bit_field(node))
		return mt_cond_node_new(arena, cast, made);
	*made = node;
	return NULL;
}

/*
 * A bit-field promotes by its width: one that an int can hold becomes an int, whatever it was
 * declared as. One that is wider than an int keeps its declared type, as in C++ and clang.
 */
static struct mt_arith promoted_bit_field(const struct mt_cond_node *node)
{
	unsigned bits = node->u.part.bit_size;

	if (bits < 32)
		return mt_arith_int;
	if (bits == 32)
		return (struct mt_arith){ .size = 4, .is_signed = node->type.is_signed };
	return node->type;
}

struct mt_arith mt_cond_promoted(const struct mt_cond_node *node)
{
	return is_bit_field(node) ? promoted_bit_field(node) : mt_arith_promote(node->type);
}

struct mt_arith mt_cond_common(const struct mt_cond_node *left, const struct mt_cond_node *right)
{
	return mt_arith_common(mt_cond_promoted(left), mt_cond_promoted(right));
}
