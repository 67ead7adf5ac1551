/* SPDX-License-Identifier: MIT */
#include "self/registry.h"

#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "self/contract.h"
#include "self/holder.h"

static struct memtrap *first;

struct memtrap *mt_traps_first(void)
{
	return __atomic_load_n(&first, __ATOMIC_ACQUIRE);
}

enum mt_trap_state mt_trap_state(const struct memtrap *trap)
{
	return (enum mt_trap_state)__atomic_load_n(&trap->state, __ATOMIC_SEQ_CST);
}

bool mt_trap_turn(struct memtrap *trap, enum mt_trap_state from, enum mt_trap_state to)
{
	uint32_t expected = from;

	return __atomic_compare_exchange_n(&trap->state, &expected, to, false, __ATOMIC_SEQ_CST,
	                                   __ATOMIC_SEQ_CST);
}

static struct memtrap *add_slot(void)
{
	struct memtrap *trap = mt_alloc(sizeof(*trap));

	if (!trap)
		return NULL;
	trap->state = MT_TRAP_SETTING;
	trap->next = first;
	__atomic_store_n(&first, trap, __ATOMIC_RELEASE);
	return trap;
}

/* All but what the signal handler may be looking at this moment. */
static void wipe(struct memtrap *trap)
{
	memset(&trap->spec, 0, sizeof(trap->spec));
	memset(trap->name, 0, sizeof(trap->name));
	memset(trap->value, 0, sizeof(trap->value));
	trap->count = trap->late = trap->unread = 0;
	trap->piece_count = trap->shared = 0;
	trap->history = NULL;
	trap->contract = NULL;
}

struct memtrap *mt_trap_claim(void)
{
	for (struct memtrap *trap = first; trap; trap = trap->next) {
		if (!mt_trap_turn(trap, MT_TRAP_FREE, MT_TRAP_SETTING))
			continue;
		wipe(trap);
		return trap;
	}
	return add_slot();
}

void mt_trap_retire(struct memtrap *trap)
{
	mt_history_destroy(trap->history);
	mt_contract_destroy(trap->contract);
	__atomic_store_n(&trap->state, MT_TRAP_FREE, __ATOMIC_SEQ_CST);
}

static bool is_for(const struct memtrap *trap, pid_t tid)
{
	pid_t thread = __atomic_load_n(&trap->thread, __ATOMIC_RELAXED);

	return !tid || !thread || thread == tid;
}

/* The slot may have been given to another trap since it was looked at: what is held is asked again.
 */
static bool hold_for(struct memtrap *trap, pid_t tid)
{
	if (mt_trap_state(trap) != MT_TRAP_LIVE || !is_for(trap, tid) || !mt_trap_hold(trap))
		return false;
	if (is_for(trap, tid))
		return true;
	mt_trap_release(trap);
	return false;
}

struct memtrap *mt_trap_hold_next(struct memtrap *after, pid_t tid)
{
	struct memtrap *trap = after ? after->next : mt_traps_first();

	while (trap && !hold_for(trap, tid))
		trap = trap->next;
	return trap;
}

void mt_traps_each(bool (*each)(struct memtrap *trap, void *arg), void *arg)
{
	struct memtrap *trap = NULL;
	bool more = true;

	while (more && (trap = mt_trap_hold_next(trap, 0))) {
		more = each(trap, arg);
		mt_trap_release(trap);
	}
}
