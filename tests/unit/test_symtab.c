/* SPDX-License-Identifier: MIT */
/* ELF symbols by name: each is among those that are chosen for what it may be called. */
#include "base/alloc.h"
#include "base/cleanup.h"
#include "index_program.h"
#include "symbol/scope.h"
#include "symbol/symtab_names.h"

static const char *const programs[] = {
	"symbol-data/gcc_dwarf5", "symbol-data/gcc_static",     "symbol-data/gcc_lto",
	"symbol-data/g++_dwarf5", "symbol-data/clang++_dwarf5", "symbol-data/gcc_stripped",
	"symbol-data/rust",       "locals-data/gcc_o3",         "/lib/x86_64-linux-gnu/libc.so.6",
};

/* By a look at every symbol. */
static bool may_be(const char *raw, const char *name)
{
	size_t len = strlen(name), whole = strlen(raw);
	const char *dot = strchr(raw, '.');

	if (*raw == '_' && strstr(raw, name))
		return true;
	if (whole >= len && !memcmp(raw, name, len) && (!raw[len] || strchr(".@", raw[len])))
		return true;
	return dot && !strncmp(dot + 1, name, len) && (!dot[1 + len] || strchr(".@", dot[1 + len]));
}

static void check_name(struct mt_symtab *symtab, const char *name, const char *program)
{
	struct mt_symbol_choice choice = { 0 };
	size_t next = 0;

	ck_assert(mt_symtab_named(symtab, name, &choice));
	for (uint32_t i = 0; i < symtab->count; i++) {
		bool is_chosen = next < choice.len && choice.data[next] == i;

		next += is_chosen;
		ck_assert_msg(is_chosen || !may_be(symtab->symbols[i].raw, name),
		              "%s: %s is not among those for %s", program, symtab->symbols[i].raw,
		              name);
	}
	ck_assert_uint_eq(next, choice.len);
	mt_vec_deinit(&choice);
}

static void check_symbol(struct mt_symtab *symtab, struct mt_elf_symbol *symbol,
                         const char *program)
{
	const char *dot = strchr(symbol->raw, '.');
	char *stem MT_AUTO_FREE = mt_strndup(symbol->raw, strcspn(symbol->raw, ".@"));

	check_name(symtab, symbol->raw, program);
	check_name(symtab, stem, program);
	check_name(symtab, mt_scope_last_part(mt_elf_symbol_name(symbol)), program);
	if (dot)
		check_name(symtab, dot + 1, program);
}

START_TEST(every_symbol_is_found_by_its_names)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		struct mt_image *image = open_program(programs[i]);
		struct mt_symtab *symtab = mt_symtab_of(mt_image_executable(image)->file);
		size_t step = symtab->count / 200 + 1;

		for (size_t j = 0; j < symtab->count; j += step)
			check_symbol(symtab, &symtab->symbols[j], programs[i]);
		check_name(symtab, "no_such_name", programs[i]);
		mt_image_destroy(image);
	}
}
END_TEST

MT_UNIT_MAIN("symtab", every_symbol_is_found_by_its_names)
