/* SPDX-License-Identifier: MIT */
#include "symbol/where.h"

#include <dwarf.h>
#include <string.h>

#include "symbol/die.h"
#include "symbol/type_dwarf.h"
#include "symbol/variable.h"
#include "symbol/where_eval.h"

void mt_where_deinit(struct mt_where *where)
{
	mt_vec_deinit(where);
}

struct mt_error *mt_where_charge(const struct mt_where_scope *scope, unsigned steps)
{
	if (*scope->steps < steps)
		return mt_error_new(MT_ERR_FORMAT, "%s: a location takes too long to find",
		                    scope->file->path);
	*scope->steps -= steps;
	return NULL;
}

/* ---- What is no expression ----------------------------------------------- */

static struct mt_error *add_piece(struct mt_where *where, struct mt_where_piece piece)
{
	return mt_vec_push(where, piece) ? NULL : mt_error_nomem();
}

static struct mt_error *add_bytes(struct mt_where *where, const void *bytes, size_t len)
{
	if (!len)
		return add_piece(where, (struct mt_where_piece){ .kind = MT_WHERE_GONE });
	if (mt_where_add_bytes(where, bytes, len))
		return NULL;
	return mt_error_new(MT_ERR_FORMAT, "a constant of %zu bytes is too large", len);
}

/* Numbers as wide as any variable's; the form of a negative one is signed. */
static struct mt_error *add_number(struct mt_where *where, Dwarf_Attribute *attr)
{
	struct mt_where_piece piece = { .kind = MT_WHERE_VALUE, .value_size = 16 };
	unsigned form = dwarf_whatform(attr);
	Dwarf_Sword number;
	Dwarf_Word word;
	__int128 wide;

	if (form == DW_FORM_sdata || form == DW_FORM_implicit_const) {
		if (dwarf_formsdata(attr, &number) != 0)
			return mt_error_new(MT_ERR_FORMAT, "damaged constant");
		wide = number;
	} else {
		if (dwarf_formudata(attr, &word) != 0)
			return mt_error_new(MT_ERR_FORMAT, "damaged constant");
		wide = (__int128)word;
	}
	memcpy(piece.value, &wide, sizeof(wide));
	return add_piece(where, piece);
}

/* DW_AT_const_value (DWARF 5 section 4.1): a number, a text, bytes, or an address. */
static struct mt_error *constant(const struct mt_where_scope *scope, Dwarf_Attribute *attr,
                                 struct mt_where *where)
{
	const char *text = dwarf_formstring(attr);
	Dwarf_Block block;
	Dwarf_Addr addr;

	if (text)
		return add_bytes(where, text, strlen(text) + 1);
	if (dwarf_formblock(attr, &block) == 0)
		return add_bytes(where, block.data, block.length);
	if (dwarf_formaddr(attr, &addr) == 0) {
		addr += scope->bias;
		return add_bytes(where, &addr, mt_machine_word(scope->file->head.machine));
	}
	return add_number(where, attr);
}

static struct mt_error *thread_local_address(const struct mt_where_frame *frame,
                                             const struct mt_variable_query *query, uint64_t *addr)
{
	struct mt_variable variable;
	uint64_t offset;

	MT_TRY(mt_variable_find_tls(frame->image, query, &variable, &offset));
	if (!frame->tls)
		return mt_error_new(MT_ERR_UNSUPPORTED, "%s is thread-local", query->name);
	return frame->tls(frame->arg, variable.module, offset, addr);
}

/* `extern int x;` in a function names a global. */
static struct mt_error *declared(const struct mt_where_scope *scope, Dwarf_Die *die,
                                 struct mt_where *where)
{
	const struct mt_where_frame *frame = scope->frame;
	const struct mt_variable_query query = { .name = dwarf_diename(die) };
	struct mt_variable variable = { 0 };
	struct mt_error *error;
	uint64_t addr;

