/* SPDX-License-Identifier: MIT */
#include "target/event.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

static enum mt_event_kind kind_of_ptrace_event(int event)
{
	switch (event) {
	case PTRACE_EVENT_CLONE:
		return MT_EVENT_CLONE;
	case PTRACE_EVENT_FORK:
		return MT_EVENT_FORK;
	case PTRACE_EVENT_VFORK:
		return MT_EVENT_VFORK;
	case PTRACE_EVENT_VFORK_DONE:
		return MT_EVENT_VFORKED;
	case PTRACE_EVENT_EXEC:
		return MT_EVENT_EXEC;
	case PTRACE_EVENT_EXIT:
		return MT_EVENT_EXITING;
	default:
		return MT_EVENT_OTHER;
	}
}

/* PTRACE_EVENT_STOP with one of the four stopping signals is a group-stop. */
static bool is_stopping_signal(int signal)
{
	return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

static void decode_stop(struct mt_event *event, int status)
{
	int ptrace_event = status >> 16;

	event->signal = WSTOPSIG(status);
	if (ptrace_event == PTRACE_EVENT_STOP)
		event->kind = is_stopping_signal(event->signal) ? MT_EVENT_GROUP : MT_EVENT_STOPPED;
	else if (ptrace_event)
		event->kind = kind_of_ptrace_event(ptrace_event);
	else if (event->signal == (SIGTRAP | 0x80)) /* PTRACE_O_TRACESYSGOOD */
		event->kind = MT_EVENT_SYSCALL;
	else
		event->kind = MT_EVENT_SIGNAL;
}

struct mt_event mt_event_decode(pid_t tid, int status)
{
	struct mt_event event = { .tid = tid };

	if (WIFEXITED(status)) {
		event.kind = MT_EVENT_EXITED;
		event.status = WEXITSTATUS(status);
	} else if (WIFSIGNALED(status)) {
		event.kind = MT_EVENT_KILLED;
		event.signal = WTERMSIG(status);
	} else {
		decode_stop(&event, status);
	}
	return event;
}
