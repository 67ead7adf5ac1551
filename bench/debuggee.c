/* SPDX-License-Identifier: MIT */
/*
 * The program that the debuggers run. It measures what it costs to be debugged: elapsed_ns is from
 * the first of what it is asked for to the last, by a clock on the wall.
 *
 * debuggee calls N [floor]   N calls of `called`; floor: counted by a breakpoint of its own
 * debuggee writes N [floor]  N writes to `written`; floor: counted by a breakpoint of its own
 * debuggee steps N           a loop of at least N instructions, in `stepped`
 * debuggee line N            N calls of `called` in one line, in `looped`
 * debuggee list              one call of `listed`, with a list to look at
 */
#include <stdbool.h>

#include "fixture.h"
#include "floor.h"
#include "stopwatch.h"

static volatile uint64_t sum, written;
volatile uint64_t untouched;

NOINLINE void called(uint64_t number)
{
	sum += number;
}

static void run_calls(uint64_t count)
{
	for (uint64_t i = 1; i <= count; i++)
		called(i);
}

static void run_writes(uint64_t count)
{
	for (uint64_t i = 1; i <= count; i++)
		written = i;
}

NOINLINE void stepped(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		sum += i;
}

/* clang-format off */
NOINLINE void looped(uint64_t count)
{
	for (uint64_t i = 1; i <= count; i++) called(i); /* one line */
	sum++;
}
/* clang-format on */

struct node {
	struct node *next;
	uint64_t len;
};

NOINLINE void listed(struct node *p)
{
	sum += p->len;
}

static void run_list(void)
{
	struct node last = { .len = 2 }, first = { .next = &last, .len = 1 };

	listed(&first);
}

static int open_floor(const char *mode)
{
	return strcmp(mode, "writes") == 0 ? floor_open(&written)
	                                   : floor_open_code((uintptr_t)called);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	uint64_t number = (uint64_t)argument(argc, argv, 2, 1);
	bool is_floor = strcmp(argv[argc - 1], "floor") == 0;
	int fd = is_floor ? open_floor(mode) : -1;
	struct stopwatch began = start();

	if (strcmp(mode, "calls") == 0)
		run_calls(number);
	else if (strcmp(mode, "writes") == 0)
		run_writes(number);
	else if (strcmp(mode, "steps") == 0)
		stepped(number);
	else if (strcmp(mode, "line") == 0)
		looped(number);
	else if (strcmp(mode, "list") == 0)
		run_list();
	tell_time(&began);
	if (is_floor)
		tell_number("counted", (int64_t)floor_count(fd));
	return 0;
}
