/* SPDX-License-Identifier: MIT */
#include "expr/arith.h"
#include "probe/condgen_internal.h"
#include "x86/regs.h"

/* Whether the value is 0 or 1, and is computed by jumping. */
static bool is_truth(enum mt_op op)
{
	return mt_op_is_comparison(op) || op == MT_OP_LNOT || op == MT_OP_LAND || op == MT_OP_LOR ||
	       op == MT_OP_COMM_EQ || op == MT_OP_TEXT_EQ;
}

/* A leaf, or operators on one that work in its register. */
static bool is_simple(const struct mt_cond_node *node)
{
	while (node->op == MT_OP_CAST || node->op == MT_OP_NEG || node->op == MT_OP_NOT)
		node = node->a;
	return node->op < MT_OP_COMM_EQ;
}

static int larger(int a, int b)
{
	return a > b ? a : b;
}

/* How many registers the value needs (Sethi and Ullman 1970). */
static int weight(const struct mt_cond_node *node)
{
	if (is_simple(node) || node->op == MT_OP_COMM_EQ)
		return 1;
	int a = weight(node->a);
	if (!node->b)
		return a;
	int b = weight(node->b);
	if (node->op == MT_OP_LAND || node->op == MT_OP_LOR)
		return larger(a, b);
	if (node->op == MT_OP_COND)
		return larger(a, larger(b, weight(node->c)));
	if (is_simple(node->b) || is_simple(node->a))
		return larger(a, b);
	return a == b ? a + 1 : larger(a, b);
}

/* ---- Leaves */

void mt_condgen_constant(struct mt_condgen *gen, int reg, uint64_t bits)
{
	if ((int64_t)bits == (int32_t)bits)
		mt_asm_mov_imm(gen->as, reg, (int32_t)bits);
	else
		mt_asm_load_imm64(gen->as, reg, bits);
}

void mt_condgen_canonicalise(struct mt_condgen *gen, int reg, struct mt_arith type,
                             enum mt_condgen_demand demand)
{
	int spare = 64 - 8 * type.size;

	if (spare == 0 || (spare == 32 && demand == LOW_BITS))
		return;
	if (type.is_signed) {
		mt_asm_alu_imm(gen->as, BPF_LSH, reg, spare);
		mt_asm_alu_imm(gen->as, BPF_ARSH, reg, spare);
	} else if (type.size == 4) {
		mt_asm_alu32(gen->as, BPF_MOV, reg, reg);
	} else {
		mt_asm_alu_imm(gen->as, BPF_AND, reg, type.size == 1 ? UINT8_MAX : UINT16_MAX);
	}
}

void mt_condgen_extract(struct mt_condgen *gen, int reg, int first, int count, bool is_signed)
{
	if (first + count < 64)
		mt_asm_alu_imm(gen->as, BPF_LSH, reg, 64 - first - count);
	if (count < 64)
		mt_asm_alu_imm(gen->as, is_signed ? BPF_ARSH : BPF_RSH, reg, 64 - count);
}

/* The verifier takes aligned loads from the stack only: what lies otherwise is cut out of the one
 * or two words that hold it. */
static void unaligned_part(struct mt_condgen *gen, const struct mt_cond_node *node, int reg)
{
	int word = mt_condgen_watched_bytes(gen, node) + (node->u.part.offset & ~7);
	int first = (node->u.part.offset & 7) * 8 + node->u.part.bit_offset;
	int count = node->u.part.bit_size ? node->u.part.bit_size : node->u.part.width * 8;

	mt_asm_load(gen->as, 8, reg, FRAME, word);
	if (first + count > 64) {
		mt_asm_load(gen->as, 8, TEMPORARY, FRAME, word + 8);
		mt_asm_alu_imm(gen->as, BPF_RSH, reg, first);
		mt_asm_alu_imm(gen->as, BPF_LSH, TEMPORARY, 64 - first);
		mt_asm_alu(gen->as, BPF_OR, reg, TEMPORARY);
		first = 0;
	}
	mt_condgen_extract(gen, reg, first, count, node->type.is_signed);
}

