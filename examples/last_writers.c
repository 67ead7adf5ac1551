/* SPDX-License-Identifier: MIT */
/*
 * A crash that names the culprit: each trap keeps its last hits in memory, and the report of a
 * fatal signal shows them. The pointer is bad long before it is used; who made it so?
 */
#include <stdio.h>
#include <unistd.h>

#include <memtrap/memtrap.h>

static int numbers[3] = { 1, 2, 3 };
static int *volatile cursor = numbers;

__attribute__((noinline)) void rewind_cursor(void)
{
	cursor = numbers;
}

__attribute__((noinline)) void next(void)
{
	cursor = cursor + 1;
}

/* The bug: a handle is no pointer. */
__attribute__((noinline)) void restore(unsigned long handle)
{
	cursor = (int *)handle;
}

int main(void)
{
	struct memtrap_spec spec = {
		.addr = &cursor,
		.len = sizeof(cursor),
		.kind = MEMTRAP_WRITE,
		.name = "cursor",
	};
	struct memtrap *trap;

	if (memtrap_set(&trap, &spec) < 0 || memtrap_report_crashes(STDERR_FILENO) < 0) {
		fprintf(stderr, "%s\n", memtrap_error());
		return 1;
	}
	rewind_cursor();
	next();
	restore(0x2a);
	printf("the number is %d\n", *cursor);
	return 0;
}
