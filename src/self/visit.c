/* SPDX-License-Identifier: MIT */
#include "self/visit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "self/raw.h"

/* There is one helper at a time, as the lock is held. The sanitizers' frames are large. */
static char stack[65536] __attribute__((aligned(64)));

/* Yama has refused once, and lets us name the one that may trace us. */
static bool must_be_named;

/* ---- The helper's life --------------------------------------------------- */

static int spawn(struct mt_visit *visit)
{
	/*
	 * Without an exit signal it shows in no wait(2) of the program's that does not ask for
	 * such children. CLONE_UNTRACED: a debugger that follows forks would take it for a thread.
	 */
	const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_UNTRACED;
	int helper = clone(mt_visit_serve, stack + sizeof(stack), flags, visit);

	return helper < 0 ? -errno : helper;
}

/*
 * Waits until it is gone, and its stack is ours again; its traces end with it. A tracer may stop
 * this thread meanwhile: the helper does just that. (A wait of the program's with __WALL may be
 * faster.)
 */
static int reap(pid_t helper)
{
	int status = 0;
	long result;

	do
		result = mt_raw(SYS_wait4, helper, MT_ARG(&status), __WALL, 0, 0);
	while (result == -EINTR);
	if (result != helper || !WIFSIGNALED(status))
		return 0;
	/* A seccomp filter that ends who calls ptrace(2) has ended the helper alone. */
	return WTERMSIG(status) == SIGSYS ? -ENOSYS : -EINTR;
}

static void open_gate(struct mt_visit *visit, pid_t helper)
{
	mt_raw(SYS_prctl, PR_SET_PTRACER, helper, 0, 0, 0);
	__atomic_store_n(&visit->gate, 0, __ATOMIC_RELEASE);
	mt_raw(SYS_futex, MT_ARG(&visit->gate), FUTEX_WAKE, 1, 0, 0);
}

static int run_helper(struct mt_visit *visit)
{
	int error, helper;

	visit->gate = must_be_named;
	helper = spawn(visit);
	if (helper < 0)
		return helper;
	if (must_be_named)
		open_gate(visit, helper);
	error = reap(helper);
	if (must_be_named)
		mt_raw(SYS_prctl, PR_SET_PTRACER, 0, 0, 0, 0);
	return error;
}

/* ---- A visit ------------------------------------------------------------- */

static int open_task(struct mt_visit *visit)
{
	visit->task_fd = -1;
	if (visit->thread)
		return 0;
	visit->task_fd = (int)mt_raw(SYS_openat, AT_FDCWD, MT_ARG("/proc/self/task"),
	                             O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);
	return visit->task_fd < 0 ? visit->task_fd : 0;
}

static void visit_once(struct mt_visit *visit)
{
	int error;

	visit->caller = (pid_t)mt_raw(SYS_gettid, 0, 0, 0, 0, 0);
	error = open_task(visit);
	if (!error)
		error = run_helper(visit);
	if (visit->task_fd >= 0)
		mt_raw(SYS_close, visit->task_fd, 0, 0, 0, 0);
	if (error)
		visit->error = error;
}

/*
 * Where Yama is, a process may name one that may trace it (the kernel's documentation, admin-guide,
 * LSM, Yama). Whom the program itself has named cannot be asked: so that is done after a refusal
 * only.
 */
static bool yama_would_allow(const struct mt_visit *visit)
{
	return visit->error == -EPERM && !must_be_named &&
	       mt_raw(SYS_prctl, PR_SET_PTRACER, 0, 0, 0, 0) == 0;
}

void mt_visit(struct mt_visit *visit)
{
	const struct mt_visit wanted = *visit;
	mt_sigset all = ~UINT64_C(0), before = 0;

	/* The helper has copies of the program's handlers, and must run none of them. */
	mt_raw(SYS_rt_sigprocmask, SIG_SETMASK, MT_ARG(&all), MT_ARG(&before), sizeof(all), 0);
	visit_once(visit);
	if (yama_would_allow(visit)) {
		must_be_named = true;
		*visit = wanted;
		visit_once(visit);
	}
	mt_raw(SYS_rt_sigprocmask, SIG_SETMASK, MT_ARG(&before), 0, sizeof(before), 0);
}
