/* SPDX-License-Identifier: MIT */
/*
 * Rust's trait objects: what is behind a `dyn Trait` is told by its vtable, for which compilers
 * write a variable called "<Square as Shape>::{vtable}", whose type has the concrete one as its
 * DW_AT_containing_type. (The table's first word, a function that drops the value, would tell less:
 * optimizers make one of functions that do the same.)
 */
#ifndef MT_SYMBOL_VTABLE_H
#define MT_SYMBOL_VTABLE_H

#include "symbol/type.h"

/* The type whose vtable lies at `addr`; NULL: none is known to. */
const struct mt_type *mt_type_of_vtable(struct mt_image *image, uint64_t addr);

/* Inside src/symbol only: releases file->vtables. */
struct mt_vtables;
void mt_vtables_destroy(struct mt_vtables *vtables);

#endif
