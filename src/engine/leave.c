/* SPDX-License-Identifier: MIT */
/*
 * Going on from an int3 of ours, in the first way that can: its slot, carrying out the branch that
 * it is, or a step with the int3 lifted while no other thread runs.
 */
#include "engine/engine_private.h"

/*
 * An interrupt, a stop of job control or another signal may come before the step: the instruction
 * is still to be done, and was told already. (An interrupt of a thread that had stopped meanwhile
 * waits until it is resumed: kernel/ptrace.c, PTRACE_INTERRUPT.)
 */
static void note_unstepped(struct mt_thread *thread, const struct mt_site *site)
{
	if (thread->pending.kind != MT_PENDING_STEP && mt_thread_regs(thread) &&
	    thread->regs.rip == site->addr) {
		thread->told = true;
		thread->told_pc = site->addr;
	}
}

/* The thread's own next event becomes what it has pending. */
static enum mt_leave step_alone(struct mt_thread *thread)
{
	struct mt_debug *debug = thread->proc->debug;
	struct mt_event event;
	bool out_of_exec;

	mt_share_end(debug);
	thread->how = MT_RESUME_STEP;
	mt_thread_note_step(thread);
	out_of_exec = thread->steps_out_of_exec;
	if (!mt_tracee_go(thread->tid, MT_RESUME_STEP, 0)) {
		thread->state = MT_THREAD_RUNNING; /* it is being killed */
		return MT_LEAVE_GONE;
	}
	thread->state = MT_THREAD_RUNNING;
	event = mt_event_of(debug, thread->tid);
	mt_event_record(debug, &event);
	return thread->state == MT_THREAD_STOPPED && thread->stop == MT_EVENT_SIGNAL && out_of_exec
	           ? step_alone(thread)
	           : MT_LEAVE_EVENT;
}

static enum mt_leave step_in_place(struct mt_thread *thread, struct mt_site *site)
{
	struct mt_proc *memory = mt_proc_memory(thread->proc);
	enum mt_leave how;

	mt_stop_all(thread->proc->debug);
	if (thread->state != MT_THREAD_STOPPED)
		return MT_LEAVE_GONE;
	mt_site_lift(memory, site);
	mt_thread_flush(thread);
	how = step_alone(thread);
	mt_site_lower(memory, site);
	note_unstepped(thread, site);
	thread->proc->debug->recheck = true; /* the others are to go on */
	return how;
}

static enum mt_leave decode_and_leave(struct mt_thread *thread, struct mt_site *site)
{
	struct mt_insn insn;

	if (!mt_proc_decode(thread->proc, site->addr, &insn))
		return step_in_place(thread, site);
	if (mt_emulate(thread, &insn))
		return MT_LEAVE_DONE;
	if (!mt_slot_get(thread, site, &insn))
		return step_in_place(thread, site);
	return MT_LEAVE_READY;
}

enum mt_leave mt_leave_site(struct mt_thread *thread, struct mt_site *site)
{
	enum mt_leave how = site->slot ? MT_LEAVE_READY : decode_and_leave(thread, site);

	if (how == MT_LEAVE_READY) {
		thread->regs.rip = site->slot;
		thread->regs_changed = true;
	}
	return how;
}
