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

#endif
