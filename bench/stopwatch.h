/* SPDX-License-Identifier: MIT */
/* How the programs of the benchmarks time themselves. */
#ifndef BENCH_STOPWATCH_H
#define BENCH_STOPWATCH_H

#include <stdint.h>
#include <time.h>

#include "fixture.h"

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

struct stopwatch {
	uint64_t cpu, elapsed;
};

static inline struct stopwatch start(void)
{
	return (struct stopwatch){ clock_ns(CLOCK_PROCESS_CPUTIME_ID), clock_ns(CLOCK_MONOTONIC) };
}

static inline void tell_time(const struct stopwatch *since)
{
	struct stopwatch now = start();

	tell_number("cpu_ns", (int64_t)(now.cpu - since->cpu));
	tell_number("elapsed_ns", (int64_t)(now.elapsed - since->elapsed));
}

#endif
