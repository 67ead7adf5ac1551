/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/vec.h"
#include "symbol/candidate.h"
#include "symbol/symtab_names.h"

static bool is_data(const struct mt_elf_symbol *symbol)
{
	return !symbol->is_code;
}

/* GCC names a function's static "name.1234", clang "function.name", with a number where there are
 * several. `function_len` is that of the function's name, 0 with GCC. */
static bool is_local_static(const char *raw, const char *name, size_t *function_len)
{
	size_t len = strlen(name);
	const char *at = raw;

	if (strncmp(raw, name, len) != 0 || raw[len] != '.') {
		at = strchr(raw, '.');
		if (!at || at == raw || strncmp(++at, name, len) != 0)
			return false;
	}
	*function_len = at == raw ? 0 : (size_t)(at - raw) - 1;
	at += len;
	return !*at || (*at == '.' && at[1] && at[1 + strspn(at + 1, "0123456789")] == '\0');
}

/* The end of a demangled name: "ns::Class::total" ends in total. */
static bool ends_in(const char *qualified, const char *name)
{
	size_t whole = strlen(qualified), len = strlen(name);

	return whole > len + 2 && !strcmp(qualified + whole - len, name) &&
	       !memcmp(qualified + whole - len - 2, "::", 2);
}

static bool names(struct mt_elf_symbol *symbol, const char *name)
{
	size_t function_len;

	if (mt_elf_symbol_is(symbol, name) || is_local_static(symbol->raw, name, &function_len))
		return true;
	return symbol->raw[0] == '_' && strstr(symbol->raw, name) &&
	       ends_in(mt_elf_symbol_name(symbol), name);
}

static struct mt_candidate *same_place(const struct mt_module *module, uint64_t addr,
                                       struct mt_candidates *candidates)
{
	for (size_t i = 0; i < candidates->len; i++) {
		struct mt_candidate *candidate = &candidates->data[i];

		if (candidate->module == module && candidate->state == MT_VAR_FIXED &&
		    candidate->addr == addr)
			return candidate;
	}
	return NULL;
}

static struct mt_candidate *declaration(const struct mt_module *module, const char *qualified,
                                        struct mt_candidates *candidates)
{
	for (size_t i = 0; i < candidates->len; i++) {
		struct mt_candidate *candidate = &candidates->data[i];

		if (candidate->module == module && candidate->state == MT_VAR_DECLARED &&
		    candidate->is_external && !strcmp(candidate->qualified, qualified))
			return candidate;
	}
	return NULL;
}

/* The function of a local static; NULL for other symbols. */
static const char *function_of(const struct mt_module *module, const struct mt_elf_symbol *symbol,
                               const char *name)
{
	size_t len;

	if (!is_local_static(symbol->raw, name, &len))
		return NULL;
	if (!len)
		return MT_UNNAMED_FUNCTION;

	char *function MT_AUTO_FREE = mt_strndup(symbol->raw, len);

	return function ? mt_module_file_intern(module->file, function) : NULL;
}

/* A label in assembly has no size: up to the next symbol, and no more than a word. */
static uint64_t symbol_size(const struct mt_symtab *symtab, const struct mt_elf_symbol *symbol)
{
	uint64_t room = mt_symtab_end(symtab, symbol) - symbol->addr;

	return symbol->size ? symbol->size : room < 8 ? room : 8;
}

static bool add_symbol(const struct mt_module *module, const char *name,
                       struct mt_elf_symbol *symbol, struct mt_candidates *candidates)
{
	const char *function = function_of(module, symbol, name);
	struct mt_candidate candidate = {
		.state = symbol->type == STT_TLS ? MT_VAR_THREAD : MT_VAR_FIXED,
		.is_external = symbol->binding != STB_LOCAL,
		.name = mt_module_file_intern(module->file, name),
		.qualified = function ? mt_module_file_intern(module->file, name)
		                      : mt_elf_symbol_name(symbol),
		.function = function,
		.addr = symbol->addr,
		.size = symbol_size(mt_symtab_of(module->file), symbol),
		.module = module,
	};
	struct mt_candidate *declared = candidate.is_external && candidate.qualified
	                                    ? declaration(module, candidate.qualified, candidates)
	                                    : NULL;

	if (!candidate.name || !candidate.qualified)
		return false;
	if (declared) {
		declared->state = candidate.state;
		declared->addr = candidate.addr;
		declared->size = candidate.size;
		return true;
	}
	return mt_vec_push(candidates, candidate);
}

/* DWARF has already told the thread-local ones that it knows; their symbols have no address. */
static bool is_told(const struct mt_module *module, const struct mt_elf_symbol *symbol,
                    const char *name, struct mt_candidates *candidates)
{
	if (symbol->type != STT_TLS) {
		struct mt_candidate *told = same_place(module, symbol->addr, candidates);

		/* clang 14 leaves inlined functions without name in DWARF. */
		if (told && told->function && !strcmp(told->function, MT_UNNAMED_FUNCTION)) {
			const char *function = function_of(module, symbol, name);

			told->function = function ? function : told->function;
		}
		return told != NULL;
	}
	for (size_t i = 0; i < candidates->len; i++)
		if (candidates->data[i].module == module &&
		    candidates->data[i].state == MT_VAR_THREAD)
			return true;
	return false;
}

struct mt_error *mt_candidates_from_elf(const struct mt_module *module, const char *name,
                                        struct mt_candidates *candidates)
{
	struct mt_symtab *symtab = mt_symtab_of(module->file);

	struct mt_symbol_choice choice = { 0 };
	bool ok = mt_symtab_named(symtab, name, &choice);

	for (size_t i = 0; ok && i < choice.len; i++) {
		struct mt_elf_symbol *symbol = &symtab->symbols[choice.data[i]];

		ok = !is_data(symbol) || !names(symbol, name) ||
		     is_told(module, symbol, name, candidates) ||
		     add_symbol(module, name, symbol, candidates);
	}
	mt_vec_deinit(&choice);
	return ok ? NULL : mt_error_nomem();
}

bool mt_elf_mentions(const struct mt_module *module, const char *name)
{
	struct mt_symtab *symtab = mt_symtab_of(module->file);

	for (size_t i = 0; i < symtab->count; i++)
		if (is_data(&symtab->symbols[i]) && strstr(symtab->symbols[i].raw, name))
			return true;
	return false;
}
