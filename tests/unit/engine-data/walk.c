/* SPDX-License-Identifier: MIT */
/* Calls, returns, loops: what a debugger does first. Prints "total=N" and exits with 7. */
#include <stdio.h>

#define NOINLINE __attribute__((noinline))

volatile long total;
volatile char greeting[] = "hello";

NOINLINE long leaf(long value)
{
	total += value;
	return total;
}

NOINLINE long middle(long value)
{
	long result = leaf(value);

	return result + 1;
}

NOINLINE long recurse(long depth)
{
	if (depth == 0)
		return middle(100);
	return recurse(depth - 1) + 1;
}

int main(void)
{
	for (long i = 0; i < 10; i++)
		middle(i);
	recurse(5);
	printf("total=%ld\n", total);
	return 7;
}
