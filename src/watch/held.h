/* SPDX-License-Identifier: MIT */
/* Inside src/watch: a record that is kept after the ring has moved on. */
#ifndef MT_WATCH_HELD_H
#define MT_WATCH_HELD_H

#include "probe/record.h"

struct mt_held {
	struct mt_record *record; /* a copy, on the heap */
	unsigned pieces;          /* hardware hits merged into it */
	uint64_t when;            /* it was held, or last added to: a time, or a round of reading */
};

/* Bytes of a record with its tail. */
size_t mt_record_size(const struct mt_record *record);

/* A copy for free(); NULL without memory. */
struct mt_record *mt_record_copy(const struct mt_record *record);

#endif
