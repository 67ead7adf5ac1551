/* SPDX-License-Identifier: MIT */
/*
 * The summary: hits by place. A place is a function and a line, or an instruction where there is no
 * line.
 */
#ifndef MT_RECORD_PLACE_H
#define MT_RECORD_PLACE_H

#include "record/hit.h"

struct mt_place_row {
	const struct mt_hit_watch *watch;
	const struct mt_culprit_code *code; /* of the first hit */
	char *name; /* "account_add  account.c:57", or "read(2) in load  …" for the kernel */
	bool kernel;
	uint64_t syscall;
	enum mt_machine syscall_machine; /* whose number that is */
	uint64_t hits;
	uint64_t first_ns, last_ns;
	bool has_range;    /* of integers and pointers, as new values */
	uint64_t min, max; /* signed or unsigned, as the watch's type is */
};

struct mt_places;

struct mt_error *mt_places_create(struct mt_places **places);
void mt_places_destroy(struct mt_places *places);

/* False without memory: the summary misses a hit then, and mt_places_complete() says so. */
void mt_places_add(struct mt_places *places, const struct mt_hit *hit);

/* A place that the kernel has counted: `hits` at once. min and max as the type has them. */
struct mt_place_count {
	uint64_t hits, first_ns, last_ns, min, max;
};
void mt_places_add_count(struct mt_places *places, const struct mt_hit *sample,
                         const struct mt_place_count *count);

bool mt_places_complete(const struct mt_places *places);

/* Sorts by hits, most first, and returns how many rows there are. Rows belong to `places`. */
size_t mt_places_sorted(struct mt_places *places, const struct mt_place_row *const **rows);

/* A watched integer as a number of 64 bits; false for what is not one. */
bool mt_value_as_number(const struct mt_type *type, const uint8_t *bytes, size_t len,
                        uint64_t *number);

#endif
