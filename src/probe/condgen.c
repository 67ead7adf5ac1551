/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "expr/arith.h"
#include "probe/condgen_internal.h"

bool mt_cond_node_uses_comm(const struct mt_cond_node *node)
{
	return mt_cond_node_uses(node, MT_OP_COMM_EQ);
}

bool mt_cond_node_uses_regs(const struct mt_cond_node *node)
{
	return mt_cond_node_uses(node, MT_OP_REG) || mt_cond_node_uses(node, MT_OP_PC);
}

bool mt_cond_uses_comm(const struct mt_cond *cond)
{
	return mt_cond_node_uses_comm(mt_cond_root(cond));
}

bool mt_cond_uses_regs(const struct mt_cond *cond)
{
	return mt_cond_node_uses_regs(mt_cond_root(cond));
}

static enum mt_op negated(enum mt_op op)
{
	switch (op) {
	case MT_OP_EQ:
		return MT_OP_NE;
	case MT_OP_NE:
		return MT_OP_EQ;
	case MT_OP_LT:
		return MT_OP_GE;
	case MT_OP_LE:
		return MT_OP_GT;
	case MT_OP_GT:
		return MT_OP_LE;
	default: /* MT_OP_GE */
		return MT_OP_LT;
	}
}

/* The operator for the operands the other way round. */
static enum mt_op mirrored(enum mt_op op)
{
	switch (op) {
	case MT_OP_LT:
		return MT_OP_GT;
	case MT_OP_LE:
		return MT_OP_GE;
	case MT_OP_GT:
		return MT_OP_LT;
	case MT_OP_GE:
		return MT_OP_LE;
	default: /* MT_OP_EQ, MT_OP_NE */
		return op;
	}
}

static int jump_op(enum mt_op op, bool is_signed)
{
	switch (op) {
	case MT_OP_EQ:
		return BPF_JEQ;
	case MT_OP_NE:
		return BPF_JNE;
	case MT_OP_LT:
		return is_signed ? BPF_JSLT : BPF_JLT;
	case MT_OP_LE:
		return is_signed ? BPF_JSLE : BPF_JLE;
	case MT_OP_GT:
		return is_signed ? BPF_JSGT : BPF_JGT;
	default: /* MT_OP_GE */
		return is_signed ? BPF_JSGE : BPF_JGE;
	}
}

/* Jumps by a register and a constant of the type. */
static void jump_if_constant(struct mt_condgen *gen, enum mt_op op, int reg, struct mt_arith type,
                             uint64_t bits, mt_asm_label to)
{
	int jump = jump_op(op, type.is_signed);

	if (type.size < 8) {
		mt_asm_jump32_if_imm(gen->as, jump, reg, (int32_t)bits, to);
	} else if ((int64_t)bits == (int32_t)bits) {
		mt_asm_jump_if_imm(gen->as, jump, reg, (int32_t)bits, to);
	} else {
		mt_condgen_constant(gen, HELPER, bits);
		mt_asm_jump_if(gen->as, jump, reg, HELPER, to);
	}
}

static enum mt_condgen_demand demand_of(struct mt_arith type)
{
	return type.size == 8 ? ALL_BITS : LOW_BITS;
}

/* `new == -1` for a signed char: the byte as it is loaded is 255. */
static bool is_raw_equality(const struct mt_cond_node *node, enum mt_op op)
{
	return (op == MT_OP_EQ || op == MT_OP_NE) &&
	       (node->op == MT_OP_OLD || node->op == MT_OP_NEW) && !node->u.part.bit_size &&
	       mt_condgen_is_aligned(node);
}

/* A comparison with a constant: as narrow as the operand was before its promotions, if the constant
 * is a value of that type. */
static void compare_constant(struct mt_condgen *gen, enum mt_op op, const struct mt_cond_node *node,
                             uint64_t bits, int reg, mt_asm_label to)
{
	while (node->op == MT_OP_CAST && mt_condgen_keeps_value(node->a->type, node->type) &&
	       mt_arith_canonical(bits, node->a->type) == bits)
		node = node->a;
	struct mt_arith type = node->type;
	if (is_raw_equality(node, op)) {
		type.is_signed = false;
		mt_asm_load(gen->as, type.size, reg, FRAME,
		            mt_condgen_watched_bytes(gen, node) + node->u.part.offset);
	} else {
		mt_condgen_value(gen, node, reg, demand_of(type));
	}
	jump_if_constant(gen, op, reg, type, mt_arith_canonical(bits, type), to);
}

static void compare(struct mt_condgen *gen, const struct mt_cond_node *node, int reg, bool sense,
                    mt_asm_label to)
{
	enum mt_op op = sense ? node->op : negated(node->op);
	struct mt_arith type = node->a->type;

	if (node->b->op == MT_OP_CONST) {
		compare_constant(gen, op, node->a, node->b->u.constant, reg, to);
		return;
	}
	if (node->a->op == MT_OP_CONST) {
		compare_constant(gen, mirrored(op), node->b, node->a->u.constant, reg, to);
		return;
	}
	struct mt_condgen_operands in =
	    mt_condgen_both(gen, node, reg, demand_of(type), demand_of(type));
	int jump = jump_op(op, type.is_signed);
	if (type.size == 8)
		mt_asm_jump_if(gen->as, jump, in.a, in.b, to);
	else
		mt_asm_jump32_if(gen->as, jump, in.a, in.b, to);
}

