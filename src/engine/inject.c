/* SPDX-License-Identifier: MIT */
#include <elf.h>
#include <string.h>
#include <sys/syscall.h>

#include "engine/engine_private.h"
#include "target/process.h"

#define VDSO_SPAN 8192

/* The vDSO has the instruction `syscall`, for what it leaves to the kernel. */
static uint64_t find_syscall(struct mt_thread *thread)
{
	static const uint8_t insn[] = { 0x0f, 0x05 };
	uint64_t vdso = mt_process_auxv(thread->tid, MT_MACHINE_X86_64, AT_SYSINFO_EHDR);
	uint8_t code[VDSO_SPAN];
	size_t len = vdso ? mt_proc_read_some(thread->proc, vdso, code, sizeof(code)) : 0;
	const uint8_t *found = len ? memmem(code, len, insn, sizeof(insn)) : NULL;

	return found ? vdso + (uint64_t)(found - code) : 0;
}

static void prepare(struct user_regs_struct *regs, uint64_t pc, long number, const uint64_t args[6])
{
	regs->rip = pc;
	regs->orig_rax = UINT64_MAX;
	regs->rax = (unsigned long long)number;
	regs->rdi = args[0];
	regs->rsi = args[1];
	regs->rdx = args[2];
	regs->r10 = args[3];
	regs->r8 = args[4];
	regs->r9 = args[5];
}

/* Steps until the call is done: an interrupt may stop it before. */
static bool run_call(struct mt_thread *thread, uint64_t pc, struct user_regs_struct *after)
{
	for (;;) {
		struct mt_event event;

		if (!mt_tracee_go(thread->tid, MT_RESUME_STEP, 0))
			return false;
		event = mt_event_of(thread->proc->debug, thread->tid);
		if (event.kind == MT_EVENT_EXITED || event.kind == MT_EVENT_KILLED ||
		    event.kind == MT_EVENT_EXITING) {
			thread->state = MT_THREAD_RUNNING; /* what comes is dealt with later */
			mt_event_hold(thread->proc->debug, &event);
			return false;
		}
		if (!mt_tracee_user_regs(thread->tid, after))
			return false;
		if (after->rip != pc)
			return event.kind == MT_EVENT_SIGNAL && event.signal == SIGTRAP;
	}
}

/* In other stops the kernel is inside a call, and sets rax when it comes out. */
static bool can_inject(const struct mt_thread *thread)
{
	return thread->stop == MT_EVENT_SIGNAL || thread->stop == MT_EVENT_STOPPED ||
	       thread->stop == MT_EVENT_GROUP || thread->stop == MT_EVENT_EXEC;
}

/* The stop of execve() is inside it: a step leads out, to the program's first instruction, and
 * executes none. */
static bool leave_exec(struct mt_thread *thread)
{
	struct mt_event event;

	if (!mt_tracee_go(thread->tid, MT_RESUME_STEP, 0))
		return false;
	event = mt_event_of(thread->proc->debug, thread->tid);
	thread->has_regs = false;
	if (event.kind == MT_EVENT_SIGNAL && event.signal == SIGTRAP) {
		thread->stop = MT_EVENT_SIGNAL;
		return true;
	}
	thread->state = MT_THREAD_RUNNING;
	mt_event_hold(thread->proc->debug, &event);
	return false;
}

/* But for the trap that tells us that the call is done. */
static bool block_all(struct mt_thread *thread, uint64_t mask)
{
	thread->unblocked = mask & MT_SIGTRAP_BIT;
	thread->blocked = ~mask & ~MT_SIGTRAP_BIT;
	if (mt_tracee_set_signal_mask(thread->tid, ~MT_SIGTRAP_BIT))
		return true;
	thread->unblocked = thread->blocked = 0;
	return false;
}

static void unblock(struct mt_thread *thread, uint64_t mask)
{
	mt_tracee_set_signal_mask(thread->tid, mask);
	thread->unblocked = thread->blocked = 0;
}

/*
 * The thread is left in another stop than it was in: if a signal was about to be delivered, it is
 * given to the new stop.
 */
bool mt_inject_syscall(struct mt_thread *thread, long number, const uint64_t args[6],
                       int64_t *result)
{
	uint64_t pc = find_syscall(thread), mask;
	struct user_regs_struct regs;
	bool done;

	if (!pc || !can_inject(thread) || !mt_tracee_signal_mask(thread->tid, &mask) ||
	    !block_all(thread, mask))
		return false;
	if ((thread->stop == MT_EVENT_EXEC && !leave_exec(thread)) || !mt_thread_regs(thread)) {
		unblock(thread, mask);
		return false;
	}
	regs = thread->regs;
	prepare(&regs, pc, number, args);
	thread->injecting = true;
	thread->how = MT_RESUME_STEP;
	mt_tracee_set_user_regs(thread->tid, &regs);
	done = run_call(thread, pc, &regs);
	unblock(thread, mask);
	thread->settled_pc = thread->regs.rip;
	mt_tracee_set_user_regs(thread->tid, &thread->regs);
	thread->injecting = false;
	thread->stop = MT_EVENT_SIGNAL;
	thread->info_changed = true;
	mt_thread_rest(thread);
	*result = (int64_t)regs.rax;
	return done;
}

void mt_inject_munmap(struct mt_proc *proc, uint64_t addr, uint64_t len)
{
	const uint64_t args[6] = { addr, len };
	int64_t result;

	for (size_t i = 0; i < proc->threads.len; i++)
		if (proc->threads.data[i]->state == MT_THREAD_STOPPED &&
		    mt_inject_syscall(proc->threads.data[i], SYS_munmap, args, &result))
			return;
}
