/* SPDX-License-Identifier: MIT */
/*
 * What a row's places come to in one frame.
 *
 * A value is a number, or a register that is not known plus a number. So one evaluator serves two
 * ends: in a walk it computes with the registers that were recovered; with none known but pc it
 * tells whether an expression is, at this pc, nothing more than "rsp + 16".
 */
#ifndef MT_CFI_EVAL_H
#define MT_CFI_EVAL_H

#include "cfi/memory.h"
#include "cfi/row.h"

struct mt_cfi_value {
	uint8_t base; /* enum mt_reg; MT_REG_NONE for a number */
	uint64_t number;
};

struct mt_cfi_state {
	enum mt_machine machine; /* numbers have the width of its words */
	struct mt_regs regs;
	uint32_t known; /* bit n: regs.r[n] holds the register; the others stand for themselves */
	uint32_t used;  /* bit n: the register was asked for, known or not */
	const struct mt_cfi_memory *memory; /* NULL: none */
};

/* The value of column `reg` in this frame. */
struct mt_cfi_value mt_cfi_reg(struct mt_cfi_state *state, uint8_t reg);

/* Reads `size` bytes, 1 to 8, of the memory. */
bool mt_cfi_read_memory(struct mt_cfi_state *state, uint64_t addr, size_t size, uint64_t *value);

/* An evaluation under way, for those whose expressions may have more than CFI's (symbol/where.h).
 */
#define MT_CFI_MAX_STACK 64
#define MT_CFI_MAX_STEPS 1000

struct mt_cfi_evaluation {
	struct mt_cfi_state *state;
	struct mt_cfi_span code;
	struct mt_cfi_reader in; /* where it is in `code` */
	struct mt_cfi_value stack[MT_CFI_MAX_STACK];
	size_t depth;
};

void mt_cfi_evaluation_begin(struct mt_cfi_evaluation *evaluation, struct mt_cfi_state *state,
                             struct mt_cfi_span code);

/* False: the stack is full, or empty. */
bool mt_cfi_push(struct mt_cfi_evaluation *evaluation, struct mt_cfi_value value);
bool mt_cfi_pop(struct mt_cfi_evaluation *evaluation, struct mt_cfi_value *value);

/* Carries out operation `op`, whose operands are read from `in`. False for one that CFI may not
 * use, and as mt_cfi_evaluate(). */
bool mt_cfi_operation(struct mt_cfi_evaluation *evaluation, uint8_t op);

/*
 * Evaluates a DWARF expression of those that CFI may use (DWARF 5 section 6.4.2). `initial`, unless
 * it is NULL, is on the stack at the start. False for what is malformed, runs too long, depends on
 * memory that can't be read, or on an unknown register in more than a sum.
 */
bool mt_cfi_evaluate(struct mt_cfi_state *state, struct mt_cfi_span expression,
                     const struct mt_cfi_value *initial, struct mt_cfi_value *value);

/* The row's canonical frame address. */
bool mt_cfi_cfa(struct mt_cfi_state *state, const struct mt_cfi_row *row, struct mt_cfi_value *cfa);

#endif
