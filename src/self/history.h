/* SPDX-License-Identifier: MIT */
/*
 * Inside src/self: the ring of a trap's last hits. Written by any number of threads without locks:
 * a writer claims the entry of its count, marks it as being written (count 0), fills it, and stores
 * the count last (release). A reader that finds another count after reading than before leaves the
 * entry out. A hit whose entry is claimed by a writer that is a whole round late is left out, so
 * that no entry ever mixes two.
 */
#ifndef MT_SELF_HISTORY_H
#define MT_SELF_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memtrap/memtrap.h"

struct mt_history; /* the head that begins with MEMTRAP_HISTORY_MAGIC, and the entries */

#define MT_HISTORY_VERSION 1

/* Memory of its own (mmap), so that a core file has it; NULL without memory. */
struct mt_history *mt_history_create(const char *name, const struct memtrap_spec *spec,
                                     unsigned entries);
/* Signal-safe. */
void mt_history_destroy(struct mt_history *history);

/* Signal-safe. `value_len` bytes of the hit's values are kept. */
void mt_history_add(struct mt_history *history, const struct memtrap_hit *hit, size_t value_len);

/* How many hits it keeps. Signal-safe. */
unsigned mt_history_room(const struct mt_history *history);

/* Hits so far. Signal-safe. */
uint64_t mt_history_hits(const struct mt_history *history);

/* The hit with that count; false: it is no longer there, or not yet. Signal-safe. */
bool mt_history_get(const struct mt_history *history, uint64_t count, struct memtrap_past_hit *hit);

/* As memtrap_history(). Signal-safe. */
size_t mt_history_read(const struct mt_history *history, struct memtrap_past_hit *hits, size_t max);

#endif
