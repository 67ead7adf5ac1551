/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the code generator share: condgen_value.c computes values, condgen.c jumps by
 * conditions, condgen_memory.c reads memory. Each asks the others for what is nested.
 */
#ifndef MT_PROBE_CONDGEN_INTERNAL_H
#define MT_PROBE_CONDGEN_INTERNAL_H

#include "probe/condgen.h"

/*
 * Values are computed in r0 to r2 as in a stack of registers: a value that is wanted in register r
 * may use r and all value registers above it; the ones below hold operands that wait. Behind the
 * last one they wait in scratch slots. The helper takes a second operand that needs no register of
 * its own; the temporaries live within one operator.
 */
enum {
	FIRST_VALUE = BPF_REG_0,
	LAST_VALUE = BPF_REG_2,
	HELPER = BPF_REG_3,
	TEMPORARY = BPF_REG_4,
	TEMPORARY2 = BPF_REG_5,
	FRAME = BPF_REG_10,
};

/* How much of a register must be right: the low 32 bits, or all 64 in canonical form. Most
 * operators need no more of their operands than is needed of them. */
enum mt_condgen_demand { LOW_BITS, ALL_BITS };

struct mt_condgen {
	struct mt_asm *as;
	const struct mt_cond_frame *frame;
	mt_asm_label unreadable;
	int slots_used;
	bool out_of_slots;
};

/* The registers that hold a binary operator's operands. */
struct mt_condgen_operands {
	int a, b;
};

/* Computes the node into `reg`. */
void mt_condgen_value(struct mt_condgen *gen, const struct mt_cond_node *node, int reg,
                      enum mt_condgen_demand demand);

/* Both operands of a binary operator. */
struct mt_condgen_operands mt_condgen_both(struct mt_condgen *gen, const struct mt_cond_node *node,
                                           int reg, enum mt_condgen_demand a_demand,
                                           enum mt_condgen_demand b_demand);

/* The register becomes the constant. */
void mt_condgen_constant(struct mt_condgen *gen, int reg, uint64_t bits);

/* Code that jumps to `to` when the truth of the node is `sense`, and goes on otherwise. `reg` and
 * the value registers above it are free. */
void mt_condgen_branch(struct mt_condgen *gen, const struct mt_cond_node *node, int reg, bool sense,
                       mt_asm_label to);

/* 8 bytes of the scratch space, the next ones upwards; given back in reverse. */
int mt_condgen_take_slot(struct mt_condgen *gen);
void mt_condgen_release_slot(struct mt_condgen *gen);

/* Brings the low bits of the register into the type's canonical form. */
void mt_condgen_canonicalise(struct mt_condgen *gen, int reg, struct mt_arith type,
                             enum mt_condgen_demand demand);

/* `count` bits of the register from bit `first` on, extended to 64. */
void mt_condgen_extract(struct mt_condgen *gen, int reg, int first, int count, bool is_signed);

/* What lies at an address; whether the characters there are a text, as mt_condgen_branch(). Both
 * jump to `unreadable` where memory can't be read. */
void mt_condgen_load(struct mt_condgen *gen, const struct mt_cond_node *node, int reg);
void mt_condgen_text(struct mt_condgen *gen, const struct mt_cond_node *node, int reg, bool sense,
                     mt_asm_label to);

/* Whether every value of type `from` is also one of type `to`, so that its canonical form stays. */
static inline bool mt_condgen_keeps_value(struct mt_arith from, struct mt_arith to)
{
	if (from.size == to.size)
		return from.is_signed == to.is_signed;
	return from.size < to.size && (!from.is_signed || to.is_signed);
}

/* Where in the frame the watched bytes are that OLD and NEW nodes speak of. */
static inline int mt_condgen_watched_bytes(const struct mt_condgen *gen,
                                           const struct mt_cond_node *node)
{
	return node->op == MT_OP_OLD ? gen->frame->old_value : gen->frame->new_value;
}

/* Whether one load from the stack gets the part: the verifier takes aligned ones only. */
static inline bool mt_condgen_is_aligned(const struct mt_cond_node *node)
{
	return node->u.part.offset % node->u.part.width == 0;
}

#endif
