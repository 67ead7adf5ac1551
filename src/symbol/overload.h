/* SPDX-License-Identifier: MIT */
/* All functions of one name: C++ has several, which differ in what they take. */
#ifndef MT_SYMBOL_OVERLOAD_H
#define MT_SYMBOL_OVERLOAD_H

#include "symbol/type.h"

struct mt_overload {
	uint64_t entry;
	const struct mt_type *type; /* by DWARF; NULL: not known */
	const char *name, *raw;     /* as people and as linkers write it; owned by the image */
	bool is_template;           /* an instance of one */
};

/*
 * Every function of that name in the modules' symbols: "f", "ns::f", "ns::operator==",
 * "biggest<int>". Without template arguments those that a template has made are meant too; scopes
 * are written in full, but for unnamed namespaces. False from `visit` ends it.
 */
void mt_overloads_each(struct mt_image *image, const char *name,
                       bool (*visit)(const struct mt_overload *overload, void *arg), void *arg);

/* Where the function starts whose symbol is called so ("_ZN3geo5pointpLERKS0_"). False: there is no
 * such code: it is only inlined, or nobody uses it. */
bool mt_overload_entry(struct mt_image *image, const char *linkage_name, uint64_t *entry);

#endif
