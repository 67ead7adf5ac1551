/* SPDX-License-Identifier: MIT */
/*
 * What tracees do: they stop for a hold, for signals that are none of our business, and with
 * `follow` they fork and exec. Each stop is answered here, at once.
 */
#include <errno.h>
#include <signal.h>
#include <sys/types.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "target/process.h"
#include "target/tracee.h"
#include "watch/deep.h"
#include "watch/frames.h"

/* A program that forks without end must not keep us from the ring. */
#define MAX_EVENTS 256
#define BIT(signal) (UINT64_C(1) << ((signal)-1))
/* Of holds, and of traps that lost their reason (guard.c). */
#define SIGNALS_OF_OURS (BIT(SIGTRAP) | BIT(MT_HOLD_SIGNAL) | BIT(MT_HOLD_SIGNAL_BLOCKED))

/* ---- The list of tracees ------------------------------------------------- */

static bool find_tracee(const struct mt_session *session, pid_t tid, size_t *at)
{
	for (*at = 0; *at < session->tracees.len; ++*at)
		if (session->tracees.data[*at] == tid)
			return true;
	return false;
}

bool mt_follow_add(struct mt_session *session, pid_t tid)
{
	size_t at;

	return find_tracee(session, tid, &at) || mt_vec_push(&session->tracees, tid);
}

static void forget_tracee(struct mt_session *session, pid_t tid)
{
	size_t at;

	if (find_tracee(session, tid, &at))
		mt_vec_swap_remove(&session->tracees, at);
}

bool mt_follow_needed(const struct mt_session *session)
{
	if (mt_handover_goes_on(session) || session->seizing)
		return true;
	if (session->ending || session->fatal)
		return false;
	if (mt_handover_is_wanted(session) || session->config->follow || session->guarded ||
	    session->traces_births)
		return true;
	for (size_t i = 0; i < session->targets.len; i++)
		if (session->targets.data[i]->hold)
			return true;
	return false;
}

void mt_follow_go_on(struct mt_session *session, pid_t tid, int signal)
{
	if (mt_handover_keeps(session, tid, signal))
		return;
	if (!mt_follow_needed(session)) {
		if (mt_probe_let_go(session->probe, tid, signal))
			forget_tracee(session, tid);
		return;
	}
	mt_probe_go_on(session->probe, tid, signal);
}

void mt_follow_release(struct mt_session *session)
{
	if (session->releasing || mt_follow_needed(session))
		return;
	session->releasing = true;
	for (size_t i = 0; i < session->tracees.len; i++)
		mt_tracee_interrupt(session->tracees.data[i]);
}

/* ---- Forks and exec ------------------------------------------------------ */

/* The target whose program a process runs: its own, or that of the process that it was forked from.
 */
static struct mt_target *target_of_tracee(struct mt_session *session, pid_t tid)
{
	pid_t pid = mt_process_of(tid);

	for (int depth = 0; pid > 1 && depth < 64; depth++) {
		struct mt_target *target = mt_target_of(session, pid);

		if (target)
			return target;
		pid = mt_process_parent(pid);
	}
	return NULL;
}

static void seed_watch(struct mt_watch *watch, pid_t child)
{
	const struct mt_hit_watch *whole = mt_watch_whole(watch);
	uint8_t *value MT_AUTO_FREE = mt_alloc(whole->len);
	struct mt_error *error =
	    value ? mt_process_read(child, whole->addr, value, whole->len) : mt_error_nomem();

	if (!error)
		mt_armed_seed(watch->armed, child, value);
	mt_error_free(error);
}

/* A new process has a copy of every watched value; its first hit's old value is read from it. */
static void seed_fork(struct mt_session *session, pid_t child)
{
	struct mt_target *target = target_of_tracee(session, child);
	if (!target || target->pid == child)
		return;
	target->forked = true;
	for (size_t i = 0; i < session->watches.len; i++) {
		struct mt_watch *watch = session->watches.data[i];

		if (watch->target != target || watch->state != MT_WATCH_ARMED ||
		    watch->view.kind == MT_DR_EXEC)
			continue;

		seed_watch(watch, child);
	}
}

/*
 * A program on the way to the one that is meant (the shell, make) knows nothing of the names: it is
 * let be. The reason is kept for the end, where no program has known them.
 */
static void pass_over(struct mt_session *session, pid_t pid, struct mt_error *error)
{
	struct mt_target *target = mt_target_of(session, pid);

	if (target)
		mt_target_drop(session, target);
	mt_error_free(session->passed_over);
	session->passed_over = error;
}

/* No other program would change what is wrong. */
static bool is_for_all(const struct mt_error *error)
{
	return mt_error_kind(error) == MT_ERR_SYNTAX || mt_error_kind(error) == MT_ERR_PERMISSION;
}

