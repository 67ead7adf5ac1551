/* SPDX-License-Identifier: MIT */
/* A process that another part of this program has traced so far (target/handover.h). */
#include <unistd.h>

#include "base/cleanup.h"
#include "engine/engine_private.h"
#include "target/process.h"

/* Those that have no stop cannot stop yet, and are waited for as any that runs. */
static struct mt_error *add_threads(struct mt_proc *proc)
{
	struct mt_tids tids MT_CLEANUP(mt_tids_deinit) = { 0 };

	MT_TRY(mt_process_threads(proc->pid, &tids));
	for (size_t i = 0; i < tids.list.len; i++) {
		struct mt_thread *thread = mt_thread_add(proc, tids.list.data[i]);

		if (!thread)
			return mt_error_nomem();
		thread->new_born = false;
		if (mt_process_tracer(thread->tid) != getpid())
			thread->state = MT_THREAD_LEAVING; /* ended: its siblings go on */
	}
	return NULL;
}

/* The stops are answered as if they came now; what waits behind them is taken as ever. */
static void take_stops(struct mt_proc *proc, const struct mt_handover *handover)
{
	struct mt_debug *debug = proc->debug;
	unsigned flags = MT_DEBUG_TRACE | (handover->launched ? MT_TRACE_END_WITH_US : 0);

	debug->stopping = true;
	for (size_t i = 0; i < handover->stops.len; i++) {
		struct mt_event event = handover->stops.data[i];

		mt_tracee_set_flags(event.tid, flags);
		mt_event_record(debug, &event);
	}
	mt_stop_all(debug);
	debug->stopping = false;
}

static struct mt_error *take_over(struct mt_proc *proc, const struct mt_handover *handover)
{
	MT_TRY(add_threads(proc));
	take_stops(proc, handover);
	if (proc->ended || !mt_thread_stopped(proc))
		return mt_error_new(MT_ERR_NOT_FOUND, "process %d has ended", (int)proc->pid);
	return mt_proc_begin(proc);
}

static void show(struct mt_debug *debug, struct mt_proc *proc, pid_t tid)
{
	struct mt_thread *thread = mt_thread_find(debug, tid);

	mt_proc_select(debug, proc);
	if (thread && thread->state == MT_THREAD_STOPPED)
		mt_thread_select(debug, thread);
	debug->last_stop = (struct mt_stop){ .kind = MT_STOP_ATTACHED,
		                             .pid = proc->pid,
		                             .tid = mt_debug_tid(debug) };
	mt_stop_tell(debug);
}

struct mt_error *mt_debug_adopt(struct mt_debug *debug, const struct mt_handover *handover)
{
	struct mt_proc *proc;
	struct mt_error *error;

	MT_TRY(mt_proc_add(debug, handover->pid, &proc));
	proc->attached = !handover->launched;
	proc->own_terminal = true; /* it has our process group, and the terminal with us */
	proc->number = ++debug->next_proc;
	error = take_over(proc, handover);
	if (error) {
		if (!proc->ended)
			mt_proc_let_go(proc, 0);
		mt_debug_bury(debug);
		return error;
	}
	show(debug, proc, handover->tid);
	return NULL;
}
