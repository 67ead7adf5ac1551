/* SPDX-License-Identifier: MIT */
/*
 * ptrace-loop PID ADDRESS
 *
 * The least that a debugger can do: arms a debug register for writes to 8 bytes, and lets the
 * process go on at each stop, until it ends. Nothing is read, nothing is decided.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

/* Register 0, local, writes, 8 bytes (Intel SDM volume 3, 18.2.4). */
#define DR7_WRITES_OF_8 (1u | 1u << 16 | 2u << 18)

static void check(long result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(1);
	}
}

static void poke_debug_register(pid_t pid, int number, uint64_t value)
{
	size_t at = offsetof(struct user, u_debugreg) + (size_t)number * sizeof(uint64_t);

	check(ptrace(PTRACE_POKEUSER, pid, at, value), "cannot set a debug register");
}

int main(int argc, char **argv)
{
	int64_t hits = 0;
	int status;

	if (argc != 3)
		return 2;

	pid_t pid = (pid_t)strtol(argv[1], NULL, 0);

	check(ptrace(PTRACE_SEIZE, pid, NULL, NULL), "cannot trace");
	check(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL), "cannot stop");
	check(waitpid(pid, &status, 0), "cannot wait");
	poke_debug_register(pid, 0, strtoull(argv[2], NULL, 0));
	poke_debug_register(pid, 7, DR7_WRITES_OF_8);
	puts("armed");
	fflush(stdout);
	ptrace(PTRACE_CONT, pid, NULL, 0);
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		hits++;
		ptrace(PTRACE_CONT, pid, NULL, 0);
	}
	printf("hits=%" PRId64 "\n", hits);
	return 0;
}