	if (!query.name || !frame->image)
		return add_piece(where, (struct mt_where_piece){ .kind = MT_WHERE_GONE });
	MT_TRY(mt_where_charge(scope, MT_WHERE_STEPS / 20));
	error = mt_variable_find(frame->image, &query, &variable);
	addr = variable.addr;
	if (error && mt_error_kind(error) == MT_ERR_UNSUPPORTED) {
		struct mt_error *other = thread_local_address(frame, &query, &addr);

		mt_error_free(other ? other : error);
		error = other ? error : NULL;
	}
	if (error)
		return error;
	return add_piece(where, (struct mt_where_piece){ .kind = MT_WHERE_MEMORY, .addr = addr });
}

/* ---- A variable ---------------------------------------------------------- */

struct mt_error *mt_where_scope(const struct mt_where_frame *frame, const struct mt_local_die *die,
                                unsigned *steps, struct mt_where_scope *scope)
{
	const struct mt_module *module = mt_local_module(frame->image, frame->pc, die->file);

	if (!module)
		return mt_error_new(MT_ERR_NOT_FOUND, "%s is no longer mapped", die->file->path);
	*scope = (struct mt_where_scope){ .frame = frame,
		                          .file = die->file,
		                          .module = module,
		                          .bias = module->bias,
		                          .cu = die->die.cu,
		                          .unit = die->unit,
		                          .steps = steps };
	return NULL;
}

struct mt_error *mt_where_die(const struct mt_where_scope *scope, Dwarf_Die *die,
                              struct mt_where *where)
{
	struct mt_where_scope inner = *scope;
	Dwarf_Attribute attr;

	if (dwarf_attr_integrate(die, DW_AT_location, &attr)) {
		inner.cu = attr.cu;
		inner.unit = mt_local_unit(&scope->unit, attr.cu);
		return mt_where_attr(&inner, &attr, where);
	}
	if (dwarf_attr_integrate(die, DW_AT_const_value, &attr))
		return constant(scope, &attr, where);
	if (mt_die_flag(die, DW_AT_declaration))
		return declared(scope, die, where);
	return add_piece(where, (struct mt_where_piece){ .kind = MT_WHERE_GONE });
}

static struct mt_error *locate_at(const struct mt_where_frame *frame,
                                  const struct mt_local_die *local, unsigned *steps,
                                  struct mt_where *where)
{
	struct mt_where_scope scope;
	struct mt_where found = { 0 };
	Dwarf_Die die = local->die;
	struct mt_error *error;

	MT_TRY(mt_where_scope(frame, local, steps, &scope));
	error = mt_where_die(&scope, &die, &found);
	if (error)
		mt_where_deinit(&found);
	else
		*where = found;
	return error;
}

/* In a caller's frame registers that functions need not keep are lost, rax for one. */
static bool is_caller(const struct mt_where_frame *frame)
{
	return frame->regs && !(frame->known >> MT_REG_RAX & 1);
}

static bool is_lost(const struct mt_where_frame *frame, const struct mt_where *where)
{
	for (size_t i = 0; i < where->len; i++) {
		uint8_t reg = mt_cfi_register(mt_where_machine(frame), where->data[i].reg);

		if (where->data[i].kind != MT_WHERE_REGISTER)
			continue;
		if (reg >= MT_CFI_REGS)
			return true;
		mt_where_note_used(frame, 1U << reg);
		if (!(frame->known >> reg & 1))
			return true;
	}
	return false;
}

/* Where it is known to be behind the call of a caller's frame. */
static bool locate_behind(const struct mt_where_frame *frame, const struct mt_local_die *local,
                          unsigned *steps, struct mt_where *where)
{
	struct mt_where_frame behind = *frame;
	struct mt_where found = { 0 };
	struct mt_error *error;

	behind.pc++;
	error = locate_at(&behind, local, steps, &found);
	if (error || found.data[0].kind == MT_WHERE_GONE || is_lost(frame, &found)) {
		mt_error_free(error);
		mt_where_deinit(&found);
		return false;
	}
	*where = found;
	return true;
}

