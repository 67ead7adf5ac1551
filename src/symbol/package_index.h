/* SPDX-License-Identifier: MIT */
/*
 * Inside src/symbol only: the indices of a .dwp package, .debug_cu_index and .debug_tu_index: which
 * parts of its sections are a unit's. DWARF 5 section 7.3.5, and GNU's form of it in DWARF 4
 * (https://gcc.gnu.org/wiki/DebugFissionDWP, version 2).
 */
#ifndef MT_SYMBOL_PACKAGE_INDEX_H
#define MT_SYMBOL_PACKAGE_INDEX_H

#include "symbol/scan.h"

enum mt_package_section {
	MT_PACKAGE_INFO,
	MT_PACKAGE_TYPES,
	MT_PACKAGE_ABBREV,
	MT_PACKAGE_LINE,
	MT_PACKAGE_LOC,
	MT_PACKAGE_STR_OFFSETS,
	MT_PACKAGE_MACINFO,
	MT_PACKAGE_MACRO,
	MT_PACKAGE_LOCLISTS,
	MT_PACKAGE_RNGLISTS,
	MT_PACKAGE_SECTIONS,
};
/* ".debug_info.dwo" and so on; package.c. */
extern const char *const mt_package_section_names[MT_PACKAGE_SECTIONS];

/* A unit: of each section its part, which is empty where it has none. What they say of the sections
 * is not checked. */
struct mt_package_row {
	uint64_t signature;
	struct mt_package_part {
		uint32_t offset, size;
	} parts[MT_PACKAGE_SECTIONS];
};

struct mt_package_index {
	struct mt_bytes bytes; /* the caller's */
	uint32_t version, columns, units, slots;
	size_t rows, ids, offsets,
	    sizes; /* where these tables start; the slots behind the header */
};

/* False: it is damaged, or of another version. An empty section is an empty index. */
bool mt_package_index_open(struct mt_bytes bytes, struct mt_package_index *index);

/* The unit in that slot; false: there is none. */
bool mt_package_index_slot(const struct mt_package_index *index, uint32_t slot,
                           struct mt_package_row *row);

bool mt_package_index_find(const struct mt_package_index *index, uint64_t signature,
                           struct mt_package_row *row);

#endif
