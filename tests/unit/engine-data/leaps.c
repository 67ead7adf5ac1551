/* SPDX-License-Identifier: MIT */
/*
 * Frames that go without a return: longjmp() out of a function and of a signal handler, within what
 * is called only, and out of a recursion. Prints "leaps=4".
 */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>

#define NOINLINE __attribute__((noinline))

static jmp_buf outer, inner;
static sigjmp_buf handled;
static volatile int leaps;

NOINLINE void leap(int value)
{
	longjmp(outer, value); /* leap */
}

NOINLINE void leap_within(void)
{
	if (setjmp(inner) == 0)
		longjmp(inner, 1);
	leaps++; /* within */
}

NOINLINE void dive(int depth)
{
	if (depth)
		dive(depth - 1); /* dive */
	else
		leap(2); /* bottom */
}

static void handle(int signal)
{
	(void)signal;
	siglongjmp(handled, 1);
}

NOINLINE void from_handler(void)
{
	if (sigsetjmp(handled, 1) == 0) /* handler: lands */
		raise(SIGUSR1);         /* handler: calls */
	leaps++;                        /* handler: goes on */
}

NOINLINE void from_function(void)
{
	if (setjmp(outer) == 0) /* function: lands */
		leap(1);        /* function: calls */
	leaps++;                /* function: goes on */
}

NOINLINE void from_recursion(void)
{
	if (setjmp(outer) == 0) /* recursion: lands */
		dive(3);        /* recursion: calls */
	leaps++;                /* recursion: goes on */
}

int main(void)
{
	signal(SIGUSR1, handle);
	from_function();
	leap_within();    /* main: within */
	from_recursion(); /* main: goes on */
	from_handler();
	printf("leaps=%d\n", leaps);
	return 0;
}
