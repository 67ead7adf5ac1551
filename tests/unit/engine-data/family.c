/* SPDX-License-Identifier: MIT */
/*
 * family fork|vfork|exec|spawn|threadexec: children that pass marker() too. The parent prints
 * "parent=OK" when its child ended as it should.
 */
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
volatile int marks;

__attribute__((noinline)) void marker(void)
{
	marks++;
}

static void *exec_in_thread(void *self)
{
	execl(self, self, "done", NULL);
	return NULL;
}

static int await(pid_t child)
{
	int status;

	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "done";
	int code = -1;
	pthread_t thread;
	pid_t child;

	if (!strcmp(how, "done")) {
		marker();
		puts("done=1");
		return 5;
	}
	marker();
	if (!strcmp(how, "fork")) {
		child = fork();
		if (!child) {
			marker();
			_exit(5);
		}
		code = await(child);
	} else if (!strcmp(how, "vfork")) {
		child = vfork();
		if (!child) {
			marker();
			execl(argv[0], argv[0], "done", NULL);
			_exit(6);
		}
		code = await(child);
	} else if (!strcmp(how, "spawn")) {
		char *arguments[] = { argv[0], "done", NULL };

		posix_spawn(&child, argv[0], NULL, NULL, arguments, environ);
		code = await(child);
	} else if (!strcmp(how, "exec")) {
		execl(argv[0], argv[0], "done", NULL);
	} else {
		pthread_create(&thread, NULL, exec_in_thread, argv[0]);
		pthread_join(thread, NULL);
	}
	marker();
	printf("parent=%s\n", code == 5 ? "OK" : "wrong");
	return 0;
}
