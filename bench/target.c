/* SPDX-License-Identifier: MIT */
/*
 * The program that the benchmarks watch. It measures its own cost.
 *
 * target writes N [floor]        N writes to `counter`, from one function
 * target threads N T [floor]     the same in each of T threads
 * target neighbours N            N rounds of writes around `page.watched`, on its line and its page
 * target idle T                  T threads that sleep; from the go on, one that looks for pauses
 *
 * floor: count the writes with a breakpoint of its own. Times are in ns: cpu_ns is the processor
 * time of the whole program, elapsed_ns what a clock on the wall says.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "fixture.h"
#include "floor.h"
#include "stopwatch.h"

volatile uint64_t counter;

/* The stack is 5 frames of code with frame pointers: write_all, inner, outer, main and its caller.
 * The barriers keep the compiler from making jumps of the calls. */
#define KEEP_FRAME() __asm__ volatile("")

NOINLINE static void write_all(uint64_t count)
{
	for (uint64_t i = 1; i <= count; i++)
		counter = i;
}

NOINLINE static void inner(uint64_t count)
{
	write_all(count);
	KEEP_FRAME();
}

NOINLINE static void outer(uint64_t count)
{
	inner(count);
	KEEP_FRAME();
}

/* ---- Strays -------------------------------------------------------------- */

/*
 * Some hypervisors now and then deliver a debug exception with an empty DR6. The kernel takes it
 * for the instruction INT1 and sends SIGTRAP (exc_debug_user() in arch/x86/kernel/traps.c), which
 * would end us, with any watcher and with the floor alone.
 */
static volatile sig_atomic_t strays;

static void count_stray(int signal)
{
	(void)signal;
	__atomic_fetch_add(&strays, 1, __ATOMIC_RELAXED);
}

/* ---- Writes -------------------------------------------------------------- */

static void run_writes(uint64_t count)
{
	wait_for_go();

	struct stopwatch began = start();

	outer(count);
	tell_time(&began);
}

static pthread_barrier_t ready;

static void *write_in_thread(void *count)
{
	pthread_barrier_wait(&ready);
	outer(*(const uint64_t *)count);
	return NULL;
}

static void run_threads(uint64_t count, unsigned threads)
{
	pthread_t ids[threads];

	pthread_barrier_init(&ready, NULL, threads + 1);
	for (unsigned i = 0; i < threads; i++)
		pthread_create(&ids[i], NULL, write_in_thread, &count);
	wait_for_go();

	struct stopwatch began = start();

	pthread_barrier_wait(&ready);
	for (unsigned i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	tell_time(&began);
}

/* ---- Neighbours ---------------------------------------------------------- */

static struct {
	volatile uint64_t before, watched, after;
	volatile uint64_t far[100];
} page __attribute__((aligned(4096)));

NOINLINE static void write_around(uint64_t count)
{
	for (uint64_t i = 1; i <= count; i++) {
		page.before = i;
		page.after = i;
		page.far[i % 100] = i;
	}
}

static void run_neighbours(uint64_t count)
{
	tell_address("neighbours", &page.watched);
	wait_for_go();

	struct stopwatch began = start();

	write_around(count);
	tell_time(&began);
}

/* ---- Pauses -------------------------------------------------------------- */

/* The longest time between two looks at the clock, since the last line was read. */
static atomic_ulong longest, looks;

static void *look_at_clock(void *unused)
{
	/* With the turns of other programs out of the way (where that is allowed), a pause is one
	 * that the kernel or a debugger makes. */
	struct sched_param first = { .sched_priority = 1 };
	uint64_t before;

	pthread_setschedparam(pthread_self(), SCHED_FIFO, &first);
	before = clock_ns(CLOCK_MONOTONIC);
	for (;;) {
		uint64_t now = clock_ns(CLOCK_MONOTONIC);

		if (now - before > atomic_load_explicit(&longest, memory_order_relaxed))
			atomic_store_explicit(&longest, now - before, memory_order_relaxed);
		before = now;
		atomic_fetch_add_explicit(&looks, 1, memory_order_release);
	}
	return unused;
}

static void *sleep_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

/* After a pause this thread may go on before the one that looks: what that finds is waited for. */
static uint64_t longest_so_far(void)
{
	uint64_t before = atomic_load_explicit(&looks, memory_order_acquire);

	while (atomic_load_explicit(&looks, memory_order_acquire) - before < 2)
		sched_yield();
	return atomic_exchange(&longest, 0);
}

/* From the go on, tells the longest pause so far at each line on standard input, until its end. */
static void run_idle(unsigned threads)
{
	pthread_t id;
	int c;

	for (unsigned i = 0; i < threads; i++)
		pthread_create(&id, NULL, sleep_for_ever, NULL);
	wait_for_go();
	pthread_create(&id, NULL, look_at_clock, NULL);
	while ((c = getchar()) != EOF)
		if (c == '\n')
			tell_number("pause_ns", (int64_t)longest_so_far());
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	uint64_t number = (uint64_t)argument(argc, argv, 2, 1);
	bool is_floor = strcmp(argv[argc - 1], "floor") == 0;
	int fd = is_floor ? floor_open(&counter) : -1;

	signal(SIGTRAP, count_stray);
	tell_address("addr", &counter);
	if (strcmp(mode, "writes") == 0)
		run_writes(number);
	else if (strcmp(mode, "threads") == 0)
		run_threads(number, (unsigned)argument(argc, argv, 3, 1));
	else if (strcmp(mode, "neighbours") == 0)
		run_neighbours(number);
	else if (strcmp(mode, "idle") == 0)
		run_idle((unsigned)number);
	tell_number("strays", strays);
	if (is_floor)
		tell_number("counted", (int64_t)floor_count(fd));
	return 0;
}
