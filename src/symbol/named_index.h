/* SPDX-License-Identifier: MIT */
/* Inside src/symbol only: what named.h promises, by an index. */
#ifndef MT_SYMBOL_NAMED_INDEX_H
#define MT_SYMBOL_NAMED_INDEX_H

#include "symbol/indexing.h"
#include "symbol/named.h"

/* Positions of DIEs, each before those within it: for each DIE that was looked for how many there
 * are, those around it from the outermost one in its unit, and its own. */
struct mt_indexed {
	uint32_t *data;
	size_t len;
	size_t cap;
};

/* Both append what may be meant, in the order of the scan. False: the index is damaged, or there is
 * no memory, and nothing of it is to be used. */
bool mt_indexed_names(const struct mt_indexing *indexing, const char *name,
                      struct mt_indexed *found);
bool mt_indexed_referrers(const struct mt_indexing *indexing, Dwarf_Die *targets, size_t count,
                          struct mt_indexed *found);

/* Reads the DIEs at `count` such positions, and their unit's. False where there are none. */
bool mt_indexed_path(const struct mt_indexing *indexing, const uint32_t *positions, size_t count,
                     struct mt_die_path *path);

#endif
