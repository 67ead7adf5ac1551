/* SPDX-License-Identifier: MIT */
/* Inside src/symbol only: the DIEs of variables, and where they stand. */
#ifndef MT_SYMBOL_LOCAL_DIE_H
#define MT_SYMBOL_LOCAL_DIE_H

#include "base/hash.h"
#include "symbol/local.h"
#include "symbol/module.h"

struct mt_local_die {
	struct mt_module_file *file;
	Dwarf_Die die;
	Dwarf_Die unit;    /* the file's own: of a DIE in a .dwo file, the skeleton */
	UT_hash_handle hh; /* in file->locals, by die.addr */
};

/* The one for `die`, of a unit that `unit` is the file's own DIE of. NULL without memory. */
const struct mt_local_die *mt_local_die_of(struct mt_module_file *file, const Dwarf_Die *unit,
                                           const Dwarf_Die *die);

/* Releases file->locals. */
void mt_local_dies_destroy(struct mt_local_die *locals);

/* The module of `file`: the one at `pc`, if it is of that file. NULL: none is mapped now. */
const struct mt_module *mt_local_module(struct mt_image *image, uint64_t pc,
                                        const struct mt_module_file *file);

/* What mt_local tells of a variable by its DIE alone. False: it has no name. */
bool mt_local_describe(const struct mt_local_die *die, struct mt_local *local);

/* The file's own unit for `cu`, to which an attribute of a DIE below `unit` has led. */
Dwarf_Die mt_local_unit(const Dwarf_Die *unit, Dwarf_CU *cu);

#endif
