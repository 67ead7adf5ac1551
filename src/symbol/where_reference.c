/* SPDX-License-Identifier: MIT */
/* Operations that lead to other DIEs: DWARF 5 sections 2.5.1.5 and 2.5.1.7, and GNU's. */
#include <dwarf.h>

#include "symbol/die.h"
#include "symbol/where_eval.h"

/* The whole section's DIE at `offset`, which is one of another unit perhaps. libdw takes offsets in
 * a unit's header for DIEs as well. */
static bool find_die(const struct mt_where_run *run, uint64_t offset, Dwarf_Die *die)
{
	Dwarf_Die unit;

	return dwarf_offdie(dwarf_cu_getdwarf(run->scope->cu), offset, die) &&
	       dwarf_cu_die(die->cu, &unit, NULL, NULL, NULL, NULL, NULL, NULL) &&
	       offset >= dwarf_dieoffset(&unit);
}

static bool die_at(struct mt_where_run *run, uint64_t offset, Dwarf_Die *die)
{
	return find_die(run, offset, die) || mt_where_damaged(run);
}

/* Before DWARF 3 such references had the size of an address. */
static bool read_offset(struct mt_where_run *run, uint64_t *offset)
{
	Dwarf_Die unit;
	Dwarf_Half version;
	uint8_t address_size, offset_size;

	if (!dwarf_cu_die(run->scope->cu, &unit, &version, NULL, &address_size, &offset_size, NULL,
	                  NULL))
		return mt_where_damaged(run);
	if (version < 3)
		offset_size = address_size;
	if (offset_size > sizeof(*offset))
		return mt_where_damaged(run);
	*offset = mt_cfi_read_uint(&run->e.in, offset_size);
	return true;
}

static bool read_reference(struct mt_where_run *run, Dwarf_Die *die)
{
	uint64_t offset;

	return read_offset(run, &offset) && die_at(run, offset, die);
}

/* DW_OP_implicit_pointer. GCC 12 leaves the reference 0 with -gsplit-dwarf: then nobody knows. */
bool mt_where_read_pointer(struct mt_where_run *run, struct mt_where_piece *piece)
{
	uint64_t offset;
	Dwarf_Die target;

	if (!read_offset(run, &offset))
		return false;
	*piece = (struct mt_where_piece){ .kind = MT_WHERE_GONE };
	if (offset) {
		piece->kind = MT_WHERE_POINTER;
		if (!die_at(run, offset, &target))
			return false;
		piece->pointee = mt_local_die_of(run->scope->file, &run->scope->unit, &target);
		if (!piece->pointee)
			return mt_where_fail(run, mt_error_nomem());
	}
	piece->pointee_offset = mt_cfi_read_sleb(&run->e.in);
	return true;
}

/* An offset from the start of the unit. */
static bool read_unit_reference(struct mt_where_run *run, size_t size, Dwarf_Die *die)
{
	uint64_t offset = mt_cfi_read_uint(&run->e.in, size);
	Dwarf_Die unit;

	if (!dwarf_cu_die(run->scope->cu, &unit, NULL, NULL, NULL, NULL, NULL, NULL))
		return mt_where_damaged(run);
	return die_at(run, dwarf_dieoffset(&unit) - dwarf_cuoffset(&unit) + offset, die);
}

static bool go_deeper(struct mt_where_run *run, struct mt_where_scope *inner)
{
	*inner = *run->scope;
	return ++inner->depth <= MT_WHERE_DEPTH || mt_where_damaged(run);
}

/* Runs the other DIE's expression on this stack; without one nothing happens. */
static bool call(struct mt_where_run *run, Dwarf_Die *die)
{
	const struct mt_where_scope *scope = run->scope;
	struct mt_cfi_span code = run->e.code, called;
	struct mt_cfi_reader in = run->e.in;
	struct mt_where_scope inner;
	Dwarf_Attribute attr;
	struct mt_error *error;
	bool ok;

	if (!go_deeper(run, &inner))
		return false;
	if (!dwarf_attr_integrate(die, DW_AT_location, &attr))
		return true;
	inner.cu = attr.cu;
	error = mt_where_expression(&inner, &attr, &called);
	if (error)
		return mt_where_fail(run, error);
	run->scope = &inner;
	ok = mt_where_run_code(run, called);
	run->scope = scope;
	run->e.code = code;
	run->e.in = in;
	return ok;
}

static bool run_call(struct mt_where_run *run, uint8_t op)
{
	Dwarf_Die die;

	if (op == DW_OP_call_ref ? !read_reference(run, &die)
	                         : !read_unit_reference(run, op == DW_OP_call2 ? 2 : 4, &die))
		return false;
	return call(run, &die);
}

static bool push_entry_value(struct mt_where_run *run, const struct mt_cfi_span *expression,
                             const Dwarf_Die *parameter)
{
	struct mt_where_scope inner;
	struct mt_typed value;
	struct mt_error *error;

	if (run->e.in.failed || !go_deeper(run, &inner))
		return mt_where_damaged(run);
	error = mt_where_entry_value(&inner, expression, parameter, &value);
	if (!error)
		return mt_where_push(run, &value);
	run->is_lost = mt_error_kind(error) == MT_ERR_UNSUPPORTED;
	return mt_where_fail(run, error);
}

/* Without its type. */
static bool push_variable_value(struct mt_where_run *run)
{
	struct mt_where_scope inner;
	struct mt_typed value;
	struct mt_error *error;
	Dwarf_Die die;

	if (!read_reference(run, &die) || !go_deeper(run, &inner))
		return false;
	error = mt_where_die_value(&inner, &die, &value);
	return error ? mt_where_fail(run, error)
	             : mt_where_push_number(run, (uint64_t)mt_typed_integer(&value));
}

bool mt_where_run_reference(struct mt_where_run *run, uint8_t op)
{
	struct mt_cfi_span expression;
	Dwarf_Die die;

	switch (op) {
	case DW_OP_entry_value:
	case DW_OP_GNU_entry_value:
		expression = mt_cfi_read_span(&run->e.in, mt_cfi_read_uleb(&run->e.in));
		return push_entry_value(run, &expression, NULL);
	case DW_OP_GNU_parameter_ref:
		return read_unit_reference(run, 4, &die) && push_entry_value(run, NULL, &die);
	case DW_OP_GNU_variable_value:
		return push_variable_value(run);
	default:
		return run_call(run, op);
	}
}
