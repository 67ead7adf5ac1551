/* SPDX-License-Identifier: MIT */
/* Why a visit was refused, and what would allow it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "self/fail.h"
#include "self/raw.h"
#include "self/visit.h"

/* The start of a file; "" where it can't be read. */
static void read_text(const char *path, char *text, size_t size)
{
	int fd MT_AUTO_FD = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, size - 1);

	text[len < 0 ? 0 : len] = '\0';
}

static pid_t tracer_of(pid_t tid)
{
	char path[64], status[1024];
	const char *line;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", (int)tid);
	read_text(path, status, sizeof(status));
	line = strstr(status, "\nTracerPid:");
	return line ? (pid_t)strtol(line + strlen("\nTracerPid:"), NULL, 10) : 0;
}

static int fail_traced(pid_t tid, pid_t tracer)
{
	char path[64], name[32];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)tracer);
	read_text(path, name, sizeof(name));
	name[strcspn(name, "\n")] = '\0';
	return mt_fail(EPERM,
	               "thread %d is being traced by process %d (%s), and the kernel allows one "
	               "tracer: traps can be set when it has detached",
	               (int)tid, (int)tracer, name);
}

/* Of a thread that can't be, ptrace(2) says ESRCH; a filter does not look so far. */
static bool filter_refuses(void)
{
	return prctl(PR_GET_SECCOMP) == SECCOMP_MODE_FILTER &&
	       mt_raw(SYS_ptrace, PTRACE_DETACH, -1, 0, 0, 0) != -ESRCH;
}

static long yama_scope(void)
{
	char text[16];

	read_text("/proc/sys/kernel/yama/ptrace_scope", text, sizeof(text));
	return strtol(text, NULL, 10);
}

static int fail_refused(const struct mt_visit *visit)
{
	pid_t tracer = tracer_of(visit->error_thread);
	int err = -visit->error;

	if (tracer)
		return fail_traced(visit->error_thread, tracer);
	if (filter_refuses())
		return mt_fail(err, "a seccomp filter refuses ptrace(2) to this program: a sandbox "
		                    "must allow it, or perf_event_open(2)");
	if (prctl(PR_GET_DUMPABLE) != 1)
		return mt_fail(err,
		               "this program is not dumpable (PR_SET_DUMPABLE, or it has changed "
		               "its user), so the kernel lets no helper trace it");
	if (yama_scope() >= 2)
		return mt_fail(err,
		               "kernel.yama.ptrace_scope is %ld, so the kernel lets no helper "
		               "trace this program: it must be 0 or 1",
		               yama_scope());
	return mt_fail_sys(err, "the kernel lets no helper trace thread %d",
	                   (int)visit->error_thread);
}

int mt_visit_fail(const struct mt_visit *visit)
{
	int err = -visit->error;

	switch (err) {
	case EPERM:
	case EACCES:
		return fail_refused(visit);
	case ENOSYS:
		return mt_fail(err, "a sandbox (a seccomp filter) does not allow ptrace(2) here");
	case ESRCH:
		return mt_fail(err, "there is no thread %d in this process",
		               (int)visit->error_thread);
	case ENOSPC:
		return mt_fail(err,
		               "the debug registers of thread %d are taken by somebody outside "
		               "the library: a debugger, perf, or a tool like them",
		               (int)visit->error_thread);
	case EIO:
		return mt_fail(err, "this system's ptrace(2) has no debug registers: an emulator?");
	case EINVAL:
		return mt_fail(err, "the kernel does not let a debug register have this address");
	case EINTR:
		return mt_fail(err,
		               "somebody has killed the helper that writes the debug registers");
	case ETIMEDOUT:
		return mt_fail(err,
		               "thread %d does not stop for its debug registers to be written: "
		               "it sits in the kernel",
		               (int)visit->error_thread);
	default:
		return mt_fail_sys(err, "cannot start a helper that writes the debug registers");
	}
}
