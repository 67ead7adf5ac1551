/* SPDX-License-Identifier: MIT */
/*
 * New processes and new programs. A child that shares its parent's memory (vfork, posix_spawn) runs
 * into the parent's int3s: it stays traced, without being shown, until it has a memory of its own.
 */
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/engine_private.h"
#include "target/process.h"

/* ---- Orphans: children that stop before their parent tells of them ------- */

bool mt_orphan_take(struct mt_debug *debug, pid_t child)
{
	for (size_t i = 0; i < debug->orphans.len; i++) {
		if (debug->orphans.data[i] != child)
			continue;
		mt_vec_swap_remove(&debug->orphans, i);
		return true;
	}
	return false;
}

void mt_stranger_seen(struct mt_debug *debug, const struct mt_event *event)
{
	/* Anything but a first stop is of one that could not be let go with its process. */
	if (event->kind != MT_EVENT_STOPPED || !mt_vec_push(&debug->orphans, event->tid))
		mt_tracee_detach(event->tid, 0);
}

bool mt_child_await(struct mt_debug *debug, pid_t child)
{
	struct mt_event event;

	if (mt_orphan_take(debug, child))
		return true;
	event = mt_event_of(debug, child);
	return !mt_event_is_end(&event);
}

/* ---- fork and vfork ------------------------------------------------------ */

static struct mt_thread *add_first_thread(struct mt_proc *proc)
{
	struct mt_thread *thread = mt_thread_add(proc, proc->pid);

	if (!thread)
		return NULL;
	thread->state = MT_THREAD_STOPPED;
	thread->stop = MT_EVENT_STOPPED;
	thread->new_born = false;
	return thread;
}

static void tell_child(const struct mt_proc *parent, pid_t child, const char *what)
{
	mt_notify(parent->debug,
	          &(struct mt_notice){
	              .kind = MT_NOTICE_PROCESS_NEW, .pid = child, .tid = child, .text = what });
}

/* A process of its own in the session, shown with a number. */
static struct mt_proc *keep_child(struct mt_proc *parent, pid_t pid, bool shares)
{
	struct mt_debug *debug = parent->debug;
	struct mt_proc *child;
	struct mt_error *error = mt_proc_add(debug, pid, &child);

	if (error) {
		mt_error_free(error);
		return NULL;
	}
	child->number = ++debug->next_proc;
	child->attached = parent->attached;
	if (shares)
		mt_proc_borrow(child, mt_proc_memory(parent));
	error = add_first_thread(child) ? NULL : mt_error_nomem();
	if (!error && shares)
		mt_filtered_cover(child->threads.data[0]);
	if (!error && !shares)
		error = mt_proc_begin(child);
	if (!error && !shares)
		mt_watches_inherit(mt_proc_memory(parent), child);
	if (!error)
		return child;
	mt_warn(debug, pid, "process %d is let go: %s", (int)pid, mt_error_text(error));
	mt_error_free(error);
	mt_proc_remove(child);
	mt_tracee_detach(pid, 0);
	return NULL;
}

/* Traced until it has a memory of its own, and not shown. */
static void keep_quietly(struct mt_thread *parent, pid_t pid)
{
	struct mt_proc *child = keep_child(parent->proc, pid, true);
	struct mt_thread *thread = child ? mt_thread_find(child->debug, pid) : NULL;

	if (!thread)
		return;
	child->debug->next_proc--;
	child->number = 0;
	child->quiet = true;
	thread->runs = true;
	child->debug->recheck = true;
}

/* The parent cannot go on before it: one that shares its memory runs until it has its own. */
static void keep_beside(struct mt_thread *parent, pid_t pid, bool shares)
{
	struct mt_proc *child = keep_child(parent->proc, pid, shares);

	if (!child || !shares)
		return;
	child->threads.data[0]->runs = true;
	child->debug->recheck = true;
}

static void follow_child(struct mt_thread *parent, pid_t pid, bool shares)
{
	struct mt_debug *debug = parent->proc->debug;
	struct mt_proc *old = parent->proc;
	struct mt_proc *child = keep_child(old, pid, shares);
	struct mt_thread *thread = child ? mt_thread_find(debug, pid) : NULL;

	if (!thread)
		return;
	if (debug->plan.active && debug->plan.thread == parent)
		mt_plan_move(debug, thread);
	else
		mt_plan_end(debug);
	mt_proc_select(debug, child);
	thread->runs = true;
	debug->recheck = true;
	if (!debug->settings.detach_on_fork) {
		for (size_t i = 0; i < old->threads.len; i++)
			old->threads.data[i]->runs = shares; /* vfork: it waits by itself */
	} else if (shares) {
		old->quiet = true; /* mt_vfork_done() lets it go */
	} else {
		mt_stop_all(debug);
		mt_proc_let_go(old, 0);
	}
}

