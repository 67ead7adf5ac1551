/* SPDX-License-Identifier: MIT */
/*
 * The debugger takes over (--then debug). Each hit holds its thread, and is decided and told before
 * that goes on. At the one that is waited for the thread stays where it is; all others of its
 * process are brought to a stop, and what they have hit until then is told too. Then registers and
 * events are taken away, and the process is handed over as it stands: nothing is hit in between
 * that nobody sees, and no signal is lost.
 *
 * A thread stands well at the stop of an interrupt, or at that of a signal of its own, which is
 * handed over with it. From anything else it is moved on to the next interrupt, which comes before
 * it executes anything more: a tracer that is killed would leave it the signal of our hold, and a
 * debugger that changes registers would change those of a system call that is about to begin.
 */
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "target/process.h"
#include "target/tracee.h"
#include "watch/session_private.h"

/* How long threads are waited for that the kernel does not let stop. */
#define PATIENCE_NS 2000000000
#define LOOK_NS 20000

bool mt_handover_is_wanted(const struct mt_session *session)
{
	return session->config->action == MT_ACTION_HOLD;
}

bool mt_handover_goes_on(const struct mt_session *session)
{
	return session->hit_pid && !session->handed;
}

/* ---- Which hit ----------------------------------------------------------- */

bool mt_handover_decide(struct mt_session *session, pid_t tid)
{
	if (!mt_handover_is_wanted(session) || mt_probe_is_traced(session->probe))
		return false;
	session->holder = tid;
	session->holder_seen = false;
	mt_session_settle(session, tid);
	session->holder = 0;
	return session->holder_seen;
}

void mt_handover_choose(struct mt_session *session, const struct mt_record *record)
{
	if (session->hit_pid)
		return;
	session->hit_pid = (pid_t)record->pid;
	session->summary->handover.tid = (pid_t)record->tid;
	session->ending = true;
}

/* ---- Who stands ---------------------------------------------------------- */

static struct mt_event *find_stop(struct mt_session *session, pid_t tid)
{
	struct mt_handover *handover = &session->summary->handover;

	for (size_t i = 0; i < handover->stops.len; i++)
		if (handover->stops.data[i].tid == tid)
			return &handover->stops.data[i];
	return NULL;
}

static void keep(struct mt_session *session, const struct mt_event *event)
{
	if (!mt_vec_push(&session->summary->handover.stops, *event))
		mt_session_notice(session, MT_SESSION_WARNING,
		                  "out of memory: thread %d is not handed over", (int)event->tid);
}

/* One that is blocked waits for the program, not for us. */
static bool hold_waits(pid_t tid)
{
	uint64_t mask;

	if (!mt_tracee_signal_waits(tid, mt_is_hold) || !mt_tracee_signal_mask(tid, &mask))
		return false;
	return !(mask & UINT64_C(1) << (MT_HOLD_SIGNAL - 1));
}

/* A signal of its own that has come before a hold: it is kept until that is out of the way. */
static bool put_off(struct mt_session *session, pid_t tid)
{
	siginfo_t info;

	if (!mt_tracee_siginfo(tid, &info) || !mt_vec_push(&session->put_off, info))
		return false;
	if (mt_vec_push(&session->put_off_of, tid))
		return true;
	session->put_off.len--;
	return false;
}

static bool take_put_off(struct mt_session *session, pid_t tid, siginfo_t *info)
{
	for (size_t i = 0; i < session->put_off.len; i++) {
		if (session->put_off_of.data[i] != tid)
			continue;
		*info = session->put_off.data[i];
		mt_vec_remove(&session->put_off, i);
		mt_vec_remove(&session->put_off_of, i);
		return true;
	}
	return false;
}

/* At the stop of a hold, which is dropped. The first signal takes its place; others come again. */
static bool stands_for_put_off(struct mt_session *session, pid_t tid)
{
	struct mt_event event = { .kind = MT_EVENT_SIGNAL, .tid = tid };
	siginfo_t info;

	if (!take_put_off(session, tid, &info))
		return false;
	event.signal = info.si_signo;
	mt_tracee_set_siginfo(tid, &info);
	keep(session, &event);
	while (take_put_off(session, tid, &info))
		syscall(SYS_tgkill, mt_process_of(tid), tid, info.si_signo);
	return true;
}

