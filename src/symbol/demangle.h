/* SPDX-License-Identifier: MIT */
/* Names as a linker knows them, turned into names as a person wrote them. */
#ifndef MT_SYMBOL_DEMANGLE_H
#define MT_SYMBOL_DEMANGLE_H

#include <stdbool.h>

/*
 * The C++ (Itanium ABI) or Rust (legacy and v0) name behind `raw`, without a parameter list and
 * without a symbol version ("foo@@V1" is foo); owned by the caller. NULL when `raw` is already what
 * a person wrote, or without memory.
 */
char *mt_demangle(const char *raw);

/* Whether `raw` is worth a call of mt_demangle(). */
bool mt_is_mangled(const char *raw);

#endif
