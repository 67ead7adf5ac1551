/* SPDX-License-Identifier: MIT */
/*
 * Finding short byte strings in hundreds of megabytes. This is what makes a name's lookup fast
 * without an index: DWARF refers to a name by its bytes, or by a small number that stands for it,
 * and both can be searched for as they are. A find is a hint: the caller decodes what is there.
 */
#ifndef MT_SYMBOL_SCAN_H
#define MT_SYMBOL_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

struct mt_bytes {
	const uint8_t *data;
	size_t size;
};

struct mt_offsets {
	uint64_t *data;
	size_t len;
	size_t cap;
};

/* Appends where in hay[from, to) the needle starts, in rising order; false without memory. Ranges
 * outside of `hay` and empty needles find nothing. */
bool mt_scan_bytes(struct mt_bytes hay, size_t from, size_t to, struct mt_bytes needle,
                   struct mt_offsets *found);

/* The same for any of the 32-bit little-endian `values`, which are sorted, and for the needle
 * `also`, which may be empty: in one pass, since memory is what takes the time. The finds are not
 * sorted. */
bool mt_scan_words(struct mt_bytes hay, const uint64_t *values, size_t count, struct mt_bytes also,
                   struct mt_offsets *found);

/* The same for a number in any of the forms that DWARF has for references and indices: 1 to 4 bytes
 * little-endian, or ULEB128. */
bool mt_scan_number(struct mt_bytes hay, size_t from, size_t to, uint32_t value,
                    struct mt_offsets *found);

/* Sorts, and drops what is there twice. */
void mt_offsets_sort(struct mt_offsets *offsets);

#endif
