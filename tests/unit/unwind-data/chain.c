/* SPDX-License-Identifier: MIT */
/*
 * Calls of every shape that needs no particular option: through the PLT for the first time, back
 * out of the C library, into the vDSO, recursive, indirect, in tail position, with many registers
 * saved, with an early way out.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "steps.h"

static volatile long sink;

static NOINLINE int by_value(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	sink += x;
	return (x > y) - (x < y);
}

static NOINLINE long leaf(long a, long b)
{
	sink += a;
	return a * 3 + b;
}

static NOINLINE long many_registers(long a, long b, long c, long d, long e, long f)
{
	long g = leaf(a, b), h = leaf(c, d), i = leaf(e, f), j = leaf(g, a), k = leaf(h, b);

	return leaf(leaf(g, h) + leaf(i, j), k) + a + b + c + d + e + f + g + h + i + j + k;
}

static NOINLINE long stack_arguments(long a, long b, long c, long d, long e, long f, long g, long h)
{
	return many_registers(a, b, c, d, e, f) + leaf(g, h);
}

static NOINLINE long variadic(int count, ...)
{
	long sum = 0;
	va_list ap;

	va_start(ap, count);
	for (int i = 0; i < count; i++)
		sum += leaf(va_arg(ap, long), i);
	va_end(ap);
	return sum;
}

/* Compilers put the pushes after the test here (shrink-wrapping). */
static NOINLINE long early_way_out(long n)
{
	if (n < 3)
		return n;
	return leaf(n, leaf(n, 1)) + leaf(n, 2) + n;
}

static NOINLINE long recursive(long n)
{
	return n ? leaf(recursive(n - 1), n) + n : early_way_out(5);
}

static NOINLINE long tail_call(long n)
{
	return leaf(n + 1, n);
}

static NOINLINE long big_frame(size_t len)
{
	char text[9000];

	memset(text, 'x', sizeof(text));
	text[len] = 0;
	return (long)strlen(text) + leaf(text[0], 1);
}

static NOINLINE long variable_frame(size_t len)
{
	char *text = __builtin_alloca(len);

	memset(text, 1, len);
	return leaf(text[len / 2], early_way_out((long)len));
}

int main(void)
{
	int numbers[] = { 3, 1, 4, 1, 5, 9, 2, 6 };
	long (*volatile indirect)(long) = tail_call;
	struct timespec now;

	STEPS_BEGIN();
	sink += stack_arguments(1, 2, 3, 4, 5, 6, 7, 8) + variadic(3, 1L, 2L, 3L);
	sink += early_way_out(1) + recursive(4) + indirect(7);
	sink += big_frame(40) + variable_frame((size_t)getppid() % 64 + 8);
	qsort(numbers, sizeof(numbers) / sizeof(*numbers), sizeof(*numbers), by_value);
	clock_gettime(CLOCK_MONOTONIC, &now);
	sink += strtol("1234", NULL, 10);
	STEPS_END();
	return 0;
}
