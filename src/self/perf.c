/* SPDX-License-Identifier: MIT */
/* The back end "perf". */
#include "self/perf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "self/fail.h"
#include "self/pieces.h"
#include "self/raw.h"
#include "self/tasks.h"

/* How often all is done again when threads are born meanwhile. */
#define TRIES 3
/* How often those that were born are then armed on top. */
#define ROUNDS 8
/* How long registers that should be free are waited for, by all threads together, in ms. */
#define PATIENCE 100

/* ---- One event ----------------------------------------------------------- */

/* In the upper half of what the signal brings, where it has one: the program may have events too.
 */
#define MAGIC (UINT64_C(0x6d746d74) << 32)

static struct perf_event_attr attr_of(const struct mt_piece *piece, bool born_too)
{
	static const uint32_t type_of_kind[] = {
		[MT_DR_EXEC] = HW_BREAKPOINT_X,
		[MT_DR_WRITE] = HW_BREAKPOINT_W,
		[MT_DR_ACCESS] = HW_BREAKPOINT_RW,
	};

	return (struct perf_event_attr){
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(struct perf_event_attr),
		.bp_type = type_of_kind[piece->kind],
		.bp_addr = piece->range.addr,
		/* The kernel's sizeof(long), which may not be ours (hw_breakpoint.c,
		 * arch_build_bp_info()). */
		.bp_len = piece->kind == MT_DR_EXEC ? 8 : piece->range.len,
		.sample_period = 1,
		.sigtrap = 1,
		.sig_data = MAGIC | piece->cookie,
		.remove_on_exec = 1, /* which sigtrap asks for */
		.inherit = born_too,
		.inherit_thread = born_too,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};
}

