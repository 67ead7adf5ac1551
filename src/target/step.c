/* SPDX-License-Identifier: MIT */
#include "target/step.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "target/process.h"
#include "target/processor.h"
#include "target/tracee.h"

#define PUSHF 0x9c
#define POPF 0x9d
#define SHORT 0x66 /* the prefix: two bytes instead of a word */
#define REX_W 8
#define CODE_64 0x33 /* cs of 64-bit code (Linux arch/x86/include/asm/segment.h, __USER_CS) */
/* What popf changes in a program, as far as ptrace does too (Linux arch/x86/kernel/ptrace.c). */
#define POPF_FLAGS 0x44dd5u
#define STEPS_TO_MEASURE 200
#define PATIENCE_NS 1000000000u

/* ---- Its traces ---------------------------------------------------------- */

static bool is_rex(uint8_t byte)
{
	return byte >> 4 == 4;
}

bool mt_step_is_pushf(const uint8_t code[2], const struct user_regs_struct *regs)
{
	bool prefixed = code[0] == SHORT || (regs->cs == CODE_64 && is_rex(code[0]));

	return code[0] == PUSHF || (prefixed && code[1] == PUSHF);
}

bool mt_step_hide_flag(pid_t tid, const uint8_t code[2], struct user_regs_struct *regs)
{
	struct mt_error *error;
	uint16_t flags;

	if (code[0] == 0x0f && code[1] == 0x05 && regs->r11 & MT_TRAP_FLAG) {
		regs->r11 &= ~(unsigned long long)MT_TRAP_FLAG;
		return true;
	}
	if (!mt_step_is_pushf(code, regs))
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

size_t mt_step_popf_size(const uint8_t *code, size_t len, size_t word)
{
	static const uint8_t without_effect[] = { 0x2e, 0x36, 0x3e, 0x26, 0x64,
		                                  0x65, 0x67, 0xf2, 0xf3 };
	size_t size = word;

	if (!len || code[len - 1] != POPF)
		return 0;
	for (size_t i = 0; i + 1 < len; i++) {
		if (code[i] == SHORT)
			size = 2;
		else if (word == sizeof(uint64_t) && is_rex(code[i]))
			size = code[i] & REX_W ? word : size;
		else if (!memchr(without_effect, code[i], sizeof(without_effect)))
			return 0;
	}
	return size;
}

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

/* ---- Waiting for it ------------------------------------------------------ */

struct mt_event mt_step_look(pid_t tid, bool yields, uint64_t ns)
{
	struct mt_event event = mt_tracee_next_of(tid);
	uint64_t until = event.kind == MT_EVENT_NONE ? mt_now_ns() + ns : 0;

	while (event.kind == MT_EVENT_NONE && mt_now_ns() < until) {
		if (yields)
			sched_yield();
		event = mt_tracee_next_of(tid);
	}
	return event;
}

/* ---- Its cost ------------------------------------------------------------ */

/* A child of ours that runs in circles until it is killed. */
static void run_in_circles(pid_t parent)
{
	mt_process_end_with(parent);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	for (;;)
		__asm__ volatile("");
}

static bool step(pid_t child, bool shares)
{
	struct mt_event event = { .kind = MT_EVENT_NONE };

	if (mt_tracee_go(child, MT_RESUME_STEP, 0))
		event = shares ? mt_tracee_wait(child) : mt_step_look(child, false, PATIENCE_NS);
	return event.kind == MT_EVENT_SIGNAL;
}

static uint64_t measure(pid_t child, bool shares)
{
	struct mt_shared_processor shared = { .is_shared = false };
	uint64_t began, ns = 0;
	int steps = 0;

	if (mt_tracee_wait(child).kind != MT_EVENT_SIGNAL)
		return 0;
	if (shares)
		mt_processor_share(child, &shared);
	began = mt_now_ns();
	while (steps < STEPS_TO_MEASURE && step(child, shared.is_shared))
		steps++;
	if (steps == STEPS_TO_MEASURE)
		ns = (mt_now_ns() - began) / STEPS_TO_MEASURE;
	mt_processor_unshare(&shared);
	return ns;
}

uint64_t mt_step_cost(bool shares)
{
	pid_t parent = getpid(), child = fork();
	uint64_t ns;
	int status;

	if (child == 0)
		run_in_circles(parent);
	if (child < 0)
		return 0;
	ns = measure(child, shares);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return ns;
}
