/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "engine/engine_private.h"
#include "target/process.h"

#define KILL_MS 5000
#define LEAVING_MS 500 /* how long threads may take that are about to end */

struct mt_error *mt_proc_begin(struct mt_proc *proc)
{
	MT_TRY(mt_proc_read_image(proc));
	mt_library_watch(proc);
	mt_breaks_resolve(proc);
	return NULL;
}

/* ---- Attaching ----------------------------------------------------------- */

/* Those that are not known yet. */
static struct mt_error *add_threads(struct mt_proc *proc, bool *any)
{
	struct mt_tids tids MT_CLEANUP(mt_tids_deinit) = { 0 };

	*any = false;
	MT_TRY(mt_process_threads(proc->pid, &tids));
	for (size_t i = 0; i < tids.list.len; i++) {
		pid_t tid = tids.list.data[i];
		bool traced = mt_process_tracer(tid) == getpid();
		struct mt_thread *thread;

		if (mt_thread_find(proc->debug, tid))
			continue;
		*any = true;
		if (!traced && !mt_process_has_ended(tid))
			continue; /* seen too late to be seized */
		thread = mt_thread_add(proc, tid);
		if (!thread)
			return mt_error_nomem();
		thread->new_born = false;
		if (traced)
			continue;
		thread->state = MT_THREAD_LEAVING; /* its siblings go on */
		proc->leader_untraced = proc->leader_untraced || tid == proc->pid;
	}
	return NULL;
}

/*
 * What the first stop is shown with is read while the process still runs: files that are open are
 * shared by the image that follows (symbol/image.h). A failure is told then, with its reason.
 */
static void read_ahead(struct mt_proc *proc)
{
	uint64_t pc = mt_process_pc(proc->pid);
	struct mt_symbol symbol;
	struct mt_line line;

	mt_error_free(mt_proc_read_image(proc));
	if (proc->image && pc && mt_image_symbol_at(proc->image, pc, &symbol))
		mt_image_line_at(proc->image, pc, &line);
}

/*
 * Whether a thread is born traced is decided before it can be seen (kernel/fork.c, kernel_clone()):
 * one whose parent is seized between the two is nobody's. Where all stand that are known, nobody is
 * being born, and a list shows those as well.
 */
static struct mt_error *stop_threads(struct mt_proc *proc)
{
	bool any = true;

	while (any && !proc->ended) {
		MT_TRY(mt_tracee_seize(proc->pid, MT_DEBUG_TRACE));
		MT_TRY(add_threads(proc, &any));
		mt_stop_all(proc->debug);
	}
	return NULL;
}

static struct mt_error *take_over(struct mt_proc *proc)
{
	read_ahead(proc);
	MT_TRY(stop_threads(proc));
	if (proc->ended || !mt_thread_stopped(proc))
		return mt_error_new(MT_ERR_NOT_FOUND, "process %d has ended", (int)proc->pid);
	return mt_proc_begin(proc);
}

struct mt_error *mt_debug_attach(struct mt_debug *debug, pid_t pid)
{
	struct mt_proc *proc;
	struct mt_error *error;

	if (debug->going)
		return mt_error_new(MT_ERR_USAGE, "a process runs: interrupt it first");
	mt_core_close(debug);
	if (mt_proc_find(debug, pid))
		return mt_error_new(MT_ERR_USAGE, "process %d is being debugged already", (int)pid);
	MT_TRY(mt_proc_add(debug, pid, &proc));
	proc->attached = true;
	proc->number = ++debug->next_proc;
	error = take_over(proc);
	if (error) {
		if (!proc->ended)
			mt_proc_let_go(proc, 0);
		mt_debug_bury(debug);
		return error;
	}
	mt_proc_select(debug, proc);
	debug->last_stop =
	    (struct mt_stop){ .kind = MT_STOP_ATTACHED, .pid = pid, .tid = mt_debug_tid(debug) };
	mt_stop_tell(debug);
	return NULL;
}

/* ---- Detaching ----------------------------------------------------------- */

/* What it takes along is what it would have got, unless another one is asked for. */
static void choose_signal(struct mt_thread *thread, int signal)
{
	if (signal) {
		thread->signal = signal;
		return;
	}
	mt_thread_take_deferred(thread);
	if (!thread->signal && thread->pending.kind == MT_PENDING_SIGNAL)
		thread->signal = thread->info.si_signo;
}

