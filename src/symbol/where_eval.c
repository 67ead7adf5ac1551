/* SPDX-License-Identifier: MIT */
#include "symbol/where_eval.h"

#include <dwarf.h>
#include <inttypes.h>
#include <string.h>

/* A piece is a field of a struct or a register's worth: nobody has as many. */
#define PIECES_MAX 4096

/* ---- Errors, and what is on the stack ------------------------------------ */

bool mt_where_fail(struct mt_where_run *run, struct mt_error *error)
{
	if (run->error)
		mt_error_free(error);
	else
		run->error = error;
	return false;
}

bool mt_where_damaged(struct mt_where_run *run)
{
	return mt_where_fail(run, mt_error_new(MT_ERR_FORMAT, "%s: damaged location expression",
	                                       run->scope->file->path));
}

static bool unsupported(struct mt_where_run *run, uint8_t op)
{
	return mt_where_fail(run, mt_error_new(MT_ERR_UNSUPPORTED,
	                                       "%s: a location needs the operation 0x%x, which is "
	                                       "not known",
	                                       run->scope->file->path, op));
}

/* As the evaluator of call frame information reads memory; the reason for a failure stays. */
bool mt_where_read_memory(void *arg, uint64_t addr, size_t size, uint64_t *value)
{
	struct mt_where_run *run = arg;
	uint64_t read = 0;
	struct mt_error *error = mt_where_read(run->scope->frame, addr, &read, size);

	if (error)
		return mt_where_fail(run, error);
	*value = read;
	return true;
}

static bool is_register(const struct mt_cfi_value *value)
{
	return value->base != MT_REG_NONE && value->base != MT_WHERE_TYPED;
}

bool mt_where_push(struct mt_where_run *run, const struct mt_typed *value)
{
	struct mt_cfi_value pushed = { MT_REG_NONE, (uint64_t)value->bits };

	if (value->kind != MT_TYPED_GENERIC) {
		pushed = (struct mt_cfi_value){ MT_WHERE_TYPED, run->typed.len };
		if (!mt_vec_push(&run->typed, *value))
			return mt_where_fail(run, mt_error_nomem());
	}
	return mt_cfi_push(&run->e, pushed) || mt_where_damaged(run);
}

bool mt_where_push_number(struct mt_where_run *run, uint64_t number)
{
	return mt_cfi_push(&run->e, (struct mt_cfi_value){ MT_REG_NONE, number }) ||
	       mt_where_damaged(run);
}

bool mt_where_pop(struct mt_where_run *run, struct mt_typed *value)
{
	struct mt_cfi_value popped;

	if (!mt_cfi_pop(&run->e, &popped))
		return mt_where_damaged(run);
	if (is_register(&popped))
		return mt_where_fail(run, mt_where_unsaved(run->state.machine, popped.base));
	if (popped.base == MT_WHERE_TYPED)
		*value = run->typed.data[popped.number];
	else
		*value = mt_typed_generic(popped.number, mt_machine_word(run->state.machine));
	return true;
}

bool mt_where_pop_number(struct mt_where_run *run, uint64_t *number)
{
	struct mt_typed value;

	if (!mt_where_pop(run, &value))
		return false;
	*number = (uint64_t)mt_typed_integer(&value);
	return true;
}

/* ---- Location descriptions (DWARF 5 sections 2.6.1.1 and 2.6.1.2) -------- */

static bool describe(struct mt_where_run *run, const struct mt_where_piece *piece)
{
	run->pending = *piece;
	run->has_pending = true;
	return true;
}

static bool describe_register(struct mt_where_run *run, uint64_t reg)
{
	const struct mt_where_piece piece = { .kind = MT_WHERE_REGISTER, .reg = (unsigned)reg };

	return reg <= UINT16_MAX ? describe(run, &piece) : mt_where_damaged(run);
}

static bool describe_stack_value(struct mt_where_run *run)
{
	struct mt_where_piece piece = { .kind = MT_WHERE_VALUE };
	struct mt_typed value;

	if (!mt_where_pop(run, &value))
		return false;
	piece.value_size = value.size;
	memcpy(piece.value, &value.bits, value.size);
	return describe(run, &piece);
}

static bool add_piece(struct mt_where_run *run, const struct mt_where_piece *piece)
{
	if (!run->where || run->where->len == PIECES_MAX)
		return mt_where_damaged(run);
	return mt_vec_push(run->where, *piece) || mt_where_fail(run, mt_error_nomem());
}

bool mt_where_add_bytes(struct mt_where *where, const uint8_t *bytes, size_t len)
{
	for (size_t at = 0; at < len; at += MT_WHERE_VALUE_MAX) {
		size_t size = len - at < MT_WHERE_VALUE_MAX ? len - at : MT_WHERE_VALUE_MAX;
		struct mt_where_piece piece = { .kind = MT_WHERE_VALUE,
			                        .bits = size * 8,
			                        .value_size = (uint32_t)size };

		memcpy(piece.value, bytes + at, size);
		if (where->len == PIECES_MAX || !mt_vec_push(where, piece))
			return false;
	}
	return true;
}

