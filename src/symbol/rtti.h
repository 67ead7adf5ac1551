/* SPDX-License-Identifier: MIT */
/* What C++ programs know of their classes while they run: Itanium C++ ABI, sections 2.5 and 2.9. */
#ifndef MT_SYMBOL_RTTI_H
#define MT_SYMBOL_RTTI_H

#include "symbol/type.h"

/* Whether objects of the class lead to their vtable: it has virtual methods or virtual bases, or a
 * base that is so. The pointer is the first of the object then. */
bool mt_type_is_dynamic(const struct mt_type *type);

/* The class of whose objects `table` is the vtable, by its symbol; NULL: not known. */
const struct mt_type *mt_rtti_class(struct mt_image *image, uint64_t table);

/* Where the std::type_info of the type called `name` lies; false: the program has none. */
bool mt_rtti_info(struct mt_image *image, const char *name, uint64_t *addr);

#endif
