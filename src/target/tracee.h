/* SPDX-License-Identifier: MIT */
/*
 * Tracees: launching, attaching with PTRACE_SEIZE, and the stops between.
 *
 * All calls belong to one thread, the tracer. A tracee lives on when the tracer dies: nothing here
 * uses PTRACE_O_EXITKILL, and the kernel resumes a stopped tracee whose tracer is gone (ptrace(2)).
 */
#ifndef MT_TARGET_TRACEE_H
#define MT_TARGET_TRACEE_H

#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/error.h"
#include "target/event.h"
#include "x86/regs.h"

/* What to follow; the bits are ORed. */
enum mt_trace_flags {
	MT_TRACE_EXEC = 1,    /* MT_EVENT_EXEC */
	MT_TRACE_THREADS = 2, /* new threads become tracees */
	MT_TRACE_FORKS = 4,   /* new processes become tracees */
};

struct mt_launch {
	const char *path;         /* of the program, as mt_program_find() has it */
	char *const *argv;        /* NULL-terminated */
	sigset_t signal_mask;     /* of the program; as the tool itself was started with */
	struct rlimit open_files; /* RLIMIT_NOFILE of the program, likewise */
};

/*
 * The file that `name` stands for: itself when it has a slash, else found in PATH as execvp(3)
 * does, but never run by a shell. Owned by the caller. MT_ERR_NOT_FOUND and MT_ERR_PERMISSION:
 * "cannot run NAME: …".
 */
struct mt_error *mt_program_find(const char *name, char **path);

/*
 * Starts a program and leaves it stopped at its first instruction (MT_EVENT_EXEC has been taken),
 * traced with `flags`. It keeps our standard streams, environment, working directory and process
 * group. Errors: MT_ERR_NO_PROGRAM and MT_ERR_CANNOT_RUN.
 */
struct mt_error *mt_tracee_launch(const struct mt_launch *launch, unsigned flags, pid_t *pid);

/*
 * Seizes every thread of `pid`, without stopping it; lists them again until no new one turns up.
 * MT_ERR_PERMISSION says what forbids it: another tracer (by name), Yama, another user.
 */
struct mt_error *mt_tracee_seize(pid_t pid, unsigned flags);

/* The next event of any tracee or child, without waiting: kind MT_EVENT_NONE when there is none. */
struct mt_event mt_tracee_next(void);

/* The siginfo of a signal-delivery-stop. False: the tracee has gone. */
bool mt_tracee_siginfo(pid_t tid, siginfo_t *info);

/* The general registers of a stopped tracee. False: it has gone. */
bool mt_tracee_regs(pid_t tid, struct mt_regs *regs);

/* Lets a stopped tracee go on, with `signal` (0: none). A tracee that was killed meanwhile is no
 * error: its end is an event of its own. */
void mt_tracee_resume(pid_t tid, int signal);

/* Keeps a tracee in its group-stop and lets SIGCONT end it. */
void mt_tracee_listen(pid_t tid);

/* Gives a stopped tracee its freedom, with `signal`. */
void mt_tracee_detach(pid_t tid, int signal);

/* Asks a running tracee to stop (MT_EVENT_STOPPED comes). */
void mt_tracee_interrupt(pid_t tid);

#endif
