/* SPDX-License-Identifier: MIT */
#include "symbol/package_index.h"

#include <string.h>

enum { HEADER = 16, VERSION_GNU = 2, VERSION_DWARF = 5 };

static uint64_t read_number(const struct mt_package_index *index, size_t at, size_t size)
{
	uint64_t number = 0;

	memcpy(&number, (const uint8_t *)index->bytes.data + at, size);
	return number;
}

static uint32_t word_at(const struct mt_package_index *index, size_t at)
{
	return (uint32_t)read_number(index, at, 4);
}

/* What a column's number means: MT_PACKAGE_SECTIONS: nothing that is known. */
static enum mt_package_section section_of(const struct mt_package_index *index, uint32_t id)
{
	static const uint8_t gnu[] = {
		[1] = MT_PACKAGE_INFO,    [2] = MT_PACKAGE_TYPES, [3] = MT_PACKAGE_ABBREV,
		[4] = MT_PACKAGE_LINE,    [5] = MT_PACKAGE_LOC,   [6] = MT_PACKAGE_STR_OFFSETS,
		[7] = MT_PACKAGE_MACINFO, [8] = MT_PACKAGE_MACRO
	};
	static const uint8_t dwarf[] = {
		[1] = MT_PACKAGE_INFO,  [2] = MT_PACKAGE_SECTIONS, [3] = MT_PACKAGE_ABBREV,
		[4] = MT_PACKAGE_LINE,  [5] = MT_PACKAGE_LOCLISTS, [6] = MT_PACKAGE_STR_OFFSETS,
		[7] = MT_PACKAGE_MACRO, [8] = MT_PACKAGE_RNGLISTS
	};

	if (id == 0 || id >= sizeof(gnu))
		return MT_PACKAGE_SECTIONS;
	return index->version == VERSION_GNU ? gnu[id] : dwarf[id];
}

/* Where the tables lie, if the section has them whole. */
static bool lay_out(struct mt_package_index *index)
{
	uint64_t cells = (uint64_t)index->columns * index->units;
	uint64_t rows = HEADER + 8 * (uint64_t)index->slots;
	uint64_t ids = rows + 4 * (uint64_t)index->slots;
	uint64_t offsets = ids + 4 * (uint64_t)index->columns;
	uint64_t end;

	if (cells > index->bytes.size || __builtin_add_overflow(offsets, 8 * cells, &end) ||
	    end > index->bytes.size)
		return false;
	index->rows = (size_t)rows;
	index->ids = (size_t)ids;
	index->offsets = (size_t)offsets;
	index->sizes = (size_t)(offsets + 4 * cells);
	return true;
}

/* DWARF 5 has a version of two bytes and two that are none. */
bool mt_package_index_open(struct mt_bytes bytes, struct mt_package_index *index)
{
	*index = (struct mt_package_index){ .bytes = bytes };
	if (!bytes.size)
		return true;
	if (bytes.size < HEADER)
		return false;
	index->version = (uint32_t)read_number(index, 0, 2);
	index->columns = word_at(index, 4);
	index->units = word_at(index, 8);
	index->slots = word_at(index, 12);
	return (index->version == VERSION_GNU || index->version == VERSION_DWARF) &&
	       !(index->slots & (index->slots - 1)) && lay_out(index);
}

static void read_row(const struct mt_package_index *index, uint32_t number,
                     struct mt_package_row *row)
{
	for (uint32_t i = 0; i < index->columns; i++) {
		size_t cell = 4 * ((size_t)number * index->columns + i);
		enum mt_package_section section =
		    section_of(index, word_at(index, index->ids + 4 * (size_t)i));

		if (section != MT_PACKAGE_SECTIONS)
			row->parts[section] =
			    (struct mt_package_part){ word_at(index, index->offsets + cell),
				                      word_at(index, index->sizes + cell) };
	}
}

bool mt_package_index_slot(const struct mt_package_index *index, uint32_t slot,
                           struct mt_package_row *row)
{
	uint32_t number = slot < index->slots ? word_at(index, index->rows + 4 * (size_t)slot) : 0;

	if (!number || number > index->units)
		return false;
	*row = (struct mt_package_row){ .signature =
		                            read_number(index, HEADER + 8 * (size_t)slot, 8) };
	read_row(index, number - 1, row);
	return true;
}

bool mt_package_index_find(const struct mt_package_index *index, uint64_t signature,
                           struct mt_package_row *row)
{
	uint32_t mask = index->slots - 1;
	uint32_t slot = (uint32_t)signature & mask, step = (uint32_t)(signature >> 32 & mask) | 1;

	for (uint32_t i = 0; i < index->slots; i++, slot = (slot + step) & mask) {
		if (!mt_package_index_slot(index, slot, row))
			return false;
		if (row->signature == signature)
			return true;
	}
	return false;
}
