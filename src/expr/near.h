/* SPDX-License-Identifier: MIT */
/*
 * "Did you mean …?": the names that a misspelt one is near to.
 */
#ifndef MT_EXPR_NEAR_H
#define MT_EXPR_NEAR_H

#include <stddef.h>

#include "base/buf.h"

enum { MT_NEAR_MAX = 3 };

struct mt_near {
	const char *wanted;
	const char *names[MT_NEAR_MAX]; /* nearest first */
	size_t distances[MT_NEAR_MAX];
	size_t count;
};

/* Zeroed but for `wanted`, it is ready. `name` stays the caller's until mt_near_append(). */
void mt_near_offer(struct mt_near *near, const char *name);

/* Appends "; did you mean a, b or c?", or nothing when none is near. */
void mt_near_append(const struct mt_near *near, struct mt_buf *out);

#endif
