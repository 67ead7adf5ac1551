/* SPDX-License-Identifier: MIT */
/* Attributes that are expressions, and what they come to: a place, an address, a value. */
#include <dwarf.h>
#include <string.h>

#include "symbol/where_eval.h"

/* Runs the attribute's expression. `run` is to be ended whatever comes. */
static struct mt_error *run_attr(struct mt_where_run *run, const struct mt_where_scope *scope,
                                 Dwarf_Attribute *attr, struct mt_where *where)
{
	struct mt_cfi_span code;

	MT_TRY(mt_where_expression(scope, attr, &code));
	run->scope = scope;
	run->where = where;
	run->memory = (struct mt_cfi_memory){ .read = mt_where_read_memory, .arg = run };
	mt_where_state(scope, &run->state);
	run->state.memory = &run->memory;
	mt_cfi_evaluation_begin(&run->e, &run->state, code);
	if (scope->depth > MT_WHERE_DEPTH)
		mt_where_damaged(run);
	else
		mt_where_run_code(run, code);
	return run->error;
}

/* Large parts of a run need no beginning. */
static void begin(struct mt_where_run *run)
{
	run->typed.data = NULL;
	run->typed.len = run->typed.cap = 0;
	run->has_pending = false;
	run->scope = NULL;
	run->error = NULL;
	run->is_lost = false;
}

static void end(struct mt_where_run *run)
{
	mt_vec_deinit(&run->typed);
	if (run->scope)
		mt_where_note_used(run->scope->frame, run->state.used);
}

static struct mt_error *optimized_out(void)
{
	return mt_error_new(MT_ERR_UNSUPPORTED, "optimized out");
}

/* ---- A place ------------------------------------------------------------- */

static struct mt_error *finish_place(struct mt_where_run *run, struct mt_where *where)
{
	struct mt_where_piece whole;

	if (where->len)
		return NULL;
	if (!mt_where_take(run, &whole))
		return run->error;
	return mt_vec_push(where, whole) ? NULL : mt_error_nomem();
}

/* What could only be had from the caller is as good as optimized out; pieces before it are not. */
static struct mt_error *lose_rest(struct mt_error *error, struct mt_where *where)
{
	const struct mt_where_piece gone = { .kind = MT_WHERE_GONE };

	mt_error_free(error);
	return where->len || mt_vec_push(where, gone) ? NULL : mt_error_nomem();
}

struct mt_error *mt_where_attr(const struct mt_where_scope *scope, Dwarf_Attribute *attr,
                               struct mt_where *where)
{
	struct mt_where_run run;
	struct mt_error *error;

	begin(&run);
	error = run_attr(&run, scope, attr, where);
	if (!error)
		error = finish_place(&run, where);
	else if (run.is_lost)
		error = lose_rest(error, where);
	end(&run);
	return error;
}

/* ---- An address ---------------------------------------------------------- */

static struct mt_error *finish_base(struct mt_where_run *run, struct mt_cfi_value *base)
{
	struct mt_typed value;
	uint8_t reg;

	if (run->has_pending && run->pending.kind == MT_WHERE_REGISTER) {
		reg = mt_cfi_register(run->state.machine, run->pending.reg);
		if (reg >= MT_CFI_REGS)
			return mt_where_unsaved(run->state.machine, reg);
		*base = mt_cfi_reg(&run->state, reg);
		return NULL;
	}
	if (!run->e.depth)
		return optimized_out();
	if (run->e.stack[run->e.depth - 1].base != MT_WHERE_TYPED) {
		mt_cfi_pop(&run->e, base);
		return NULL;
	}
	if (!mt_where_pop(run, &value))
		return run->error;
	*base = (struct mt_cfi_value){ MT_REG_NONE, (uint64_t)mt_typed_integer(&value) };
	return NULL;
}

struct mt_error *mt_where_attr_base(const struct mt_where_scope *scope, Dwarf_Attribute *attr,
                                    struct mt_cfi_value *base)
{
	struct mt_where_scope inner = *scope;
	struct mt_where_run run;
	struct mt_error *error;

	inner.depth++;
	begin(&run);
	error = run_attr(&run, &inner, attr, NULL);
	if (!error)
		error = finish_base(&run, base);
	end(&run);
	return error;
}

/* ---- A value ------------------------------------------------------------- */

static struct mt_error *finish_value(struct mt_where_run *run, struct mt_typed *value)
{
	const struct mt_where_piece *piece = &run->pending;
	uint8_t word = mt_machine_word(run->state.machine);

	if (!run->has_pending && !run->e.depth)
		return optimized_out();
	if (!run->has_pending)
		return mt_where_pop(run, value) ? NULL : run->error;
	*value = mt_typed_generic(0, word);
	if (piece->kind == MT_WHERE_REGISTER)
		return mt_where_register(run->scope->frame, piece->reg, 0, &value->bits, word);
	if (piece->kind != MT_WHERE_VALUE || piece->value_size > MT_TYPED_MAX)
		return optimized_out();
	value->size = (uint8_t)piece->value_size;
	memcpy(&value->bits, piece->value, piece->value_size);
	return NULL;
}

static bool is_constant(unsigned form)
{
	switch (form) {
	case DW_FORM_data1:
	case DW_FORM_data2:
	case DW_FORM_data4:
	case DW_FORM_data8:
	case DW_FORM_udata:
	case DW_FORM_sdata:
	case DW_FORM_implicit_const:
		return true;
	default:
		return false;
	}
}

struct mt_error *mt_where_attr_value(const struct mt_where_scope *scope, Dwarf_Attribute *attr,
                                     struct mt_typed *value)
{
	struct mt_where_scope inner = *scope;
	struct mt_where_run run;
	struct mt_error *error;
	Dwarf_Sword number;

	if (is_constant(dwarf_whatform(attr)) && dwarf_formsdata(attr, &number) == 0) {
		*value = mt_typed_generic((uint64_t)number, sizeof(uint64_t));
		return NULL;
	}
	inner.depth++;
	begin(&run);
	error = run_attr(&run, &inner, attr, NULL);
	if (!error)
		error = finish_value(&run, value);
	end(&run);
	return error;
}
