/* SPDX-License-Identifier: MIT */
/* Operations on values with a type: DWARF 5 section 2.5.1.6, and GNU's of DWARF 4. */
#include <dwarf.h>
#include <string.h>

#include "symbol/where_eval.h"

/* The base type at that offset in the unit; 0 is the generic type. */
static bool read_type(struct mt_where_run *run, struct mt_typed *zero)
{
	uint64_t offset = mt_cfi_read_uleb(&run->e.in);
	Dwarf_CU *cu = run->scope->cu;
	Dwarf_Die unit, type;

	if (!offset) {
		*zero = mt_typed_generic(0, mt_machine_word(run->state.machine));
		return true;
	}
	return (dwarf_cu_die(cu, &unit, NULL, NULL, NULL, NULL, NULL, NULL) &&
	        dwarf_offdie(dwarf_cu_getdwarf(cu),
	                     dwarf_dieoffset(&unit) - dwarf_cuoffset(&unit) + offset, &type) &&
	        mt_typed_of_type(&type, zero)) ||
	       mt_where_damaged(run);
}

static bool push_constant(struct mt_where_run *run)
{
	struct mt_typed value;

	if (!read_type(run, &value))
		return false;

	struct mt_cfi_span bytes = mt_cfi_read_span(&run->e.in, mt_cfi_read_uint(&run->e.in, 1));

	if (bytes.len != value.size)
		return mt_where_damaged(run);
	memcpy(&value.bits, bytes.bytes, bytes.len);
	return mt_where_push(run, &value);
}

static bool push_register(struct mt_where_run *run)
{
	uint64_t reg = mt_cfi_read_uleb(&run->e.in);
	struct mt_typed value;
	struct mt_error *error;

	if (!read_type(run, &value))
		return false;
	if (reg > UINT16_MAX)
		return mt_where_damaged(run);
	error = mt_where_register(run->scope->frame, (unsigned)reg, 0, &value.bits, value.size);
	return error ? mt_where_fail(run, error) : mt_where_push(run, &value);
}

static bool push_memory(struct mt_where_run *run)
{
	const struct mt_where_frame *frame = run->scope->frame;
	uint64_t size = mt_cfi_read_uint(&run->e.in, 1), addr;
	struct mt_typed value;
	struct mt_error *error;

	if (!read_type(run, &value) || !mt_where_pop_number(run, &addr))
		return false;
	if (size != value.size)
		return mt_where_damaged(run);
	error = mt_where_read(frame, addr, &value.bits, value.size);
	return error ? mt_where_fail(run, error) : mt_where_push(run, &value);
}

static bool change_type(struct mt_where_run *run, bool keeps_bits)
{
	struct mt_typed value, type, changed;

	if (!read_type(run, &type) || !mt_where_pop(run, &value))
		return false;
	if (!keeps_bits)
		changed = mt_typed_convert(&value, &type);
	else if (!mt_typed_reinterpret(&value, &type, &changed))
		return mt_where_damaged(run);
	return mt_where_push(run, &changed);
}

/* Whether the `nth` value from the top has a type. */
static bool is_typed(const struct mt_where_run *run, size_t nth)
{
	return nth < run->e.depth && run->e.stack[run->e.depth - 1 - nth].base == MT_WHERE_TYPED;
}

static bool run_binary(struct mt_where_run *run, uint8_t op)
{
	struct mt_typed a, b, result;

	if (!mt_where_pop(run, &b) || !mt_where_pop(run, &a))
		return false;
	return (mt_typed_binary(op, &a, &b, mt_machine_word(run->state.machine), &result) &&
	        mt_where_push(run, &result)) ||
	       mt_where_damaged(run);
}

static bool run_unary(struct mt_where_run *run, uint8_t op)
{
	struct mt_typed value, result;

	if (!mt_where_pop(run, &value))
		return false;
	return (mt_typed_unary(op, &value, &result) && mt_where_push(run, &result)) ||
	       mt_where_damaged(run);
}

static bool add_constant(struct mt_where_run *run)
{
	struct mt_typed addend = mt_typed_generic(mt_cfi_read_uleb(&run->e.in), sizeof(uint64_t));
	struct mt_typed value, result;

	if (!mt_where_pop(run, &value))
		return false;
	addend = mt_typed_convert(&addend, &value);
	return (mt_typed_binary(DW_OP_plus, &value, &addend, sizeof(uint64_t), &result) &&
	        mt_where_push(run, &result)) ||
	       mt_where_damaged(run);
}

/* Addresses and conditions may have a type; it makes no difference. */
static void drop_type(struct mt_where_run *run)
{
	uint64_t number;

	if (mt_where_pop_number(run, &number))
		mt_where_push_number(run, number);
}

static bool run_on_typed(struct mt_where_run *run, uint8_t op)
{
	if (mt_typed_is_binary(op) && (is_typed(run, 0) || is_typed(run, 1)))
		return run_binary(run, op);
	if (!is_typed(run, 0))
		return false;
	if (mt_typed_is_unary(op))
		return run_unary(run, op);
	if (op == DW_OP_plus_uconst)
		return add_constant(run);
	if (op == DW_OP_deref || op == DW_OP_deref_size || op == DW_OP_bra)
		drop_type(run); /* and then as ever */
	return false;
}

bool mt_where_run_typed(struct mt_where_run *run, uint8_t op)
{
	switch (op) {
	case DW_OP_const_type:
	case DW_OP_GNU_const_type:
		return push_constant(run);
	case DW_OP_regval_type:
	case DW_OP_GNU_regval_type:
		return push_register(run);
	case DW_OP_deref_type:
	case DW_OP_GNU_deref_type:
		return push_memory(run);
	case DW_OP_convert:
	case DW_OP_GNU_convert:
		return change_type(run, false);
	case DW_OP_reinterpret:
	case DW_OP_GNU_reinterpret:
		return change_type(run, true);
	default:
		return run_on_typed(run, op);
	}
}
