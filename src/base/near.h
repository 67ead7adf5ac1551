/* SPDX-License-Identifier: MIT */
/*
 * "Did you mean …?": the names that a misspelt one is near to. A third of its letters may be wrong.
 */
#ifndef MT_BASE_NEAR_H
#define MT_BASE_NEAR_H

#include <stddef.h>

#include "base/buf.h"

enum { MT_NEAR_MAX = 3 };

struct mt_near_name {
	const char *text; /* the caller's, until mt_near_append() */
	size_t len;
	size_t distance;
};

struct mt_near {
	const char *wanted;
	struct mt_near_name names[MT_NEAR_MAX]; /* nearest first */
	size_t count;
};

/* Zeroed but for `wanted`, it is ready. */
void mt_near_offer(struct mt_near *near, const char *name);

/* A name that goes on behind its first `len` bytes ("work.cold"). */
void mt_near_offer_part(struct mt_near *near, const char *name, size_t len);

/* Appends "; did you mean a, b or c?", or nothing when none is near. */
void mt_near_append(const struct mt_near *near, struct mt_buf *out);

#endif
