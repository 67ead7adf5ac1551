/* SPDX-License-Identifier: MIT */
/*
 * Nested functions (GNU C; Pascal's and Ada's too) use variables of the function around them. Which
 * of its activations, the static link tells: the frame base of that one (DWARF 5 section 3.3.6).
 */
#include <dwarf.h>

#include "symbol/function.h"
#include "symbol/where_private.h"

/* Recursion in between may be as deep as that. */
#define CALLERS_MAX 10000

static struct mt_error *unknown(void)
{
	return mt_error_new(MT_ERR_UNSUPPORTED,
	                    "the activation of the function around this one is not known");
}

static struct mt_error *read_link(const struct mt_where_frame *frame,
                                  const struct mt_where_scope *scope, uint64_t *link)
{
	struct mt_where_scope inner = *scope;
	struct mt_typed value;
	Dwarf_Die function;
	Dwarf_Attribute attr;

	if (!mt_function_die_at(scope->file, frame->pc - scope->bias, &inner.unit, &function) ||
	    !dwarf_attr(&function, DW_AT_static_link, &attr))
		return unknown();
	inner.cu = attr.cu;
	MT_TRY(mt_where_attr_value(&inner, &attr, &value));
	*link = (uint64_t)mt_typed_integer(&value);
	return NULL;
}

/* Whether the frame is of `function`, with that frame base. */
static bool is_linked(const struct mt_where_frame *frame, const struct mt_where_scope *scope,
                      const Dwarf_Die *function, uint64_t link)
{
	struct mt_where_scope inner = *scope;
	struct mt_cfi_value base;
	Dwarf_Die found;
	struct mt_error *error;

	if (!mt_function_die_at(scope->file, frame->pc - scope->bias, &inner.unit, &found) ||
	    found.addr != function->addr)
		return false;
	inner.frame = frame;
	error = mt_where_frame_base(&inner, &base);
	mt_error_free(error);
	return !error && base.base == MT_REG_NONE && base.number == link;
}

/* Registers are those of another frame than the caller of this knows. */
static struct mt_error *keep_values(const struct mt_where_frame *frame, struct mt_where *where)
{
	for (size_t i = 0; i < where->len; i++) {
		struct mt_where_piece *piece = &where->data[i];

		if (piece->kind != MT_WHERE_REGISTER)
			continue;
		piece->value_size = sizeof(uint64_t);
		MT_TRY(mt_where_register(frame, piece->reg, 0, piece->value, piece->value_size));
		piece->kind = MT_WHERE_VALUE;
	}
	return NULL;
}

static struct mt_error *locate_in(const struct mt_where_frame *frame,
                                  const struct mt_local_die *die, unsigned *steps,
                                  struct mt_where *where)
{
	struct mt_where found = { 0 };
	struct mt_error *error;

	MT_TRY(mt_where_locate(frame, die, steps, &found));
	error = keep_values(frame, &found);
	if (error)
		mt_where_deinit(&found);
	else
		*where = found;
	return error;
}

struct mt_error *mt_where_outer(const struct mt_where_frame *frame, const struct mt_local_die *die,
                                unsigned *steps, struct mt_where *where)
{
	struct mt_where_scope scope;
	struct mt_where_frame caller = *frame;
	Dwarf_Die outer;
	uint64_t link;

	MT_TRY(mt_where_scope(frame, die, steps, &scope));
	if (!mt_function_outer(scope.file, frame->pc - scope.bias, &outer))
		return unknown();
	MT_TRY(read_link(frame, &scope, &link));
	for (size_t i = 0; i < CALLERS_MAX; i++) {
		struct mt_where_frame called = caller;

		if (!called.caller || !called.caller(called.arg, &called, &caller))
			break;
		if (is_linked(&caller, &scope, &outer, link))
			return locate_in(&caller, die, steps, where);
	}
	return unknown();
}
