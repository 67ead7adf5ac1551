/* SPDX-License-Identifier: MIT */
/* Functions in DWARF: which one holds an address, and what is inlined there. */
#ifndef MT_SYMBOL_FUNCTION_H
#define MT_SYMBOL_FUNCTION_H

#include "symbol/module.h"

/* The DW_TAG_subprogram that holds file address `addr`, and its unit. */
bool mt_function_die_at(struct mt_module_file *file, uint64_t addr, Dwarf_Die *cu,
                        Dwarf_Die *function);

/* The function that the one at `addr` is nested in, as GNU C allows; false: it is in none. */
bool mt_function_outer(struct mt_module_file *file, uint64_t addr, Dwarf_Die *outer);

/* Releases file->functions. */
void mt_functions_destroy(struct mt_functions *functions);

/* The blocks in `function` that hold `addr`, outermost first: lexical, of try and catch, and
 * inlined functions. Returns how many. */
enum { MT_SCOPES_MAX = 64 };
size_t mt_function_scopes(Dwarf_Die *function, uint64_t addr, Dwarf_Die scopes[MT_SCOPES_MAX]);

/* The DW_TAG_inlined_subroutine DIEs in `function` that hold `addr`, outermost first. Returns how
 * many of at most `max`. */
size_t mt_function_inlines(Dwarf_Die *function, uint64_t addr, Dwarf_Die *inlines, size_t max);

/* Narrows [*start, *end), which holds `addr`, to where the same functions are inlined. */
void mt_function_inline_span(Dwarf_Die *function, uint64_t addr, uint64_t *start, uint64_t *end);

/* The lowest file address of the DIE's code; 0: it has none. */
uint64_t mt_die_lowest(Dwarf_Die *die);

/* The function's name as C++ has it, also for a concrete or inlined instance; NULL: none. Owned by
 * the file. */
const char *mt_function_name(struct mt_module_file *file, Dwarf_Die *function);

#endif
