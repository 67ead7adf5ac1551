/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "self/fail.h"
#include "self/perf.h"
#include "self/raw.h"
#include "self/thread.h"

/* What the child's exit status says, besides an errno. */
enum {
	ARRIVED = 0,
	NOT_ARRIVED = 255,
};

static volatile char tried;

static struct mt_piece piece_to_try(void)
{
	return (struct mt_piece){
		.range = { .addr = (uintptr_t)&tried, .len = 1 },
		.kind = MT_DR_WRITE,
		.cookie = 1,
	};
}

static bool fatal;

bool mt_perf_blocked_is_fatal(void)
{
	return fatal;
}

/*
 * All signals are blocked, as the handlers are the program's. Where SIGTRAP kills nevertheless, no
 * core is to be left: a process that is not dumpable leaves none (core(5)).
 */
static int touch_with_sigtrap_blocked(void)
{
	struct mt_piece piece = piece_to_try();
	mt_sigset all = ~(mt_sigset)0, pending = 0;
	int fd;

	mt_raw(SYS_rt_sigprocmask, SIG_SETMASK, MT_ARG(&all), 0, sizeof(all), 0);
	mt_raw(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
	fd = mt_perf_open(&piece, 0, false);
	if (fd < 0)
		return -fd;
	tried = 1;
	mt_raw(SYS_rt_sigpending, MT_ARG(&pending), sizeof(pending), 0, 0, 0);
	return pending & MT_SIGBIT(SIGTRAP) ? ARRIVED : NOT_ARRIVED;
}

/*
 * A child of no exit signal: the program sees no SIGCHLD, and its wait() passes over it. Memory is
 * its own, since until Linux 5.16 a death with a core took all along that shared it
 * (fs/coredump.c, zap_threads()). False: there can be no child here.
 */
static bool run_child(int *status)
{
	long child = mt_raw(SYS_clone, 0, 0, 0, 0, 0);

	if (child == 0)
		mt_raw(SYS_exit_group, touch_with_sigtrap_blocked(), 0, 0, 0, 0);
	while (child > 0 && waitpid((pid_t)child, status, __WALL) < 0) {
		if (errno != EINTR)
			return false;
	}
	return child > 0;
}

/* Without a child: whether it can be armed is all that can be tried. */
static int try_without_child(void)
{
	struct mt_piece piece = piece_to_try();
	int fd = mt_perf_open(&piece, 0, false);

	fatal = true;
	if (fd < 0)
		return mt_perf_fail(fd, &piece, mt_thread_id());
	mt_raw(SYS_close, fd, 0, 0, 0, 0);
	return 0;
}

int mt_perf_try(void)
{
	struct mt_piece piece = piece_to_try();
	int status = 0;

	if (!run_child(&status))
		return try_without_child();
	fatal = WIFSIGNALED(status) && WTERMSIG(status) == SIGTRAP;
	if (fatal || (WIFEXITED(status) && WEXITSTATUS(status) == ARRIVED))
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) != NOT_ARRIVED)
		return mt_perf_fail(-WEXITSTATUS(status), &piece, mt_thread_id());
	return mt_fail(EOPNOTSUPP, "a hardware breakpoint does not fire here: the machine, or its "
	                           "emulator, delivers no debug exceptions");
}
