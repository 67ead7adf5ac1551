/* SPDX-License-Identifier: MIT */
#include <unistd.h>

#include "engine/engine_private.h"
#include "target/process.h"

/* How long threads are waited for that the kernel does not let stop (state D). */
#define PATIENCE_MS 2000

void mt_pend(struct mt_thread *thread, enum mt_pending_kind kind)
{
	struct mt_debug *debug = thread->proc->debug;

	thread->pending.kind = kind;
	thread->pending.turn = ++debug->turn;
	debug->recheck = true;
}

/* A parent whose memory a vfork child has cannot stop: it is in the kernel until the child is done.
 */
static bool is_to_be_awaited(const struct mt_thread *thread)
{
	return thread->state == MT_THREAD_RUNNING && !thread->lends_to;
}

/* Asks those that run to stop; true: there are some. */
static bool ask_to_stop(struct mt_debug *debug)
{
	bool any = false;

	for (size_t i = 0; i < debug->procs.len; i++) {
		const struct mt_proc *proc = debug->procs.data[i];

		for (size_t j = 0; j < proc->threads.len; j++) {
			struct mt_thread *thread = proc->threads.data[j];

			if (thread->state != MT_THREAD_RUNNING)
				continue;
			any = any || is_to_be_awaited(thread);
			if (thread->asked_to_stop || thread->new_born)
				continue;
			thread->asked_to_stop = true;
			mt_tracee_interrupt(thread->tid);
		}
	}
	return any;
}

void mt_stop_all(struct mt_debug *debug)
{
	uint64_t deadline = mt_deadline(PATIENCE_MS);
	bool was_stopping = debug->stopping;

	debug->stopping = true;
	while (ask_to_stop(debug)) {
		struct mt_event event = mt_event_next(debug, deadline, false);

		if (event.kind == MT_EVENT_NONE)
			break;
		mt_event_record(debug, &event);
	}
	debug->stopping = was_stopping;
}

/* ---- At rest ------------------------------------------------------------- */

static bool has_signal(const struct mt_thread *thread)
{
	return thread->signal || thread->deferred || thread->put_off.len ||
	       thread->pending.kind == MT_PENDING_SIGNAL;
}

/* The stop of an interrupt comes before the thread executes anything. */
void mt_thread_rest(struct mt_thread *thread)
{
	struct mt_event event;

	if (!thread->proc->attached || thread->state != MT_THREAD_STOPPED ||
	    thread->stop != MT_EVENT_SIGNAL || has_signal(thread))
		return;
	mt_thread_flush(thread); /* a tracer that is killed leaves the registers as they are */
	mt_tracee_interrupt(thread->tid);
	mt_tracee_resume(thread->tid, 0);
	event = mt_event_of(thread->proc->debug, thread->tid);
	if (event.kind == MT_EVENT_STOPPED) {
		thread->stop = MT_EVENT_STOPPED;
		return;
	}
	thread->state = MT_THREAD_RUNNING;
	mt_event_hold(thread->proc->debug, &event);
}

static void rest_all(struct mt_debug *debug)
{
	for (size_t i = 0; i < debug->procs.len; i++) {
		const struct mt_proc *proc = debug->procs.data[i];

		for (size_t j = 0; j < proc->threads.len; j++)
			mt_thread_rest(proc->threads.data[j]);
	}
}

/* ---- Telling ------------------------------------------------------------- */

/*
 * Going on leaves the place that was shown, also when a breakpoint is set there meanwhile. One that
 * is there already and was not asked, since something else came first, is still to be hit.
 */
static void mark_told(struct mt_thread *thread, enum mt_stop_kind kind)
{
	const struct mt_site *site = mt_site_find(thread->proc, thread->regs.rip);
	bool stands = (site && site->inserted) || mt_debugreg_at(thread->proc, thread->regs.rip);
	bool asked = thread->told && thread->told_pc == thread->regs.rip;

	if (stands && !asked &&
	    (kind == MT_STOP_SIGNAL || kind == MT_STOP_INTERRUPTED || kind == MT_STOP_WATCH ||
	     kind == MT_STOP_SCOPE))
		return;
	thread->told = true;
	thread->told_pc = thread->regs.rip;
}

void mt_stop_tell(struct mt_debug *debug)
{
	struct mt_thread *thread = debug->thread;

	if (!thread || !mt_thread_regs(thread))
		return;
	debug->last_stop.pc = thread->regs.rip;
	mark_told(thread, debug->last_stop.kind);
}

void mt_stop_now(struct mt_debug *debug, const struct mt_stop *stop)
{
	struct mt_thread *thread;

	debug->last_stop = *stop;
	debug->has_stop = true;
	mt_stop_all(debug);
	rest_all(debug);
	mt_stop_all(debug);
	mt_plan_end(debug);
	debug->going = false;
	mt_terminal_to_us(debug);
	mt_breaks_have_stopped(debug, &debug->last_stop);
	thread = mt_thread_find(debug, debug->last_stop.tid);
	if (!thread) {
		if (!debug->thread)
			mt_proc_select(debug, debug->proc);
		return;
	}
	debug->proc = thread->proc;
	mt_thread_select(debug, thread);
	mt_watches_end_unseen(debug);
	mt_stop_tell(debug);
}

/* ---- gdb's questions ----------------------------------------------------- */

bool mt_stopped_by_watchpoint(const struct mt_stop *stop)
{
	return stop->kind == MT_STOP_WATCH;
}

bool mt_stopped_data_address(const struct mt_stop *stop, uint64_t *addr)
{
	for (size_t i = 0; i < stop->hit_count; i++) {
		if (!stop->hits[i].len)
			continue;
		*addr = stop->hits[i].addr;
		return true;
	}
	return false;
}

bool mt_debug_stopped_by_hw_breakpoint(struct mt_debug *debug, const struct mt_stop *stop)
{
	struct mt_thread *thread = mt_thread_find(debug, stop->tid);

	return thread && stop->kind == MT_STOP_BREAKPOINT &&
	       mt_debugreg_at(mt_proc_memory(thread->proc), stop->pc);
}
