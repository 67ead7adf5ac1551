/* SPDX-License-Identifier: MIT */
/*
 * Inside src/self: the program and its libraries as they are mapped, for a signal handler to look
 * at. The dynamic linker tells without a lock where libc is glibc 2.35 or later; elsewhere a table
 * does, which has what was loaded when it was last made.
 */
#ifndef MT_SELF_MODULES_H
#define MT_SELF_MODULES_H

#include <stdbool.h>
#include <stdint.h>

struct mt_own_module {
	uintptr_t start, end;   /* where it is mapped; there may be holes */
	uintptr_t base;         /* an address less this one is an address in the file */
	uintptr_t eh_frame_hdr; /* 0: it has none */
	const char *path;       /* "" for the program itself; the module's */
};

/* The module that `addr` lies in. Signal-safe. */
bool mt_own_module_at(uintptr_t addr, struct mt_own_module *module);

/* For that, the two ways. Signal-safe; false, too, where a way is not to be had. */
bool mt_own_module_by_linker(uintptr_t addr, struct mt_own_module *module);
bool mt_own_module_by_table(uintptr_t addr, struct mt_own_module *module);

/* Makes the table anew if modules came or went; without memory the old one stays. Not
 * signal-safe. */
void mt_own_modules_list(void);

#endif
