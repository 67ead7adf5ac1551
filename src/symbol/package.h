/* SPDX-License-Identifier: MIT */
/*
 * Inside src/symbol only: .dwp packages, in which dwp and llvm-dwp put the .dwo files of a program.
 *
 * libdw 0.188 knows nothing of them. What is a unit's is shown to it as a .dwo file of its own: a
 * private mapping of the package with other section headers. A .dwo file lacks what its skeleton
 * has, and libdw links the two only where it has found the file itself; so addresses and ranges are
 * put into that file as well, as libdw finds them there.
 */
#ifndef MT_SYMBOL_PACKAGE_H
#define MT_SYMBOL_PACKAGE_H

#include "symbol/units.h"

struct mt_package;

/* The package beside the file, "PROGRAM.dwp"; NULL: there is none, or it can't be read, which is
 * noted with the file. */
struct mt_package *mt_package_open(struct mt_module_file *file);
void mt_package_destroy(struct mt_package *package); /* NULL is allowed */

/* The unit whose skeleton `cu` is: the first DIE of it. False: the package has it not. */
bool mt_package_unit(struct mt_package *package, Dwarf_Die *cu, Dwarf_Die *whole);

/* Has each of its type units made; false from `each` ends it. */
void mt_package_types(struct mt_package *package, bool (*each)(Dwarf *dwarf, void *arg), void *arg);

/* The skeleton of a unit of any package, which has its line table. */
bool mt_package_skeleton(Dwarf_CU *cu, Dwarf_Die *skeleton);

/* The type that an attribute of form DW_FORM_ref_sig8 leads to, of a unit of any package. */
bool mt_package_type(Dwarf_Attribute *attr, Dwarf_Die *type);

#endif