static long open_event(struct perf_event_attr *attr, pid_t tid)
{
	return mt_raw(SYS_perf_event_open, MT_ARG(attr), tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

int mt_perf_open(const struct mt_piece *piece, pid_t tid, bool born_too)
{
	struct perf_event_attr attr = attr_of(piece, born_too);
	long fd = open_event(&attr, tid);

	if (fd == -EINVAL && piece->kind == MT_DR_EXEC && sizeof(long) == 4) {
		attr.bp_len = 4;
		fd = open_event(&attr, tid);
	}
	return (int)fd;
}

int mt_perf_fail(int err, const struct mt_piece *piece, pid_t tid)
{
	switch (-err) {
	case ENOSPC:
		return mt_fail(ENOSPC,
		               "thread %d has no debug register free for %u bytes at 0x%llx: a "
		               "debugger or perf holds some of its four",
		               (int)tid, piece->range.len, (unsigned long long)piece->range.addr);
	case EACCES:
	case EPERM:
		return mt_fail(-err,
		               "the kernel or a sandbox refuses perf_event_open(): it needs sysctl "
		               "kernel.perf_event_paranoid=2 or lower, or CAP_PERFMON");
	case ENOSYS:
		return mt_fail(ENOSYS, "the kernel or a sandbox has no perf_event_open()");
	case EINVAL:
	case E2BIG:
		return mt_fail(EOPNOTSUPP, "the kernel's perf events cannot send SIGTRAP: they can "
		                           "since Linux 5.13");
	case EMFILE:
		return mt_fail(EMFILE, "too many open files: each thread takes one for each debug "
		                       "register; raise ulimit -n");
	case ESRCH:
		return mt_fail(ESRCH, "thread %d has ended", (int)tid);
	default:
		return mt_fail_sys(-err, "cannot open a hardware breakpoint on thread %d",
		                   (int)tid);
	}
}

/* ---- All threads --------------------------------------------------------- */

static void close_all(struct mt_perf_armed *armed)
{
	while (armed->fds.len)
		mt_raw(SYS_close, armed->fds.data[--armed->fds.len], 0, 0, 0, 0);
	armed->missed.len = 0;
}

/* What is to be armed, and how far that has come. */
struct arming {
	struct mt_piece *piece;
	struct mt_perf_armed *armed;
	int why; /* the first thread's error */
	unsigned waited;
};

static int keep(struct mt_perf_armed *armed, int fd)
{
	if (mt_vec_push(&armed->fds, fd))
		return 0;
	mt_raw(SYS_close, fd, 0, 0, 0, 0);
	return mt_fail(ENOMEM, "out of memory");
}

/*
 * A thread that was hit, and has not run since, still has the register of a trap that was removed:
 * the signal that it is to get holds the event (kernel/events/core.c, perf_pending_task()).
 */
static int open_in_time(struct arming *arming, pid_t tid)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	int fd = mt_perf_open(arming->piece, tid, true);

	while (fd == -ENOSPC && arming->waited < PATIENCE && mt_pieces_wanted(tid) <= MT_DR_COUNT) {
		mt_raw(SYS_nanosleep, MT_ARG(&moment), 0, 0, 0, 0);
		arming->waited++;
		fd = mt_perf_open(arming->piece, tid, true);
	}
	return fd;
}

/* A thread that has ended touches nothing. */
static int arm_thread(struct arming *arming, pid_t tid)
{
	int fd = open_in_time(arming, tid);

	if (fd >= 0)
		return keep(arming->armed, fd);
	if (fd == -ESRCH)
		return 0;
	if (!arming->why)
		arming->why = mt_perf_fail(fd, arming->piece, tid);
	return mt_vec_push(&arming->armed->missed, tid) ? 0 : mt_fail(ENOMEM, "out of memory");
}

static int list(struct mt_tasks *tasks)
{
	bool whole = false;
	int err = 0;

	for (int i = 0; i < ROUNDS && !whole && !err; i++)
		err = mt_tasks_list(tasks, &whole);
	return err ? mt_fail_sys(-err, "cannot list the threads of the process") : 0;
}

/* Arms the threads that exist now; `tasks` then has those that were born meanwhile, too. */
static int arm_once(struct arming *arming, struct mt_tasks *tasks, size_t *known)
{
	int err = list(tasks);
	size_t count = tasks->count;

	arming->why = 0;
	close_all(arming->armed);
	for (size_t i = 0; i < count && !err; i++)
		err = arm_thread(arming, tasks->tids[i]);
	*known = count;
	return err ? err : list(tasks);
}

/*
 * Whether a thread that was born meanwhile has inherited the event, nobody can tell: so it is given
 * one in any case. With two it takes two registers, and still a single signal at each hit, as the
 * second one finds the first pending. It has inherited it where no register is left.
 */
static int arm_born(struct arming *arming, struct mt_tasks *tasks, size_t known)
{
	int err = 0;

	for (int round = 0; round < ROUNDS && known < tasks->count && !err; round++) {
		for (; known < tasks->count && !err; known++) {
			int fd = mt_perf_open(arming->piece, tasks->tids[known], true);

			if (fd >= 0)
				err = keep(arming->armed, fd);
		}
		if (!err)
			err = list(tasks);
	}
	return err;
}

/* Threads are listed, armed, and listed again; when some came meanwhile, all is done again. */
static int arm_all(struct arming *arming, int folder)
{
	struct mt_tasks tasks;
	size_t known = 0;
	int err = mt_tasks_begin(&tasks, folder);

	if (err < 0)
		return mt_fail_sys(-err, "cannot list the threads of the process");
	for (int try = 0; try < TRIES && !err; try++) {
		err = arm_once(arming, &tasks, &known);
		if (known == tasks.count)
			break;
	}
	return err ? err : arm_born(arming, &tasks, known);
}

static int arm_threads(struct arming *arming)
{
	int folder MT_AUTO_FD = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (folder < 0)
		return mt_fail_sys(errno, "cannot open /proc/self/task");
	return arm_all(arming, folder);
}

static int arm_one(struct arming *arming)
{
	pid_t tid = arming->piece->thread;
	int fd = mt_perf_open(arming->piece, tid, false);

	return fd < 0 ? mt_perf_fail(fd, arming->piece, tid) : keep(arming->armed, fd);
}

static int arm(struct mt_piece *piece, struct mt_piece_cover *cover)
{
	struct arming arming = { .piece = piece };
	int err;

	if (!piece->armed)
		piece->armed = mt_alloc(sizeof(struct mt_perf_armed));
	if (!piece->armed)
		return mt_fail(ENOMEM, "out of memory");
	arming.armed = piece->armed;
	err = piece->thread ? arm_one(&arming) : arm_threads(&arming);
	if (!err && !arming.armed->fds.len)
		err = arming.why ? arming.why : mt_fail(ESRCH, "the process has no thread left");
	if (err) {
		close_all(arming.armed);
		return err;
	}
	*cover = (struct mt_piece_cover){
		.armed = (unsigned)arming.armed->fds.len,
		.threads = (unsigned)(arming.armed->fds.len + arming.armed->missed.len),
		.gaps = arming.why ? MEMTRAP_GAP_THREADS : 0,
		.why = arming.why,
	};
	return 0;
}

static void disarm(struct mt_piece *piece)
{
	close_all(piece->armed);
}

/* ---- Hits ---------------------------------------------------------------- */

/* si_code of a trap that a perf event sent; glibc 2.36 lacks it, and what comes with it. */
#ifndef TRAP_PERF
#define TRAP_PERF 6
#endif
#define FLAG_ASYNC 1 /* TRAP_PERF_FLAG_ASYNC */

/* Behind si_addr in the kernel's siginfo_t (asm-generic/siginfo.h). */
struct perf_fault {
	unsigned long data;
	uint32_t type;
	uint32_t flags;
};

static bool owns(const siginfo_t *info, uint32_t *cookie, bool *late)
{
	struct perf_fault fault;

	memcpy(&fault, (const char *)&info->si_addr + sizeof(info->si_addr), sizeof(fault));
	if (info->si_code != TRAP_PERF || fault.type != PERF_TYPE_BREAKPOINT)
		return false;
	if (sizeof(fault.data) > sizeof(*cookie) && ((fault.data ^ MAGIC) & ~(uint64_t)UINT32_MAX))
		return false;
	*cookie = (uint32_t)fault.data;
	*late = fault.flags & FLAG_ASYNC;
	return true;
}

/* ---- fork() -------------------------------------------------------------- */

/* The child has the parent's files, and would keep its events alive. */
static bool arm_again(struct mt_piece *piece, void *arg)
{
	struct mt_piece_cover cover;

	close_all(piece->armed);
	if (piece->fork_too)
		arm(piece, &cover);
	return true;
}

static void forked(void)
{
	mt_pieces_each(arm_again, NULL);
}

const struct mt_backend mt_backend_perf = {
	.id = MEMTRAP_BACKEND_PERF,
	.name = "perf",
	.try = mt_perf_try,
	.arm = arm,
	.disarm = disarm,
	.cover = mt_perf_cover,
	.owns = owns,
	.forked = forked,
	.blocked_is_fatal = mt_perf_blocked_is_fatal,
};
