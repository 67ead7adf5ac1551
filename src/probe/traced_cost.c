/* SPDX-License-Identifier: MIT */
/* What a stop costs on this machine, tried on a child of ours. */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "probe/probe.h"
#include "target/process.h"
#include "target/tracee.h"

#define ROUNDS 32
#define DR7 7

static volatile uint64_t touched;

static double us_since(uint64_t begin)
{
	return (double)(mt_now_ns() - begin) / 1e3;
}

static _Noreturn void be_traced(pid_t parent)
{
	mt_process_end_with(parent);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	for (int i = 0; i < ROUNDS; i++)
		touched++;
	raise(SIGSTOP);
	for (int i = 0; i < ROUNDS; i++)
		syscall(SYS_getppid);
	_exit(0);
}

/* To the next SIGSTOP, or the end, which is false. */
static bool run(pid_t child, enum mt_resume how)
{
	struct mt_regs regs;
	int status;

	for (;;) {
		if (!mt_tracee_go(child, how, 0) || waitpid(child, &status, __WALL) != child ||
		    !WIFSTOPPED(status))
			return false;
		if (WSTOPSIG(status) == SIGSTOP)
			return true;
		mt_tracee_regs(child, &regs);
	}
}

static void measure(pid_t child, struct mt_traced_cost *cost)
{
	uint64_t begin;

	mt_tracee_set_debugreg(child, 0, (uint64_t)(uintptr_t)&touched);
	mt_tracee_set_debugreg(child, DR7, mt_dr7_enable(0, 0, MT_DR_WRITE, sizeof(touched)));
	begin = mt_now_ns();
	if (!run(child, MT_RESUME_CONTINUE))
		return;
	cost->hit_us = us_since(begin) / ROUNDS;
	begin = mt_now_ns();
	run(child, MT_RESUME_SYSCALL);
	cost->call_us = us_since(begin) / ROUNDS;
}

struct mt_traced_cost mt_probe_traced_cost(void)
{
	struct mt_traced_cost cost = { 0 };
	pid_t parent = getpid(), child = fork();
	int status;

	if (child == 0)
		be_traced(parent);
	if (child < 0)
		return cost;
	if (waitpid(child, &status, 0) == child && WIFSTOPPED(status))
		measure(child, &cost);
	kill(child, SIGKILL);
	while (waitpid(child, &status, __WALL) < 0 && errno == EINTR)
		;
	return cost;
}