struct mt_error *mt_follow_begin(struct mt_session *session, pid_t pid)
{
	struct mt_error *error = mt_session_begin(session, pid, true);

	if (!error || !session->config->follow || is_for_all(error))
		return error;
	pass_over(session, pid, error);
	return NULL;
}

/* With `follow`: the same names in the new program. */
static void follow_exec(struct mt_session *session, pid_t pid)
{
	struct mt_target *old = mt_target_of(session, pid);
	struct mt_error *error;

	if (old)
		old->left = true;
	if (old && !old->forked) {
		mt_session_drain(session);
		mt_target_end(session, old);
	} else if (old) {
		old->pid = 0; /* its forks go on in it */
	}
	error = mt_session_begin(session, pid, true);
	if (error)
		pass_over(session, pid, error);
}

/* A process that is no business of ours: it was born of one that is, or has another program now. */
static void let_be(struct mt_session *session, pid_t tid)
{
	if (mt_probe_let_go(session->probe, tid, 0))
		forget_tracee(session, tid);
}

static bool is_stranger(const struct mt_session *session, pid_t tid)
{
	pid_t pid = mt_process_of(tid); /* 0: it is about to end */

	return !session->config->follow && pid && pid != session->root &&
	       !mt_probe_borrows(session->probe, tid);
}

static void on_exec(struct mt_session *session, const struct mt_event *event)
{
	if (event->child != event->tid)
		forget_tracee(
		    session,
		    event->child); /* the thread that called exec has the leader's id now */
	session->held = event->tid;
	if (session->config->follow && !session->ending)
		follow_exec(session, event->tid);
	else if (event->tid == session->root)
		session->root_execed = true;
	session->held = 0;
	if (is_stranger(session, event->tid))
		let_be(session, event->tid);
	else
		mt_follow_go_on(session, event->tid, 0);
}

/* ---- Stops --------------------------------------------------------------- */

static bool is_hold(const struct mt_session *session, pid_t tid, int signal)
{
	bool stops = session->config->action == MT_ACTION_STOP; /* a SIGSTOP is a hit's then */
	siginfo_t info;

	return (signal == MT_HOLD_SIGNAL || (signal == MT_HOLD_SIGNAL_BLOCKED && !stops)) &&
	       mt_tracee_siginfo(tid, &info) && mt_is_hold(&info);
}

/* A pointer's change is a hold, too, at any place. */
static bool is_at_hold(const struct mt_target *target, pid_t tid)
{
	struct mt_regs regs;

	return target->hold && mt_tracee_regs(tid, &regs) &&
	       regs.r[MT_REG_RIP] == target->hold_addr;
}

/* A pointer that leads to what is watched, or a call of a function whose locals are. */
static bool on_own_hold(struct mt_session *session, struct mt_target *target, pid_t tid)
{
	if (mt_frames_entered(session, target, tid))
		return true;
	mt_deep_follow(session, target);
	if (is_at_hold(target, tid))
		return false;
	if (mt_deep_any(session, target))
		return true;
	if (!target->entries.len)
		return false;
	mt_frames_missed(session, target);
	return true;
}

/* Of a hit, which may have come together with a hold of our own: they are one signal. */
static void on_hit_hold(struct mt_session *session, struct mt_target *target, pid_t tid)
{
	if (mt_handover_goes_on(session) || mt_frames_entered(session, target, tid))
		return;
	mt_deep_follow(session, target);
}

static void on_hold(struct mt_session *session, pid_t tid)
{
	struct mt_target *target = target_of_tracee(session, tid);
	bool hit = mt_handover_decide(session, tid);
	struct mt_error *error;

	if (target && hit) {
		on_hit_hold(session, target, tid);
		return;
	}
	if (target && on_own_hold(session, target, tid))
		return;
	session->held = tid;
	error = target && target->hold ? mt_hold_reached(session, target) : NULL;
	session->held = 0;
	/* What was waited for may be the call that is armed now. */
	if (target && !error)
		mt_frames_entered(session, target, tid);
	if (error && session->config->follow) {
		pass_over(session, target->pid, error);
	} else if (error) {
		session->fatal = error;
	}
}

static void on_stray(struct mt_session *session, pid_t tid)
{
	struct mt_target *target = target_of_tracee(session, tid);

	/* A call comes to its entry again; what a pointer leads to is looked at. */
	if (target && mt_frames_entered(session, target, tid)) {
		session->summary->recovered++;
		return;
	}
	if (target && mt_deep_follow(session, target)) {
		session->summary->recovered++;
		return;
	}
	if (!target || target->forked || !mt_guard_recover(session, target, tid))
		session->summary->unexplained++;
	else
		mt_handover_decide(session, tid);
}

