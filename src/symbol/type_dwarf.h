/* SPDX-License-Identifier: MIT */
/* Types out of DWARF. */
#ifndef MT_SYMBOL_TYPE_DWARF_H
#define MT_SYMBOL_TYPE_DWARF_H

#include "base/hash.h"
#include "base/vec.h"
#include "symbol/module.h"
#include "symbol/type_class.h"

/* A type and the DIE that it comes from. */
struct mt_lazy_type {
	struct mt_type type;
	struct mt_module_file *file;
	Dwarf_Die die;
	Dwarf_Die subrange; /* of an array, when has_subrange: the DIE that has the bounds */
	bool has_subrange;
	const struct mt_member *own_members; /* those of `type`, when they are not another type's */
	const struct mt_enumerator *own_enumerators;
	const struct mt_type **own_params;
	struct mt_lazy_type *behind;     /* of a typedef or a qualified type: what it stands for */
	struct mt_lazy_type *next_inner; /* what has no DIE of its own: an array's inner dimensions,
	                                    a function's const `this` */
	bool filled;                     /* false: it is being read, which damaged types may see */
	bool tried;                      /* mt_type_complete() was here */
	struct mt_class *of_class;       /* mt_type_class(), made on demand */
	struct mt_variants *variants;    /* mt_type_variants(), made on demand */
	UT_hash_handle hh;               /* in file->types, by die.addr */
};

/* Deeper chains of pointers, arrays and typedefs are damage. */
enum { MT_TYPE_CHAIN_MAX = 128 };

/* The type that `die`, a type's or a function's DIE, describes; not complete yet. NULL without
 * memory. */
const struct mt_type *mt_type_of_die(struct mt_module_file *file, Dwarf_Die *die);

/* The type that DW_AT_type of `die`, or of what it is an instance of, leads to; void without one.
 */
const struct mt_type *mt_type_of_attr(struct mt_module_file *file, Dwarf_Die *die);

/* The same for those who are `depth` types deep already. */
const struct mt_type *mt_type_of_attr_at(struct mt_module_file *file, Dwarf_Die *die, int depth);

/* The language of the DIE's unit. Partial units don't tell theirs, which is the file's. */
enum mt_language mt_die_language(struct mt_module_file *file, const Dwarf_Die *die);

/* What the linker calls what `die`, or what it is an instance of, describes; NULL: not told. */
const char *mt_die_linkage_name(Dwarf_Die *die);

/* What is behind typedefs and qualifiers; NULL: it is not by DWARF. */
struct mt_lazy_type *mt_type_origin(const struct mt_type *type);

/* A type that is not filled in yet. NULL without memory. */
struct mt_lazy_type *mt_lazy_type_new(struct mt_module_file *file, const Dwarf_Die *die);

/*
 * A bound of an array that is_variable: DW_AT_lower_bound, DW_AT_upper_bound, DW_AT_count,
 * DW_AT_byte_stride or DW_AT_bit_stride, as an expression, a location list or a reference to the
 * variable that holds it. False: that one is a constant, or is not there.
 */
bool mt_type_bound(const struct mt_type *array, unsigned attribute, Dwarf_Attribute *bound);

/* Fills in an array, its inner dimensions too. */
void mt_type_fill_array(struct mt_lazy_type *lazy, int depth);

/* Fills in the members or enumerators from `die`. */
void mt_type_read_members(struct mt_lazy_type *lazy, Dwarf_Die *die);
void mt_type_read_enumerators(struct mt_lazy_type *lazy, Dwarf_Die *die);

/* One member, or base class, from its DIE. False: it has no fixed place in the struct. */
bool mt_type_read_member(struct mt_module_file *file, Dwarf_Die *die, struct mt_member *member);

/* Whether the DIE of a member is that of a static one. */
bool mt_die_is_static_member(Dwarf_Die *die);

/* The DIE that defines the struct, union or enumeration, which may be another one than where it is
 * declared. False: nothing in the file does. */
bool mt_type_definition_die(const struct mt_lazy_type *lazy, Dwarf_Die *die);

/* Releases file->types. */
void mt_types_destroy(struct mt_lazy_type *types);

/* Releases what mt_type_class() and mt_type_variants() made. */
void mt_type_class_free(struct mt_class *of_class);
void mt_type_variants_free(struct mt_variants *variants);

#endif
