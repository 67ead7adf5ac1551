/* SPDX-License-Identifier: MIT */
#include <elf.h>
#include <string.h>
#include <sys/syscall.h>

#include "engine/engine_private.h"
#include "target/process.h"

#define VDSO_SPAN 8192

/* How a call is made on either machine: syscall(2), "Architecture calling conventions". */
struct gate {
	uint8_t insn[2]; /* that enters the kernel */
	enum mt_reg args[6];
};

static const struct gate gates[] = {
	[MT_MACHINE_X86_64] = { .insn = { 0x0f, 0x05 },
	                        .args = { MT_REG_RDI, MT_REG_RSI, MT_REG_RDX, MT_REG_R10, MT_REG_R8,
	                                  MT_REG_R9 } },
	[MT_MACHINE_I386] = { .insn = { 0xcd, 0x80 },
	                      .args = { MT_REG_RBX, MT_REG_RCX, MT_REG_RDX, MT_REG_RSI, MT_REG_RDI,
	                                MT_REG_RBP } },
};

/* The numbers of asm/unistd_32.h. mmap is mmap2 there, which counts its offset in pages: 0 is 0. */
static long number_on(enum mt_machine machine, long number)
{
	static const struct {
		long wide, narrow;
	} numbers[] = { { SYS_mmap, 192 },
		        { SYS_munmap, 91 },
		        { SYS_memfd_create, 356 },
		        { SYS_close, 6 },
		        { SYS_getpid, 20 } };

	if (machine == MT_MACHINE_X86_64)
		return number;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (numbers[i].wide == number)
			return numbers[i].narrow;
	return -1;
}

/* The vDSO has the instruction, for what it leaves to the kernel; any two bytes there are as good,
 * for one instruction is stepped. */
static uint64_t find_gate(struct mt_thread *thread, const struct gate *gate)
{
	uint64_t vdso =
	    mt_process_auxv(thread->tid, mt_proc_machine(thread->proc), AT_SYSINFO_EHDR);
	uint8_t code[VDSO_SPAN];
	size_t len = vdso ? mt_proc_read_some(thread->proc, vdso, code, sizeof(code)) : 0;
	const uint8_t *found = len ? memmem(code, len, gate->insn, sizeof(gate->insn)) : NULL;

	return found ? vdso + (uint64_t)(found - code) : 0;
}

static void prepare(struct user_regs_struct *regs, const struct gate *gate, uint64_t pc,
                    long number, const uint64_t args[6])
{
	regs->rip = pc;
	regs->orig_rax = UINT64_MAX;
	regs->rax = (unsigned long long)number;
	for (size_t i = 0; i < 6; i++)
		*mt_user_reg(regs, gate->args[i]) = args[i];
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
	enum mt_machine machine = mt_proc_machine(thread->proc);
	const struct gate *gate = &gates[machine];
	uint64_t pc = find_gate(thread, gate), mask;
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
	prepare(&regs, gate, pc, number_on(machine, number), args);
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
