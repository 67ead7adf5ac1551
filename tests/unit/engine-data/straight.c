/* SPDX-License-Identifier: MIT */
/*
 * Lines that are long for a step: "loop" has 1000 calls in one, "recurse" runs itself in the middle
 * of one, "fault" is interrupted in one by a handler that runs it too, "spin" has one without end,
 * of one instruction. Prints "sum=N", but for the last.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define NOINLINE __attribute__((noinline))
#define PAGE 4096

volatile long sum;
static volatile long *cell;

NOINLINE void add(long value)
{
	sum += value;
}

/* clang-format off */
NOINLINE void loop(long count)
{
	for (long i = 0; i < count; i++) if (i % 3) add(i); else sum++;
	sum = sum;
}
/* clang-format on */

NOINLINE long recurse(long depth)
{
	long below = 1, here = depth;

	below = depth * 2 + (depth ? recurse(depth - 1) * 3 + depth : 7) * 2 - here;
	return below + here;
}

NOINLINE long fault(volatile long *from)
{
	long got, more = 5;

	got = more * 3 + from[0] + from[1] * more;
	return got + more;
}

static void on_fault(int signal)
{
	volatile long good[2] = { 1, 2 };

	(void)signal;
	sum += fault(good);
	mprotect((void *)cell, PAGE, PROT_READ | PROT_WRITE);
}

NOINLINE void spin(void)
{
	__asm__ volatile("1: jmp 1b");
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	signal(SIGSEGV, on_fault);
	cell = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!strcmp(mode, "loop"))
		loop(1000);
	else if (!strcmp(mode, "recurse"))
		sum = recurse(4);
	else if (!strcmp(mode, "fault"))
		sum += fault(cell);
	else if (!strcmp(mode, "spin"))
		spin();
	printf("sum=%ld\n", sum);
	return 0;
}
