/* SPDX-License-Identifier: MIT */
/*
 * Indexes of names. A file with much debug information is indexed aside, when a name in it is asked
 * for and as often as it is another program than before; the index is kept in the folder of caches
 * (index_cache.h). Answers are those of the scan (named.h), only sooner: tens of milliseconds
 * become tens of microseconds.
 */
#ifndef MT_SYMBOL_INDEX_H
#define MT_SYMBOL_INDEX_H

#include <stdbool.h>
#include <stdint.h>

struct mt_module;

struct mt_index_policy {
	bool make;      /* what has no index gets one; else those of the cache are used, at most */
	bool cache;     /* files are read and kept */
	uint64_t least; /* bytes of debug information that are worth it */
	unsigned threads; /* 0: as many as there are processors for us */
};

/* A scan of less takes half a millisecond. */
#define MT_INDEX_LEAST (2u << 20)

/* Whether the environment leaves the cache on: MEMTRAP_INDEX_CACHE is not "off". */
bool mt_index_cache_wanted(void);

/* For the whole program, from the next name on. At first nothing is made, and no file is read. */
void mt_index_set_policy(const struct mt_index_policy *policy);

enum mt_index_state {
	MT_INDEX_UNTRIED, /* nobody has asked for a name */
	MT_INDEX_NONE,    /* too small, or the policy says no, or it could not be made */
	MT_INDEX_MAKING,
	MT_INDEX_MADE,   /* by this program */
	MT_INDEX_UNKEPT, /* by this program; it could not be kept, as the policy says */
	MT_INDEX_CACHED, /* read from the folder of caches */
};

/* Of the module's file. */
enum mt_index_state mt_module_index_state(const struct mt_module *module);

/* Begins to make it, if it is worth it and the policy says so, without a name being asked for. */
void mt_module_index_begin(const struct mt_module *module);

/* How much of it is made, in percent; 100 when it is not being made. */
unsigned mt_module_index_percent(const struct mt_module *module);

#endif
