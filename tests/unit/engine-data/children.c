/* SPDX-License-Identifier: MIT */
/*
 * children all|chain|threads|system|shared COUNT: so many children, each of which passes marker()
 * and ends with 5. all: at once; chain: each is the child of the one before; threads: of eight
 * threads; system: by system(3), as "true"; shared: by vfork(), and they end without exec. The
 * first process prints "good=N": how many have ended as they should.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 8
#define END 5

volatile int marks;

__attribute__((noinline)) void marker(void)
{
	marks++;
}

static pid_t begin(void)
{
	pid_t child = fork();

	if (child)
		return child;
	marker();
	_exit(END);
}

static int good(pid_t child)
{
	int status;

	return waitpid(child, &status, 0) == child && WIFEXITED(status) &&
	       WEXITSTATUS(status) == END;
}

static int all(int count)
{
	pid_t *children = calloc((size_t)count, sizeof(*children));
	int result = 0;

	for (int i = 0; i < count; i++)
		children[i] = begin();
	for (int i = 0; i < count; i++)
		result += good(children[i]);
	free(children);
	return result;
}

/* Each one ends well if the one that it has begun has. */
static int chain(int count)
{
	int first = 1, ends_well = 1;

	for (int i = 0; i < count; i++) {
		pid_t child = fork();

		if (child) {
			ends_well = good(child);
			break;
		}
		first = 0;
		marker();
	}
	if (!first)
		_exit(ends_well ? END : 1);
	return ends_well ? count : 0;
}

static void *some(void *arg)
{
	return (void *)(long)all((int)(long)arg);
}

static int threads(int count)
{
	pthread_t them[THREADS];
	void *result;
	int sum = 0;

	for (int i = 0; i < THREADS; i++)
		pthread_create(&them[i], NULL, some, (void *)(long)(count / THREADS));
	for (int i = 0; i < THREADS; i++) {
		pthread_join(them[i], &result);
		sum += (int)(long)result;
	}
	return sum;
}

static int shells(int count)
{
	int result = 0;

	for (int i = 0; i < count; i++)
		result += system("true") == 0;
	return result;
}

/* In a function of its own, whose locals vfork() may not mix up. */
__attribute__((noinline)) static pid_t begin_shared(void)
{
	pid_t child = vfork();

	if (child)
		return child;
	marker();
	_exit(END);
}

static int shared(int count)
{
	int result = 0;

	for (int i = 0; i < count; i++)
		result += good(begin_shared());
	return result;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "all";
	int count = argc > 2 ? atoi(argv[2]) : 1, result;

	if (!strcmp(how, "all"))
		result = all(count);
	else if (!strcmp(how, "chain"))
		result = chain(count);
	else if (!strcmp(how, "threads"))
		result = threads(count);
	else if (!strcmp(how, "system"))
		result = shells(count);
	else
		result = shared(count);
	printf("good=%d\n", result);
	return 0;
}
