/* SPDX-License-Identifier: MIT */
/*
 * Which thread makes the counter 50? It is caught in the act and held, with all its state, while
 * the others run on: attach a debugger to it, or send the process SIGUSR1 to let it go.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <memtrap/memtrap.h>

static volatile int counter;

static void on_write(struct memtrap_hit *hit, void *arg)
{
	(void)arg;
	if (memtrap_signed(hit->new_value, sizeof(counter)) == 50)
		memtrap_park(hit);
}

void *count_to_a_hundred(void *arg)
{
	for (int i = 0; i < 100; i++)
		counter++;
	return arg;
}

int main(void)
{
	struct memtrap_spec spec = {
		.addr = &counter,
		.len = sizeof(counter),
		.kind = MEMTRAP_WRITE,
		.handler = on_write,
		.name = "counter",
	};
	struct memtrap *trap;
	pthread_t thread;
	sigset_t set;
	int signal;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (memtrap_set(&trap, &spec) < 0) {
		fprintf(stderr, "%s\n", memtrap_error());
		return 1;
	}
	pthread_create(&thread, NULL, count_to_a_hundred, NULL);
	sigwait(&set, &signal);
	printf("let go: %d thread\n", memtrap_release(0));
	pthread_join(thread, NULL);
	printf("counter is %d after %llu writes\n", counter,
	       (unsigned long long)memtrap_count(trap));
	memtrap_remove(trap);
	return 0;
}
