// SPDX-License-Identifier: MIT
// Exceptions: thrown through frames with destructors, caught, thrown on, caught outside.
#include <stdexcept>

#include "steps.h"

static volatile long sink;

struct Guard {
	long n;
	NOINLINE explicit Guard(long number) : n(number)
	{
		sink = sink + n;
	}
	NOINLINE ~Guard()
	{
		sink = sink - n;
	}
};

static NOINLINE long thrower(long n)
{
	Guard guard(n);

	if (n % 2)
		throw std::runtime_error("odd");
	return sink + n;
}

static NOINLINE long through(long n)
{
	Guard first(n), second(n + 1);

	return thrower(n) + sink;
}

static NOINLINE long rethrower(long n)
{
	try {
		return through(n);
	} catch (const std::exception &) {
		sink = sink + 1;
		throw;
	}
}

int main()
{
	long sum = 0;

	STEPS_BEGIN();
	for (long n = 0; n < 2; n++) {
		try {
			sum += rethrower(n);
		} catch (const std::runtime_error &) {
			sum += thrower(0);
		}
	}
	STEPS_END();
	return sum == 0;
}
