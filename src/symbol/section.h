/* SPDX-License-Identifier: MIT */
/* The sections of a module's file that lie in memory, and where the program begins. */
#ifndef MT_SYMBOL_SECTION_H
#define MT_SYMBOL_SECTION_H

#include "symbol/image.h"

/* Addresses are the process's. */
struct mt_section {
	const char *name; /* owned by the image */
	uint64_t start, end;
};

/* Those that are allocated, in the file's order; false from `each` ends it. A file without section
 * headers has none. */
void mt_sections_each(const struct mt_module *module,
                      bool (*each)(const struct mt_section *section, void *arg), void *arg);

/* The section that holds the address, or NULL. */
const char *mt_section_at(const struct mt_module *module, uint64_t addr);

/* Where the kernel or the dynamic linker jumps to (e_entry); 0: nowhere. */
uint64_t mt_module_entry(const struct mt_module *module);

#endif
