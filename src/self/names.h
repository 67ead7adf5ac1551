/* SPDX-License-Identifier: MIT */
/*
 * Inside src/self: names of functions, for reports. The dynamic linker knows those that a module
 * exports, and answers only under its lock; so the module's file is read, which has the others too.
 */
#ifndef MT_SELF_NAMES_H
#define MT_SELF_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The function that holds `pc`, as its module's symbol table names it (mangled where the language
 * mangles), cut to `size` bytes, and where it begins. False: it has none, or the file is not there
 * or no longer the one that was loaded. Signal-safe; it takes some microseconds to milliseconds.
 */
bool mt_function_name(uintptr_t pc, char *name, size_t size, uintptr_t *start);

/* The file name of the module that holds `pc`, without its folder; "" where it has none. False: it
 * is in no module. Signal-safe. */
bool mt_module_name(uintptr_t pc, char *name, size_t size);

#endif
