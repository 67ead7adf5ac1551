/* SPDX-License-Identifier: MIT */
/* What /proc tells of a thread, held against what ptrace tells of it. */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target/process.h"
#include "unit.h"

static pid_t start_child(bool runs)
{
	pid_t child = fork();

	if (child == 0)
		while (true)
			if (!runs)
				pause();
	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(ptrace(PTRACE_SEIZE, child, NULL, NULL), 0);
	return child;
}

static uint64_t pc_of_stop(pid_t child)
{
	struct user_regs_struct regs;
	int status;

	ck_assert_int_eq(ptrace(PTRACE_INTERRUPT, child, NULL, NULL), 0);
	ck_assert_int_eq(waitpid(child, &status, __WALL), child);
	ck_assert_int_eq(ptrace(PTRACE_GETREGS, child, NULL, &regs), 0);
	return regs.rip;
}

static void end_child(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, __WALL);
}

START_TEST(a_sleeping_thread_goes_on_behind_its_call)
{
	pid_t child = start_child(false);
	uint64_t pc;

	while (mt_process_state(child) != 'S')
		continue;
	pc = mt_process_pc(child);
	ck_assert_uint_eq(pc_of_stop(child), pc);
	ck_assert_uint_ne(pc, 0);
	end_child(child);
}
END_TEST

START_TEST(of_a_thread_that_runs_nobody_can_tell)
{
	pid_t child = start_child(true);

	ck_assert_uint_eq(mt_process_pc(child), 0);
	end_child(child);
	ck_assert_uint_eq(mt_process_pc(child), 0);
}
END_TEST

MT_UNIT_MAIN("process", a_sleeping_thread_goes_on_behind_its_call,
             of_a_thread_that_runs_nobody_can_tell)
