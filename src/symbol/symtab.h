/* SPDX-License-Identifier: MIT */
/*
 * The ELF symbols of a module's file: .symtab (of the debug file, where the program is stripped),
 * else .dynsym with .gnu_debugdata. Sorted by address once, on first use.
 */
#ifndef MT_SYMBOL_SYMTAB_H
#define MT_SYMBOL_SYMTAB_H

#include "symbol/module.h"

struct mt_elf_symbol {
	uint64_t addr;
	uint64_t size;
	uint64_t reach; /* how far this one and those before it reach */
	const char *raw;
	char *demangled; /* by mt_elf_symbol_name() */
	uint8_t type;    /* STT_… */
	uint8_t binding; /* STB_… */
	bool is_code;
	bool tried_demangling;
};

struct mt_symtab_names;

struct mt_symtab {
	struct mt_elf_symbol *symbols; /* by address; of one address, the best name last */
	size_t count;
	bool is_full;                  /* from a .symtab */
	struct mt_symtab_names *names; /* see symtab_names.h; NULL: nobody has asked */
};

/* Built on first use; without symbols, or memory for them, an empty one. */
struct mt_symtab *mt_symtab_of(struct mt_module_file *file);
void mt_symtab_destroy(struct mt_symtab *symtab);

/* The symbol that covers file address `addr`, or NULL. Thread-local ones have no address. */
struct mt_elf_symbol *mt_symtab_at(struct mt_symtab *symtab, uint64_t addr);

/* Where the symbol ends: by its size, else where the next one starts. */
uint64_t mt_symtab_end(const struct mt_symtab *symtab, const struct mt_elf_symbol *symbol);

/* Demangled; lives as long as the file. */
const char *mt_elf_symbol_name(struct mt_elf_symbol *symbol);

/* Whether that is the symbol's name as C, C++ or the linker writes it, version aside. */
bool mt_elf_symbol_is(struct mt_elf_symbol *symbol, const char *name);

#endif
