/* SPDX-License-Identifier: MIT */
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/engine_private.h"
#include "target/process.h"

/* To be woken takes longer, above all on a virtual processor that has to be woken too, than most
 * steps and short runs take: so long an event is looked for before we sleep. */
#define LOOKING_NS 60000
#define LOOKS_TO_SKIP 8

#define ANY_TRACEE (-1)

/* ---- Taking events ------------------------------------------------------- */

uint64_t mt_deadline(int timeout_ms)
{
	return timeout_ms < 0 ? 0 : mt_now_ns() + (uint64_t)timeout_ms * 1000000u;
}

static int poll_time(uint64_t deadline_ns)
{
	uint64_t now = deadline_ns ? mt_now_ns() : 0;

	if (!deadline_ns)
		return -1;
	return now >= deadline_ns ? 0 : (int)((deadline_ns - now + 999999) / 1000000);
}

/* What woke us is taken away before we look, so that nothing is missed. */
static void drain(struct mt_debug *debug)
{
	struct signalfd_siginfo info[8];
	eventfd_t count;

	while (read(debug->signals, info, sizeof(info)) == sizeof(info))
		;
	eventfd_read(debug->wake, &count);
}

static struct mt_event take_held(struct mt_debug *debug, size_t i)
{
	struct mt_event event = debug->held.data[i];

	for (; i + 1 < debug->held.len; i++)
		debug->held.data[i] = debug->held.data[i + 1];
	debug->held.len--;
	return event;
}

static struct mt_event next_of(pid_t tid)
{
	return tid == ANY_TRACEE ? mt_tracee_next() : mt_tracee_next_of(tid);
}

/* Where that was in vain, what is to bring the event may want our processor: next time we sleep. */
static struct mt_event look(struct mt_debug *debug, pid_t tid)
{
	struct mt_event event = next_of(tid);
	uint64_t until;

	if (event.kind != MT_EVENT_NONE)
		return event;
	if (debug->looks_to_skip) {
		debug->looks_to_skip--;
		return event;
	}
	until = mt_now_ns() + LOOKING_NS;
	while (event.kind == MT_EVENT_NONE && mt_now_ns() < until) {
		if (debug->shared.is_shared)
			sched_yield();
		event = next_of(tid);
	}
	if (event.kind == MT_EVENT_NONE)
		debug->looks_to_skip = LOOKS_TO_SKIP;
	return event;
}

struct mt_event mt_event_next(struct mt_debug *debug, uint64_t deadline_ns, bool may_interrupt)
{
	const struct mt_event none = { .kind = MT_EVENT_NONE };
	struct pollfd fd = { .fd = debug->poll, .events = POLLIN };

	if (debug->held.len)
		return take_held(debug, 0);
	for (;;) {
		struct mt_event event = look(debug, ANY_TRACEE);

		if (event.kind != MT_EVENT_NONE)
			return event;
		if (may_interrupt && debug->interrupted)
			return none;
		mt_share_end(debug);
		/* What is readable may be of events that were taken already. */
		if (poll(&fd, 1, poll_time(deadline_ns)) > 0)
			drain(debug);
		else if (deadline_ns && mt_now_ns() >= deadline_ns)
			return none;
	}
}

/* The thread's last stop: it is let through at once. Nobody else has its stack before. */
static void leaves(struct mt_thread *thread)
{
	if (thread->tid != thread->proc->pid)
		mt_watches_end_with(thread);
	thread->state = MT_THREAD_LEAVING;
	thread->pending.kind = MT_PENDING_NONE;
	mt_tracee_resume(thread->tid, 0);
}

/*
 * A dead leader's end is told when no other thread of its process is left (kernel/exit.c,
 * wait_consider_task(): delay_group_leader()), and those wait for us: their ends are taken first.
 * Whether any was there.
 */
static bool take_ends_of_others(struct mt_debug *debug)
{
	for (bool any = false;; any = true) {
		struct mt_event event = mt_tracee_next();
		struct mt_thread *thread;

		if (event.kind == MT_EVENT_NONE)
			return any;
		thread = mt_thread_find(debug, event.tid);
		if (event.kind == MT_EVENT_EXITING && thread)
			leaves(thread);
		else
			mt_event_hold(debug, &event);
	}
}

