/* SPDX-License-Identifier: MIT */
/* What a SIGTRAP means: ours or the program's own (Linux arch/x86/kernel/traps.c). */
#include <signal.h>
#include <string.h>

#include "engine/engine_private.h"
#include "target/process.h"
#include "target/step.h"

#define INT3 0xcc
#define INT1 0xf1
#define MAX_PUSHED 8
#define TF (1U << 8)
/* ptrace_notify() at the first instruction of a signal handler has the signal for a code. */
#define STEPPED_INTO_HANDLER SIGTRAP

/* Up to two bytes before pc; 0 where there are none. */
static void code_before(struct mt_thread *thread, uint8_t before[2])
{
	before[0] = before[1] = 0;
	if (mt_proc_read_some(thread->proc, thread->regs.rip - 2, before, 2) == 2)
		return;
	before[0] = 0;
	mt_proc_read_some(thread->proc, thread->regs.rip - 1, before + 1, 1);
}

/* ---- int3 ---------------------------------------------------------------- */

static bool is_own_int3(struct mt_thread *thread)
{
	uint8_t before[2];

	code_before(thread, before);
	return before[1] == INT3 || (before[0] == 0xcd && before[1] == 3);
}

/* An int3 that is there no more was ours: taken out after the thread had run into it. */
static void classify_int3(struct mt_thread *thread)
{
	struct mt_site *site = mt_site_find(thread->proc, thread->regs.rip - 1);
	bool ours = site && site->inserted;

	if (!ours && is_own_int3(thread)) {
		mt_pend(thread, MT_PENDING_SIGNAL);
		return;
	}
	thread->regs.rip--;
	thread->regs_changed = true;
	if (ours)
		mt_pend(thread, MT_PENDING_SITE);
}

/* ---- A step -------------------------------------------------------------- */

bool mt_trap_is_syscall(const uint8_t code[2])
{
	return (code[0] == 0x0f && (code[1] == 0x05 || code[1] == 0x34)) ||
	       (code[0] == 0xcd && code[1] == 0x80);
}

/* Intel SDM volume 2, 2.1.1; and REX, 2.2.1. */
static bool is_prefix(uint8_t byte, enum mt_machine machine)
{
	static const uint8_t prefixes[] = { 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26,
		                            0x2e, 0x36, 0x3e, 0x64, 0x65 };

	return memchr(prefixes, byte, sizeof(prefixes)) ||
	       (machine == MT_MACHINE_X86_64 && byte >> 4 == 4);
}

bool mt_trap_stepped_call(const struct mt_thread *thread)
{
	enum mt_machine machine = mt_proc_machine(thread->proc);
	size_t at = 0;

	while (at < sizeof(thread->stepped_code) - 2 &&
	       is_prefix(thread->stepped_code[at], machine))
		at++;
	return mt_trap_is_syscall(thread->stepped_code + at);
}

/* The trap flag by which we step must not be seen in what the instruction has stored. */
static void hide_trap_flag(struct mt_thread *thread)
{
	if (thread->flag_trap || thread->info.si_code == STEPPED_INTO_HANDLER)
		return;
	if (mt_step_hide_flag(thread->tid, thread->stepped_code, &thread->regs))
		thread->regs_changed = true;
	mt_filtered_rewritten(mt_proc_memory(thread->proc), thread->regs.rsp, MAX_PUSHED);
}

void mt_trap_stepped(struct mt_thread *thread)
{
	if (thread->steps_out_of_exec) {
		thread->steps_out_of_exec = false;
		return; /* no instruction has been executed */
	}
	hide_trap_flag(thread);
	if (mt_plan_wants_step(thread) || mt_watches_see_step(thread))
		mt_pend(thread, MT_PENDING_STEP);
	/* else: it was for a signal that has waited until the thread was off a site */
}

/* ---- The processor's debug exceptions ------------------------------------ */

static bool is_own_int1(struct mt_thread *thread)
{
	uint8_t before[2];

	code_before(thread, before);
	return before[1] == INT1;
}

/*
 * Under some hypervisors a debug exception now and then arrives with an empty DR6, and the kernel
 * takes it for int1 (see docs/ARCHITECTURE.md). So what we asked for and where pc is count, not the
 * code alone.
 */
static void classify_debug(struct mt_thread *thread)
{
	bool stepped = thread->how == MT_RESUME_STEP;
	enum mt_hw_report report;

	mt_hw_note_status(thread);
	report = mt_hw_report(thread);
	if (stepped && thread->stepped_code[0] != INT1) {
		mt_trap_stepped(thread);
		return;
	}
	if (report == MT_HW_DATA)
		mt_pend(thread, MT_PENDING_WATCH);
	else if (!stepped && mt_debugreg_at(thread->proc, thread->regs.rip))
		mt_pend(thread, MT_PENDING_DEBUGREG);
	else if (thread->info.si_code == TRAP_TRACE || is_own_int1(thread))
		mt_pend(thread, MT_PENDING_SIGNAL); /* the program has set TF itself, or int1 */
	else if (report == MT_HW_UNTOLD)
		mt_pend(thread, MT_PENDING_WATCH);
}

void mt_trap_classify(struct mt_thread *thread)
{
	if (!mt_thread_regs(thread))
		return;
	switch (thread->info.si_code) {
	case SI_KERNEL:
		classify_int3(thread);
		break;
	case TRAP_TRACE:
	case TRAP_BRKPT:
	case TRAP_HWBKPT:
	case STEPPED_INTO_HANDLER:
		classify_debug(thread);
		break;
	default: /* sent by somebody, or a perf event of the program's own */
		mt_pend(thread, MT_PENDING_SIGNAL);
		break;
	}
}

/* ---- In words ------------------------------------------------------------ */

static const char *note_of_trap(struct mt_thread *thread)
{
	uint8_t before[2];

	if (thread->info.si_code == TRAP_TRACE)
		return "its own trap flag";
	if (thread->info.si_code != SI_KERNEL && thread->info.si_code != TRAP_BRKPT)
		return NULL;
	code_before(thread, before);
	if (before[1] == INT1)
		return "its own int1";
	return before[1] == INT3 || before[0] == 0xcd ? "its own int3" : NULL;
}

const char *mt_trap_note(struct mt_thread *thread)
{
	uint8_t code[2] = { 0, 0 };

	if (!mt_thread_regs(thread))
		return NULL;
	if (thread->info.si_signo == SIGTRAP)
		return note_of_trap(thread);
	if (thread->info.si_signo == SIGSEGV)
		return mt_port_note(thread);
	if (thread->info.si_signo != SIGILL)
		return NULL;
	mt_proc_read_some(thread->proc, thread->regs.rip, code, sizeof(code));
	return code[0] == 0x0f && code[1] == 0x0b ? "ud2" : NULL;
}
