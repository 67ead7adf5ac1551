/* SPDX-License-Identifier: MIT */
/* Inside src/symbol only: the ELF symbols of a file by name, without a look at each of them. */
#ifndef MT_SYMBOL_SYMTAB_NAMES_H
#define MT_SYMBOL_SYMTAB_NAMES_H

#include "symbol/symtab.h"

/* Indices of symbols, rising. */
struct mt_symbol_choice {
	uint32_t *data;
	size_t len;
	size_t cap;
};

/*
 * Appends all symbols that a name may mean: those that are it, up to a '.' or a '@' ("f.cold",
 * "f@@V1"), those that have it behind their first '.' ("function.name.3"), and those with a leading
 * '_' that have it in them anywhere ("_ZN2ns1fEv"). `name` has no qualifiers. False without memory.
 */
bool mt_symtab_named(struct mt_symtab *symtab, const char *name, struct mt_symbol_choice *choice);

void mt_symtab_names_destroy(struct mt_symtab_names *names);

#endif
