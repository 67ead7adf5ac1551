/* SPDX-License-Identifier: MIT */
/* Steps from DIE to DIE that end also on damaged DWARF, and attributes read without ceremony. */
#ifndef MT_SYMBOL_DIE_H
#define MT_SYMBOL_DIE_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first child. */
bool mt_die_child(Dwarf_Die *parent, Dwarf_Die *child);

/* The one after `die` beside it; always further on in the section, as libdw does not promise when
 * DW_AT_sibling is damaged. `next` may be `die` itself. */
bool mt_die_sibling(Dwarf_Die *die, Dwarf_Die *next);

/* The DIE that a reference leads to; a type's signature to one of the same file, or package. */
bool mt_attr_target(Dwarf_Attribute *attr, Dwarf_Die *target);

/* The DIE that a reference attribute of `die` itself leads to. */
bool mt_die_target(Dwarf_Die *die, unsigned attribute, Dwarf_Die *target);

/* An integer attribute, of `die` or what it is an instance of; signed or unsigned as its form says.
 */
bool mt_die_integer(Dwarf_Die *die, unsigned attribute, int64_t *value);

/* Whether a flag attribute is there and set. */
bool mt_die_flag(Dwarf_Die *die, unsigned attribute);

/* Whether `die`, or what it is an instance of, has a name that the linker knows in other units. */
bool mt_die_is_external(Dwarf_Die *die);

/* The source file that `die`, or what it is an instance of, was declared in; NULL: not told. Owned
 * by libdw. (dwarf_decl_file() of 0.188 takes DWARF 5's file 0 for none, and clang counts from it.)
 */
const char *mt_die_decl_file(Dwarf_Die *die);

/* The source file of that number in the unit's line table; NULL: it has none. Owned by libdw. */
const char *mt_unit_file(Dwarf_Die *cu, size_t index);

/* struct, class, union, namespace …: what can stand before `::`. */
bool mt_tag_is_scope(int tag);

/* What people ask for by name: variables, parameters, members, functions, types, enumerators. */
bool mt_tag_is_named(int tag);

/* struct, class, interface. */
bool mt_tag_is_struct(int tag);

#endif
