/* SPDX-License-Identifier: MIT */
#include "self/hit.h"

#include <string.h>
#include <time.h>

#include "self/cell.h"
#include "self/context.h"
#include "self/event.h"
#include "self/holder.h"
#include "self/thread.h"

_Static_assert((int)MEMTRAP_DID_READ == (int)MT_INSN_READ &&
                   (int)MEMTRAP_DID_WRITE == (int)MT_INSN_WRITE,
               "what the decoder says is what a hit says");

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* What every hit has. */
static void begin(struct memtrap *trap, const struct mt_event *event, struct memtrap_hit *hit)
{
	hit->trap = trap;
	hit->tid = event->tid;
	hit->pc = (uintptr_t)event->regs.r[MT_REG_RIP];
	hit->context = event->arrival->context;
	hit->time_ns = now_ns();
	hit->count = __atomic_add_fetch(&trap->count, 1, __ATOMIC_SEQ_CST);
}

/* The trap is the holder's from here on, who may not come back. */
static void call_handler(struct memtrap *trap, struct memtrap_hit *hit)
{
	if (!trap->spec.handler) {
		mt_trap_release(trap);
		return;
	}
	mt_holder_begin(trap);
	trap->spec.handler(hit, trap->spec.arg);
	mt_holder_end();
}

static void deliver_bare(struct memtrap *trap, const struct mt_event *event)
{
	struct memtrap_hit hit = { 0 };

	begin(trap, event, &hit);
	call_handler(trap, &hit);
}

static void deliver_exec(struct memtrap *trap, const struct mt_event *event)
{
	struct memtrap_hit hit = { 0 };

	begin(trap, event, &hit);
	hit.addr = (uintptr_t)trap->spec.addr;
	hit.len = trap->spec.len;
	if (event->arrival->late) {
		hit.flags = MEMTRAP_HIT_LATE;
		__atomic_add_fetch(&trap->late, 1, __ATOMIC_RELAXED);
	} else {
		hit.access = MEMTRAP_DID_EXEC;
		hit.culprit = hit.pc;
	}
	mt_history_add(trap->history, &hit, 0);
	call_handler(trap, &hit);
}

/* x86 has no register for reads alone, nor for changes. What is not known counts by its value. */
static bool is_wanted(const struct memtrap *trap, unsigned access,
                      const struct mt_cell_value *value)
{
	bool changed = value->known && memcmp(value->was, value->is, sizeof(value->is)) != 0;

	switch (trap->spec.kind) {
	case MEMTRAP_READ:
		return access ? access == MT_INSN_READ : !changed;
	case MEMTRAP_CHANGE:
		return changed || !value->known;
	default:
		return true;
	}
}

static void deliver_data(struct memtrap *trap, const struct mt_event *event,
                         const struct mt_touch *touch)
{
	struct memtrap_hit hit = { 0 };
	struct mt_cell_value value;

	mt_cell_exchange(trap, event, touch, &value);
	if (!is_wanted(trap, touch->access, &value)) {
		mt_trap_release(trap);
		return;
	}
	begin(trap, event, &hit);
	hit.addr = touch->addr;
	hit.len = touch->len;
	hit.access = touch->access;
	hit.culprit = event->known ? (uintptr_t)event->insn.addr : 0;
	hit.old_value = value.known ? value.was : NULL;
	hit.new_value = value.known ? value.is : NULL;
	if (value.stored)
		hit.flags |= MEMTRAP_HIT_NEW_IS_STORED;
	if (event->arrival->late) {
		hit.flags |= MEMTRAP_HIT_LATE;
		__atomic_add_fetch(&trap->late, 1, __ATOMIC_RELAXED);
	}
	if (!value.known || !event->known)
		__atomic_add_fetch(&trap->unread, 1, __ATOMIC_RELAXED);
	mt_history_add(trap->history, &hit, trap->spec.len);
	call_handler(trap, &hit);
}

static void deliver(struct memtrap *trap, const struct mt_event *event)
{
	struct mt_touch touch;

	if (!mt_event_concerns(event, trap, &touch))
		mt_trap_release(trap);
	else if (trap->spec.flags & MEMTRAP_BARE)
		deliver_bare(trap, event);
	else if (event->exec)
		deliver_exec(trap, event);
	else
		deliver_data(trap, event, &touch);
}

bool mt_hit_deliver(const struct mt_arrival *arrival)
{
	struct memtrap *trap = NULL;
	struct mt_event event;

	if (!mt_event_of(arrival, &event))
		return false;
	while ((trap = mt_trap_hold_next(trap, event.tid)))
		deliver(trap, &event);
	/* A handler has sent the thread elsewhere, where an execute trap may be. */
	if (mt_context_pc(arrival->context) != event.regs.r[MT_REG_RIP])
		mt_context_set_resumes(arrival->context, false);
	return true;
}

static void absorb(struct memtrap *trap, const struct mt_event *event)
{
	struct mt_touch touch;
	struct mt_cell_value value;

	if (!event->exec && !(trap->spec.flags & MEMTRAP_BARE) &&
	    mt_event_concerns(event, trap, &touch))
		mt_cell_exchange(trap, event, &touch, &value);
}

bool mt_hit_absorb(const struct mt_arrival *arrival)
{
	struct memtrap *trap = NULL;
	struct mt_event event;

	if (!mt_event_of(arrival, &event))
		return false;
	while ((trap = mt_trap_hold_next(trap, event.tid))) {
		absorb(trap, &event);
		mt_trap_release(trap);
	}
	return true;
}
