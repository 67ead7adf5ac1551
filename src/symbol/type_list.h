/* SPDX-License-Identifier: MIT */
/* All named types of a program, for a list of them. */
#ifndef MT_SYMBOL_TYPE_LIST_H
#define MT_SYMBOL_TYPE_LIST_H

#include "symbol/image.h"

/* Texts are owned by the image. */
struct mt_listed_type {
	const char *keyword; /* "struct", "union", "enum", "typedef"; "" for a base type */
	const char *scope;   /* "ns::Class::"; "" at the top */
	const char *name;
	const char *file; /* where it was declared, or NULL */
	unsigned line;    /* 0: not told */
};

/*
 * Every type that has a name at the top of a unit, in a namespace or in a class; one that several
 * units have comes several times. False from `each` ends it. Walks all of the DWARF that is at hand
 * (mt_module_lines_at_hand()): takes time with much of it.
 */
void mt_types_each(struct mt_image *image,
                   bool (*each)(const struct mt_listed_type *type, void *arg), void *arg);

#endif
