/* SPDX-License-Identifier: MIT */
/* A local by its function's name and its own, wherever the program is. */
#include <dwarf.h>
#include <string.h>

#include "base/near.h"
#include "symbol/die.h"
#include "symbol/function.h"
#include "symbol/local_die.h"
#include "symbol/named.h"
#include "symbol/scope.h"
#include "symbol/suggest.h"

/* More of one name is not meant to be chosen from. */
#define FUNCTIONS_MAX 256
#define FOUND_MAX 64
#define DEPTH_MAX 64

struct search {
	const struct mt_module *module;
	const char *function;
	const char *name;
	unsigned line;
	MT_VEC(Dwarf_Die) origins;   /* what has the name: also of functions that have code */
	MT_VEC(Dwarf_Die) functions; /* what has code: functions, and inlined copies */
	MT_VEC(struct mt_function_local) found;
	struct mt_near near;
	bool out_of_memory;
};

/* ---- The function, or its copies ----------------------------------------- */

static bool add_function(struct search *search, const Dwarf_Die *die)
{
	if (search->functions.len < FUNCTIONS_MAX && !mt_vec_push(&search->functions, *die))
		search->out_of_memory = true;
	return !search->out_of_memory;
}

static bool take_named(struct mt_die_path *path, void *arg)
{
	struct search *search = arg;
	Dwarf_Die *die = mt_die_path_last(path);
	const char *name = dwarf_tag(die) == DW_TAG_subprogram
	                       ? mt_function_name(search->module->file, die)
	                       : NULL;
	bool exact;

	if (!name || !mt_scope_matches(name, search->function, &exact))
		return true;
	if (mt_die_lowest(die))
		return add_function(search, die);
	if (search->origins.len < FUNCTIONS_MAX && !mt_vec_push(&search->origins, *die))
		search->out_of_memory = true;
	return !search->out_of_memory;
}

/* Definitions of what was declared, instances of what was inlined. */
static bool take_instance(struct mt_die_path *path, void *arg)
{
	struct search *search = arg;
	Dwarf_Die *die = mt_die_path_last(path);
	int tag = dwarf_tag(die);

	if (tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine)
		return true;
	if (mt_die_lowest(die))
		return add_function(search, die);
	if (search->origins.len < FUNCTIONS_MAX && !mt_vec_push(&search->origins, *die))
		search->out_of_memory = true;
	return !search->out_of_memory;
}

/* A method's declaration leads to its definition, and that, where it was inlined, to its copies. */
static struct mt_error *find_functions(struct search *search)
{
	struct mt_units *units = mt_units_of(search->module->file);
	size_t from = 0;

	if (!units)
		return NULL;
	if (!mt_named_each(units, mt_scope_last_part(search->function), take_named, search))
		return mt_error_nomem();
	for (int link = 0; link < 2 && from < search->origins.len; link++) {
		size_t count = search->origins.len - from;
		Dwarf_Die *origins = search->origins.data + from;
		MT_VEC(Dwarf_Die) copy = { 0 };
		bool ok = mt_vec_reserve(&copy, count);

		from = search->origins.len;
		if (ok) { /* more origins may come while these are looked for */
			memcpy(copy.data, origins, count * sizeof(*origins));
			ok = mt_referrers_each(units, copy.data, count, take_instance, search);
		}
		mt_vec_deinit(&copy);
		if (!ok || search->out_of_memory)
			return mt_error_nomem();
	}
	return search->out_of_memory ? mt_error_nomem() : NULL;
}

/* ---- The variable -------------------------------------------------------- */

/* The piece of the DIE's code that is nearest to `entry`: cold parts are elsewhere. */
static void code_range(Dwarf_Die *die, uint64_t entry, uint64_t *low, uint64_t *high)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;
	bool has = false;

	while ((at = dwarf_ranges(die, at, &base, &start, &end)) > 0) {
		if (start >= end || (has && start - entry >= *low - entry))
			continue;
		*low = start;
		*high = end;
		has = true;
	}
}

/* Where code in several pieces begins: with the first of them (DWARF 5 section 2.17.1), which is
 * not the lowest where a cold part lies before it. */
static uint64_t first_address(Dwarf_Die *die)
{
	Dwarf_Addr base, start, end;

	return dwarf_ranges(die, 0, &base, &start, &end) > 0 ? start : mt_die_lowest(die);
}

/* Copies of a function have the same variable. */
static bool is_known(const struct search *search, const struct mt_local *local)
{
	for (size_t i = 0; i < search->found.len; i++) {
		const struct mt_local *known = &search->found.data[i].local;

		if (known->line == local->line && known->file == local->file)
			return true;
	}
	return false;
}

/* `place` has the code of the function, and of the block that is looked at. */
static void take_variable(struct search *search, Dwarf_Die *die,
                          const struct mt_function_local *place)
{
	const char *name = dwarf_diename(die);
	struct mt_function_local found = *place;
	const struct mt_local_die *local_die;
	Dwarf_Die unit;

	if (!name)
		return;
	mt_near_offer(&search->near, name);
	if (strcmp(name, search->name) != 0 || search->found.len == FOUND_MAX ||
	    !mt_units_cu_at(search->module->file, place->entry - search->module->bias, &unit))
		return;
	local_die = mt_local_die_of(search->module->file, &unit, die);
	if (!local_die || !mt_local_describe(local_die, &found.local)) {
		search->out_of_memory = true;
		return;
	}
	found.local.block = place->local.block;
	if ((search->line && found.local.line != search->line) || is_known(search, &found.local))
		return;
	if (!mt_vec_push(&search->found, found))
		search->out_of_memory = true;
}

