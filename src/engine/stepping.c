/* SPDX-License-Identifier: MIT */
/*
 * Watching by single steps: every instruction of every thread of the process is stepped, and after
 * each it is looked whether something is another value than before.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/engine_private.h"

/* ---- As a mechanism ------------------------------------------------------ */

static struct mt_error *arm(struct mt_proc *proc, const struct mt_trap *trap)
{
	(void)trap;
	proc->stepped_traps++;
	return NULL;
}

static void disarm(struct mt_proc *proc, const struct mt_trap *trap)
{
	(void)trap;
	proc->stepped_traps--;
}

static bool may_be_hit(const struct mt_thread *thread, const struct mt_trap *trap)
{
	(void)trap;
	return thread->how == MT_RESUME_STEP;
}

/* ---- What it costs ------------------------------------------------------- */

#define STEPS_TO_MEASURE 200

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* A child of ours that runs in circles until it is killed. */
static void run_in_circles(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	for (;;)
		__asm__ volatile("");
}

/* As a session waits: see wait.c. */
static bool await_step(pid_t child)
{
	struct mt_event event;

	do
		event = mt_tracee_next_of(child);
	while (event.kind == MT_EVENT_NONE);
	return event.kind == MT_EVENT_SIGNAL;
}

static uint64_t measure(pid_t child)
{
	uint64_t began;

	if (!await_step(child))
		return 0;
	began = now_ns();
	for (int i = 0; i < STEPS_TO_MEASURE; i++)
		if (!mt_tracee_go(child, MT_RESUME_STEP, 0) || !await_step(child))
			return 0;
	return (now_ns() - began) / STEPS_TO_MEASURE;
}

static struct mt_cost cost(struct mt_proc *proc)
{
	struct mt_debug *debug = proc->debug;
	pid_t child = debug->step_ns ? -1 : fork();
	int status;

	if (child == 0)
		run_in_circles();
	if (child > 0) {
		debug->step_ns = measure(child);
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
	}
	return (struct mt_cost){ .unit = MT_COST_PER_INSTRUCTION, .ns = debug->step_ns };
}

const struct mt_mechanism mt_by_stepping = {
	.name = "stepping",
	.arm = arm,
	.disarm = disarm,
	.may_be_hit = may_be_hit,
	.cost = cost,
};
