/* SPDX-License-Identifier: MIT */
/* Exceptions that pass frames, with something to clean up in one of them. Prints "caught=3". */
#include <cstdio>

#define NOINLINE __attribute__((noinline))

static volatile int caught, cleaned;

struct guard {
	~guard()
	{
		cleaned = cleaned + 1; /* cleans */
	}
};

NOINLINE void raise_it(int value)
{
	throw value; /* throws */
}

NOINLINE void pass_on(int value)
{
	guard here;
	volatile int held = value;

	held = held + 1;
	raise_it(value); /* passes: calls */
} /* passes: ends */

NOINLINE void catch_here(void)
{
	try {
		raise_it(1);             /* here: calls */
	} catch (int value) {            /* here: catches */
		caught = caught + value; /* here: goes on */
	}
}

NOINLINE void catch_far(void)
{
	try {
		pass_on(2);              /* far: calls */
	} catch (int value) {            /* far: catches */
		caught = caught + value; /* far: goes on */
	}
}

int main()
{
	catch_here();
	catch_far();
	std::printf("caught=%d\n", caught);
	return 0;
}