static void search_block(struct search *search, Dwarf_Die *block,
                         const struct mt_function_local *place, int depth)
{
	uint64_t bias = search->module->bias;
	Dwarf_Die child;

	if (depth == DEPTH_MAX || !mt_die_child(block, &child))
		return;
	do {
		int tag = dwarf_tag(&child);
		struct mt_function_local inner = *place;

		if (tag == DW_TAG_variable || tag == DW_TAG_formal_parameter)
			take_variable(search, &child, place);
		if (tag != DW_TAG_lexical_block && tag != DW_TAG_try_block &&
		    tag != DW_TAG_catch_block)
			continue;
		inner.local.block++;
		inner.scope_low -= bias;
		inner.scope_high -= bias;
		code_range(&child, place->entry - bias, &inner.scope_low, &inner.scope_high);
		inner.scope_low += bias;
		inner.scope_high += bias;
		search_block(search, &child, &inner, depth + 1);
	} while (!search->out_of_memory && mt_die_sibling(&child, &child));
}

/* What the compiler has nothing to say of in a copy is in the function that it is a copy of. */
static void search_function(struct search *search, Dwarf_Die *function)
{
	uint64_t bias = search->module->bias, low = 0, high = 0;
	Dwarf_Addr entry = 0;
	struct mt_function_local place = { .inlined_only =
		                               dwarf_tag(function) == DW_TAG_inlined_subroutine };
	size_t before = search->found.len;
	Dwarf_Die origin;

	if (dwarf_entrypc(function, &entry) != 0)
		entry = first_address(function);
	code_range(function, entry, &low, &high);
	place.entry = entry + bias;
	place.end = high + bias;
	place.scope_low = low + bias;
	place.scope_high = high + bias;
	search_block(search, function, &place, 0);
	if (search->found.len == before && mt_die_target(function, DW_AT_abstract_origin, &origin))
		search_block(search, &origin, &place, 0);
}

/* Copies count where there is nothing else. */
static void search_functions(struct search *search, bool inlined)
{
	for (size_t i = 0; i < search->functions.len && !search->out_of_memory; i++) {
		Dwarf_Die function = search->functions.data[i];

		if ((dwarf_tag(&function) == DW_TAG_inlined_subroutine) == inlined)
			search_function(search, &function);
	}
}

/* ---- The answer ---------------------------------------------------------- */

static struct mt_error *no_function(struct mt_image *image, const char *function)
{
	const struct mt_module *executable = mt_image_executable(image);
	struct mt_buf text MT_AUTO_BUF = { 0 };

	mt_suggest_names(executable, function, true, &text);
	return mt_error_new(MT_ERR_NOT_FOUND, "no function %s with debug information in %s%s",
	                    function, executable->name,
	                    mt_buf_ok(&text) && text.len ? text.data : "");
}

static struct mt_error *no_variable(struct search *search)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };

	if (search->line)
		mt_buf_printf(&text, " declared in line %u", search->line);
	mt_near_append(&search->near, &text);
	return mt_error_new(MT_ERR_NOT_FOUND, "%s has no variable %s%s", search->function,
	                    search->name, mt_buf_ok(&text) && text.len ? text.data : "");
}

static struct mt_error *ambiguous(const struct search *search)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };

	for (size_t i = 0; i < search->found.len; i++)
		mt_buf_printf(&text, "%s%u", i ? ", " : "", search->found.data[i].local.line);
	return mt_error_new(MT_ERR_AMBIGUOUS,
	                    "%s has several variables %s, declared in the lines %s",
	                    search->function, search->name, mt_buf_ok(&text) ? text.data : "");
}

static struct mt_error *search_module(struct search *search, struct mt_function_local *found)
{
	MT_TRY(find_functions(search));
	if (!search->functions.len)
		return NULL;
	search_functions(search, false);
	if (!search->found.len)
		search_functions(search, true);
	if (search->out_of_memory)
		return mt_error_nomem();
	if (!search->found.len)
		return no_variable(search);
	if (search->found.len > 1)
		return ambiguous(search);
	*found = search->found.data[0];
	return NULL;
}

/* The program's own function hides a library's. */
static struct mt_error *search_modules(struct mt_image *image, struct search *search,
                                       struct mt_function_local *found)
{
	const struct mt_module *executable = mt_image_executable(image);

	search->module = executable;
	MT_TRY(search_module(search, found));
	for (size_t i = 0; !search->functions.len && i < mt_image_module_count(image); i++) {
		search->module = mt_image_module(image, i);
		search->origins.len = 0;
		if (search->module != executable)
			MT_TRY(search_module(search, found));
	}
	return search->functions.len ? NULL : no_function(image, search->function);
}

struct mt_error *mt_local_of_function(struct mt_image *image, const char *function,
                                      const char *name, unsigned line,
                                      struct mt_function_local *found)
{
	struct search search = { .function = function, .name = name, .line = line };
	struct mt_error *error;

	search.near.wanted = name;
	error = search_modules(image, &search, found);
	mt_vec_deinit(&search.origins);
	mt_vec_deinit(&search.functions);
	mt_vec_deinit(&search.found);
	return error;
}