static bool find_held(struct mt_debug *debug, pid_t tid, struct mt_event *event)
{
	for (size_t i = 0; i < debug->held.len; i++) {
		if (debug->held.data[i].tid == tid) {
			*event = take_held(debug, i);
			return true;
		}
	}
	return false;
}

struct mt_event mt_event_of(struct mt_debug *debug, pid_t tid)
{
	struct pollfd fd = { .fd = debug->poll, .events = POLLIN };
	struct mt_event event;

	while (!find_held(debug, tid, &event)) {
		event = look(debug, tid);
		if (event.kind != MT_EVENT_NONE)
			break;
		if (mt_process_state(tid) == 'Z' && take_ends_of_others(debug))
			continue;
		mt_share_end(debug);
		poll(&fd, 1, -1);
		drain(debug);
		debug->drained = true;
	}
	return event;
}

void mt_event_hold(struct mt_debug *debug, const struct mt_event *event)
{
	if (!mt_vec_push(&debug->held, *event))
		mt_warn(debug, event->tid, "out of memory: an event of thread %d is lost",
		        (int)event->tid);
}

/* ---- Entering events ----------------------------------------------------- */

static void thread_notice(struct mt_thread *thread, enum mt_notice_kind kind)
{
	if (!thread->proc->quiet)
		mt_notify(thread->proc->debug, &(struct mt_notice){ .kind = kind,
		                                                    .pid = thread->proc->pid,
		                                                    .tid = thread->tid,
		                                                    .number = thread->number });
}

static void ended(struct mt_thread *thread, const struct mt_event *event)
{
	struct mt_proc *proc = thread->proc;

	if (thread->tid != proc->pid) {
		thread_notice(thread, MT_NOTICE_THREAD_GONE);
		mt_thread_remove(thread);
		mt_watches_end_with(thread);
		if (proc->leader_untraced && !mt_proc_lives(proc))
			mt_proc_ended(proc, event);
		return;
	}
	mt_proc_ended(proc, event);
}

static void cloned(struct mt_thread *parent, const struct mt_event *event)
{
	struct mt_proc *proc = parent->proc;
	struct mt_thread *thread = mt_thread_find(proc->debug, event->child);

	if (!thread && mt_process_of(event->child) == event->child) {
		mt_fork_seen(parent, event); /* clone() without CLONE_THREAD */
		return;
	}
	if (!thread) {
		thread = mt_thread_add(proc, event->child);
		if (!thread)
			return;
		thread->runs = parent->runs;
		thread_notice(thread, MT_NOTICE_THREAD_NEW);
		if (mt_orphan_take(proc->debug, event->child)) {
			thread->state = MT_THREAD_STOPPED;
			thread->stop = MT_EVENT_STOPPED;
			thread->new_born = false;
			proc->debug->recheck = true;
		}
	}
}

/* Of a system call that a step is to run to its end. What catches calls comes first. */
static bool runs_call(struct mt_thread *thread, const struct mt_syscall_stop *stop)
{
	if (!thread->runs_call || mt_catch_syscalls(thread->proc->debug))
		return false;
	if (!stop->entering) {
		thread->how = MT_RESUME_STEP;
		if (mt_thread_regs(thread))
			mt_trap_stepped(thread);
		return true;
	}
	thread->state = MT_THREAD_RUNNING;
	mt_tracee_go(thread->tid, MT_RESUME_SYSCALL, 0);
	return true;
}

static void syscall_seen(struct mt_thread *thread)
{
	struct mt_syscall_stop stop;

	if (!mt_tracee_syscall_stop(thread->tid, &stop) || runs_call(thread, &stop))
		return;
	thread->pending.entering = stop.entering;
	if (stop.entering)
		thread->pending.number = stop.number;
	mt_pend(thread, MT_PENDING_SYSCALL);
}

static bool is_sent_by_us(const struct mt_thread *thread, int signal)
{
	return thread->sent == signal && thread->info.si_pid == getpid() &&
	       thread->info.si_code == SI_TKILL;
}

static void signalled(struct mt_thread *thread, const struct mt_event *event)
{
	if (!mt_tracee_siginfo(thread->tid, &thread->info))
		return;
	if (is_sent_by_us(thread, event->signal)) {
		thread->sent = 0;
		thread->signal = event->signal;
	} else if (mt_hold_seen(thread)) {
		return;
	} else if (event->signal == SIGTRAP) {
		mt_trap_classify(thread);
	} else {
		mt_signal_seen(thread);
	}
}