static void move_on(pid_t tid)
{
	mt_tracee_interrupt(tid);
	mt_tracee_resume(tid, 0);
}

/* It stands at the event of the moment, and is to go on with that signal. */
static void settle(struct mt_session *session, pid_t tid, int signal)
{
	bool interrupted = session->event.kind == MT_EVENT_STOPPED;
	bool behind = mt_tracee_trap_waits(tid) || hold_waits(tid);

	if (behind && interrupted)
		mt_tracee_resume(tid, 0); /* to what waits */
	else if (behind && signal && put_off(session, tid))
		mt_tracee_resume(tid, 0);
	else if (interrupted || signal)
		keep(session, &session->event);
	else if (session->event.kind != MT_EVENT_SIGNAL || !stands_for_put_off(session, tid))
		move_on(tid);
}

bool mt_handover_keeps(struct mt_session *session, pid_t tid, int signal)
{
	if (!mt_handover_goes_on(session) || mt_process_of(tid) != session->hit_pid)
		return false;
	if (find_stop(session, tid))
		return true;
	if (session->event.tid == tid)
		settle(session, tid, signal);
	else
		move_on(tid);
	return true;
}

/* What comes of threads that stand is their end, or that of all of them. */
bool mt_handover_keeps_event(struct mt_session *session, const struct mt_event *event)
{
	bool ours;

	if (!session->hit_pid)
		return false;
	ours = find_stop(session, event->tid) ||
	       (session->handed && mt_process_of(event->tid) == session->hit_pid) ||
	       (event->kind == MT_EVENT_GROUP && mt_handover_goes_on(session) &&
	        mt_process_of(event->tid) == session->hit_pid);
	if (ours)
		keep(session, event);
	return ours;
}

/* ---- All of them --------------------------------------------------------- */

/* Threads that no list has shown before, since they were born meanwhile, are among them. */
static bool all_stand(struct mt_session *session)
{
	struct mt_tids tids MT_CLEANUP(mt_tids_deinit) = { 0 };
	struct mt_error *error = mt_process_threads(session->hit_pid, &tids);
	bool all = true;

	mt_error_free(error);
	for (size_t i = 0; i < tids.list.len; i++) {
		pid_t tid = tids.list.data[i];
		char state = mt_process_state(tid);

		if (find_stop(session, tid) || state == 'D' || state == 'Z' || state == 0)
			continue;
		all = false;
		if (!mt_tracee_stands(tid))
			mt_tracee_interrupt(tid);
	}
	return all;
}

static void stop_all(struct mt_session *session)
{
	const struct timespec pause = { .tv_nsec = LOOK_NS };
	uint64_t deadline = mt_now_ns() + PATIENCE_NS;

	while (!all_stand(session) && mt_now_ns() < deadline && !session->root_gone) {
		nanosleep(&pause, NULL);
		mt_follow_events(session);
	}
}

static bool is_of_process(const struct mt_session *session, pid_t tid)
{
	return mt_process_of(tid) == session->hit_pid;
}

static void leave_tracees(struct mt_session *session)
{
	for (size_t i = session->tracees.len; i-- > 0;) {
		pid_t tid = session->tracees.data[i];

		if (!is_of_process(session, tid))
			continue;
		mt_probe_hand_over(session->probe, tid);
		mt_vec_swap_remove(&session->tracees, i);
	}
}

static void close_watches(struct mt_session *session)
{
	for (size_t i = 0; i < session->targets.len; i++)
		mt_target_disable(session, session->targets.data[i]);
}

void mt_handover_make(struct mt_session *session)
{
	struct mt_handover *handover = &session->summary->handover;

	if (!session->hit_pid)
		return;
	stop_all(session);
	close_watches(session);
	leave_tracees(session);
	session->handed = true;
	if (mt_process_has_ended(session->hit_pid) && !find_stop(session, handover->tid)) {
		mt_session_notice(session, MT_SESSION_WARNING,
		                  "process %d has ended before a debugger could take it over",
		                  (int)session->hit_pid);
		return;
	}
	handover->pid = session->hit_pid;
	handover->launched = session->summary->launched;
}
