/* SPDX-License-Identifier: MIT */
/* Inside src/self: the value of what is trapped, before and after. Signal-safe. */
#ifndef MT_SELF_CELL_H
#define MT_SELF_CELL_H

#include <stdbool.h>
#include <stdint.h>

#include "self/event.h"
#include "self/registry.h"

struct mt_cell_value {
	bool known;  /* else it could not be read, and the words below are nothing */
	bool stored; /* `is` is what the instruction stored, by its registers */
	uint64_t was[MT_DR_MAX_RANGE / 8] __attribute__((aligned(8)));
	uint64_t is[MT_DR_MAX_RANGE / 8] __attribute__((aligned(8)));
};

/* Of a trap that is being set: what memory has is the last value known. False: it can't be read. */
bool mt_cell_begin(struct memtrap *trap);

/* Takes what was written meanwhile, when the trap went live, for the last value known. */
void mt_cell_settle(struct memtrap *trap);

/* Whether memory has another value than the last one known. */
bool mt_cell_differs(const struct memtrap *trap);

/* The value after an access, which becomes the last one known, and the one before. */
void mt_cell_exchange(struct memtrap *trap, const struct mt_event *event,
                      const struct mt_touch *touch, struct mt_cell_value *value);

#endif
