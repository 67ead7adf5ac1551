/* SPDX-License-Identifier: MIT */
/* Where DWARF says that a variable lies, as far as that does not depend on a frame. */
#ifndef MT_SYMBOL_LOCATION_H
#define MT_SYMBOL_LOCATION_H

#include "symbol/candidate.h"

/* Whether a DW_AT_location is a list: the variable moves while its function runs, or is nowhere in
 * parts of it (DWARF 5 section 2.6.2). */
bool mt_location_moves(Dwarf_Attribute *attr);

/* The state of the variable by its own DW_AT_location; MT_VAR_DECLARED when it has none. Sets *addr
 * for MT_VAR_FIXED, and for MT_VAR_THREAD to the offset in the module's block, only. */
enum mt_var_state mt_location_of(struct mt_module_file *file, Dwarf_Die *die, uint64_t *addr);

#endif