static void part(struct mt_condgen *gen, const struct mt_cond_node *node, int reg,
                 enum mt_condgen_demand demand)
{
	if (!mt_condgen_is_aligned(node)) {
		unaligned_part(gen, node, reg);
		return;
	}
	mt_asm_load(gen->as, node->u.part.width, reg, FRAME,
	            mt_condgen_watched_bytes(gen, node) + node->u.part.offset);
	if (node->u.part.bit_size)
		mt_condgen_extract(gen, reg, node->u.part.bit_offset, node->u.part.bit_size,
		                   node->type.is_signed);
	else if (node->type.is_signed) /* a load extends with zeroes */
		mt_condgen_canonicalise(gen, reg, node->type, demand);
}

static void leaf(struct mt_condgen *gen, const struct mt_cond_node *node, int reg,
                 enum mt_condgen_demand demand)
{
	const struct mt_cond_frame *frame = gen->frame;

	switch (node->op) {
	case MT_OP_CONST:
		mt_condgen_constant(gen, reg, node->u.constant);
		break;
	case MT_OP_TID:
	case MT_OP_PID:
		mt_asm_load(gen->as, 4, reg, FRAME,
		            frame->pid_tgid + (node->op == MT_OP_PID ? 4 : 0));
		mt_condgen_canonicalise(gen, reg, node->type, demand);
		break;
	case MT_OP_HITS:
		mt_asm_load(gen->as, 8, reg, FRAME, frame->hits);
		break;
	case MT_OP_PC:
		mt_asm_load(gen->as, 8, reg, FRAME, frame->regs + MT_REG_RIP * 8);
		break;
	case MT_OP_REG:
		mt_asm_load(gen->as, node->u.reg->size, reg, FRAME,
		            frame->regs + node->u.reg->reg * 8 + node->u.reg->shift / 8);
		break;
	case MT_OP_LOAD:
		mt_condgen_load(gen, node, reg);
		break;
	default: /* MT_OP_OLD, MT_OP_NEW */
		part(gen, node, reg, demand);
		break;
	}
}

/* ---- Operands */

int mt_condgen_take_slot(struct mt_condgen *gen)
{
	int offset = gen->frame->scratch + 8 * gen->slots_used++;

	if (8 * gen->slots_used > gen->frame->scratch_size)
		gen->out_of_slots = true;
	return offset;
}

void mt_condgen_release_slot(struct mt_condgen *gen)
{
	gen->slots_used--;
}

/* Computes two values, and says where they are: in `reg`, and in the next register or the helper.
 * Without a next register the first one waits in a slot. */
static struct mt_condgen_operands compute_two(struct mt_condgen *gen, int reg,
                                              const struct mt_cond_node *first,
                                              enum mt_condgen_demand first_demand,
                                              const struct mt_cond_node *second,
                                              enum mt_condgen_demand second_demand)
{
	mt_condgen_value(gen, first, reg, first_demand);
	if (is_simple(second) || reg < LAST_VALUE) {
		int other = is_simple(second) ? HELPER : reg + 1;

		mt_condgen_value(gen, second, other, second_demand);
		return (struct mt_condgen_operands){ .a = reg, .b = other };
	}
	int slot = mt_condgen_take_slot(gen);
	mt_asm_store(gen->as, 8, FRAME, slot, reg);
	mt_condgen_value(gen, second, reg, second_demand);
	mt_asm_load(gen->as, 8, HELPER, FRAME, slot);
	mt_condgen_release_slot(gen);
	return (struct mt_condgen_operands){ .a = HELPER, .b = reg };
}

/* Both operands of a binary operator, the heavier one first: nothing has side effects, so that the
 * order is free. */
struct mt_condgen_operands mt_condgen_both(struct mt_condgen *gen, const struct mt_cond_node *node,
                                           int reg, enum mt_condgen_demand a_demand,
                                           enum mt_condgen_demand b_demand)
{
	if (is_simple(node->b) || (!is_simple(node->a) && weight(node->a) >= weight(node->b)))
		return compute_two(gen, reg, node->a, a_demand, node->b, b_demand);
	struct mt_condgen_operands swapped =
	    compute_two(gen, reg, node->b, b_demand, node->a, a_demand);
	return (struct mt_condgen_operands){ .a = swapped.b, .b = swapped.a };
}

/* Whether an instruction's immediate, extended with its sign, is as good as the constant. */
static bool fits_immediate(const struct mt_cond_node *node, enum mt_condgen_demand demand)
{
	return node->op == MT_OP_CONST &&
	       (demand == LOW_BITS || (int64_t)node->u.constant == (int32_t)node->u.constant);
}

