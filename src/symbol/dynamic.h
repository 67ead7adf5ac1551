/* SPDX-License-Identifier: MIT */
/*
 * What a module exports to and imports from others: the questions about the dynamic linker that one
 * asks by exact name, as the linker itself would.
 */
#ifndef MT_SYMBOL_DYNAMIC_H
#define MT_SYMBOL_DYNAMIC_H

#include "symbol/image.h"

/* The address of the module's ELF symbol of that raw name. False: it has none. */
bool mt_module_symbol(const struct mt_module *module, const char *name, uint64_t *addr);

/* Whether the module's dynamic symbols have that name undefined: it gets it from another module. */
bool mt_module_imports(const struct mt_module *module, const char *name);

/* The dynamic linker that the program names (PT_INTERP), as a path; NULL: it is linked statically.
 * Owned by the module. */
const char *mt_module_interpreter(const struct mt_module *module);

/* The file's GNU build-id: how many bytes it has, 0 for none. Owned by the module. */
size_t mt_module_build_id(const struct mt_module *module, const uint8_t **id);

#endif
