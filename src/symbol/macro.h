/* SPDX-License-Identifier: MIT */
/*
 * The preprocessor's macros, where the compiler has told of them (gcc and clang -g3, clang
 * -fdebug-macro): .debug_macro of DWARF 5 section 6.3 and of GNU's DWARF 4, and .debug_macinfo.
 */
#ifndef MT_SYMBOL_MACRO_H
#define MT_SYMBOL_MACRO_H

#include "symbol/image.h"

/* Releases file->macros. */
struct mt_unit_macros;
void mt_unit_macros_destroy(struct mt_unit_macros *macros);

/* Whether the source at `pc` has macros that are known. Costs little where it has none. */
bool mt_macros_at(struct mt_image *image, uint64_t pc);

/*
 * The macro of that name as it is defined at the line of `pc`, later definitions and those that
 * were undone left out: what stood behind #define ("LIMIT 40", "SUM(a,b) ((a) + (b))"), owned by
 * the image. `file` and `line`, unless NULL, get where that was; NULL and 0 for the compiler's own.
 * False: none is.
 */
bool mt_macro_find(struct mt_image *image, uint64_t pc, const char *name, size_t len,
                   const char **definition, const char **file, unsigned *line);

#endif
