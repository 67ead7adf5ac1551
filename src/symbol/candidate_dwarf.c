/* SPDX-License-Identifier: MIT */
#include <dwarf.h>
#include <string.h>

#include "base/buf.h"
#include "base/vec.h"
#include "symbol/candidate.h"
#include "symbol/die.h"
#include "symbol/function.h"
#include "symbol/location.h"
#include "symbol/named.h"
#include "symbol/scope.h"
#include "symbol/units.h"

/* Locals are only told about, and some names are those of a hundred thousand of them. */
#define LOCALS_MAX 16
#define LINKS_MAX 3

struct gathering {
	const struct mt_module *module;
	struct mt_candidates *candidates;
	size_t first; /* of this gathering's own in `candidates` */
	size_t locals;
	bool out_of_memory;
};

static bool is_variable(Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_variable:
	case DW_TAG_formal_parameter:
		return true;
	case DW_TAG_member: /* a static one: DWARF 4 has a member for its declaration */
		return mt_die_flag(die, DW_AT_external) || mt_die_flag(die, DW_AT_declaration);
	default:
		return false;
	}
}

/* From the innermost function inwards a name stands for itself; outside of functions it has the
 * namespaces and classes around it. */
static const char *qualified_name(struct mt_module_file *file, struct mt_die_path *path,
                                  size_t function_at)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };

	for (size_t i = function_at + 1; i + 1 < path->depth; i++) {
		const char *part = mt_tag_is_scope(dwarf_tag(&path->dies[i]))
		                       ? mt_scope_part(&path->dies[i])
		                       : NULL;

		if (part)
			mt_buf_printf(&text, "%s::", part);
	}
	mt_buf_text(&text, dwarf_diename(mt_die_path_last(path)));
	return mt_buf_ok(&text) ? mt_module_file_intern(file, text.data) : NULL;
}

/* The index of the innermost function in the path; 0, the unit's, when there is none. */
static size_t innermost_function(struct mt_die_path *path)
{
	size_t at = path->depth - 1;

	while (at > 0) {
		int tag = dwarf_tag(&path->dies[at]);

		if (tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine)
			break;
		at--;
	}
	return at;
}

static void describe(const struct mt_module *module, struct mt_die_path *path,
                     struct mt_candidate *candidate)
{
	Dwarf_Die *die = mt_die_path_last(path);
	size_t function_at = innermost_function(path);
	int line = 0;

	candidate->die = *die;
	candidate->has_die = true;
	candidate->module = module;
	candidate->name = dwarf_diename(die);
	candidate->qualified = qualified_name(module->file, path, function_at);
	candidate->unit = dwarf_diename(&path->dies[0]);
	if (dwarf_decl_line(die, &line) == 0 && line > 0)
		candidate->line = (unsigned)line;
	if (function_at) {
		const char *function = mt_function_name(module->file, &path->dies[function_at]);

		candidate->function = function ? function : MT_UNNAMED_FUNCTION;
	}
}

/* Inline variables and templates' statics are in every unit that uses them. */
static bool is_known(const struct gathering *gathering, const struct mt_candidate *candidate)
{
	if (candidate->state != MT_VAR_FIXED)
		return false;
	for (size_t i = gathering->first; i < gathering->candidates->len; i++) {
		const struct mt_candidate *known = &gathering->candidates->data[i];

		if (known->state == MT_VAR_FIXED && known->addr == candidate->addr)
			return true;
	}
	return false;
}

/* Parameters and what has a place in a frame are locals at first sight. */
static bool is_plain_local(Dwarf_Die *die, enum mt_var_state state)
{
	return state == MT_VAR_LOCAL || dwarf_tag(die) == DW_TAG_formal_parameter;
}

static bool take_variable(struct mt_die_path *path, void *arg)
{
	struct gathering *gathering = arg;
	Dwarf_Die *die = mt_die_path_last(path);
	struct mt_candidate candidate = { 0 };

	if (!is_variable(die))
		return true;
	candidate.state = mt_location_of(gathering->module->file, die, &candidate.addr);
	if (is_plain_local(die, candidate.state)) {
		candidate.state = MT_VAR_LOCAL;
		if (gathering->locals++ >= LOCALS_MAX)
			return true;
	}
	candidate.is_external = mt_die_is_external(die);
	if (is_known(gathering, &candidate))
		return true;
	describe(gathering->module, path, &candidate);
	gathering->out_of_memory =
	    !candidate.qualified || !mt_vec_push(gathering->candidates, candidate);
	return !gathering->out_of_memory;
}

