/* SPDX-License-Identifier: MIT */
/*
 * What libmemtrap costs the program that it lives in. It measures its own cost: see target.c.
 *
 * library bare N           N writes to `counter`, under a SIGTRAP handler in plain C that does
 * nothing library empty N          the same under a trap with MEMTRAP_BARE, and a handler that does
 * nothing library full N           the same with old, new, kind and culprit library one N a trap of
 * one thread is set and removed N times library all N            the same, of 100 threads library
 * neighbours N     N rounds of writes around `page.watched`, on its line and its page library armed
 * N          the same, while that is trapped
 *
 * MEMTRAP_BACKEND chooses the back end.
 */
#include <memtrap/memtrap.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "fixture.h"
#include "floor.h"
#include "stopwatch.h"

enum { THREADS = 100 };

volatile uint64_t counter;

static struct {
	volatile uint64_t before, watched, after;
	char gap[1024];
	volatile uint64_t far;
} page __attribute__((aligned(4096)));

/* ---- The plain handler --------------------------------------------------- */

static volatile uint64_t arrived;

static void on_signal(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)info, (void)context;
	arrived++;
}

static void set_bare(void)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = (uintptr_t)&counter,
		.bp_len = HW_BREAKPOINT_LEN_8,
		.sample_period = 1,
		.sigtrap = 1,
		.remove_on_exec = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	sigaction(SIGTRAP, &action, NULL);
	if (syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC) < 0) {
		perror("cannot open an event that sends SIGTRAP");
		exit(1);
	}
}

/* ---- The library --------------------------------------------------------- */

static void on_hit(struct memtrap_hit *hit, void *arg)
{
	(void)hit, (void)arg;
	arrived++;
}

static struct memtrap *set(const volatile void *addr, int thread, unsigned flags)
{
	struct memtrap_spec spec = {
		.addr = addr,
		.len = 8,
		.kind = MEMTRAP_WRITE,
		.thread = thread,
		.flags = flags,
		.handler = on_hit,
	};
	struct memtrap *trap;

	if (memtrap_set(&trap, &spec) < 0) {
		fprintf(stderr, "%s\n", memtrap_error());
		exit(1);
	}
	return trap;
}

/* ---- What is measured ---------------------------------------------------- */

NOINLINE static void write_all(uint64_t count)
{
	for (uint64_t i = 1; i <= count; i++)
		counter = i;
}

static void run_writes(uint64_t count)
{
	wait_for_go();

	struct stopwatch began = start();

	write_all(count);
	tell_time(&began);
	tell_number("arrived", (int64_t)arrived);
}

static void run_setting(uint64_t count, int thread)
{
	memtrap_remove(set(&counter, thread, 0)); /* the first one looks for the back end */
	wait_for_go();

	struct stopwatch began = start();

	for (uint64_t i = 0; i < count; i++)
		memtrap_remove(set(&counter, thread, 0));
	tell_time(&began);
}

static void run_neighbours(uint64_t count)
{
	wait_for_go();

	struct stopwatch began = start();

	for (uint64_t i = 1; i <= count; i++) {
		page.before = i;
		page.after = i;
		page.far = i;
	}
	tell_time(&began);
}

static void *sleep_on(void *barrier)
{
	pthread_barrier_wait(barrier);
	for (;;)
		pause();
	return NULL;
}

static void start_threads(void)
{
	static pthread_barrier_t born;
	pthread_t thread;

	pthread_barrier_init(&born, NULL, THREADS);
	for (int i = 1; i < THREADS; i++)
		pthread_create(&thread, NULL, sleep_on, &born);
	pthread_barrier_wait(&born);
}

static void run(const char *mode, uint64_t count)
{
	if (!strcmp(mode, "bare")) {
		set_bare();
		run_writes(count);
	} else if (!strcmp(mode, "empty") || !strcmp(mode, "full")) {
		set(&counter, MEMTRAP_ALL_THREADS, *mode == 'e' ? MEMTRAP_BARE : 0);
		run_writes(count);
	} else if (!strcmp(mode, "one")) {
		run_setting(count, MEMTRAP_THIS_THREAD);
	} else if (!strcmp(mode, "all")) {
		start_threads();
		run_setting(count, MEMTRAP_ALL_THREADS);
	} else {
		if (!strcmp(mode, "armed"))
			set(&page.watched, MEMTRAP_ALL_THREADS, 0);
		run_neighbours(count);
	}
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: library MODE N\n");
		return 2;
	}
	run(argv[1], strtoull(argv[2], NULL, 10));
	return 0;
}