/* ---- Operators */

static int alu_op(enum mt_op op, bool is_signed)
{
	switch (op) {
	case MT_OP_ADD:
		return BPF_ADD;
	case MT_OP_SUB:
		return BPF_SUB;
	case MT_OP_MUL:
		return BPF_MUL;
	case MT_OP_DIV:
		return BPF_DIV;
	case MT_OP_MOD:
		return BPF_MOD;
	case MT_OP_SHL:
		return BPF_LSH;
	case MT_OP_SHR:
		return is_signed ? BPF_ARSH : BPF_RSH;
	case MT_OP_AND:
		return BPF_AND;
	case MT_OP_OR:
		return BPF_OR;
	default: /* MT_OP_XOR */
		return BPF_XOR;
	}
}

/* Without jumps, which would double what the verifier has to look at: sign is 0 or -1, and
 * (reg ^ sign) - sign is reg or -reg. */
static void negate_if(struct mt_condgen *gen, int reg, int sign)
{
	mt_asm_alu(gen->as, BPF_XOR, reg, sign);
	mt_asm_alu(gen->as, BPF_SUB, reg, sign);
}

static void magnitude(struct mt_condgen *gen, int reg, int sign)
{
	mt_asm_mov(gen->as, sign, reg);
	mt_asm_alu_imm(gen->as, BPF_ARSH, sign, 63);
	negate_if(gen, reg, sign);
}

/*
 * eBPF divides unsigned numbers (the signed forms came with Linux 6.6): divide the magnitudes, then
 * give the quotient the sign of both, the remainder that of the dividend (C11 6.5.5). By zero the
 * quotient is 0 and the remainder the dividend (RFC 9669 section 4.1), which is our definition.
 */
static void divide_signed(struct mt_condgen *gen, enum mt_op op, struct mt_condgen_operands in)
{
	mt_asm_mov(gen->as, TEMPORARY, in.a);
	if (op == MT_OP_DIV)
		mt_asm_alu(gen->as, BPF_XOR, TEMPORARY, in.b);
	mt_asm_alu_imm(gen->as, BPF_ARSH, TEMPORARY, 63);
	magnitude(gen, in.a, TEMPORARY2);
	magnitude(gen, in.b, TEMPORARY2);
	mt_asm_alu(gen->as, alu_op(op, true), in.a, in.b);
	negate_if(gen, in.a, TEMPORARY);
}

static void division(struct mt_condgen *gen, const struct mt_cond_node *node, int reg)
{
	/* The verifier refuses to divide by an immediate 0. */
	if (!node->type.is_signed && fits_immediate(node->b, ALL_BITS) && node->b->u.constant) {
		mt_condgen_value(gen, node->a, reg, ALL_BITS);
		mt_asm_alu_imm(gen->as, alu_op(node->op, false), reg, (int32_t)node->b->u.constant);
		return;
	}
	struct mt_condgen_operands in = mt_condgen_both(gen, node, reg, ALL_BITS, ALL_BITS);
	if (node->type.is_signed)
		divide_signed(gen, node->op, in);
	else
		mt_asm_alu(gen->as, alu_op(node->op, false), in.a, in.b);
	if (in.a != reg)
		mt_asm_mov(gen->as, reg, in.a);
}

/* The count is taken modulo the width, whatever the machine does. */
static void shift(struct mt_condgen *gen, const struct mt_cond_node *node, int reg,
                  enum mt_condgen_demand left_demand)
{
	int op = alu_op(node->op, node->type.is_signed), mask = 8 * node->type.size - 1;

	if (node->b->op == MT_OP_CONST) {
		mt_condgen_value(gen, node->a, reg, left_demand);
		mt_asm_alu_imm(gen->as, op, reg, (int32_t)node->b->u.constant & mask);
		return;
	}
	struct mt_condgen_operands in = mt_condgen_both(gen, node, reg, left_demand, LOW_BITS);
	mt_asm_alu_imm(gen->as, BPF_AND, in.b, mask);
	mt_asm_alu(gen->as, op, in.a, in.b);
	if (in.a != reg)
		mt_asm_mov(gen->as, reg, in.a);
}

