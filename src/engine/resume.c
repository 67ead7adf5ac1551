/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/engine_private.h"
#include "target/process.h"
#include "target/syscall.h"

#define RF (1U << 16)
#define TF (1U << 8)
#define INT 0xcd /* the entry for i386's calls, which every program has */

/* ---- Signals ------------------------------------------------------------- */

static void send(const struct mt_thread *thread, int signal)
{
	syscall(SYS_tgkill, thread->proc->pid, thread->tid, signal);
}

/* Only a signal-delivery-stop takes a signal along (ptrace(2)). A system call that is carried out
 * for us ends in one. */
static bool takes_signals(struct mt_thread *thread)
{
	static const uint64_t none[6];
	int64_t result;

	if (thread->stop == MT_EVENT_STOPPED)
		mt_inject_syscall(thread, SYS_getpid, none, &result);
	return thread->stop == MT_EVENT_SIGNAL;
}

int mt_thread_take_signal(struct mt_thread *thread)
{
	int signal = thread->signal;
	bool takes;

	if (!signal)
		return 0;
	takes = takes_signals(thread); /* a stop for a signal stays one while the thread has it */
	if (takes && thread->info_changed && thread->info.si_signo == signal)
		mt_tracee_set_siginfo(thread->tid, &thread->info);
	thread->signal = 0;
	if (takes)
		return signal;
	thread->sent = signal;
	send(thread, signal);
	return 0;
}

/* A signal for a thread at a site is delivered when the instruction there is done: its handler
 * would otherwise return to the site, which had been told already. */
static void defer_signal(struct mt_thread *thread)
{
	if (!thread->signal)
		return;
	thread->deferred_info = thread->info;
	thread->deferred = thread->signal;
	thread->signal = 0;
}

void mt_thread_take_deferred(struct mt_thread *thread)
{
	if (!thread->deferred || thread->signal)
		return;
	thread->info = thread->deferred_info;
	thread->info_changed = true;
	thread->signal = thread->deferred;
	thread->deferred = 0;
}

/* ---- Off the place where it stands --------------------------------------- */

/* An execution breakpoint of the processor lets the instruction pass that has RF set (Intel SDM
 * volume 3, 18.3.1.1). */
static void pass_debugreg(struct mt_thread *thread)
{
	thread->regs.eflags |= RF;
	thread->regs_changed = true;
}

/* A fault of the instruction itself: its handler must find the place as it is. */
static bool is_fault(const struct mt_thread *thread)
{
	int signal = thread->signal;

	return signal == thread->info.si_signo && thread->info.si_code > 0 &&
	       (signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL ||
	        signal == SIGTRAP || signal == SIGSYS);
}

/* Registers that are to be written are read first: they tell where a thread in a slot stands. */
static bool is_at_told_place(struct mt_thread *thread)
{
	if (thread->told || thread->signal || thread->deferred || mt_plan_wants_step(thread))
		mt_thread_regs(thread);
	return thread->told && thread->has_regs && thread->regs.rip == thread->told_pc;
}

/* Whether the thread is to be resumed still. */
static bool leave_told_place(struct mt_thread *thread)
{
	bool told = is_at_told_place(thread);
	struct mt_site *site = told ? mt_site_find(thread->proc, thread->told_pc) : NULL;
	bool steps = mt_plan_wants_step(thread);

	thread->told = false;
	if (told && mt_debugreg_at(thread->proc, thread->told_pc))
		pass_debugreg(thread);
	if (!site || !site->inserted) {
		mt_thread_take_deferred(thread);
		return true;
	}
	if (thread->signal && (steps || is_fault(thread) || thread->deferred))
		return true; /* the handler's first instruction is the next one */
	defer_signal(thread);
	switch (mt_leave_site(thread, site)) {
	case MT_LEAVE_READY:
		return true;
	case MT_LEAVE_DONE:
		if (!steps) {
			mt_thread_take_deferred(thread);
			return true;
		}
		mt_pend(thread, MT_PENDING_STEP);
		return false;
	default:
		return false;
	}
}

/* ---- Going on ------------------------------------------------------------ */

const char *mt_stepped_call(const struct mt_thread *thread, const struct user_regs_struct *before)
{
	enum mt_machine machine =
	    thread->stepped_code[0] == INT ? MT_MACHINE_I386 : mt_proc_machine(thread->proc);

	return mt_syscall_name(machine, (uint32_t)before->rax);
}

