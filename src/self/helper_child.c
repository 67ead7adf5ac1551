/* SPDX-License-Identifier: MIT */
/*
 * What runs in the helper process. Raw system calls only (raw.h): errno and all else that is
 * thread-local belongs to the thread that waits for us.
 */
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "self/mask.h"
#include "self/raw.h"
#include "self/tasks.h"
#include "self/visit.h"

/* libc keeps signal 32 for itself and lets no program block it: whoever has it blocked is inside
 * libc for a moment, and will go back to another mask. */
#define LIBC_SIGNAL 32

static void note_error(struct mt_visit *visit, pid_t tid, int error)
{
	visit->error = error;
	visit->error_thread = tid;
}

/* ---- The registers of a stopped thread ----------------------------------- */

/* Walks the pieces in use for what concerns one thread. */
struct walk {
	pid_t tid;
	struct mt_registers *registers;
	const struct mt_piece *same_as;
	bool found;
};

static bool add_if_for_all(struct mt_piece *piece, void *arg)
{
	struct walk *walk = arg;

	if (!piece->thread)
		mt_registers_add(walk->registers, piece);
	return true;
}

static bool find_same(struct mt_piece *piece, void *arg)
{
	struct walk *walk = arg;

	walk->found = (!piece->thread || piece->thread == walk->tid) &&
	              piece->kind == walk->same_as->kind &&
	              piece->range.addr == walk->same_as->range.addr &&
	              piece->range.len == walk->same_as->range.len;
	return !walk->found;
}

static void remove_unless_in_use(struct walk *walk, const struct mt_piece *piece)
{
	walk->same_as = piece;
	walk->found = false;
	mt_pieces_each(find_same, walk);
	if (!walk->found)
		mt_registers_remove(walk->registers, piece);
}

/* Makes `registers` what the thread should have: 0, or -ENOSPC where the piece has no room. */
static int plan(const struct mt_visit *visit, pid_t tid, struct mt_registers *registers)
{
	struct walk walk = { .tid = tid, .registers = registers };

	for (unsigned i = 0; i < visit->stale_count; i++)
		remove_unless_in_use(&walk, &visit->stale[i]);
	if (visit->goal == MT_VISIT_DISARM) {
		remove_unless_in_use(&walk, visit->piece);
		return 0;
	}
	if (visit->piece)
		return mt_registers_add(registers, visit->piece) ? 0 : -ENOSPC;
	mt_pieces_each(add_if_for_all, &walk);
	return 0;
}

static int change(const struct mt_visit *visit, pid_t tid, struct mt_registers *registers)
{
	struct mt_registers wanted = *registers;
	int no_room = plan(visit, tid, &wanted);
	int error = mt_registers_write(tid, registers, &wanted);

	if (!error)
		*registers = wanted;
	return error ? error : no_room;
}

/* ---- The mask of a stopped thread ---------------------------------------- */

static bool trap_blocked(pid_t tid, mt_sigset *mask)
{
	return mt_raw(SYS_ptrace, PTRACE_GETSIGMASK, tid, sizeof(*mask), MT_ARG(mask), 0) == 0 &&
	       (*mask & MT_SIGBIT(SIGTRAP));
}

/*
 * In a call like sigsuspend(2) this is the mask that was there before, and its own comes back when
 * the call is begun again (kernel/ptrace.c, PTRACE_SETSIGMASK).
 */
static void open_trap(pid_t tid)
{
	mt_sigset mask;

	if (!trap_blocked(tid, &mask))
		return;
	if ((mask & MT_SIGBIT(LIBC_SIGNAL)) == 0)
		mt_mask_opened(tid);
	mask &= ~MT_SIGBIT(SIGTRAP);
	mt_raw(SYS_ptrace, PTRACE_SETSIGMASK, tid, sizeof(mask), MT_ARG(&mask), 0);
}

static bool blocked_by_program(pid_t tid)
{
	mt_sigset mask;

	return trap_blocked(tid, &mask) && (mask & MT_SIGBIT(LIBC_SIGNAL)) == 0;
}

/* ---- One stopped thread -------------------------------------------------- */

static int serve_goal(struct mt_visit *visit, pid_t tid, struct mt_registers *registers)
{
	switch (visit->goal) {
	case MT_VISIT_ARM:
		/* The caller's mask is put right at the end of its call (mask.h). */
		if (tid != visit->caller)
			open_trap(tid);
		return change(visit, tid, registers);
	case MT_VISIT_DISARM:
		return change(visit, tid, registers);
	case MT_VISIT_LOOK:
		visit->blocked += tid != visit->caller && blocked_by_program(tid);
		return 0;
	default:
		visit->registers = *registers;
		visit->fired = mt_registers_fired(tid);
		return 0;
	}
}

static void serve_thread(struct mt_visit *visit, pid_t tid)
{
	struct mt_registers registers;
	int error = mt_registers_read(tid, &registers);

	visit->threads++;
	if (!error) {
		error = serve_goal(visit, tid, &registers);
		visit->armed += visit->piece && mt_registers_hold(&registers, visit->piece);
	}
	if (error)
		note_error(visit, tid, error);
}

/*
 * A stop is the one that was asked for, or one that came before it: the delivery of a signal, which
 * the detaching carries out; the process is stopped (SIGSTOP), and stays it; the thread ends.
 */
