/* SPDX-License-Identifier: MIT */
/* A recursion, and a function whose frame is taken away. Prints "sum=N count=N". */
#include <stdio.h>

#define NOINLINE __attribute__((noinline))

static volatile long count;

NOINLINE long climb(long depth)
{
	long below = 0;

	if (depth > 0)
		below = climb(depth - 1); /* climb: calls */
	count++;                          /* climb: after */
	return below + depth;
}

NOINLINE long deepest(long value)
{
	count += 1000; /* deepest */
	return value;
}

NOINLINE long deep(long value)
{
	return deepest(value + 1) * 2;
}

int main(void)
{
	long sum = climb(3); /* main: climbs */

	sum += deep(5);                            /* main: deep */
	sum += 10000;                              /* main: adds */
	printf("sum=%ld count=%ld\n", sum, count); /* main: prints */
	return 0;
}