/* The kernel pads a thread's name with zeroes; a short one is told by its first 8 bytes. */
static void compare_comm(struct mt_condgen *gen, const struct mt_cond_node *node, int reg,
                         bool sense, mt_asm_label to)
{
	static const struct mt_arith word = { .size = 8 };
	mt_asm_label differs = sense ? mt_asm_new_label(gen->as) : to;
	uint64_t words[2];

	memcpy(words, node->u.comm, sizeof(words));
	mt_asm_load(gen->as, 8, reg, FRAME, gen->frame->comm);
	if (strnlen(node->u.comm, 8) == 8) {
		jump_if_constant(gen, MT_OP_NE, reg, word, words[0], differs);
		mt_asm_load(gen->as, 8, reg, FRAME, gen->frame->comm + 8);
		words[0] = words[1];
	}
	jump_if_constant(gen, sense ? MT_OP_EQ : MT_OP_NE, reg, word, words[0], to);
	if (sense)
		mt_asm_bind(gen->as, differs);
}

static void both_branches(struct mt_condgen *gen, const struct mt_cond_node *node, int reg,
                          bool sense, mt_asm_label to)
{
	/* The truth of one operand that decides alone. */
	bool decisive = node->op == MT_OP_LOR;

	if (sense == decisive) {
		mt_condgen_branch(gen, node->a, reg, sense, to);
		mt_condgen_branch(gen, node->b, reg, sense, to);
		return;
	}
	mt_asm_label end = mt_asm_new_label(gen->as);
	mt_condgen_branch(gen, node->a, reg, decisive, end);
	mt_condgen_branch(gen, node->b, reg, sense, to);
	mt_asm_bind(gen->as, end);
}

static void choice_branch(struct mt_condgen *gen, const struct mt_cond_node *node, int reg,
                          bool sense, mt_asm_label to)
{
	mt_asm_label otherwise = mt_asm_new_label(gen->as), end = mt_asm_new_label(gen->as);

	mt_condgen_branch(gen, node->a, reg, false, otherwise);
	mt_condgen_branch(gen, node->b, reg, sense, to);
	mt_asm_jump(gen->as, end);
	mt_asm_bind(gen->as, otherwise);
	mt_condgen_branch(gen, node->c, reg, sense, to);
	mt_asm_bind(gen->as, end);
}

/* The verifier refuses code that no path leads to, as there would be without a jump or behind a
 * plain one; what a conditional one never comes to is only dropped. */
static void branch_constant(struct mt_condgen *gen, uint64_t bits, int reg, bool sense,
                            mt_asm_label to)
{
	mt_asm_mov_imm(gen->as, reg, bits != 0);
	mt_asm_jump_if_imm(gen->as, sense ? BPF_JNE : BPF_JEQ, reg, 0, to);
}

void mt_condgen_branch(struct mt_condgen *gen, const struct mt_cond_node *node, int reg, bool sense,
                       mt_asm_label to)
{
	switch (node->op) {
	case MT_OP_CONST:
		branch_constant(gen, node->u.constant, reg, sense, to);
		break;
	case MT_OP_LNOT:
		mt_condgen_branch(gen, node->a, reg, !sense, to);
		break;
	case MT_OP_LAND:
	case MT_OP_LOR:
		both_branches(gen, node, reg, sense, to);
		break;
	case MT_OP_COND:
		choice_branch(gen, node, reg, sense, to);
		break;
	case MT_OP_COMM_EQ:
		compare_comm(gen, node, reg, sense, to);
		break;
	case MT_OP_TEXT_EQ:
		mt_condgen_text(gen, node, reg, sense, to);
		break;
	default:
		if (mt_op_is_comparison(node->op))
			compare(gen, node, reg, sense, to);
		else
			compare_constant(gen, sense ? MT_OP_NE : MT_OP_EQ, node, 0, reg, to);
		break;
	}
}

struct mt_error *mt_cond_generate(struct mt_asm *as, const struct mt_cond *cond,
                                  const struct mt_cond_frame *frame, mt_asm_label is_false,
                                  mt_asm_label unreadable)
{
	struct mt_condgen gen = { .as = as, .frame = frame, .unreadable = unreadable };

	if (!mt_cond_fits_kernel(cond))
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "eBPF has no floating arithmetic for the condition %s",
		                    mt_cond_text(cond));
	mt_condgen_branch(&gen, mt_cond_root(cond), FIRST_VALUE, false, is_false);
	if (gen.out_of_slots)
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "the condition %s needs more than %d bytes of eBPF's stack",
		                    mt_cond_text(cond), frame->scratch_size);
	return NULL;
}

struct mt_error *mt_cond_generate_value(struct mt_asm *as, const struct mt_cond_node *node,
                                        const struct mt_cond_frame *frame, mt_asm_label unreadable)
{
	struct mt_condgen gen = { .as = as, .frame = frame, .unreadable = unreadable };

	mt_condgen_value(&gen, node, FIRST_VALUE, ALL_BITS);
	if (gen.out_of_slots)
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "an expression needs more than %d bytes of eBPF's stack",
		                    frame->scratch_size);
	return NULL;
}
