/* SPDX-License-Identifier: MIT */
/* Inside src/symbol only: the index of a file's units, and what becomes of it. See index.h. */
#ifndef MT_SYMBOL_INDEXING_H
#define MT_SYMBOL_INDEXING_H

#include "symbol/index.h"
#include "symbol/index_make.h"
#include "symbol/units.h"

/* Of one mt_units that is not a part of another one. */
struct mt_indexing {
	enum mt_index_state state;
	struct mt_index_space *spaces; /* in the order in which a scan visits them */
	size_t space_count;
	struct mt_index_subject subject;
	struct mt_index_make *make;
	struct mt_index_file *file; /* when there is one */
	int folder;                 /* of the cache, or -1 */
	char *name;                 /* in it, of the file that is being made; or NULL */
	bool is_refused;            /* the file that was made last could not be written there */
};

/* The index, if it is there now; else NULL, and it may be being made. */
struct mt_indexing *mt_indexing_of(struct mt_units *units);

/* After it turned out to be damaged: it is not asked again. */
void mt_indexing_refuse(struct mt_indexing *indexing);

/* The space that has the position, or NULL. */
const struct mt_index_space *mt_indexing_space(const struct mt_indexing *indexing,
                                               uint32_t position);

/* Whether the unit at that place in the list of all spaces' units was left out. */
bool mt_indexing_is_unread(const struct mt_indexing *indexing, const struct mt_space *space,
                           const struct mt_unit *unit);

void mt_indexing_destroy(struct mt_indexing *indexing);

#endif