static void serve_stop(struct mt_visit *visit, pid_t tid, int status)
{
	int event = status >> 16;

	if (event != PTRACE_EVENT_EXIT)
		serve_thread(visit, tid);
	mt_raw(SYS_ptrace, PTRACE_DETACH, tid, 0, event ? 0 : WSTOPSIG(status), 0);
}

/* ---- Stops --------------------------------------------------------------- */

/* When no thread has stopped for so long, it is time to ask why. */
#define PATIENCE_NS 200000000

/* SIGCHLD as if nobody had touched it: the program may ignore it, or want none of stops. All
 * signals are blocked here: it only ends rt_sigtimedwait(2). */
static void expect_stops(void)
{
	static const struct {
		unsigned long handler, flags, restorer;
		mt_sigset mask;
	} fallback;

	mt_raw(SYS_rt_sigaction, SIGCHLD, MT_ARG(&fallback), 0, sizeof(fallback.mask), 0);
}

/* The next thread that has stopped or ended; 0: none has, for a while; negative: none is left. */
static long next_stop(int *status)
{
	static const struct timespec patience = { .tv_nsec = PATIENCE_NS };
	static const mt_sigset stops = MT_SIGBIT(SIGCHLD);
	long tid, signal;

	do {
		tid = mt_raw(SYS_wait4, -1, MT_ARG(status), __WALL | WNOHANG, 0, 0);
		if (tid)
			return tid;
		signal = mt_raw(SYS_rt_sigtimedwait, MT_ARG(&stops), 0, MT_ARG(&patience),
		                sizeof(stops), 0);
	} while (signal > 0 || signal == -EINTR);
	if (signal == -EAGAIN)
		return 0;
	/* A seccomp filter does not know this call: then without patience. */
	return mt_raw(SYS_wait4, -1, MT_ARG(status), __WALL, 0, 0);
}

static bool is_awaited(pid_t tid)
{
	return mt_raw(SYS_ptrace, PTRACE_INTERRUPT, tid, 0, 0, 0) == 0;
}

/* Whether all that are awaited sit in the kernel, or have ended without a stop. One that only waits
 * for a processor will come. */
static bool all_are_stuck(const pid_t *tids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_awaited(tids[i]) && !mt_task_is_dead(tids[i]) &&
		    mt_task_state(tids[i]) != 'D')
			return false;
	return true;
}

/* ---- Threads ------------------------------------------------------------- */

/* PTRACE_O_TRACEEXIT: a main thread that ends before the others would show in no wait. */
static int seize(pid_t tid)
{
	int error = (int)mt_raw(SYS_ptrace, PTRACE_SEIZE, tid, 0, PTRACE_O_TRACEEXIT, 0);

	if (!error)
		mt_raw(SYS_ptrace, PTRACE_INTERRUPT, tid, 0, 0, 0);
	return error;
}

static void note_missed(struct mt_visit *visit, pid_t tid, int error)
{
	if (mt_task_is_dead(tid))
		return;
	visit->threads++;
	note_error(visit, tid, error);
}

static size_t seize_threads(struct mt_visit *visit, const pid_t *tids, size_t count)
{
	size_t seized = 0;

	for (size_t i = 0; i < count; i++) {
		int error = seize(tids[i]);

		if (error)
			note_missed(visit, tids[i], error);
		else
			seized++;
	}
	return seized;
}

/* Our end lets them go. */
static void give_up(struct mt_visit *visit, const pid_t *tids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_awaited(tids[i]))
			note_missed(visit, tids[i], -ETIMEDOUT);
}

/* Each seized thread makes one stop, or ends without one. False: some did neither. */
static bool serve_threads(struct mt_visit *visit, const pid_t *tids, size_t count)
{
	size_t awaited = seize_threads(visit, tids, count);

	while (awaited) {
		int status;
		long tid = next_stop(&status);

		if (tid < 0 || (tid == 0 && all_are_stuck(tids, count))) {
			give_up(visit, tids, count);
			return false;
		}
		if (tid > 0 && WIFSTOPPED(status))
			serve_stop(visit, (pid_t)tid, status);
		awaited -= tid > 0;
	}
	return true;
}

/* Threads are born and die meanwhile: again, until a list that is whole shows nobody new. */
static void serve_all(struct mt_visit *visit)
{
	struct mt_tasks tasks;
	int error = mt_tasks_begin(&tasks, visit->task_fd);
	bool whole = false, served = true;

	for (int round = 0; !error && served && round < 100; round++) {
		size_t known = tasks.count;

		error = mt_tasks_list(&tasks, &whole);
		if (!error && whole && tasks.count == known)
			return;
		if (!error)
			served = serve_threads(visit, tasks.tids + known, tasks.count - known);
	}
	if (error)
		note_error(visit, 0, error);
}

int mt_visit_serve(void *arg)
{
	struct mt_visit *visit = arg;

	while (__atomic_load_n(&visit->gate, __ATOMIC_ACQUIRE))
		mt_raw(SYS_futex, MT_ARG(&visit->gate), FUTEX_WAIT, 1, 0, 0);
	expect_stops();
	if (visit->thread)
		serve_threads(visit, &visit->thread, 1);
	else
		serve_all(visit);
	return 0;
}
