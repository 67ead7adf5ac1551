/* SPDX-License-Identifier: MIT */
#include <dwarf.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "base/vec.h"
#include "symbol/die.h"
#include "symbol/function.h"
#include "symbol/locate.h"
#include "symbol/named.h"
#include "symbol/scope.h"
#include "symbol/symtab_names.h"

/* More functions of one name than a person can mean. */
#define FUNCTIONS_MAX 256

/* A function's code, by file addresses. */
struct code {
	uint64_t start, end;
	const char *name;
	const char *unit; /* the file that was compiled, or NULL */
	const char *file; /* the one that has the function's text */
	bool is_external;
	bool is_inlined;
	bool is_exact; /* the name was written in full */
};

struct search {
	const struct mt_module *module;
	const char *scope;
	const char *name;
	MT_VEC(struct code) found;
	MT_VEC(Dwarf_Die) inline_origins;
	bool out_of_memory;
};

/* "f.constprop.0" is f made for some of its callers; "f.cold" is only a part of f. */
static bool is_clone_of(const char *raw, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(raw, name, len) && raw[len] == '.' && !strstr(raw + len, ".cold");
}

static bool demangles_to(struct mt_elf_symbol *symbol, const char *name, bool *exact)
{
	const char *last = mt_scope_last_part(name);

	if (symbol->raw[0] != '_' || !strstr(symbol->raw, last) || strstr(symbol->raw, ".cold"))
		return false;

	const char *shown = mt_elf_symbol_name(symbol);
	const char *clone = strstr(shown, " [clone ");
	char *plain MT_AUTO_FREE =
	    clone ? mt_strndup(shown, (size_t)(clone - shown)) : mt_strdup(shown);

	return plain && mt_scope_matches(plain, name, exact);
}

static bool names(struct mt_elf_symbol *symbol, const char *name, bool *exact)
{
	*exact = true;
	return mt_elf_symbol_is(symbol, name) || is_clone_of(symbol->raw, name) ||
	       demangles_to(symbol, name, exact);
}

static bool is_known(const struct search *search, uint64_t start)
{
	for (size_t i = 0; i < search->found.len; i++)
		if (search->found.data[i].start == start)
			return true;
	return false;
}

static void add_code(struct search *search, struct code code)
{
	Dwarf_Die cu;

	if (search->found.len == FUNCTIONS_MAX || is_known(search, code.start))
		return;
	if (mt_units_cu_at(search->module->file, code.start, &cu)) {
		Dwarf_Line *line = dwarf_getsrc_die(&cu, code.start);

		code.unit = dwarf_diename(&cu);
		code.file = line ? dwarf_linesrc(line, NULL, NULL) : code.unit;
	}
	if (search->scope && !mt_is_path_end(code.unit, search->scope) &&
	    !mt_is_path_end(code.file, search->scope))
		return;
	if (!mt_vec_push(&search->found, code))
		search->out_of_memory = true;
}

static void search_symbols(struct search *search)
{
	struct mt_symtab *symtab = mt_symtab_of(search->module->file);
	struct mt_symbol_choice choice = { 0 };
	bool exact;

	if (!mt_symtab_named(symtab, mt_scope_last_part(search->name), &choice))
		search->out_of_memory = true;
	for (size_t i = 0; i < choice.len; i++) {
		struct mt_elf_symbol *symbol = &symtab->symbols[choice.data[i]];

		if (symbol->is_code && names(symbol, search->name, &exact))
			add_code(search, (struct code){ .start = symbol->addr,
			                                .end = mt_symtab_end(symtab, symbol),
			                                .name = mt_elf_symbol_name(symbol),
			                                .is_external = symbol->binding != STB_LOCAL,
			                                .is_exact = exact });
	}
	mt_vec_deinit(&choice);
}

/* Stripped programs' functions, and those that only exist inlined. */
static bool take_function(struct mt_die_path *path, void *arg)
{
	struct search *search = arg;
	Dwarf_Die *die = mt_die_path_last(path);
	Dwarf_Addr low, high;
	const char *name = dwarf_tag(die) == DW_TAG_subprogram
	                       ? mt_function_name(search->module->file, die)
	                       : NULL;
	bool exact;

	if (!name || !mt_scope_matches(name, search->name, &exact))
		return true;
	if (dwarf_func_inline(die)) {
		if (!mt_vec_push(&search->inline_origins, *die))
			search->out_of_memory = true;
	} else if (dwarf_lowpc(die, &low) == 0 && dwarf_highpc(die, &high) == 0 && low < high) {
		add_code(search, (struct code){ .start = low,
		                                .end = high,
		                                .name = name,
		                                .is_external = mt_die_is_external(die),
		                                .is_exact = exact });
	}
	return !search->out_of_memory;
}