static void release_thread(struct mt_thread *thread, int signal)
{
	bool regs = mt_thread_regs(thread);

	if (regs)
		mt_hw_clear_thread(thread);
	mt_thread_flush(thread);
	mt_hold_give_back(thread);
	choose_signal(thread, signal);
	mt_tracee_detach(thread->tid, mt_thread_take_signal(thread));
}

/* Registers are those that the program would have, also where a thread is in a slot. */
static void leave_slots(struct mt_proc *proc)
{
	for (size_t i = 0; i < proc->threads.len; i++) {
		struct mt_thread *thread = proc->threads.data[i];

		if (thread->state == MT_THREAD_STOPPED && mt_thread_regs(thread))
			thread->regs_changed = true;
	}
}

static bool has_leaving_threads(const struct mt_proc *proc)
{
	for (size_t i = 0; i < proc->threads.len; i++)
		if (proc->threads.data[i]->state == MT_THREAD_LEAVING &&
		    proc->threads.data[i]->tid != proc->pid &&
		    mt_process_tracer(proc->threads.data[i]->tid) == getpid())
			return true;
	return false;
}

/* A thread that ends as ours, and whose end nobody takes, keeps the end of its process from being
 * told to its parent. */
static void take_ends(struct mt_proc *proc)
{
	struct mt_debug *debug = proc->debug;
	uint64_t deadline = mt_deadline(LEAVING_MS);
	bool was_stopping = debug->stopping;

	debug->stopping = true;
	while (!proc->ended && has_leaving_threads(proc)) {
		struct mt_event event = mt_event_next(debug, deadline, false);

		if (event.kind == MT_EVENT_NONE)
			break;
		mt_event_record(debug, &event);
	}
	debug->stopping = was_stopping;
}

void mt_proc_let_go(struct mt_proc *proc, int signal)
{
	struct mt_debug *debug = proc->debug;

	mt_share_end(debug);
	take_ends(proc);
	if (proc->ended)
		return;
	for (size_t i = 0; i < proc->threads.len; i++)
		if (proc->threads.data[i]->state == MT_THREAD_STOPPED)
			mt_dummies_undo(proc->threads.data[i]);
	if (!proc->lender) {
		mt_breaks_lift(proc);
		mt_sites_lift(proc, mt_proc_access(proc));
		leave_slots(proc);
		mt_detours_release(proc);
		mt_slots_release(proc);
	}
	for (size_t i = 0; i < proc->threads.len; i++) {
		struct mt_thread *thread = proc->threads.data[i];
		bool first = thread == debug->thread;

		if (thread->state == MT_THREAD_STOPPED)
			release_thread(thread, first ? signal : 0);
	}
	mt_proc_remove(proc);
}

struct mt_error *mt_debug_detach(struct mt_debug *debug, int signal)
{
	pid_t pid;

	MT_TRY(mt_need_stopped(debug));
	pid = debug->proc->pid;
	mt_proc_let_go(debug->proc, signal);
	mt_debug_bury(debug);
	mt_notify(debug, &(struct mt_notice){ .kind = MT_NOTICE_PROCESS_GONE, .pid = pid });
	return NULL;
}

/* ---- Killing ------------------------------------------------------------- */

void mt_proc_kill(struct mt_proc *proc)
{
	struct mt_debug *debug = proc->debug;

	kill(proc->pid, SIGKILL);
	debug->stopping = true;
	while (!proc->ended) {
		struct mt_event event = mt_event_next(debug, mt_deadline(KILL_MS), false);

		if (event.kind == MT_EVENT_NONE)
			mt_proc_remove(proc); /* the kernel holds it; EXITKILL will do the rest */
		else
			mt_event_record(debug, &event);
	}
	debug->stopping = false;
}

struct mt_error *mt_debug_kill(struct mt_debug *debug)
{
	if (!debug->proc)
		return mt_error_new(MT_ERR_USAGE, "no process is being debugged");
	if (debug->proc->core)
		return mt_need_stopped(debug);
	debug->going = debug->has_stop = false;
	mt_plan_end(debug);
	mt_proc_kill(debug->proc);
	debug->has_stop = false;
	mt_debug_bury(debug);
	mt_terminal_to_us(debug);
	return NULL;
}