/* What cannot be watched stays where it is, and is ended there. */
static void go_on_unless_fatal(struct mt_session *session, pid_t tid, int signal)
{
	if (!session->fatal || !session->summary->launched)
		mt_follow_go_on(session, tid, signal);
}

/* A hold and a signal of the program's own may be one. Of a hold the other takes its place. */
static enum mt_merged find_merged(const struct mt_session *session, const struct mt_event *event)
{
	enum mt_merged merged = MT_MERGED_NOTHING;
	siginfo_t info;

	if (event->signal == MT_HOLD_SIGNAL && mt_tracee_siginfo(event->tid, &info))
		merged = mt_probe_merged(session->probe, event->tid, &info);
	if (merged == MT_MERGED_OWN)
		mt_tracee_set_siginfo(event->tid, &info);
	return merged;
}

static void on_signal(struct mt_session *session, const struct mt_event *event)
{
	bool stray = mt_guard_is_stray(event->tid, event->signal);
	bool hold = !stray && is_hold(session, event->tid, event->signal);
	enum mt_merged merged = find_merged(session, event);
	int signal = stray || (hold && merged != MT_MERGED_OWN) ? 0 : event->signal;

	if (stray)
		on_stray(session, event->tid);
	else if ((hold || merged == MT_MERGED_HOLD) && !session->ending)
		on_hold(session, event->tid);
	else if (event->signal == MT_HOLD_SIGNAL && !session->ending)
		mt_handover_decide(session, event->tid); /* where the kernel does not tell */
	go_on_unless_fatal(session, event->tid, signal);
}

static void on_end(struct mt_session *session, const struct mt_event *event)
{
	struct mt_target *target = mt_target_of(session, event->tid);

	forget_tracee(session, event->tid);
	mt_instances_death(session, event->tid);
	if (event->tid == session->root) {
		session->root_gone = true;
		session->summary->exited = true;
		session->summary->exit_status = event->kind == MT_EVENT_EXITED ? event->status : -1;
		session->summary->exit_signal = event->kind == MT_EVENT_KILLED ? event->signal : 0;
	} else if (target && !target->forked) {
		mt_session_drain(session);
		mt_target_end(session, target);
	}
}

static void on_first_stop(struct mt_session *session, pid_t tid)
{
	size_t at;

	if (is_stranger(session, tid)) {
		let_be(session, tid);
		return;
	}
	if (!find_tracee(session, tid, &at)) {
		mt_follow_add(session, tid);
		if (session->config->follow && mt_process_of(tid) == tid)
			seed_fork(session, tid);
	}
	if (session->traces_births && !session->ending)
		mt_instances_birth(session, target_of_tracee(session, tid), tid);
	mt_follow_go_on(session, tid, 0);
}

static void on_event(struct mt_session *session, const struct mt_event *event)
{
	switch (event->kind) {
	case MT_EVENT_EXITED:
	case MT_EVENT_KILLED:
		on_end(session, event);
		break;
	case MT_EVENT_SIGNAL:
		on_signal(session, event);
		break;
	case MT_EVENT_GROUP:
		if (mt_follow_needed(session))
			mt_probe_listen(session->probe, event->tid);
		else
			mt_follow_go_on(session, event->tid, 0);
		break;
	case MT_EVENT_STOPPED:
		on_first_stop(session, event->tid);
		break;
	case MT_EVENT_EXEC:
		on_exec(session, event);
		break;
	default:
		mt_follow_go_on(session, event->tid, 0);
		break;
	}
}

void mt_follow_handle(struct mt_session *session, const struct mt_event *event)
{
	if (mt_handover_keeps_event(session, event))
		return;
	session->event = *event;
	switch (mt_probe_event(session->probe, event)) {
	case MT_PROBE_NOT_OURS:
		on_event(session, event);
		return;
	case MT_PROBE_HELD:
		if (!session->ending)
			on_hold(session, event->tid);
		break;
	case MT_PROBE_OURS:
		break;
	}
	go_on_unless_fatal(session, event->tid, 0);
}

/* What becomes of signals that are the program's own is asked by nobody else. */
static bool passes_signals(const struct mt_session *session)
{
	return !mt_probe_is_traced(session->probe) && !mt_handover_is_wanted(session) &&
	       !session->fatal && mt_follow_needed(session);
}

bool mt_follow_events(struct mt_session *session)
{
	for (int i = 0; i < MAX_EVENTS; i++) {
		struct mt_event event;

		if (passes_signals(session) && mt_tracee_pass_signal(SIGNALS_OF_OURS))
			continue;
		event = mt_probe_next_event(session->probe);
		if (event.kind == MT_EVENT_NONE)
			return false;
		mt_follow_handle(session, &event);
		mt_follow_release(session);
	}
	return true;
}
