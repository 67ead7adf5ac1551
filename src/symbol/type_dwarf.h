/* SPDX-License-Identifier: MIT */
/* Types out of DWARF. */
#ifndef MT_SYMBOL_TYPE_DWARF_H
#define MT_SYMBOL_TYPE_DWARF_H

#include "base/hash.h"
#include "base/vec.h"
#include "symbol/module.h"
#include "symbol/type.h"

/* A type and the DIE that it comes from. */
struct mt_lazy_type {
	struct mt_type type;
	struct mt_module_file *file;
	Dwarf_Die die;
	struct mt_member *own_members; /* those of `type`, when they are not another type's */
	struct mt_enumerator *own_enumerators;
	struct mt_lazy_type *behind;     /* of a typedef: what it stands for */
	struct mt_lazy_type *next_inner; /* of an array: those of its inner dimensions */
	bool tried;                      /* mt_type_complete() was here */
	UT_hash_handle hh;               /* in file->types, by die.addr */
};

/* The type that `die`, a type's DIE, describes; not complete yet. NULL without memory. */
const struct mt_type *mt_type_of_die(struct mt_module_file *file, Dwarf_Die *die);

/* The type that DW_AT_type of `die`, or of what it is an instance of, leads to; void without one.
 */
const struct mt_type *mt_type_of_attr(struct mt_module_file *file, Dwarf_Die *die);

/* Fills in the members or enumerators from `die`. */
void mt_type_read_members(struct mt_lazy_type *lazy, Dwarf_Die *die);
void mt_type_read_enumerators(struct mt_lazy_type *lazy, Dwarf_Die *die);

/* Releases file->types. */
void mt_types_destroy(struct mt_lazy_type *types);

#endif