static void binary(struct mt_condgen *gen, const struct mt_cond_node *node, int reg,
                   enum mt_condgen_demand demand)
{
	int op = alu_op(node->op, false);

	if (fits_immediate(node->b, demand)) {
		mt_condgen_value(gen, node->a, reg, demand);
		mt_asm_alu_imm(gen->as, op, reg, (int32_t)node->b->u.constant);
		return;
	}
	struct mt_condgen_operands in = mt_condgen_both(gen, node, reg, demand, demand);
	mt_asm_alu(gen->as, op, in.a, in.b);
	if (in.a != reg)
		mt_asm_mov(gen->as, reg, in.a);
}

static void cast(struct mt_condgen *gen, const struct mt_cond_node *node, int reg,
                 enum mt_condgen_demand demand)
{
	if (mt_condgen_keeps_value(node->a->type, node->type) || node->type.size == 8) {
		mt_condgen_value(gen, node->a, reg, demand);
		return;
	}
	mt_condgen_value(gen, node->a, reg, LOW_BITS);
	mt_condgen_canonicalise(gen, reg, node->type, demand);
}

static void choice(struct mt_condgen *gen, const struct mt_cond_node *node, int reg,
                   enum mt_condgen_demand demand)
{
	mt_asm_label otherwise = mt_asm_new_label(gen->as), end = mt_asm_new_label(gen->as);

	mt_condgen_branch(gen, node->a, reg, false, otherwise);
	mt_condgen_value(gen, node->b, reg, demand);
	mt_asm_jump(gen->as, end);
	mt_asm_bind(gen->as, otherwise);
	mt_condgen_value(gen, node->c, reg, demand);
	mt_asm_bind(gen->as, end);
}

static void truth_value(struct mt_condgen *gen, const struct mt_cond_node *node, int reg)
{
	mt_asm_label no = mt_asm_new_label(gen->as), end = mt_asm_new_label(gen->as);

	mt_condgen_branch(gen, node, reg, false, no);
	mt_asm_mov_imm(gen->as, reg, 1);
	mt_asm_jump(gen->as, end);
	mt_asm_bind(gen->as, no);
	mt_asm_mov_imm(gen->as, reg, 0);
	mt_asm_bind(gen->as, end);
}

/* Carries out an operator whose low bits follow from its operands' low bits. */
static void modular(struct mt_condgen *gen, const struct mt_cond_node *node, int reg,
                    enum mt_condgen_demand demand)
{
	if (node->type.size < 8)
		demand = LOW_BITS;
	switch (node->op) {
	case MT_OP_NEG:
		mt_condgen_value(gen, node->a, reg, demand);
		mt_asm_neg(gen->as, reg);
		break;
	case MT_OP_NOT:
		mt_condgen_value(gen, node->a, reg, demand);
		mt_asm_alu_imm(gen->as, BPF_XOR, reg, -1);
		break;
	case MT_OP_SHL:
		shift(gen, node, reg, demand);
		break;
	default: /* MT_OP_ADD, MT_OP_SUB, MT_OP_MUL */
		binary(gen, node, reg, demand);
		break;
	}
}

void mt_condgen_value(struct mt_condgen *gen, const struct mt_cond_node *node, int reg,
                      enum mt_condgen_demand demand)
{
	switch (node->op) {
	case MT_OP_CAST:
		cast(gen, node, reg, demand);
		break;
	case MT_OP_DIV:
		division(gen, node, reg);
		mt_condgen_canonicalise(gen, reg, node->type, demand); /* INT_MIN / -1 */
		break;
	case MT_OP_MOD:
		division(gen, node, reg);
		break;
	case MT_OP_SHR:
		shift(gen, node, reg, ALL_BITS);
		break;
	case MT_OP_AND:
	case MT_OP_OR:
	case MT_OP_XOR:
		binary(gen, node, reg, demand);
		break;
	case MT_OP_COND:
		choice(gen, node, reg, demand);
		break;
	default:
		if (is_truth(node->op)) {
			truth_value(gen, node, reg);
		} else if (node->op < MT_OP_CAST) {
			leaf(gen, node, reg, demand);
		} else {
			modular(gen, node, reg, demand);
			mt_condgen_canonicalise(gen, reg, node->type, demand);
		}
	}
}
