/* SPDX-License-Identifier: MIT */
/* Functions that are inlined, one in another, with calls in them. Prints "result=N". */
#include <stdio.h>

#define INLINE static inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))

volatile long sink;

NOINLINE long outside(long value)
{
	sink += value; /* outside */
	return value * 3;
}

INLINE long innermost(long value)
{
	sink = value;                 /* innermost: first */
	sink = value + 1;             /* innermost: second */
	return outside(value) + sink; /* innermost: third */
}

INLINE long between(long value)
{
	long a = innermost(value); /* between: calls */

	sink = a; /* between: goes on */
	return a + 1;
}

NOINLINE long work(long value)
{
	long result = between(value); /* work: calls */

	sink = result; /* work: goes on */
	return result;
}

int main(int argc, char **argv)
{
	long result = work(argc);

	(void)argv;
	printf("result=%ld\n", result);
	return 0;
}
