/* SPDX-License-Identifier: MIT */
/*
 * Inside src/watch: the chain of values. Each hit's old value is the new one of the hit before: the
 * kernel exchanges them atomically. Two things disturb the chain on its way to us, and are mended
 * here:
 *
 * - Two processors may put their records into the ring in another order than they exchanged the
 * value. A record that does not follow is held until the one between has come.
 * - What a thread stored is told by its instruction; memory at the hit may already hold another
 * thread's value. Where the two differ, the next hit's old value is corrected too.
 */
#ifndef MT_WATCH_CHAIN_H
#define MT_WATCH_CHAIN_H

#include <stdbool.h>

#include "base/vec.h"
#include "watch/held.h"

/* The end of one process's chain. */
struct mt_chain_end {
	uint32_t pid;
	uint8_t kernel[MT_DR_MAX_RANGE]; /* the last new value as the kernel exchanged it */
	uint8_t shown[MT_DR_MAX_RANGE];  /* as it was shown */
};

/* Of one watch. Zeroed: no value is known yet. */
struct mt_chain {
	MT_VEC(struct mt_chain_end) ends;
	MT_VEC(struct mt_held) late; /* in the order of their coming */
};

void mt_chain_deinit(struct mt_chain *chain);

/*
 * Whether the record's old value is the end of its process's chain, or begins one, and no earlier
 * record of its thread is held.
 */
bool mt_chain_follows(struct mt_chain *chain, const struct mt_record *record);

/* Holds a record until the one that it follows has come. False: there is no room; show it now. */
bool mt_chain_hold(struct mt_chain *chain, const struct mt_record *record, unsigned pieces,
                   uint64_t round);

/* Takes out a held record that follows now, else the first one if it was held before `round`;
 * false: there is none. */
bool mt_chain_take(struct mt_chain *chain, uint64_t round, struct mt_held *held);

/*
 * Adds a record to the chain. `shown` is its new value as it will be shown; `old_value` gets the
 * old value to show with it. `len` bytes each.
 */
void mt_chain_link(struct mt_chain *chain, const struct mt_record *record, size_t len,
                   const uint8_t *shown, uint8_t *old_value);

#endif