/* These set the mask of blocked signals themselves: a step's SIGTRAP, which comes when they are
 * done, may find itself blocked. They are not stepped but run to their end. */
static bool sets_mask(const struct mt_thread *thread)
{
	static const char *const names[] = {
		"rt_sigprocmask", "rt_sigreturn",    "rt_sigsuspend",        "ppoll",
		"pselect6",       "epoll_pwait",     "epoll_pwait2",         "io_pgetevents",
		"sigprocmask",    "sigreturn",       "sigsuspend", /* and these are i386's */
		"ppoll_time64",   "pselect6_time64", "io_pgetevents_time64",
	};
	const char *name;

	if (!mt_trap_stepped_call(thread))
		return false;
	name = mt_stepped_call(thread, &thread->regs);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

/*
 * The kernel forces a step's SIGTRAP on a thread that blocks it by resetting what the program does
 * with SIGTRAP (kernel/signal.c, force_sig_info_to_task()). So it is not blocked meanwhile. And
 * where one signal waits for the step, others wait in the kernel, in their order.
 */
static void mask_for_step(struct mt_thread *thread)
{
	uint64_t mask, wanted;

	thread->lets_trap_in = false;
	if (sets_mask(thread) || !mt_tracee_signal_mask(thread->tid, &mask))
		return;
	wanted = thread->deferred ? mask | ~MT_OWN_SIGNALS : mask;
	wanted &= ~MT_SIGTRAP_BIT;
	thread->lets_trap_in = wanted == mask;
	if (wanted == mask)
		return;
	thread->unblocked = mask & ~wanted;
	thread->blocked = wanted & ~mask;
	if (!mt_tracee_set_signal_mask(thread->tid, wanted))
		thread->unblocked = thread->blocked = 0;
}

/* What else than the general registers tells what the step will touch. */
static void note_state(struct mt_thread *thread)
{
	struct mt_insn insn;

	thread->knows_state =
	    mt_insn_may_have_state(thread->stepped_code) && mt_watches_any(thread) &&
	    mt_proc_decode(thread->proc, thread->stepped_pc, &insn) && mt_insn_has_state(&insn) &&
	    mt_thread_insn_state(thread, &insn, &thread->before_state);
}

void mt_thread_note_step(struct mt_thread *thread)
{
	bool lets_trap_in =
	    thread->lets_trap_in && !thread->deferred && !mt_trap_stepped_call(thread);

	if (!mt_thread_regs(thread))
		return;
	thread->stepped_pc = mt_slot_origin(thread->proc, thread->regs.rip);
	thread->stepped_sp = thread->regs.rsp;
	thread->knows_before = true;
	thread->before = thread->regs;
	memset(thread->stepped_code, 0, sizeof(thread->stepped_code));
	mt_proc_read_some(thread->proc, thread->regs.rip, thread->stepped_code,
	                  sizeof(thread->stepped_code));
	note_state(thread);
	thread->flag_trap = thread->regs.eflags & TF;
	thread->steps_out_of_exec = thread->stop == MT_EVENT_EXEC;
	if (!lets_trap_in)
		mask_for_step(thread);
}

void mt_thread_step_done(struct mt_thread *thread)
{
	uint64_t mask;

	if ((thread->unblocked || thread->blocked) && mt_tracee_signal_mask(thread->tid, &mask))
		mt_tracee_set_signal_mask(thread->tid,
		                          (mask & ~thread->blocked) | thread->unblocked);
	thread->unblocked = thread->blocked = 0;
}

static enum mt_resume way_of(struct mt_thread *thread)
{
	if (mt_plan_wants_step(thread) || thread->deferred ||
	    mt_stepping_on(mt_proc_memory(thread->proc)))
		return MT_RESUME_STEP;
	return mt_catch_syscalls(thread->proc->debug) || mt_watches_see_syscalls(thread)
	           ? MT_RESUME_SYSCALL
	           : MT_RESUME_CONTINUE;
}

/* What the kernel cannot step well is done here; else the step is prepared. */
static bool step_was_emulated(struct mt_thread *thread)
{
	mt_thread_note_step(thread);
	thread->emulated = !thread->signal && mt_emulate_step(thread);
	if (!thread->emulated)
		return false;
	mt_thread_step_done(thread);
	mt_pend(thread, MT_PENDING_STEP);
	return true;
}

static void keep_group_stop(struct mt_thread *thread)
{
	int signal = thread->signal;

	thread->signal = 0;
	thread->state = MT_THREAD_RUNNING;
	mt_thread_flush(thread);
	if (signal)
		send(thread, signal); /* SIGCONT ends the group-stop */
	mt_tracee_listen(thread->tid);
}

void mt_thread_resume(struct mt_thread *thread)
{
	int signal;

	if (thread->state != MT_THREAD_STOPPED || thread->pending.kind)
		return;
	if (thread->group_stopped) {
		keep_group_stop(thread);
		return;
	}
	if (mt_hold_take_up(thread))
		return;
	thread->hidden = 0;
	thread->status = 0;
	if (!mt_hw_true_up(thread))
		mt_warn(thread->proc->debug, thread->proc->pid,
		        "thread %d goes on without its debug registers: the kernel has none left "
		        "for it",
		        (int)thread->tid);
	if (!leave_told_place(thread) || thread->state != MT_THREAD_STOPPED)
		return;
	thread->how = way_of(thread);
	if (thread->how == MT_RESUME_STEP && mt_hurry(thread))
		return;
	if (thread->how == MT_RESUME_STEP && mt_detour_is_next(thread)) {
		mt_pend(thread, MT_PENDING_SITE);
		return;
	}
	if (thread->how == MT_RESUME_STEP && step_was_emulated(thread))
		return;
	thread->runs_call = thread->how == MT_RESUME_STEP && !thread->signal && sets_mask(thread);
	if (thread->runs_call)
		thread->how = MT_RESUME_SYSCALL;
	signal = mt_thread_take_signal(thread);
	if (signal || thread->how != MT_RESUME_STEP)
		thread->lets_trap_in = false;
	mt_thread_flush(thread);
	thread->state = MT_THREAD_RUNNING;
	thread->has_regs = false;
	thread->settled_pc = 0;
	mt_share_note_resume(thread, signal);
	/* If it fails the thread is being killed: its end is an event of its own. */
	mt_tracee_go(thread->tid, thread->how, signal);
}

/* ---- All of them --------------------------------------------------------- */

/* The thread whose pending event is the oldest, among those that are to run. */
static struct mt_thread *next_pending(struct mt_debug *debug)
{
	struct mt_thread *best = NULL;

	for (size_t i = 0; i < debug->procs.len; i++) {
		const struct mt_proc *proc = debug->procs.data[i];

		for (size_t j = 0; j < proc->threads.len; j++) {
			struct mt_thread *thread = proc->threads.data[j];

			if (thread->runs && thread->state == MT_THREAD_STOPPED &&
			    thread->pending.kind &&
			    (!best || thread->pending.turn < best->pending.turn))
				best = thread;
		}
	}
	return best;
}

static void resume_all_at_once(struct mt_debug *debug)
{
	for (size_t i = 0; i < debug->procs.len; i++) {
		const struct mt_proc *proc = debug->procs.data[i];

		for (size_t j = 0; j < proc->threads.len; j++) {
			struct mt_thread *thread = proc->threads.data[j];

			if (thread->runs && !mt_stepping_takes_turns(thread))
				mt_thread_resume(thread);
		}
	}
}

/* Who has gone into a system call leaves the turn to the next one. */
static void resume_in_turn(struct mt_debug *debug)
{
	struct mt_thread *thread;

	do {
		thread = mt_stepping_turn(debug);
		if (thread)
			mt_thread_resume(thread);
	} while (thread && mt_stepping_is_in_call(thread));
}

static void resume_each(struct mt_debug *debug)
{
	resume_all_at_once(debug);
	if (mt_stepping_any(debug))
		resume_in_turn(debug);
}

bool mt_resume_all(struct mt_debug *debug)
{
	do {
		struct mt_thread *thread;
		struct mt_stop stop = { 0 };

		debug->recheck = false;
		while ((thread = next_pending(debug))) {
			if (!mt_decide(thread, &stop))
				continue;
			mt_stop_now(debug, &stop);
			return true;
		}
		if (!mt_watches_follow_lending(debug))
			continue;
		resume_each(debug);
	} while (debug->recheck && !debug->has_stop);
	return debug->has_stop;
}
