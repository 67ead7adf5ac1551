/* SPDX-License-Identifier: MIT */
/*
 * shared [MODE]: a program that stops all the time for who traces it, and asks on which processors
 * it may run, in every way that there is. Rounds go on until `enough` is set from outside; then
 * "kept" is printed, or how often the answer was another one than at the start.
 *
 * waits   for a line first
 * steady  it never chooses its processors itself
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))
#define BURST 64

volatile uint64_t counter, enough;
static volatile sig_atomic_t wrong;
static cpu_set_t first, *low; /* `low` is where 32-bit calls reach it */

NOINLINE void called(void)
{
	__asm__ volatile("");
}

static void burst(void)
{
	for (int i = 0; i < BURST; i++) {
		counter++;
		called();
	}
}

static int is_first(const cpu_set_t *now)
{
	return CPU_EQUAL(&first, now);
}

static int by_call(void)
{
	cpu_set_t now;

	CPU_ZERO(&now);
	syscall(SYS_sched_getaffinity, 0, sizeof(now), &now);
	return is_first(&now);
}

#ifdef __x86_64__
/* REX before it changes nothing. */
static int by_prefixed_call(void)
{
	cpu_set_t now;
	long result;

	CPU_ZERO(&now);
	__asm__ volatile(".byte 0x48; syscall"
	                 : "=a"(result)
	                 : "a"(SYS_sched_getaffinity), "D"(0), "S"(sizeof(now)), "d"(&now)
	                 : "rcx", "r11", "memory");
	return result > 0 && is_first(&now);
}

#define COMPAT_GETAFFINITY 242
static int by_int80(void)
{
	long result;

	memset(low, 0, sizeof(*low));
	__asm__ volatile("int $0x80"
	                 : "=a"(result)
	                 : "a"(COMPAT_GETAFFINITY), "b"(0), "c"(sizeof(*low)), "d"(low)
	                 : "r8", "r9", "r10", "r11", "memory");
	return result > 0 && is_first(low);
}
#endif

static void *asking(void *arg)
{
	(void)arg;
	return (void *)(uintptr_t)by_call();
}

static int by_thread(void)
{
	pthread_t thread;
	void *answer = NULL;

	return pthread_create(&thread, NULL, asking, NULL) == 0 &&
	       pthread_join(thread, &answer) == 0 && answer;
}

static int by_child(void)
{
	pid_t child = fork();
	int status;

	if (!child)
		_exit(by_call());
	return waitpid(child, &status, 0) == child && WEXITSTATUS(status);
}

static int by_borrower(void)
{
	pid_t child = vfork();
	int status;

	if (!child)
		_exit(by_call());
	return waitpid(child, &status, 0) == child && WEXITSTATUS(status);
}

static volatile int handled;

static void on_signal(int signal)
{
	(void)signal;
	handled = by_call();
}

static int by_handler(void)
{
	handled = 0;
	raise(SIGUSR1);
	return handled;
}

/* What it has asked for itself stays. */
static int by_its_own(void)
{
	cpu_set_t one, now;
	size_t last = CPU_SETSIZE - 1;
	int kept;

	while (!CPU_ISSET(last, &first))
		last--;
	CPU_ZERO(&one);
	CPU_SET(last, &one);
	sched_setaffinity(0, sizeof(one), &one);
	burst();
	CPU_ZERO(&now);
	sched_getaffinity(0, sizeof(now), &now);
	kept = CPU_EQUAL(&one, &now);
	burst();
	sched_setaffinity(0, sizeof(first), &first);
	return kept;
}

static int (*const asks[])(void) = {
	by_its_own,       by_call,  by_thread, by_child, by_borrower, by_handler,
#ifdef __x86_64__
	by_prefixed_call, by_int80,
#endif
};

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	size_t first_ask = strcmp(mode, "steady") == 0;

	if (strcmp(mode, "waits") == 0)
		getchar();
	low = mmap(NULL, sizeof(*low), PROT_READ | PROT_WRITE,
	           MAP_PRIVATE | MAP_ANONYMOUS
#ifdef MAP_32BIT
	               | MAP_32BIT
#endif
	           ,
	           -1, 0);
	signal(SIGUSR1, on_signal);
	sched_getaffinity(0, sizeof(first), &first);
	while (!enough)
		for (size_t i = first_ask; i < sizeof(asks) / sizeof(*asks); i++) {
			burst();
			wrong += !asks[i]();
		}
	if (wrong)
		printf("%d answers were others\n", (int)wrong);
	else
		puts("kept");
	return wrong != 0;
}
