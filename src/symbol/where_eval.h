/* SPDX-License-Identifier: MIT */
/*
 * Inside src/symbol only: one location expression under way. Its numbers, and what is relative to a
 * register that is not known, are on the stack of cfi/eval.h, which does what it knows of; a value
 * with a type is on the stack as an index into `typed`.
 */
#ifndef MT_SYMBOL_WHERE_EVAL_H
#define MT_SYMBOL_WHERE_EVAL_H

#include "symbol/where_private.h"

/* As an mt_cfi_value's base: its number is an index into mt_where_run.typed. */
#define MT_WHERE_TYPED (MT_REG_NONE - 1)

struct mt_where_run {
	const struct mt_where_scope *scope;
	struct mt_cfi_memory memory;
	struct mt_cfi_state state;
	struct mt_cfi_evaluation e;
	MT_VEC(struct mt_typed) typed;
	struct mt_where *where;        /* its pieces so far; NULL: there may be none */
	struct mt_where_piece pending; /* what the last operation described */
	bool has_pending;
	struct mt_error *error;
	bool
	    is_lost; /* the error is that nobody knows any more what the function was called with */
};

/* All of the following return false when the evaluation can't go on; then run->error says why. */
bool mt_where_fail(struct mt_where_run *run, struct mt_error *error);
bool mt_where_damaged(struct mt_where_run *run);

bool mt_where_push(struct mt_where_run *run, const struct mt_typed *value);
bool mt_where_push_number(struct mt_where_run *run, uint64_t number);
bool mt_where_pop(struct mt_where_run *run, struct mt_typed *value);
bool mt_where_pop_number(struct mt_where_run *run, uint64_t *number);

/* As the evaluator of call frame information reads memory; `arg` is the run. */
bool mt_where_read_memory(void *arg, uint64_t addr, size_t size, uint64_t *value);

/* Runs the expression on the stack as it is. */
bool mt_where_run_code(struct mt_where_run *run, struct mt_cfi_span code);

/* What was described since the last piece: by the last operation, else by the address on the stack,
 * else it is nowhere. */
bool mt_where_take(struct mt_where_run *run, struct mt_where_piece *piece);

/* Reads the operands of DW_OP_implicit_pointer. */
bool mt_where_read_pointer(struct mt_where_run *run, struct mt_where_piece *piece);

/* DW_OP_call*, DW_OP_entry_value, DW_OP_GNU_parameter_ref, DW_OP_GNU_variable_value. */
bool mt_where_run_reference(struct mt_where_run *run, uint8_t op);

/* Operations that have to do with typed values. False without an error: `op` is none of them. */
bool mt_where_run_typed(struct mt_where_run *run, uint8_t op);

/* Adds constant bytes as pieces. False: too many. */
bool mt_where_add_bytes(struct mt_where *where, const uint8_t *bytes, size_t len);

#endif