static bool take_inlined(struct mt_die_path *path, void *arg)
{
	struct search *search = arg;
	Dwarf_Die *die = mt_die_path_last(path);
	Dwarf_Addr entry;

	if (dwarf_tag(die) == DW_TAG_inlined_subroutine && dwarf_entrypc(die, &entry) == 0 && entry)
		add_code(search, (struct code){ .start = entry,
		                                .end = entry,
		                                .name = mt_function_name(search->module->file, die),
		                                .is_external = mt_die_is_external(die),
		                                .is_inlined = true,
		                                .is_exact = true });
	return !search->out_of_memory;
}

static struct mt_error *search_module(struct search *search)
{
	struct mt_units *units = mt_units_of(search->module->file);

	search_symbols(search);
	if (units && !search->out_of_memory &&
	    !mt_named_each(units, mt_scope_last_part(search->name), take_function, search))
		return mt_error_nomem();
	if (search->inline_origins.len && !search->out_of_memory &&
	    !mt_referrers_each(units, search->inline_origins.data, search->inline_origins.len,
	                       take_inlined, search))
		return mt_error_nomem();
	return search->out_of_memory ? mt_error_nomem() : NULL;
}

/* ---- Which of them is meant ---------------------------------------------- */

static bool has(const struct search *search, bool exact, bool external)
{
	for (size_t i = 0; i < search->found.len; i++)
		if (search->found.data[i].is_exact == exact &&
		    search->found.data[i].is_external == external)
			return true;
	return false;
}

static void keep(struct search *search, bool exact, bool external)
{
	size_t kept = 0;

	for (size_t i = 0; i < search->found.len; i++)
		if (search->found.data[i].is_exact == exact &&
		    search->found.data[i].is_external == external)
			search->found.data[kept++] = search->found.data[i];
	search->found.len = kept;
}

/* As in C: an external function hides the static ones of other files. */
static void keep_best(struct search *search)
{
	static const bool orders[][2] = {
		{ true, true }, { true, false }, { false, true }, { false, false }
	};

	for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
		if (has(search, orders[i][0], orders[i][1])) {
			keep(search, orders[i][0], orders[i][1]);
			return;
		}
	}
}

/* A header's static functions are in every unit, and yet one function. */
static bool in_one_file(const struct search *search)
{
	const struct code *first = &search->found.data[0];

	for (size_t i = 1; i < search->found.len; i++) {
		const struct code *other = &search->found.data[i];

		if (first->file && other->file && strcmp(first->file, other->file) != 0)
			return false;
	}
	return true;
}

static struct mt_error *ambiguous_error(const struct search *search)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };

	for (size_t i = 0; i < search->found.len && i < MT_LOCATIONS_MAX; i++)
		mt_buf_printf(&text, "%s'%s'::%s", i ? ", " : "", search->found.data[i].file,
		              search->name);
	return mt_error_new(MT_ERR_AMBIGUOUS, "%s is ambiguous: %s", search->name,
	                    mt_buf_ok(&text) ? text.data : "");
}

/* ---- All of them --------------------------------------------------------- */

static struct mt_error *add_location(const struct search *search, struct mt_image *image,
                                     const struct code *code, struct mt_location_list *list)
{
	uint64_t addr =
	    mt_past_prologue(search->module->file, code->start, code->end) + search->module->bias;
	struct mt_buf what MT_AUTO_BUF = { 0 };
	struct mt_line line;

	mt_buf_text(&what, code->name);
	if (mt_image_line_at(image, addr, &line))
		mt_buf_printf(&what, " at %s:%u", mt_path_tail(line.file), line.line);
	if (!mt_buf_ok(&what))
		return mt_error_nomem();
	MT_TRY(mt_location_add(list, addr, what.data));
	if (list->data[list->len - 1].addr != addr)
		return NULL;
	list->data[list->len - 1].entry = code->start + search->module->bias;
	list->data[list->len - 1].is_inlined = code->is_inlined;
	return NULL;
}

static struct mt_error *add_all(struct search *search, struct mt_image *image,
                                struct mt_location_list *list)
{
	MT_TRY(search_module(search));
	if (!search->found.len)
		return NULL;
	keep_best(search);
	if (!search->found.data[0].is_external && !in_one_file(search))
		return ambiguous_error(search);
	for (size_t i = 0; i < search->found.len; i++)
		MT_TRY(add_location(search, image, &search->found.data[i], list));
	return NULL;
}

struct mt_error *mt_locate_function(struct mt_image *image, const struct mt_module *module,
                                    const char *scope, const char *name,
                                    struct mt_location_list *list)
{
	struct search search = { .module = module, .scope = scope, .name = name };
	struct mt_error *error = add_all(&search, image, list);

	mt_vec_deinit(&search.found);
	mt_vec_deinit(&search.inline_origins);
	return error;
}
