/* SPDX-License-Identifier: MIT */
/* Functions left by longjmp, from several calls deep. */
#include <setjmp.h>

#include "steps.h"

static volatile long sink;
static jmp_buf way_out;

static NOINLINE long leaf(long n)
{
	sink += n;
	return n;
}

static NOINLINE void leave(long depth)
{
	leaf(depth);
	if (depth)
		leave(depth - 1);
	else if (sink >= 0) /* always */
		longjmp(way_out, 1);
	leaf(depth);
}

static NOINLINE long left(long depth)
{
	if (setjmp(way_out) == 0)
		leave(depth);
	return leaf(depth);
}

int main(void)
{
	STEPS_BEGIN();
	for (long depth = 0; depth < 5; depth++)
		sink += left(depth) + leaf(2);
	STEPS_END();
	return 0;
}