/* The declaration that a definition without a name belongs to. */
static struct mt_candidate *declaration_of(const struct gathering *gathering, Dwarf_Die *die)
{
	Dwarf_Die origin;

	if (!mt_die_origin(die, &origin))
		return NULL;
	for (size_t i = gathering->first; i < gathering->candidates->len; i++)
		if (gathering->candidates->data[i].die.addr == origin.addr)
			return &gathering->candidates->data[i];
	return NULL;
}

/* A definition has its declaration's name and namespace (DWARF 5 section 2.13), and its own place.
 */
static bool take_definition(struct mt_die_path *path, void *arg)
{
	struct gathering *gathering = arg;
	Dwarf_Die *die = mt_die_path_last(path);
	struct mt_candidate *declaration = declaration_of(gathering, die);
	struct mt_candidate candidate = { 0 };

	if (!declaration || dwarf_tag(die) == DW_TAG_formal_parameter)
		return true;
	candidate.state = mt_location_of(gathering->module->file, die, &candidate.addr);
	if (is_known(gathering, &candidate))
		return true;
	describe(gathering->module, path, &candidate);
	candidate.qualified = declaration->qualified;
	candidate.is_external = declaration->is_external;
	if (!candidate.function)
		candidate.function = declaration->function;
	if (declaration->unit)
		candidate.unit = declaration->unit;
	declaration->is_defined = candidate.state != MT_VAR_DECLARED;
	gathering->out_of_memory = !mt_vec_push(gathering->candidates, candidate);
	return !gathering->out_of_memory;
}

/* Of what was gathered from `from` on. */
static struct mt_error *find_definitions(struct gathering *gathering, struct mt_units *units,
                                         size_t from)
{
	MT_VEC(Dwarf_Die) declarations = { 0 };
	bool ok = true;

	for (size_t i = from; ok && i < gathering->candidates->len; i++) {
		const struct mt_candidate *candidate = &gathering->candidates->data[i];

		if (candidate->state == MT_VAR_DECLARED)
			ok = mt_vec_push(&declarations, candidate->die);
	}
	if (ok && declarations.len)
		ok = mt_referrers_each(units, declarations.data, declarations.len, take_definition,
		                       gathering);
	mt_vec_deinit(&declarations);
	return ok && !gathering->out_of_memory ? NULL : mt_error_nomem();
}

/* With link-time optimisation the definition of a declaration is itself only the origin of what has
 * the place: a chain of two. */
static struct mt_error *follow_declarations(struct gathering *gathering, struct mt_units *units)
{
	size_t from = gathering->first;

	for (int link = 0; link < LINKS_MAX && from < gathering->candidates->len; link++) {
		size_t next = gathering->candidates->len;

		MT_TRY(find_definitions(gathering, units, from));
		from = next;
	}
	return NULL;
}

/* A declaration that has a value is that of a constant. */
static bool is_mere_declaration(Dwarf_Die *die)
{
	return mt_die_flag(die, DW_AT_declaration) && !dwarf_hasattr(die, DW_AT_const_value);
}

/* What has no location, is no mere declaration and has no definition elsewhere is a local of a
 * function that was inlined everywhere, a constant, or was optimised out. */
static enum mt_var_state state_without_place(struct mt_candidate *candidate)
{
	if (candidate->function)
		return MT_VAR_LOCAL;
	return dwarf_hasattr_integrate(&candidate->die, DW_AT_const_value) ? MT_VAR_CONSTANT
	                                                                   : MT_VAR_GONE;
}

static void settle_declared(struct gathering *gathering)
{
	for (size_t i = gathering->first; i < gathering->candidates->len; i++) {
		struct mt_candidate *candidate = &gathering->candidates->data[i];

		if (candidate->state == MT_VAR_DECLARED && !candidate->is_defined &&
		    !is_mere_declaration(&candidate->die))
			candidate->state = state_without_place(candidate);
	}
}

struct mt_error *mt_candidates_from_dwarf(const struct mt_module *module, const char *name,
                                          struct mt_candidates *candidates)
{
	struct mt_units *units = mt_units_of(module->file);
	struct gathering gathering = { .module = module,
		                       .candidates = candidates,
		                       .first = candidates->len };

	if (!units)
		return NULL;
	if (!mt_named_each(units, name, take_variable, &gathering) || gathering.out_of_memory)
		return mt_error_nomem();
	MT_TRY(follow_declarations(&gathering, units));
	settle_declared(&gathering);
	return NULL;
}

const char *mt_candidate_file(const struct mt_candidate *candidate)
{
	Dwarf_Die die = candidate->die;

	return candidate->has_die ? mt_die_decl_file(&die) : NULL;
}
