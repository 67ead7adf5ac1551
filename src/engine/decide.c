/* SPDX-License-Identifier: MIT */
/* From what a thread has to tell to a stop, or on. */
#include "engine/engine_private.h"

/* Going on leaves the place, which was asked about. */
static void mark_told(struct mt_thread *thread)
{
	thread->told = true;
	thread->told_pc = thread->regs.rip;
}

/* It was told already, and has not gone on: a step into what is inlined leaves it there. */
static bool is_told(const struct mt_thread *thread)
{
	return thread->told && thread->told_pc == thread->regs.rip;
}

/* What has come of a plan. */
static bool stop_by_plan(enum mt_plan_answer answer, struct mt_stop *stop)
{
	if (answer == MT_PLAN_GO_ON)
		return false;
	stop->kind = answer == MT_PLAN_FINISHED ? MT_STOP_FINISHED : MT_STOP_STEPPED;
	return true;
}

static bool library_stop(struct mt_thread *thread, struct mt_stop *stop)
{
	struct mt_library_change change;
	bool caught;

	if (thread->proc->hook != thread->regs.rip || !mt_library_changed(thread->proc, &change))
		return false;
	caught = change.loaded && mt_catch_wants(thread, MT_BREAK_CATCH_LOAD, 0, stop);
	caught |= change.unloaded && mt_catch_wants(thread, MT_BREAK_CATCH_UNLOAD, 0, stop);
	if (caught)
		stop->kind = MT_STOP_LOAD;
	return caught;
}

/* At a place where execution breakpoints may stand. Those are not for a child that is let go. */
static bool decide_place(struct mt_thread *thread, enum mt_pending_kind kind,
                         enum mt_plan_answer answer, struct mt_stop *stop)
{
	bool library = library_stop(thread, stop);

	mark_told(thread);
	if (!thread->proc->quiet && mt_breaks_hit(thread, kind, stop)) {
		stop->kind = MT_STOP_BREAKPOINT;
		return true;
	}
	if (!thread->proc->debug->calling && mt_dummy_returns(thread))
		answer = MT_PLAN_FINISHED;
	return library || stop_by_plan(answer, stop);
}

static bool decide_site(struct mt_thread *thread, struct mt_stop *stop)
{
	struct mt_site *site;

	if (!mt_thread_regs(thread))
		return false;
	site = mt_site_find(thread->proc, thread->regs.rip);
	if (!site || !site->inserted) {
		/* It was taken out meanwhile; what the processor has there comes before it. */
		if (mt_debugreg_at(thread->proc, thread->regs.rip))
			mark_told(thread);
		return false;
	}
	/* A breakpoint there is still to be hit then. */
	if (mt_watches_end_at(thread, site, stop))
		return true;
	return decide_place(thread, MT_PENDING_SITE, mt_plan_at_site(thread, site), stop);
}

/* The processor's breakpoint comes before the site at the same place, which is passed with it. */
static bool decide_debugreg(struct mt_thread *thread, struct mt_stop *stop)
{
	enum mt_plan_answer answer = MT_PLAN_GO_ON;
	struct mt_site *site;

	if (!mt_thread_regs(thread))
		return false;
	site = mt_site_find(thread->proc, thread->regs.rip);
	if (site && site->inserted)
		answer = mt_plan_at_site(thread, site);
	return decide_place(thread, MT_PENDING_DEBUGREG, answer, stop);
}

enum answer { NO_HIT, HIT, ASK_AGAIN };

/* A step over a system call has seen what that wrote. */
static enum answer decide_watches_of_step(struct mt_thread *thread, struct mt_stop *stop)
{
	bool hit = mt_watches_hit(thread, stop);

	if (stop->kind == MT_STOP_SCOPE || !mt_trap_stepped_call(thread) ||
	    !mt_watches_see_syscalls(thread))
		return hit ? HIT : NO_HIT;
	switch (mt_watches_look(thread)) {
	case MT_WATCH_ASK_OTHERS:
		return hit ? HIT : ASK_AGAIN;
	case MT_WATCH_WRITTEN:
		return mt_watches_written(thread, thread->regs.orig_rax, stop) || hit ? HIT
		                                                                      : NO_HIT;
	default:
		return hit ? HIT : NO_HIT;
	}
}

