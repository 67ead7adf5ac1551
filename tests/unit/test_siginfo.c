/* SPDX-License-Identifier: MIT */
/* What a program for i386 sees of its signals, held against what ptrace tells of them. */
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "engine_session.h"
#include "target/siginfo.h"

/* Stopped before its first instruction; its standard output is a pipe's end. */
static pid_t start(int *output)
{
	char path[PATH_MAX];
	int ends[2], status;
	pid_t child;

	engine_path("siginfos-i386", path);
	ck_assert_int_eq(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		dup2(ends[1], STDOUT_FILENO);
		execl(path, path, NULL);
		_exit(127);
	}
	close(ends[1]);
	*output = ends[0];
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSTOPPED(status));
	return child;
}

/* Lets it have its signal, which is 0 at first. False: it has ended. */
static bool next_signal(pid_t child, siginfo_t *info)
{
	int signal = info->si_signo, status;

	ck_assert_int_eq(ptrace(PTRACE_CONT, child, NULL, (void *)(intptr_t)signal), 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	if (!WIFSTOPPED(status))
		return false;
	ck_assert_int_eq(ptrace(PTRACE_GETSIGINFO, child, NULL, info), 0);
	return true;
}

START_TEST(each_kind_is_as_the_kernel_gives_it)
{
	uint8_t seen[MT_SIGINFO_SIZE], ours[8][MT_SIGINFO_SIZE], back[MT_SIGINFO_SIZE];
	siginfo_t info = { 0 };
	size_t count = 0;
	int output;
	pid_t child = start(&output);

	while (next_signal(child, &info) && count < 8) {
		mt_siginfo_to_i386(&info, ours[count]);
		mt_siginfo_from_i386(ours[count], &info);
		mt_siginfo_to_i386(&info, back);
		ck_assert_mem_eq(back, ours[count], sizeof(back));
		count++;
	}
	for (size_t i = 0; i < count; i++) {
		ck_assert_int_eq(read(output, seen, sizeof(seen)), sizeof(seen));
		ck_assert_mem_eq(seen, ours[i], sizeof(seen));
	}
	ck_assert_uint_eq(count, 7);
	close(output);
}
END_TEST

MT_UNIT_MAIN("siginfo", each_kind_is_as_the_kernel_gives_it)
