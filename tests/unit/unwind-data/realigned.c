/* SPDX-License-Identifier: MIT */
/*
 * Functions that realign the stack: with a fixed frame, with one of variable size (where only an
 * expression finds the CFA), and with arguments on the stack besides.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "steps.h"

#define ALIGNED __attribute__((aligned(64)))

static volatile long sink;

static NOINLINE void use(const void *place, long value)
{
	sink += (long)((uintptr_t)place % 64) + value;
}

static NOINLINE void fixed_frame(long n)
{
	ALIGNED char place[128];

	memset(place, (int)n, sizeof(place));
	use(place, place[5]);
}

static NOINLINE void variable_frame(size_t len)
{
	ALIGNED char place[128];
	char *more = __builtin_alloca(len);

	memset(more, 1, len);
	memset(place, 2, sizeof(place));
	use(place, more[len - 1]);
	fixed_frame(more[0]);
}

static NOINLINE void stack_arguments(long a, long b, long c, long d, long e, long f, long g, long h)
{
	ALIGNED char place[64];
	char *more = __builtin_alloca((size_t)(a + h));

	memset(place, (int)g, sizeof(place));
	more[0] = 1;
	use(more, a + b + c + d);
	use(place, e + f + g + h);
	variable_frame((size_t)(g * h));
}

static NOINLINE __attribute__((force_align_arg_pointer)) long forced(long n)
{
	long kept = n * 3;

	stack_arguments(n, 2, 3, 4, 5, 6, 7, 8);
	if (n > 1)
		return forced(n - 1) + kept;
	return kept;
}

int main(void)
{
	STEPS_BEGIN();
	forced(2);
	variable_frame(100);
	STEPS_END();
	return 0;
}
