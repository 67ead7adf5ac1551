/* SPDX-License-Identifier: MIT */
/*
 * Inside src/symbol only: an index as it lies in a file, of the cache or of memory.
 *
 * A block of the head; blocks of the body: all parents by `die`, then for each table the entries'
 * places (by key and die) and the keys with the number of their first place, then the numbers of
 * the units that were not readable; a sum for each block of the body. All numbers are
 * little-endian. A file is read block by block when it is asked, each checked against its sum when
 * it is first read: a damaged one is told from a good one before anything is believed, and one that
 * is cut while it is read is an error and no SIGBUS, as in a mapping it would be.
 */
#ifndef MT_SYMBOL_INDEX_FILE_H
#define MT_SYMBOL_INDEX_FILE_H

#include "symbol/index_read.h"

#define MT_INDEX_MAGIC "memtrap\n"

enum {
	MT_INDEX_VERSION = 1, /* of the format, of the hash, and of what is in an index */
	MT_INDEX_BLOCK = 16384,
	MT_INDEX_ID_MAX = 64,
	MT_INDEX_WORDS = 8, /* bytes of a pair, of which all but the last part consists */
};

/* What an index is of. */
struct mt_index_subject {
	uint8_t build_id[MT_INDEX_ID_MAX];
	uint32_t build_id_len;
	uint32_t unit_count;
	uint64_t fingerprint; /* of the sizes of all sections that are read */
};

struct mt_index_head {
	char magic[8];
	uint32_t version;
	uint32_t head_sum; /* of the head, with 0 here */
	struct mt_index_subject subject;
	uint32_t parent_count, unread_count;
	uint32_t place_count[MT_INDEX_TABLES], key_count[MT_INDEX_TABLES];
	uint32_t sums_sum; /* of the sums of the blocks */
	uint32_t unused;
};

/* Where the parts begin, in bytes; `sums` is where the body ends, filled up to a block. */
struct mt_index_layout {
	uint64_t parents, places[MT_INDEX_TABLES], keys[MT_INDEX_TABLES], unread, sums, end;
	uint64_t block_count;
};

void mt_index_layout(const struct mt_index_head *head, struct mt_index_layout *layout);
uint32_t mt_index_sum(const void *bytes, size_t size, uint64_t seed);
uint32_t mt_index_head_sum(const struct mt_index_head *head);

struct mt_index_file;

struct mt_index_places {
	struct mt_index_place *data;
	size_t len;
	size_t cap;
};

/* Takes *fd over. NULL: it is none of this version about that subject, it is damaged, or there is
 * no memory. */
struct mt_index_file *mt_index_file_open(int *fd, const struct mt_index_subject *subject);

/* Appends the places with that key, by `die`. False: the file turns out damaged, or no memory. */
bool mt_index_file_find(struct mt_index_file *file, enum mt_index_table table, uint32_t key,
                        struct mt_index_places *places);

/* The DIE around a DIE that is another one's parent; 0 for the unit's. */
bool mt_index_file_parent(struct mt_index_file *file, uint32_t die, uint32_t *parent);

/* The numbers of the units that are not in the index, in rising order; owned by the file.
 * NULL has none. */
const uint32_t *mt_index_file_unread(const struct mt_index_file *file, size_t *count);

void mt_index_file_close(struct mt_index_file *file);

#endif
