/* SPDX-License-Identifier: MIT */
/*
 * step-loop PROGRAM ARGUMENT...
 *
 * The least that single-stepping can cost: runs the program by single steps, and looks at nothing.
 */
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int status;
	pid_t child;

	if (argc < 2)
		return 2;
	child = fork();
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execv(argv[1], argv + 1);
		_exit(127);
	}
	while (waitpid(child, &status, 0) == child && WIFSTOPPED(status))
		ptrace(PTRACE_SINGLESTEP, child, NULL, NULL);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
