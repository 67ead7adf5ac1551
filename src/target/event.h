/* SPDX-License-Identifier: MIT */
/*
 * What happened to a tracee: a wait status, decoded once. (ptrace(2), "Stopped tracees".)
 */
#ifndef MT_TARGET_EVENT_H
#define MT_TARGET_EVENT_H

#include <stdbool.h>
#include <sys/types.h>

enum mt_event_kind {
	MT_EVENT_NONE,    /* nothing is waiting */
	MT_EVENT_EXITED,  /* `status`: the exit code */
	MT_EVENT_KILLED,  /* `signal` ended it */
	MT_EVENT_SIGNAL,  /* signal-delivery-stop: `signal` is about to be delivered */
	MT_EVENT_GROUP,   /* group-stop by `signal`: to be kept with mt_tracee_listen() */
	MT_EVENT_STOPPED, /* PTRACE_EVENT_STOP: a new tracee's first stop, or an interrupt */
	MT_EVENT_SYSCALL, /* syscall-enter or -exit-stop */
	MT_EVENT_CLONE,   /* a new thread, `child` */
	MT_EVENT_FORK,    /* a new process, `child`, with a copy of the memory */
	MT_EVENT_VFORK,   /* a new process, `child`, in the same memory until it execs or exits */
	MT_EVENT_VFORKED, /* the memory lent to `child` by vfork is the parent's alone again */
	MT_EVENT_EXEC,    /* a new program; `child` is the thread's former id */
	MT_EVENT_EXITING, /* the thread is about to end; its registers can still be read */
	MT_EVENT_OTHER,   /* another ptrace event: resume it */
};

struct mt_event {
	enum mt_event_kind kind;
	pid_t tid;
	pid_t child;
	int signal;
	int status;
};

static inline bool mt_event_is_end(const struct mt_event *event)
{
	return event->kind == MT_EVENT_EXITED || event->kind == MT_EVENT_KILLED;
}

/* Decodes `status`, as waitpid() gave it for `tid`. Does not fill `child`: that takes a system
 * call. */
struct mt_event mt_event_decode(pid_t tid, int status);

#endif