/*
 * A call is still in its caller's range of what was in a lost register before it: clang's ranges
 * end behind the call, where a kept register or memory may have the value. They had it during the
 * call as well, since nothing was executed in between.
 */
struct mt_error *mt_where_locate(const struct mt_where_frame *frame,
                                 const struct mt_local_die *local, unsigned *steps,
                                 struct mt_where *where)
{
	struct mt_where found = { 0 }, behind;
	struct mt_error *error = locate_at(frame, local, steps, &found);
	bool lost = error ? mt_error_kind(error) == MT_ERR_UNSUPPORTED : is_lost(frame, &found);

	if (lost && is_caller(frame) && locate_behind(frame, local, steps, &behind)) {
		mt_error_free(error);
		mt_where_deinit(&found);
		*where = behind;
		return NULL;
	}
	if (!error)
		*where = found;
	return error;
}

struct mt_error *mt_where_local(const struct mt_where_frame *frame, const struct mt_local *local,
                                struct mt_where *where)
{
	unsigned steps = MT_WHERE_STEPS;

	return local->is_outer ? mt_where_outer(frame, local->die, &steps, where)
	                       : mt_where_locate(frame, local->die, &steps, where);
}

struct mt_error *mt_where_pointee(const struct mt_where_frame *frame,
                                  const struct mt_local_die *pointee, struct mt_where *where,
                                  const struct mt_type **type)
{
	Dwarf_Die die = pointee->die;
	const struct mt_type *found = mt_type_of_attr(pointee->file, &die);
	unsigned steps = MT_WHERE_STEPS;

	if (!found)
		return mt_error_nomem();
	MT_TRY(mt_where_locate(frame, pointee, &steps, where));
	*type = found;
	return NULL;
}

struct mt_error *mt_where_constant(struct mt_image *image, const struct mt_variable *variable,
                                   struct mt_where *where)
{
	const struct mt_where_frame nowhere = { .image = image };
	const struct mt_where_scope scope = { .frame = &nowhere,
		                              .file = variable->module->file,
		                              .module = variable->module,
		                              .bias = variable->module->bias };
	Dwarf_Die die = variable->constant->die;
	Dwarf_Attribute attr;
	struct mt_where found = { 0 };
	struct mt_error *error;

	if (dwarf_attr_integrate(&die, DW_AT_const_value, &attr))
		error = constant(&scope, &attr, &found);
	else
		error = add_piece(&found, (struct mt_where_piece){ .kind = MT_WHERE_GONE });
	if (error)
		mt_where_deinit(&found);
	else
		*where = found;
	return error;
}

/* ---- A variable that is a number ----------------------------------------- */

struct mt_error *mt_where_die_value(const struct mt_where_scope *scope, Dwarf_Die *die,
                                    struct mt_typed *value)
{
	const struct mt_type *type = mt_type_of_attr(scope->file, die);
	struct mt_where_scope inner = *scope;
	struct mt_where where = { 0 };
	struct mt_typed found = { .kind = MT_TYPED_UNSIGNED };
	struct mt_error *error;

	inner.depth++;
	if (inner.depth > MT_WHERE_DEPTH || !type || !type->size || type->size > sizeof(uint64_t))
		return mt_error_new(MT_ERR_FORMAT,
		                    "%s: a variable that others depend on is no number",
		                    scope->file->path);
	found.size = (uint8_t)type->size;
	if (type->is_signed)
		found.kind = MT_TYPED_SIGNED;
	error = mt_where_die(&inner, die, &where);
	if (!error)
		error = mt_where_load(scope->frame, &where, 0, &found.bits, found.size, NULL);
	mt_where_deinit(&where);
	if (!error)
		*value = found;
	return error;
}
