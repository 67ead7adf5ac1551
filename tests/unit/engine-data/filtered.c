/* SPDX-License-Identifier: MIT */
/*
 * filtered THREADS ROUNDS [HOW]: that many threads visit the places below that many times each,
 * with the round in rdi, or edi. at_long, at_call and at_jump can be replaced by a jump, the others
 * are too short. Prints "long=N short=N call=N", how often the instructions there were carried out.
 *
 * HOW: "blocked": all signals are blocked meanwhile; "storm": the main thread sends the others
 * SIGNALS signals meanwhile, one after the other, and "handled=N" says how many arrived;
 * "fork": so do children, one for each round, of which "children=N" ended well; "exec": it runs
 * itself once more, without HOW; "wait": they begin when a byte comes on standard input.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct counts {
	long by_long, by_short, by_call;
};

#define SIGNALS 400

/* What differs on the machines; i386 has no red zone. */
#ifdef __x86_64__
#define ADD "addq"
#define INC "incq"
#define COUNTS "rsi"
#define SHORT "8"
#define CALLED "16"
#define SKIP_RED_ZONE "lea -128(%%rsp), %%rsp\n"
#define TAKE_BACK "lea 128(%%rsp), %%rsp\n"
#else
#define ADD "addl"
#define INC "incl"
#define COUNTS "esi"
#define SHORT "4"
#define CALLED "8"
#define SKIP_RED_ZONE
#define TAKE_BACK
#endif

static long rounds;
static volatile long handled;
static volatile int stormy;
static struct {
	long long by_long, by_short, by_call;
} sums;
static int blocked;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Each instruction adds to what rsi points to. */
__attribute__((noinline)) void visit(long round, struct counts *counts)
{
	__asm__ volatile(".globl before_long, at_long, at_short1, at_short2, at_short3, at_short4, "
	                 "at_short5, at_call, at_jump\n"
	                 "before_long: nop\n"
	                 "at_long: " ADD " $0x10001, (%%" COUNTS ")\n"
	                 "at_short1: " INC " " SHORT "(%%" COUNTS ")\n"
	                 "at_short2: " INC " " SHORT "(%%" COUNTS ")\n"
	                 "at_short3: " INC " " SHORT "(%%" COUNTS ")\n"
	                 "at_short4: " INC " " SHORT "(%%" COUNTS ")\n"
	                 "at_short5: " INC " " SHORT "(%%" COUNTS ")\n" SKIP_RED_ZONE
	                 "at_call: call bump\n" TAKE_BACK "at_jump: .byte 0xe9\n"
	                 ".long 1f - . - 4\n"
	                 "bump: " INC " " CALLED "(%%" COUNTS ")\n"
	                 "ret\n"
	                 "1:\n" ::"D"(round),
	                 "S"(counts)
	                 : "memory", "cc");
}

static void on_signal(int signal)
{
	(void)signal;
	__atomic_fetch_add(&handled, 1, __ATOMIC_RELAXED);
}

static void *work(void *arg)
{
	struct counts counts = { 0, 0, 0 };
	sigset_t all;

	sigfillset(&all);
	if (blocked)
		pthread_sigmask(SIG_BLOCK, &all, NULL);
	for (long i = 0; i < rounds; i++)
		visit(i, &counts);
	pthread_mutex_lock(&lock);
	sums.by_long += counts.by_long;
	sums.by_short += counts.by_short;
	sums.by_call += counts.by_call;
	pthread_mutex_unlock(&lock);
	while (stormy)
		usleep(1000);
	return arg;
}

static void storm(const pthread_t *threads, long count)
{
	for (long i = 0; i < SIGNALS; i++) {
		pthread_kill(threads[i % count], i % 2 ? SIGUSR1 : SIGUSR2);
		while (handled <= i)
			sched_yield();
	}
	stormy = 0;
}

static void fork_children(void)
{
	struct counts counts = { 0, 0, 0 };
	int status, well = 0;

	for (long i = 0; i < rounds; i++) {
		if (fork() == 0) {
			visit(i, &counts);
			_exit(counts.by_long == 0x10001 && counts.by_short == 5 &&
			              counts.by_call == 1
			          ? 0
			          : 1);
		}
		wait(&status);
		well += status == 0;
	}
	printf("children=%d\n", well);
	fflush(stdout);
}

static void run(long count)
{
	pthread_t *threads = calloc((size_t)count, sizeof(*threads));

	for (long i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	if (stormy)
		storm(threads, count);
	for (long i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	free(threads);
}

int main(int argc, char **argv)
{
	const char *how = argc > 3 ? argv[3] : "";
	char byte;

	rounds = strtol(argv[2], NULL, 0);
	blocked = !strcmp(how, "blocked");
	signal(SIGUSR1, on_signal);
	signal(SIGUSR2, on_signal);
	if (!strcmp(how, "fork"))
		fork_children();
	if (!strcmp(how, "wait") && read(STDIN_FILENO, &byte, 1) != 1)
		return 1;
	stormy = !strcmp(how, "storm");
	run(strtol(argv[1], NULL, 0));
	printf("long=%lld short=%lld call=%lld\n", sums.by_long / 0x10001, sums.by_short / 5,
	       sums.by_call);
	if (!strcmp(how, "storm"))
		printf("handled=%ld\n", handled);
	fflush(stdout);
	if (!strcmp(how, "exec"))
		execl(argv[0], argv[0], argv[1], argv[2], NULL);
	return 0;
}
