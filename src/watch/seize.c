/* SPDX-License-Identifier: MIT */
/* A process that runs already becomes ours to trace, all threads of it. */
#include <time.h>

#include "base/cleanup.h"
#include "target/process.h"
#include "target/tracee.h"
#include "watch/session_private.h"

/* How far apart threads are looked at that are to stop once, and how long those are waited for that
 * sleep where no signal wakes them. */
#define BIRTH_LOOK_NS 50000
#define BIRTH_PATIENCE_NS 10000000

unsigned mt_session_trace_flags(const struct mt_session *session)
{
	/* By ptrace who borrows the memory is seen only as a tracee. */
	bool forks = session->config->follow || mt_probe_is_traced(session->probe);

	return MT_TRACE_EXEC | MT_TRACE_THREADS | (forks ? MT_TRACE_FORKS : 0);
}

static struct mt_error *add_tracee(pid_t tid, bool *done, void *arg)
{
	*done = true; /* later ones tell of themselves by their first stop */
	return mt_follow_add(arg, tid) ? NULL : mt_error_nomem();
}

static void note_stop(struct mt_tids *left, const struct mt_event *event)
{
	for (size_t i = 0; i < left->list.len; i++) {
		if (left->list.data[i] != event->tid)
			continue;
		mt_vec_swap_remove(&left->list, i);
		return;
	}
}

/* Those that have ended; and those that the kernel has not let stop for so long: they sleep. */
static void forget_unstoppable(struct mt_tids *left, bool sleepers)
{
	for (size_t i = left->list.len; i-- > 0;)
		if (mt_process_has_ended(left->list.data[i]) ||
		    (sleepers && mt_process_state(left->list.data[i]) == 'D'))
			mt_vec_swap_remove(&left->list, i);
}

/* Stops each once, so that none is in the middle of clone(2) any more. Each goes on at once. */
static void stop_once(struct mt_session *session, struct mt_tids *left)
{
	const struct timespec pause = { .tv_nsec = BIRTH_LOOK_NS };
	uint64_t begin = mt_now_ns();

	for (size_t i = 0; i < left->list.len; i++) {
		mt_follow_add(session, left->list.data[i]);
		mt_tracee_interrupt(left->list.data[i]);
	}
	while (left->list.len) {
		struct mt_event event = mt_probe_next_event(session->probe);

		if (event.kind == MT_EVENT_NONE) {
			forget_unstoppable(left, mt_now_ns() - begin > BIRTH_PATIENCE_NS);
			nanosleep(&pause, NULL);
			continue;
		}
		note_stop(left, &event);
		mt_follow_handle(session, &event);
	}
}

static struct mt_error *seize_all(struct mt_session *session)
{
	struct mt_tids seized MT_CLEANUP(mt_tids_deinit) = { 0 };

	size_t count;

	do {
		MT_TRY(
		    mt_tracee_seize_new(session->root, mt_session_trace_flags(session), &seized));
		count = seized.list.len;
		stop_once(session, &seized);
	} while (count);
	return mt_process_each_thread(session->root, add_tracee, session);
}

struct mt_error *mt_session_seize(struct mt_session *session)
{
	struct mt_error *error;

	session->seizing = true;
	error = seize_all(session);
	session->seizing = false;
	session->seized = !error;
	return error;
}

struct mt_error *mt_session_seize_running(struct mt_session *session)
{
	MT_TRY(mt_tracee_seize(session->root, mt_session_trace_flags(session)));
	session->seized = true;
	return mt_process_each_thread(session->root, add_tracee, session);
}