void mt_fork_seen(struct mt_thread *parent, const struct mt_event *event)
{
	struct mt_debug *debug = parent->proc->debug;
	struct mt_proc *memory = mt_proc_memory(parent->proc);
	pid_t child = event->child;
	bool follow = debug->settings.follow_fork == MT_FOLLOW_CHILD && !parent->proc->quiet;

	parent->pending.child = child;
	mt_pend(parent, event->kind == MT_EVENT_VFORK ? MT_PENDING_VFORK : MT_PENDING_FORK);
	if (!mt_child_await(debug, child))
		return;

	bool shares = mt_process_shares_memory(parent->tid, child);

	if (event->kind == MT_EVENT_VFORK)
		parent->lends_to = child;
	if (!shares)
		mt_sites_lift(memory, child);
	if (!parent->proc->quiet)
		tell_child(parent->proc, child,
		           follow ? "followed"
		                  : (debug->settings.detach_on_fork ? "let go" : "kept"));
	if (follow)
		follow_child(parent, child, shares);
	else if (!debug->settings.detach_on_fork && !parent->proc->quiet)
		keep_beside(parent, child, shares);
	else if (shares)
		keep_quietly(parent, child);
	else
		mt_tracee_detach(child, 0);
}

/* The child has a memory of its own, or has ended: who had lent it one goes on. */
static void give_back(struct mt_debug *debug, pid_t child)
{
	for (size_t i = 0; i < debug->procs.len; i++) {
		const struct mt_proc *proc = debug->procs.data[i];

		for (size_t j = 0; j < proc->threads.len; j++)
			if (proc->threads.data[j]->lends_to == child)
				proc->threads.data[j]->lends_to = 0;
	}
}

void mt_vfork_done(struct mt_thread *parent)
{
	struct mt_proc *proc = parent->proc;

	parent->lends_to = 0;
	if (!proc->quiet || proc->lender)
		return;
	mt_stop_all(proc->debug);
	mt_proc_let_go(proc, 0);
	proc->debug->recheck = true;
}

/* ---- exec ---------------------------------------------------------------- */

/* The thread that called exec is the leader now, and the only one. */
static struct mt_thread *only_leader(struct mt_proc *proc, const struct mt_event *event)
{
	struct mt_thread *caller = mt_thread_find(proc->debug, event->child);

	if (!caller)
		caller = mt_thread_find(proc->debug, event->tid);
	for (size_t i = 0; i < proc->threads.len; i++)
		if (proc->threads.data[i] != caller)
			mt_thread_remove(proc->threads.data[i]);
	if (!caller)
		caller = mt_thread_add(proc, event->tid);
	if (!caller)
		return NULL;
	caller->tid = event->tid;
	caller->state = MT_THREAD_STOPPED;
	caller->new_born = caller->asked_to_stop = caller->has_regs = caller->told = false;
	caller->group_stopped = false;
	caller->lends_to = 0;
	caller->stop = MT_EVENT_EXEC;
	caller->pending.kind = MT_PENDING_NONE;
	proc->leader_untraced = false;
	return caller;
}

static void forget_memory(struct mt_proc *proc)
{
	mt_breaks_forget(proc);
	mt_sites_forget(proc);
	mt_slots_forget(proc);
	mt_leaps_forget(proc);
	mt_detours_forget(proc);
	mt_space_destroy(proc->space);
	proc->space = NULL;
	mt_proc_borrow(proc, NULL);
	proc->hook = 0;
	proc->hook_site = NULL;
	mt_hw_forget(proc);
	mt_filtered_forget(proc);
}

void mt_exec_seen(struct mt_debug *debug, const struct mt_event *event)
{
	struct mt_proc *proc = mt_proc_find(debug, event->tid);
	struct mt_thread *thread;
	struct mt_error *error;
	bool ran_beside = proc && proc->lender && proc != debug->proc;

	if (!proc) {
		mt_tracee_resume(event->tid, 0);
		return;
	}
	mt_plan_forget(debug, proc);
	mt_dummies_forget_memory(proc);
	thread = only_leader(proc, event);
	forget_memory(proc);
	give_back(debug, proc->pid);
	if (!thread || proc->quiet) {
		mt_tracee_detach(event->tid, 0);
		mt_proc_remove(proc);
		return;
	}
	error = mt_proc_begin(proc);
	if (error)
		mt_warn(debug, proc->pid, "%s", mt_error_text(error));
	mt_error_free(error);
	if (!debug->thread)
		mt_proc_select(debug, proc);
	mt_notify(debug, &(struct mt_notice){ .kind = MT_NOTICE_EXEC,
	                                      .pid = proc->pid,
	                                      .tid = proc->pid,
	                                      .text = proc->program });
	mt_pend(thread, MT_PENDING_EXEC);
	thread->runs = thread->runs && !ran_beside;
}

/* ---- The end ------------------------------------------------------------- */

void mt_proc_ended(struct mt_proc *proc, const struct mt_event *event)
{
	struct mt_debug *debug = proc->debug;
	struct mt_stop stop = {
		.kind = event->kind == MT_EVENT_EXITED ? MT_STOP_EXITED : MT_STOP_KILLED,
		.pid = proc->pid,
		.process = proc->number,
		.tid = event->tid,
		.status = event->status,
		.signal = event->signal,
	};
	bool quiet = proc->quiet;

	mt_plan_forget(debug, proc);
	mt_proc_remove(proc);
	give_back(debug, stop.pid);
	if (quiet)
		return;
	mt_notify(debug, &(struct mt_notice){ .kind = MT_NOTICE_PROCESS_GONE, .pid = stop.pid });
	if (debug->has_stop ? debug->last_stop.pid == stop.pid : debug->going)
		mt_stop_now(debug, &stop);
}