/* Larger than a piece may be, it becomes several; then it is the whole, or a piece of that size. */
static bool describe_implicit_value(struct mt_where_run *run)
{
	struct mt_cfi_span bytes = mt_cfi_read_span(&run->e.in, mt_cfi_read_uleb(&run->e.in));
	struct mt_where_piece piece = { .kind = MT_WHERE_VALUE, .value_size = (uint32_t)bytes.len };

	if (bytes.len <= MT_WHERE_VALUE_MAX) {
		memcpy(piece.value, bytes.bytes, bytes.len);
		return describe(run, &piece);
	}
	if (mt_cfi_left(&run->e.in) && (mt_cfi_read_uint(&run->e.in, 1) != DW_OP_piece ||
	                                mt_cfi_read_uleb(&run->e.in) != bytes.len))
		return unsupported(run, DW_OP_implicit_value);
	return (run->where && mt_where_add_bytes(run->where, bytes.bytes, bytes.len)) ||
	       mt_where_damaged(run);
}

static bool describe_implicit_pointer(struct mt_where_run *run)
{
	struct mt_where_piece piece;

	return mt_where_read_pointer(run, &piece) && describe(run, &piece);
}

/* What is on top of the stack is an address. One that depends on a register which is not known is
 * for those who have asked for it. */
static bool take_address(struct mt_where_run *run, struct mt_where_piece *piece)
{
	struct mt_cfi_value *top = &run->e.stack[run->e.depth - 1];

	piece->kind = MT_WHERE_MEMORY;
	if (!is_register(top) || !run->scope->base)
		return mt_where_pop_number(run, &piece->addr);
	*run->scope->base = top->base;
	piece->addr = top->number;
	run->e.depth--;
	return true;
}

bool mt_where_take(struct mt_where_run *run, struct mt_where_piece *piece)
{
	*piece = (struct mt_where_piece){ .kind = MT_WHERE_GONE };
	if (run->has_pending)
		*piece = run->pending;
	else if (run->e.depth && !take_address(run, piece))
		return false;
	run->has_pending = false;
	return true;
}

static bool end_piece(struct mt_where_run *run, uint8_t op)
{
	uint64_t size = mt_cfi_read_uleb(&run->e.in);
	uint64_t offset = op == DW_OP_bit_piece ? mt_cfi_read_uleb(&run->e.in) : 0;
	struct mt_where_piece piece;

	if (op == DW_OP_piece && __builtin_mul_overflow(size, 8, &size))
		return mt_where_damaged(run);
	if (!mt_where_take(run, &piece))
		return false;
	piece.bits = size;
	piece.bit_offset = offset;
	return !size || add_piece(run, &piece);
}

/* ---- Operations ---------------------------------------------------------- */

static bool is_thread_op(uint8_t op)
{
	return op == DW_OP_form_tls_address || op == DW_OP_GNU_push_tls_address;
}

/* Compilers say `address` also of an offset in a thread-local block, which stays as it is. */
static uint64_t placed(const struct mt_where_run *run, uint64_t addr)
{
	bool is_offset = mt_cfi_left(&run->e.in) && is_thread_op(*run->e.in.at);

	return is_offset ? addr : addr + run->scope->bias;
}

static bool push_address(struct mt_where_run *run, uint8_t op)
{
	uint64_t addr;
	struct mt_error *error;

	if (op == DW_OP_addr) {
		addr = mt_cfi_read_uint(&run->e.in, mt_machine_word(run->state.machine));
		return mt_where_push_number(run, placed(run, addr));
	}
	error = mt_where_indexed(run->scope, mt_cfi_read_uleb(&run->e.in), &addr);
	if (error)
		return mt_where_fail(run, error);
	if (op == DW_OP_addrx || op == DW_OP_GNU_addr_index)
		addr = placed(run, addr);
	return mt_where_push_number(run, addr);
}

static bool push_based(struct mt_where_run *run, struct mt_error *error, struct mt_cfi_value base,
                       int64_t offset)
{
	if (error)
		return mt_where_fail(run, error);
	base.number += (uint64_t)offset;
	return mt_cfi_push(&run->e, base) || mt_where_damaged(run);
}

static bool push_frame_base(struct mt_where_run *run)
{
	int64_t offset = mt_cfi_read_sleb(&run->e.in);
	struct mt_cfi_value base = { 0 };
	struct mt_error *error = mt_where_frame_base(run->scope, &base);

	return push_based(run, error, base, offset);
}

static bool push_cfa(struct mt_where_run *run)
{
	struct mt_cfi_value cfa = { 0 };
	struct mt_error *error = mt_where_cfa(run->scope, &cfa);

	return push_based(run, error, cfa, 0);
}

