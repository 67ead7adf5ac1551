/* SPDX-License-Identifier: MIT */
/*
 * Inside src/watch: the chain of values. Each hit's old value is the new one of the hit before. The
 * kernel numbers the accesses to a watch (mt_record.turn) and exchanges the value at each; that is
 * enough for one thread at a time. Where several write at once, three things disturb the chain on
 * its way to us, and are mended here:
 *
 * - Two processors may put their records into the ring in another order than that of their turns. A
 *   record that comes too early is held until those between have come.
 * - The turn is taken and the value exchanged one after the other, so two processors may cross in
 *   between. The turn leads: where none is missing, the old value is what was shown before.
 * - What a thread stored is told by its instruction; memory at the hit may already hold another
 *   thread's value. Where the two differ, the next hit's old value is corrected too.
 */
#ifndef MT_WATCH_CHAIN_H
#define MT_WATCH_CHAIN_H

#include <stdbool.h>

#include "base/vec.h"
#include "watch/held.h"

/* The end of one process's chain. */
struct mt_chain_end {
	uint64_t memory;                 /* mt_record.memory */
	uint8_t kernel[MT_DR_MAX_RANGE]; /* the last new value as the kernel exchanged it */
	uint8_t shown[MT_DR_MAX_RANGE];  /* as it was shown */
};

/* Of one watch. Zeroed: no value is known yet. */
struct mt_chain {
	MT_VEC(struct mt_chain_end) ends;
	MT_VEC(struct mt_held) late; /* in the order of their coming */
	uint64_t last_turn;          /* the highest that was linked */
};

void mt_chain_deinit(struct mt_chain *chain);

/* Whether no turn is missing before the record, of which `pieces` were merged, the last one's turn
 * being the record's. */
bool mt_chain_follows(const struct mt_chain *chain, const struct mt_record *record,
                      unsigned pieces);

/* Holds a record until those before it have come. False: there is no room; show it now. */
bool mt_chain_hold(struct mt_chain *chain, const struct mt_record *record, unsigned pieces,
                   uint64_t round);

/* Takes out a held record that follows now, else the earliest if one was held before `round`;
 * false: there is none. */
bool mt_chain_take(struct mt_chain *chain, uint64_t round, struct mt_held *held);

/*
 * Adds a record to the chain. `shown` is its new value as it will be shown; `old_value` gets the
 * old value to show with it. `len` bytes each.
 */
void mt_chain_link(struct mt_chain *chain, const struct mt_record *record, unsigned pieces,
                   size_t len, const uint8_t *shown, uint8_t *old_value);

#endif
