/* SPDX-License-Identifier: MIT */
/* The back end "ptrace": visit.h says how it writes registers. */
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>

#include "self/backend.h"
#include "self/fail.h"
#include "self/interpose.h"
#include "self/lock.h"
#include "self/mask.h"
#include "self/thread.h"
#include "self/visit.h"

/* Pieces that some thread has kept as it could not be visited: a debugger was there. The oldest one
 * is forgotten where there are more, and its hits are nobody's. */
#define STALE 8

static struct mt_piece stale[STALE];
static unsigned stale_count, stale_next;

static void note_stale(const struct mt_piece *piece)
{
	stale[stale_next] = *piece;
	stale_next = (stale_next + 1) % STALE;
	if (stale_count < STALE)
		stale_count++;
}

static struct mt_visit visit_for(enum mt_visit_goal goal, const struct mt_piece *piece)
{
	struct mt_visit visit = {
		.goal = goal,
		.piece = piece,
		.thread = piece->thread,
		.stale = stale,
		.stale_count = stale_count,
	};

	mt_visit(&visit);
	if (!piece->thread && goal == MT_VISIT_ARM && !visit.error)
		stale_count = stale_next = 0;
	return visit;
}

static void tell_cover(const struct mt_piece *piece, const struct mt_visit *visit,
                       struct mt_piece_cover *cover)
{
	*cover = (struct mt_piece_cover){
		.armed = visit->armed,
		.threads = visit->threads,
		.why = visit->error,
	};
	if (cover->armed < cover->threads || visit->error)
		cover->gaps |= MEMTRAP_GAP_THREADS;
	if (!piece->thread && !mt_sees_new_threads())
		cover->gaps |= MEMTRAP_GAP_NEW_THREADS;
	if (visit->blocked)
		cover->gaps |= MEMTRAP_GAP_BLOCKED;
}

/* ---- Arming -------------------------------------------------------------- */

/* Of another process the helper would write the registers as well. */
static bool is_ours(pid_t tid)
{
	return mt_raw(SYS_tgkill, mt_raw(SYS_getpid, 0, 0, 0, 0, 0), tid, 0, 0, 0) == 0;
}

static void disarm(struct mt_piece *piece)
{
	if (visit_for(MT_VISIT_DISARM, piece).error)
		note_stale(piece);
}

static int arm(struct mt_piece *piece, struct mt_piece_cover *cover)
{
	struct mt_visit visit;
	int error;

	if (piece->thread && !is_ours(piece->thread))
		return mt_fail(ESRCH, "there is no thread %d in this process", (int)piece->thread);
	visit = visit_for(MT_VISIT_ARM, piece);
	error = visit.error ? mt_visit_fail(&visit) : 0;
	if (!visit.armed)
		return error ? error : mt_fail(ESRCH, "thread %d has ended", (int)piece->thread);
	tell_cover(piece, &visit, cover);
	return 0;
}

static void look(const struct mt_piece *piece, struct mt_piece_cover *cover)
{
	struct mt_visit visit = visit_for(MT_VISIT_LOOK, piece);

	tell_cover(piece, &visit, cover);
	cover->why = 0;
}

static int try_here(void)
{
	static uint64_t tried __attribute__((aligned(8)));
	struct mt_piece piece = {
		.range = { .addr = (uintptr_t)&tried, .len = 1 },
		.kind = MT_DR_WRITE,
		.thread = mt_thread_id(),
	};
	struct mt_visit visit = visit_for(MT_VISIT_ARM, &piece);

	if (!visit.armed)
		return mt_visit_fail(&visit);
	disarm(&piece);
	mt_mask_open_handlers();
	return 0;
}

/* ---- Hits ---------------------------------------------------------------- */

/* The kernel tells nobody but a tracer which register it was: that stays in its DR6. */
static bool owns(const siginfo_t *info, uint32_t *cookie, bool *late)
{
	if (info->si_signo != SIGTRAP || info->si_code != TRAP_HWBKPT)
		return false;
	*cookie = 0;
	*late = false;
	return true;
}

struct fired {
	const struct mt_visit *visit;
	uint32_t *cookies;
	size_t count, max;
};

static bool note_fired(struct mt_piece *piece, void *arg)
{
	struct fired *fired = arg;
	struct mt_registers one = fired->visit->registers;

	for (unsigned i = 0; i < MT_DR_COUNT; i++)
		if (!(fired->visit->fired >> i & 1))
			one.dr7 = mt_dr7_disable(one.dr7, i);
	if ((!piece->thread || piece->thread == fired->visit->thread) &&
	    mt_registers_hold(&one, piece))
		fired->cookies[fired->count++] = piece->cookie;
	return fired->count < fired->max;
}

static size_t fired_here(uint32_t *cookies, size_t max)
{
	struct mt_visit visit = { .goal = MT_VISIT_FIRED, .thread = mt_thread_id() };
	struct fired fired = { .visit = &visit, .cookies = cookies, .max = max };

	if (!max)
		return 0;
	mt_lock();
	mt_visit(&visit);
	mt_pieces_each(note_fired, &fired);
	mt_unlock();
	return fired.count;
}

/* ---- Births -------------------------------------------------------------- */

static bool note_any(struct mt_piece *piece, void *arg)
{
	*(bool *)arg |= !piece->thread;
	return true;
}

static void thread_born(void)
{
	struct mt_visit visit = { .goal = MT_VISIT_ARM, .thread = mt_thread_id() };
	bool any = false;

	mt_pieces_each(note_any, &any);
	if (!any)
		return;
	mt_lock();
	mt_visit(&visit);
	mt_unlock();
}

/* The child of a fork() has none of the breakpoints (visit.h, registers.c). */
static bool arm_again(struct mt_piece *piece, void *arg)
{
	struct mt_visit visit = {
		.goal = MT_VISIT_ARM,
		.piece = piece,
		.thread = mt_thread_id(),
	};

	if (piece->fork_too)
		mt_visit(&visit);
	return true;
}

static void forked(void)
{
	stale_count = stale_next = 0;
	mt_pieces_each(arm_again, NULL);
}

static bool blocked_is_fatal(void)
{
	return true;
}

const struct mt_backend mt_backend_ptrace = {
	.id = MEMTRAP_BACKEND_PTRACE,
	.name = "ptrace",
	.try = try_here,
	.arm = arm,
	.disarm = disarm,
	.cover = look,
	.owns = owns,
	.fired = fired_here,
	.thread_born = thread_born,
	.forked = forked,
	.blocked_is_fatal = blocked_is_fatal,
};