static bool push_tls(struct mt_where_run *run)
{
	const struct mt_where_frame *frame = run->scope->frame;
	uint64_t offset, addr = 0;
	struct mt_error *error;

	if (!mt_where_pop_number(run, &offset))
		return false;
	offset = mt_tls_offset(run->scope->file, offset);
	if (!frame->tls)
		return mt_where_fail(run, mt_error_new(MT_ERR_UNSUPPORTED,
		                                       "thread-local variables are not to be had "
		                                       "here"));
	error = frame->tls(frame->arg, run->scope->module, offset, &addr);
	return error ? mt_where_fail(run, error) : mt_where_push_number(run, addr);
}

/* Whose bound or offset it is, nobody says: C and C++ have no such types. */
static bool push_object(struct mt_where_run *run)
{
	return mt_where_fail(run, mt_error_new(MT_ERR_UNSUPPORTED,
	                                       "a location depends on an object that is not "
	                                       "known"));
}

static bool is_common(uint8_t op)
{
	switch (op) {
	case DW_OP_deref:
	case DW_OP_const1u ... DW_OP_rot:
	case DW_OP_abs ... DW_OP_lit31:
	case DW_OP_breg0 ... DW_OP_breg31:
	case DW_OP_bregx:
	case DW_OP_deref_size:
	case DW_OP_nop:
		return true;
	default:
		return false;
	}
}

/* What can be done with numbers alone is done as for call frame information. */
static bool run_common(struct mt_where_run *run, uint8_t op)
{
	struct mt_cfi_value below = { .base = MT_REG_NONE }, top = below;

	if (!is_common(op))
		return unsupported(run, op);
	if (run->e.depth > 0)
		top = run->e.stack[run->e.depth - 1];
	if (run->e.depth > 1)
		below = run->e.stack[run->e.depth - 2];
	if (mt_cfi_operation(&run->e, op))
		return true;
	if (!run->e.in.failed && (is_register(&top) || is_register(&below)))
		return mt_where_fail(run,
		                     mt_where_unsaved(run->state.machine,
		                                      is_register(&top) ? top.base : below.base));
	return mt_where_damaged(run);
}

static bool run_place(struct mt_where_run *run, uint8_t op)
{
	switch (op) {
	case DW_OP_reg0 ... DW_OP_reg31:
		return describe_register(run, op - (uint64_t)DW_OP_reg0);
	case DW_OP_regx:
		return describe_register(run, mt_cfi_read_uleb(&run->e.in));
	case DW_OP_piece:
	case DW_OP_bit_piece:
		return end_piece(run, op);
	case DW_OP_implicit_value:
		return describe_implicit_value(run);
	case DW_OP_stack_value:
		return describe_stack_value(run);
	default: /* DW_OP_implicit_pointer, DW_OP_GNU_implicit_pointer */
		return describe_implicit_pointer(run);
	}
}

static bool run_operation(struct mt_where_run *run, uint8_t op)
{
	switch (op) {
	case DW_OP_addr:
	case DW_OP_addrx ... DW_OP_constx:
	case DW_OP_GNU_addr_index ... DW_OP_GNU_const_index:
		return push_address(run, op);
	case DW_OP_fbreg:
		return push_frame_base(run);
	case DW_OP_call_frame_cfa:
		return push_cfa(run);
	case DW_OP_form_tls_address:
	case DW_OP_GNU_push_tls_address:
		return push_tls(run);
	case DW_OP_push_object_address:
		return push_object(run);
	case DW_OP_GNU_uninit: /* its value is not set yet; where it is, is */
		return true;
	case DW_OP_reg0 ... DW_OP_reg31:
	case DW_OP_regx:
	case DW_OP_piece:
	case DW_OP_bit_piece:
	case DW_OP_implicit_value ... DW_OP_implicit_pointer:
	case DW_OP_GNU_implicit_pointer:
		return run_place(run, op);
	case DW_OP_call2 ... DW_OP_call_ref:
	case DW_OP_entry_value:
	case DW_OP_GNU_entry_value:
	case DW_OP_GNU_parameter_ref:
	case DW_OP_GNU_variable_value:
		return mt_where_run_reference(run, op);
	default:
		return mt_where_run_typed(run, op) || (!run->error && run_common(run, op));
	}
}

/* A description is followed by the size of the piece, or by nothing. */
static bool may_follow(const struct mt_where_run *run, uint8_t op)
{
	return !run->has_pending || op == DW_OP_piece || op == DW_OP_bit_piece ||
	       op == DW_OP_GNU_uninit || op == DW_OP_nop;
}

bool mt_where_run_code(struct mt_where_run *run, struct mt_cfi_span code)
{
	struct mt_cfi_evaluation *e = &run->e;

	e->code = code;
	e->in = mt_cfi_reader_of(code);
	while (mt_cfi_left(&e->in)) {
		uint8_t op = (uint8_t)mt_cfi_read_uint(&e->in, 1);

		struct mt_error *error = mt_where_charge(run->scope, 1);

		if (error)
			return mt_where_fail(run, error);
		if (!may_follow(run, op))
			return mt_where_damaged(run);
		if (!run_operation(run, op))
			return false;
		if (e->in.failed)
			return mt_where_damaged(run);
	}
	return true;
}
