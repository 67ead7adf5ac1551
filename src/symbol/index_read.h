/* SPDX-License-Identifier: MIT */
/*
 * Inside src/symbol only: what an index is made of, and the reading of units for it. A *position*
 * is the offset of a DIE in all sections with units that one file has (and its .dwo files, and its
 * dwz alternate), laid end to end: 32 bits for everything. Functions here touch no libdw and no
 * state but their arguments': they run on several threads.
 */
#ifndef MT_SYMBOL_INDEX_READ_H
#define MT_SYMBOL_INDEX_READ_H

#include "symbol/index_abbrev.h"
#include "symbol/units.h"

/* A section with units, as mt_space, with what its DIEs refer to. The bytes are those of libelf (or
 * of a mapping of our own), and have to stay. */
struct mt_index_space {
	const struct mt_space *space;
	const struct mt_units *units; /* that it is one of */
	struct mt_bytes bytes, abbrev, str, line_str, alt_str, str_offsets;
	uint32_t base;     /* the position of its first byte */
	uint32_t alt_base; /* that of the dwz alternate's .debug_info, and its size; 0: none */
	uint32_t alt_size;
	bool is_split; /* of a .dwo file: indices of strings count from a place of their own */
	bool has_references; /* mt_referrers_each() looks here */
};

enum mt_index_table { MT_INDEX_NAMES, MT_INDEX_REFERENCES, MT_INDEX_TABLES };

/* A DIE with a name: `key` is the name's hash. Or one with a specification or an abstract origin:
 * `key` is the position of that. `parent` is the position of the DIE around it; 0: the unit's. */
struct mt_index_entry {
	uint32_t key, die, parent;
};

/* A DIE, and the one around it (0: its unit's). */
struct mt_index_place {
	uint32_t die, parent;
};

/* Takes what a unit has. False: no more memory, or nobody wants more. */
struct mt_index_sink {
	bool (*entry)(void *arg, enum mt_index_table table, const struct mt_index_entry *entry);
	bool (*parent)(void *arg, const struct mt_index_place *parent); /* of a DIE of the index */
	void *arg;
};

/* Kept from unit to unit by each thread; zeroed at first. */
struct mt_index_reader {
	struct mt_abbrevs abbrevs;
	const uint8_t *abbrevs_of; /* where they were read */
	unsigned version, address_size;
};

enum mt_index_outcome {
	MT_INDEX_READ,
	MT_INDEX_UNREADABLE, /* damaged, or of a kind that is not known: it has to be scanned */
	MT_INDEX_STOPPED,    /* by the sink */
};

/* The order by `die`, for qsort(3). */
int mt_index_compare_places(const void *left, const void *right);

uint32_t mt_index_hash(const char *name, size_t len);

enum mt_index_outcome mt_index_read_unit(struct mt_index_reader *reader,
                                         const struct mt_index_space *space,
                                         const struct mt_unit *unit,
                                         const struct mt_index_sink *sink);

void mt_index_reader_deinit(struct mt_index_reader *reader);

#endif
