/* SPDX-License-Identifier: MIT */
/* Inside src/self: what is known of one trapped instruction, and which traps it concerns.
 * Signal-safe. */
#ifndef MT_SELF_EVENT_H
#define MT_SELF_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "insn/insn.h"
#include "self/culprit.h"
#include "self/hit.h"
#include "self/registry.h"
#include "x86/debugreg.h"

struct mt_event {
	const struct mt_arrival *arrival;
	struct mt_regs regs;
	pid_t tid;
	bool exec; /* of an execute trap at pc; all below is of data */
	/* Only what certainly touched a trap concerns it: the signal is a stray one, or is for a
	 * piece that is in use no more. */
	bool strict;
	/* The cookies of pieces that are known to have fired. Others may have, too: a second signal
	 * is dropped while the first one is pending (kernel/signal.c, legacy_queue()). */
	uint32_t fired[MT_DR_COUNT];
	size_t fired_count;
	bool known; /* the instruction that did it is: */
	struct mt_insn insn;
};

/* False: nothing of ours is concerned; only of stray arrivals. */
bool mt_event_of(const struct mt_arrival *arrival, struct mt_event *event);

/* Whether a trap of the thread, which the caller holds, is concerned; then `touch` says what of it
 * was touched: nothing (access 0), on the whole range, where that is not known. */
bool mt_event_concerns(const struct mt_event *event, const struct memtrap *trap,
                       struct mt_touch *touch);

#endif