static bool decide_step(struct mt_thread *thread, struct mt_stop *stop)
{
	struct mt_site *site;
	enum mt_plan_answer answer;

	if (!mt_thread_regs(thread))
		return false;
	switch (decide_watches_of_step(thread, stop)) {
	case HIT:
		return true;
	case ASK_AGAIN:
		mt_pend(thread, MT_PENDING_STEP);
		return false;
	default:
		break;
	}
	if (!mt_plan_wants_step(thread))
		return false;
	answer = mt_plan_stepped(thread->proc->debug);
	site = mt_site_find(thread->proc, thread->regs.rip);
	if (((site && site->inserted) || mt_debugreg_at(thread->proc, thread->regs.rip)) &&
	    !is_told(thread))
		return decide_place(thread, MT_PENDING_STEP, answer, stop);
	return stop_by_plan(answer, stop);
}

/* Of several threads that a filter holds, who wrote first is told first. */
static bool decide_watch(struct mt_thread *thread, struct mt_stop *stop)
{
	if (thread->decided == MT_PENDING_WATCH && thread->proc->threads.len > 1) {
		mt_stop_all(thread->proc->debug);
		thread->proc->debug->recheck = true; /* they are to go on */
		if (mt_filtered_gives_way(thread)) {
			mt_pend(thread, MT_PENDING_WATCH);
			return false;
		}
	}
	return mt_thread_regs(thread) && mt_watches_hit(thread, stop);
}

static bool decide_caught(struct mt_thread *thread, const struct mt_pending *pending,
                          struct mt_stop *stop)
{
	static const struct {
		enum mt_break_kind kind;
		enum mt_stop_kind stop;
	} kinds[] = {
		[MT_PENDING_SYSCALL] = { MT_BREAK_CATCH_SYSCALL, MT_STOP_SYSCALL_RETURN },
		[MT_PENDING_FORK] = { MT_BREAK_CATCH_FORK, MT_STOP_FORK },
		[MT_PENDING_VFORK] = { MT_BREAK_CATCH_VFORK, MT_STOP_VFORK },
		[MT_PENDING_EXEC] = { MT_BREAK_CATCH_EXEC, MT_STOP_EXEC },
	};

	if (thread->proc->quiet ||
	    !mt_catch_wants(thread, kinds[pending->kind].kind, pending->number, stop))
		return false;
	stop->kind = kinds[pending->kind].stop;
	if (pending->kind == MT_PENDING_SYSCALL && pending->entering)
		stop->kind = MT_STOP_SYSCALL_ENTRY;
	stop->syscall = pending->number;
	stop->child = pending->child;
	return true;
}

/* What it has written comes before its return is caught. */
static bool decide_syscall(struct mt_thread *thread, const struct mt_pending *pending,
                           struct mt_stop *stop)
{
	enum mt_watch_written written = MT_WATCH_NOT_WRITTEN;

	if (!pending->entering && mt_watches_see_syscalls(thread) && mt_thread_regs(thread))
		written = mt_watches_look(thread);
	if (written == MT_WATCH_ASK_OTHERS) {
		mt_pend(thread, MT_PENDING_SYSCALL);
		return false;
	}
	if (written == MT_WATCH_WRITTEN && mt_watches_written(thread, pending->number, stop))
		return true;
	return decide_caught(thread, pending, stop);
}

bool mt_decide(struct mt_thread *thread, struct mt_stop *stop)
{
	const struct mt_pending pending = thread->pending;

	*stop = (struct mt_stop){ .pid = thread->proc->pid, .tid = thread->tid };
	thread->pending.kind = MT_PENDING_NONE;
	switch (pending.kind) {
	case MT_PENDING_NONE:
		return false;
	case MT_PENDING_SITE:
		return decide_site(thread, stop);
	case MT_PENDING_DEBUGREG:
		return decide_debugreg(thread, stop);
	case MT_PENDING_STEP:
		return decide_step(thread, stop);
	case MT_PENDING_SIGNAL:
		return mt_signal_decide(thread, stop);
	case MT_PENDING_WATCH:
		return decide_watch(thread, stop);
	case MT_PENDING_SYSCALL:
		return decide_syscall(thread, &pending, stop);
	default:
		return decide_caught(thread, &pending, stop);
	}
}
