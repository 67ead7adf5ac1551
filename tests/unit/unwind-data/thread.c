/* SPDX-License-Identifier: MIT */
/* A thread of its own: its stack ends in clone, not in _start. */
#include <pthread.h>
#include <stdlib.h>

#include "steps.h"

static volatile long sink;

static NOINLINE long recursive(long n)
{
	sink += n;
	return n ? recursive(n - 1) + sink : sink;
}

static void *run(void *unused)
{
	STEPS_BEGIN();
	recursive(30);
	STEPS_END();
	return unused;
}

int main(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, NULL))
		return 1;
	return pthread_join(thread, NULL);
}
