/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "self/arrival.h"
#include "self/cell.h"
#include "self/choose.h"
#include "self/fail.h"
#include "self/fork.h"
#include "self/frames.h"
#include "self/holder.h"
#include "self/lock.h"
#include "self/pieces.h"
#include "self/registry.h"
#include "self/say.h"
#include "self/spec.h"
#include "self/thread.h"

/* ---- Setting ------------------------------------------------------------- */

static void fill(struct memtrap *trap, const struct memtrap_spec *spec)
{
	trap->spec = *spec;
	if (spec->name)
		snprintf(trap->name, sizeof(trap->name), "%s", spec->name);
	else
		snprintf(trap->name, sizeof(trap->name), "%p", (const void *)(uintptr_t)spec->addr);
	trap->spec.name = spec->name ? trap->name : NULL;
	__atomic_store_n(&trap->thread, spec->thread, __ATOMIC_RELAXED);
}

static int make_history(struct memtrap *trap)
{
	if (trap->spec.flags & MEMTRAP_BARE)
		return 0;
	trap->history = mt_history_create(trap->name, &trap->spec, trap->spec.history);
	return trap->history
	           ? 0
	           : mt_fail(ENOMEM, "no memory for a history of %u hits", trap->spec.history);
}

static int check_cover(const struct memtrap *trap, const struct mt_piece_cover *cover)
{
	if (trap->spec.flags & MEMTRAP_PARTIAL)
		return 0;
	if (cover->why < 0)
		return cover->why;
	if (cover->armed < cover->threads)
		return mt_fail(ENOSPC,
		               "only %u of %u threads could be armed; MEMTRAP_PARTIAL allows it",
		               cover->armed, cover->threads);
	if (cover->gaps & MEMTRAP_GAP_NEW_THREADS)
		return mt_fail(
		    EOPNOTSUPP,
		    "threads that are born from now on would not be trapped by ptrace in a "
		    "program without libmemtrap.so; MEMTRAP_PARTIAL allows it");
	return 0;
}

static int arm(const struct mt_backend *backend, struct memtrap *trap)
{
	struct mt_piece_cover cover;
	int err = mt_pieces_take(backend, trap, &cover);

	if (err < 0)
		return err;
	err = check_cover(trap, &cover);
	if (err < 0)
		mt_pieces_give(backend, trap);
	return err;
}

/* What is written until it is live is no hit. */
static void go_live(struct memtrap *trap)
{
	bool has_value = trap->spec.kind != MEMTRAP_EXEC;

	if (has_value)
		mt_cell_begin(trap);
	__atomic_store_n(&trap->state, MT_TRAP_LIVE, __ATOMIC_SEQ_CST);
	if (has_value)
		mt_cell_settle(trap);
}

static int set_in_slot(const struct mt_backend *backend, struct memtrap *trap,
                       const struct memtrap_spec *spec)
{
	int err;

	fill(trap, spec);
	err = make_history(trap);
	return err < 0 ? err : arm(backend, trap);
}

static int set(struct memtrap **out, const struct memtrap_spec *spec, struct mt_contract *contract)
{
	const struct mt_backend *backend = NULL;
	struct memtrap *trap;
	int err = mt_backend_choose(&backend);

	if (!err)
		err = mt_arrival_install();
	if (!err)
		err = mt_fork_prepare();
	if (err < 0)
		return err;
	mt_frames_refresh();
	mt_say_learn_zone();
	trap = mt_trap_claim();
	if (!trap)
		return mt_fail(ENOMEM, "out of memory");
	err = set_in_slot(backend, trap, spec);
	if (err < 0) {
		mt_trap_retire(trap);
		return err;
	}
	trap->contract = contract;
	*out = trap;
	go_live(trap);
	return 0;
}

int mt_trap_set(struct memtrap **trap, const struct memtrap_spec *spec,
                struct mt_contract *contract)
{
	struct memtrap_spec checked;
	int err = mt_spec_check(spec, &checked);

	if (err < 0)
		return err;
	mt_lock();
	err = set(trap, &checked, contract);
	mt_unlock();
	return err;
}

int memtrap_set(struct memtrap **trap, const struct memtrap_spec *spec)
{
	return mt_trap_set(trap, spec, NULL);
}

/* ---- Removing ------------------------------------------------------------ */

/* False: somebody else has removed it. */
static bool end(struct memtrap *trap)
{
	bool live;

	mt_lock();
	live = mt_trap_turn(trap, MT_TRAP_LIVE, MT_TRAP_ENDING);
	if (live)
		mt_pieces_give(mt_backend_in_use(), trap);
	mt_unlock();
	return live;
}

void memtrap_remove(struct memtrap *trap)
{
	bool inside = mt_thread_is_in_handler();
	int saved = errno;

	if (!trap || !mt_trap_hold(trap))
		return;
	if (end(trap) && !inside)
		mt_holders_wait(trap);
	mt_trap_release(trap);
	errno = saved;
}

/* ---- Asking -------------------------------------------------------------- */

uint64_t memtrap_count(const struct memtrap *trap)
{
	return __atomic_load_n(&trap->count, __ATOMIC_SEQ_CST);
}

const char *memtrap_name(const struct memtrap *trap)
{
	return trap->name;
}
