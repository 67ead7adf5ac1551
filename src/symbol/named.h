/* SPDX-License-Identifier: MIT */
/*
 * DIEs by name, without a walk over the whole DWARF: the places where the name can be come from an
 * index (indexing.h), or are found by scanning (scan.h) as long as there is none, and only the DIEs
 * around those places are read.
 */
#ifndef MT_SYMBOL_NAMED_H
#define MT_SYMBOL_NAMED_H

#include "symbol/units.h"

enum { MT_DIE_DEPTH = 64 };

/* A DIE and what is around it: dies[0] is its unit, dies[depth - 1] the DIE itself. */
struct mt_die_path {
	Dwarf_Die dies[MT_DIE_DEPTH];
	size_t depth;
};

static inline Dwarf_Die *mt_die_path_last(struct mt_die_path *path)
{
	return &path->dies[path->depth - 1];
}

/* False ends the search. */
typedef bool (*mt_die_visit)(struct mt_die_path *path, void *arg);

/* Every DIE of a kind that people ask for (mt_tag_is_named(); of members those that can be static)
 * whose own DW_AT_name is `name`, in all units. False without memory. */
bool mt_named_each(struct mt_units *units, const char *name, mt_die_visit visit, void *arg);

/* Every DIE whose DW_AT_specification or DW_AT_abstract_origin is one of `targets`. False without
 * memory. */
bool mt_referrers_each(struct mt_units *units, Dwarf_Die *targets, size_t count, mt_die_visit visit,
                       void *arg);

/* Whether DIEs of other units are asked whether they refer to it. They do to what dwz and link-time
 * optimisation have moved out of them; a plain declaration is for its own unit. */
bool mt_die_is_shared(Dwarf_Die *target);

/* The DIE that a specification or an abstract origin leads to. */
bool mt_die_origin(Dwarf_Die *die, Dwarf_Die *origin);

#endif
