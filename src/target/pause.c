/* SPDX-License-Identifier: MIT */
#include "target/pause.h"

#include <errno.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "target/process.h"
#include "target/tracee.h"

#define LIMIT_US 200000
#define STEP_US 100

static struct mt_paused_thread *find_stopped(struct mt_pause *pause, pid_t tid)
{
	for (size_t i = 0; i < pause->threads.len; i++)
		if (pause->threads.data[i].tid == tid)
			return &pause->threads.data[i];
	return NULL;
}

/* ---- Stops --------------------------------------------------------------- */

static struct mt_error *note_stop(struct mt_pause *pause, const struct mt_event *event)
{
	struct mt_paused_thread thread = { .tid = event->tid };
	struct mt_paused_thread *known = find_stopped(pause, event->tid);

	if (mt_event_is_end(event)) {
		if (known)
			mt_vec_swap_remove(&pause->threads, known - pause->threads.data);
		return NULL;
	}
	if (event->kind == MT_EVENT_SIGNAL)
		thread.signal = event->signal;
	if (known) {
		*known = thread;
		return NULL;
	}
	return mt_vec_push(&pause->threads, thread) ? NULL : mt_error_nomem();
}

/* Takes whatever stops there are. Those of threads that no list has shown are among them. */
static struct mt_error *collect_stops(struct mt_pause *pause)
{
	for (;;) {
		struct mt_event event = mt_tracee_next();

		if (event.kind == MT_EVENT_NONE)
			return NULL;
		MT_TRY(note_stop(pause, &event));
	}
}

/* Interrupts the threads of a fresh list that run; `running` tells how many there were. */
static struct mt_error *interrupt_running(pid_t pid, struct mt_pause *pause, size_t *running)
{
	struct mt_tids now MT_CLEANUP(mt_tids_deinit) = { 0 };

	*running = 0;
	MT_TRY(mt_process_threads(pid, &now));
	for (size_t i = 0; i < now.list.len; i++) {
		if (find_stopped(pause, now.list.data[i]))
			continue;
		++*running;
		mt_tracee_interrupt(now.list.data[i]);
	}
	return NULL;
}

static struct mt_error *stop_all(pid_t pid, struct mt_pause *pause)
{
	for (int waited = 0; waited < LIMIT_US; waited += STEP_US) {
		size_t running;

		/* Threads born of a tracee are tracees from birth; others are seized when a list
		 * shows them. */
		MT_TRY(mt_tracee_seize(pid, MT_TRACE_THREADS));
		MT_TRY(interrupt_running(pid, pause, &running));
		if (!running)
			return NULL;
		usleep(STEP_US);
		MT_TRY(collect_stops(pause));
	}
	return mt_error_new(MT_ERR_SYSTEM, "some thread of process %d does not stop", (int)pid);
}

/* ---- The pause ----------------------------------------------------------- */

struct mt_error *mt_pause_begin(pid_t pid, struct mt_pause *pause)
{
	struct mt_error *error;

	*pause = (struct mt_pause){ .pid = pid };
	error = stop_all(pid, pause);
	if (error)
		mt_pause_end(pause);
	return error;
}

static void free_stopped(struct mt_pause *pause)
{
	for (size_t i = 0; i < pause->threads.len; i++)
		mt_tracee_detach(pause->threads.data[i].tid, pause->threads.data[i].signal);
	pause->threads.len = 0;
}

/* Whether a thread of the process is a tracee of ours still. */
static bool has_tracees(pid_t pid)
{
	struct mt_tids now MT_CLEANUP(mt_tids_deinit) = { 0 };
	struct mt_error *error = mt_process_threads(pid, &now);
	bool has = false;

	for (size_t i = 0; !error && i < now.list.len && !has; i++) {
		has = mt_process_tracer(now.list.data[i]) == getpid() &&
		      mt_process_state(now.list.data[i]) != 'Z';
		if (has)
			mt_tracee_interrupt(now.list.data[i]);
	}
	mt_error_free(error);
	return has;
}

void mt_pause_end(struct mt_pause *pause)
{
	free_stopped(pause);
	/* A pause that failed has left tracees running: each is freed at a stop of its own. */
	for (int waited = 0; waited < LIMIT_US && has_tracees(pause->pid); waited += STEP_US) {
		usleep(STEP_US);
		mt_error_free(collect_stops(pause));
		free_stopped(pause);
	}
	mt_vec_deinit(&pause->threads);
}