/* What is the same at every stop. */
static void stopped(struct mt_thread *thread, const struct mt_event *event)
{
	thread->state = MT_THREAD_STOPPED;
	thread->asked_to_stop = false;
	thread->has_regs = false;
	thread->settled_pc = 0;
	thread->stop = event->kind;
	thread->info_changed = false;
	thread->group_stopped = event->kind == MT_EVENT_GROUP;
	thread->new_born = false;
	mt_thread_step_done(thread);
	mt_share_note_stop(thread);
}

/* The trap is what it stops for: until it comes, pc may be behind an int3 of ours. */
static bool goes_on_to_trap(struct mt_thread *thread, const struct mt_event *event)
{
	if (event->kind != MT_EVENT_STOPPED || thread->new_born ||
	    !mt_tracee_trap_waits(thread->tid))
		return false;
	mt_tracee_resume(thread->tid, 0);
	return true;
}

static void thread_event(struct mt_thread *thread, const struct mt_event *event)
{
	if (goes_on_to_trap(thread, event) || mt_hold_comes_first(thread, event))
		return;
	stopped(thread, event);
	switch (event->kind) {
	case MT_EVENT_SIGNAL:
		signalled(thread, event);
		break;
	case MT_EVENT_SYSCALL:
		syscall_seen(thread);
		break;
	case MT_EVENT_CLONE:
		cloned(thread, event);
		break;
	case MT_EVENT_FORK:
	case MT_EVENT_VFORK:
		mt_fork_seen(thread, event);
		break;
	case MT_EVENT_VFORKED:
		mt_vfork_done(thread);
		break;
	case MT_EVENT_EXITING:
		leaves(thread);
		break;
	default: /* an interrupt, a group-stop: it stops, and says nothing */
		break;
	}
}

void mt_event_record(struct mt_debug *debug, struct mt_event *event)
{
	struct mt_thread *thread = mt_thread_find(debug, event->tid);

	if (event->kind == MT_EVENT_EXEC)
		mt_exec_seen(debug, event);
	else if (mt_event_is_end(event)) {
		if (thread)
			ended(thread, event);
	} else if (thread) {
		thread_event(thread, event);
	} else {
		mt_stranger_seen(debug, event);
	}
}

/* ---- Waiting for a stop -------------------------------------------------- */

static void interrupted(struct mt_debug *debug)
{
	struct mt_stop stop = { .kind = MT_STOP_INTERRUPTED,
		                .pid = mt_debug_pid(debug),
		                .tid = mt_debug_tid(debug) };

	debug->interrupted = 0;
	mt_stop_now(debug, &stop);
}

struct mt_error *mt_debug_wait(struct mt_debug *debug, int timeout_ms, struct mt_stop *stop)
{
	uint64_t deadline = mt_deadline(timeout_ms);

	if (!debug->going && !debug->has_stop)
		return mt_error_new(MT_ERR_USAGE, "nothing runs that could stop");
	while (!debug->has_stop) {
		struct mt_event event;

		mt_debug_bury(debug);
		if (debug->recheck && mt_resume_all(debug))
			break;
		if (mt_stepping_any(debug)) {
			mt_stepping_tell(debug);
			if (debug->interrupted) {
				interrupted(debug);
				break;
			}
			if (deadline && mt_now_ns() >= deadline) {
				if (debug->held.len)
					eventfd_write(debug->wake, 1);
				*stop = (struct mt_stop){ .kind = MT_STOP_NONE };
				return NULL;
			}
		}
		event = mt_event_next(debug, mt_stepping_deadline(debug, deadline), true);
		if (event.kind != MT_EVENT_NONE) {
			mt_event_record(debug, &event);
			debug->recheck = true;
		} else if (debug->interrupted) {
			interrupted(debug);
		} else if (!deadline || mt_now_ns() < deadline) {
			debug->recheck = true; /* it is another one's turn to be stepped */
		} else {
			*stop = (struct mt_stop){ .kind = MT_STOP_NONE };
			return NULL;
		}
	}
	debug->has_stop = false;
	debug->interrupted = 0;
	mt_debug_bury(debug);
	*stop = debug->last_stop;
	return NULL;
}

const struct mt_stop *mt_debug_last_stop(const struct mt_debug *debug)
{
	return &debug->last_stop;
}
