/* SPDX-License-Identifier: MIT */
#include "self/fork.h"

#include <errno.h>
#include <pthread.h>

#include "self/fail.h"
#include "self/holder.h"
#include "self/lock.h"
#include "self/pieces.h"
#include "self/registry.h"
#include "self/thread.h"

/* Of the thread that forks, in the parent. */
static pid_t parent_tid;

static void before(void)
{
	mt_lock();
	parent_tid = mt_thread_id();
}

/* A handler that has forked goes on in the child, and retires its trap when it is done. */
static void drop(struct memtrap *trap)
{
	mt_pieces_forget(trap);
	mt_trap_turn(trap, MT_TRAP_LIVE, MT_TRAP_ENDING);
	if (!trap->in_use && mt_trap_turn(trap, MT_TRAP_ENDING, MT_TRAP_SETTING))
		mt_trap_retire(trap);
}

static void follow(struct memtrap *trap)
{
	trap->in_use = mt_holders_of(trap);
	if (!mt_trap_survives_fork(trap, parent_tid))
		drop(trap);
	else if (trap->spec.thread)
		trap->thread = trap->spec.thread = mt_thread_id();
}

static void in_child(void)
{
	const struct mt_backend *backend = mt_backend_in_use();

	mt_lock_forked();
	mt_thread_forked();
	mt_holders_forked();
	if (backend) {
		mt_pieces_forked(parent_tid);
		backend->forked();
	}
	for (struct memtrap *trap = mt_traps_first(); trap; trap = trap->next)
		follow(trap);
	mt_unlock();
}

int mt_fork_prepare(void)
{
	static bool prepared;
	int err = prepared ? 0 : pthread_atfork(before, mt_unlock, in_child);

	if (err)
		return mt_fail_sys(err, "cannot notice fork()");
	prepared = true;
	return 0;
}
