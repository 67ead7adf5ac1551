/* SPDX-License-Identifier: MIT */
/*
 * Inside src/symbol only: the entries that the threads of index_make.c gather, in parts of a table
 * that are sorted and written one by one, so that no more than one part is there twice.
 */
#ifndef MT_SYMBOL_INDEX_ENTRIES_H
#define MT_SYMBOL_INDEX_ENTRIES_H

#include "symbol/index_read.h"

enum { MT_INDEX_PARTS = 256 };

struct mt_index_chunk; /* of the entries of a part */

/* Each thread has one of these for each table. Zeroed, it is empty. */
struct mt_index_heap {
	struct mt_index_chunk *parts[MT_INDEX_PARTS];
};

/* The entries of a part from all threads. */
struct mt_index_part {
	struct mt_index_entry *entries; /* by key and die, none twice */
	uint32_t count, key_count;
};

/* Adds to the part that is the key's `key >> shift`, which is below MT_INDEX_PARTS. */
bool mt_index_heap_add(struct mt_index_heap *heap, unsigned shift,
                       const struct mt_index_entry *entry);
void mt_index_heap_deinit(struct mt_index_heap *heap);

/* Takes the entries of one part out of `count` heaps, `stride` bytes apart; false without memory.
 */
bool mt_index_part_take(struct mt_index_part *part, struct mt_index_heap *first, size_t stride,
                        size_t count, size_t number);

#endif
