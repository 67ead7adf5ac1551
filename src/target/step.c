/* SPDX-License-Identifier: MIT */
#include "target/step.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "target/process.h"
#include "target/tracee.h"

#define PUSHF 0x9c
/* What popf changes in a program, as far as ptrace does too (Linux arch/x86/kernel/ptrace.c). */
#define POPF_FLAGS 0x44dd5u
#define STEPS_TO_MEASURE 200

/* ---- Its traces ---------------------------------------------------------- */

static bool is_pushf(const uint8_t code[2])
{
	return code[0] == PUSHF || ((code[0] == 0x66 || code[0] >> 4 == 4) && code[1] == PUSHF);
}

bool mt_step_hide_flag(pid_t tid, const uint8_t code[2], struct user_regs_struct *regs)
{
	struct mt_error *error;
	uint16_t flags;

	if (code[0] == 0x0f && code[1] == 0x05 && regs->r11 & MT_TRAP_FLAG) {
		regs->r11 &= ~(unsigned long long)MT_TRAP_FLAG;
		return true;
	}
	if (!is_pushf(code))
		return false;
	error = mt_process_read(tid, regs->rsp, &flags, sizeof(flags));
	if (!error && flags & MT_TRAP_FLAG) {
		flags = (uint16_t)(flags & ~MT_TRAP_FLAG);
		error = mt_process_write(tid, regs->rsp, &flags, sizeof(flags));
	}
	mt_error_free(error);
	return false;
}

/* ---- popf ---------------------------------------------------------------- */

bool mt_step_popf(pid_t tid, size_t len, size_t size, struct user_regs_struct *regs)
{
	uint64_t flags = 0, mask = size == 2 ? POPF_FLAGS & 0xffff : POPF_FLAGS;
	struct mt_error *error = mt_process_read(tid, regs->rsp, &flags, size);

	mt_error_free(error);
	if (error)
		return false;
	regs->eflags = (regs->eflags & ~mask) | (flags & mask);
	regs->rsp += size;
	regs->rip += len;
	return true;
}

/* ---- Its cost ------------------------------------------------------------ */

/* A child of ours that runs in circles until it is killed. */
static void run_in_circles(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	for (;;)
		__asm__ volatile("");
}

static uint64_t measure(pid_t child)
{
	uint64_t began;

	if (!(mt_tracee_wait(child).kind == MT_EVENT_SIGNAL))
		return 0;
	began = mt_now_ns();
	for (int i = 0; i < STEPS_TO_MEASURE; i++)
		if (!mt_tracee_go(child, MT_RESUME_STEP, 0) ||
		    !(mt_tracee_wait(child).kind == MT_EVENT_SIGNAL))
			return 0;
	return (mt_now_ns() - began) / STEPS_TO_MEASURE;
}

uint64_t mt_step_cost(void)
{
	pid_t child = fork();
	uint64_t ns;
	int status;

	if (child == 0)
		run_in_circles();
	if (child < 0)
		return 0;
	ns = measure(child);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return ns;
}
