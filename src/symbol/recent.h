/* SPDX-License-Identifier: MIT */
/*
 * What the last scans for names have found in a section. A name is asked for several times in a
 * row: when a breakpoint is checked, when the program is there, and when its libraries are.
 */
#ifndef MT_SYMBOL_RECENT_H
#define MT_SYMBOL_RECENT_H

#include "symbol/scan.h"

enum { MT_RECENT_NAMES = 8 };

struct mt_recent {
	struct mt_recent_name {
		char *name; /* NULL: free */
		struct mt_offsets positions;
	} names[MT_RECENT_NAMES];
	unsigned next; /* the oldest */
};

/* Copies what was found; false: the name was not asked for lately, or there is no memory. */
bool mt_recent_get(const struct mt_recent *recent, const char *name, struct mt_offsets *positions);
/* Keeps a copy, if it is small; without memory nothing is kept. */
void mt_recent_put(struct mt_recent *recent, const char *name, const struct mt_offsets *positions);
void mt_recent_deinit(struct mt_recent *recent);

#endif
