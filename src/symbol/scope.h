/* SPDX-License-Identifier: MIT */
/* Which namespaces and classes a DIE stands in. */
#ifndef MT_SYMBOL_SCOPE_H
#define MT_SYMBOL_SCOPE_H

#include "symbol/module.h"

/* What stands for an unnamed namespace, as demanglers have it. */
#define MT_SCOPE_UNNAMED "(anonymous namespace)"

/* The name of a DIE as a part of qualified names; NULL: it is no part of them. */
const char *mt_scope_part(Dwarf_Die *die);

/* "ns::Class::" for a DIE that stands in those, "" at the top; NULL without memory. Owned by the
 * file. */
const char *mt_scope_prefix(struct mt_module_file *file, Dwarf_Die *die);

/* The part of a qualified name behind its last "::", template arguments aside. */
const char *mt_scope_last_part(const char *name);

/*
 * Whether `name` names `qualified`: the last parts are the same, and the parts before come in the
 * same order, where some may be left out ("Class::total" and "ns::total" name ns::Class::total).
 * `exact`: none is left out but for unnamed namespaces.
 */
bool mt_scope_matches(const char *qualified, const char *name, bool *exact);

/* Whether a source file's path is `end`, or ends in it at a '/': "dir/cache.c" names
 * /home/me/dir/cache.c. `path` may be NULL. */
bool mt_is_path_end(const char *path, const char *end);

/* Releases file->scopes. */
void mt_scopes_destroy(struct mt_scopes *scopes);

#endif
