/* SPDX-License-Identifier: MIT */
/* Four registers a thread: who holds them, who shares them, and what the fifth is told. */
#include "judge.h"

#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <sys/syscall.h>

static volatile uint64_t words[8];
static const char *const names[] = { "alpha", "beta", "gamma", "delta", "epsilon" };

/* One instruction on i386, too. */
static void write_word(unsigned i, uint32_t value)
{
	*(volatile uint32_t *)&words[i] = value;
}

static struct memtrap_spec spec_of(unsigned i, int thread, unsigned *counter)
{
	return (struct memtrap_spec){ .addr = &words[i],
		                      .len = 8,
		                      .kind = MEMTRAP_WRITE,
		                      .thread = thread,
		                      .flags = judge_flags(),
		                      .handler = count_hit,
		                      .arg = counter,
		                      .name = i < 5 ? names[i] : NULL };
}

static struct memtrap *set_word(unsigned i, int thread, unsigned *counter)
{
	const struct memtrap_spec spec = spec_of(i, thread, counter);

	return set(&spec);
}

/* One more 8-byte word finds no register; the sentence names who has them. */
static void no_room(unsigned i, int thread)
{
	struct memtrap_spec spec = spec_of(i, thread, NULL);
	struct memtrap *const before = (struct memtrap *)&spec, *trap = before;

	REFUSED(memtrap_set(&trap, &spec), ENOSPC);
	CHECK(trap == before);
}

static void four_and_a_fifth(int thread)
{
	struct memtrap *traps[4];
	unsigned counters[4] = { 0 };

	for (unsigned i = 0; i < 4; i++)
		traps[i] = set_word(i, thread, &counters[i]);
	no_room(4, thread);
	for (unsigned i = 0; i < 4; i++)
		SAYS(memtrap_error(), names[i]);
	for (uint32_t n = 0; n < 10; n++)
		for (unsigned i = 0; i < 8; i++)
			write_word(i, n);
	for (unsigned i = 0; i < 4; i++) {
		EQUAL(counters[i], 10);
		EQUAL(coverage_of(traps[i]).registers, 1);
		memtrap_remove(traps[i]);
	}
}

CASE(the_fifth_trap_of_all_threads_is_refused)
{
	four_and_a_fifth(MEMTRAP_ALL_THREADS);
}

CASE(the_fifth_trap_of_this_thread_is_refused)
{
	four_and_a_fifth(MEMTRAP_THIS_THREAD);
}

CASE(a_trap_without_a_name_is_named_by_its_address)
{
	char address[32];

	for (unsigned i = 4; i < 8; i++)
		set(&(struct memtrap_spec){ .addr = &words[i], .len = 8, .kind = MEMTRAP_WRITE });
	no_room(0, MEMTRAP_ALL_THREADS);
	for (unsigned i = 4; i < 8; i++) {
		snprintf(address, sizeof(address), "%lx", (unsigned long)&words[i]);
		SAYS(memtrap_error(), address);
	}
}

/* 8 bytes at an odd place need four registers: 1, 2, 4 and 1 byte. */
CASE(an_unaligned_range_takes_more_registers)
{
	struct memtrap *trap =
	    trap_on((const volatile char *)words + 1, 8, MEMTRAP_WRITE, NULL, NULL);

	EQUAL(coverage_of(trap).registers, 4);
	no_room(4, MEMTRAP_ALL_THREADS);
	memtrap_remove(trap);
}

CASE(a_removed_trap_leaves_its_register)
{
	struct memtrap *traps[4];
	unsigned counter = 0;

	for (unsigned i = 0; i < 4; i++)
		traps[i] = set_word(i, MEMTRAP_ALL_THREADS, NULL);
	for (unsigned n = 0; n < 200; n++) {
		memtrap_remove(traps[n % 4]);
		traps[n % 4] = set_word(n % 8, MEMTRAP_ALL_THREADS, &counter);
	}
	no_room(0, MEMTRAP_THIS_THREAD);
	for (unsigned i = 0; i < 4; i++)
		memtrap_remove(traps[i]);
}

/* ---- Sharing ------------------------------------------------------------- */

CASE(traps_on_the_same_piece_share_a_register)
{
	enum { EXTRA = 12 };
	struct memtrap *traps[4], *extra[EXTRA];
	unsigned counters[4] = { 0 }, more[EXTRA] = { 0 };

	for (unsigned i = 0; i < 4; i++)
		traps[i] = set_word(i, MEMTRAP_ALL_THREADS, &counters[i]);
	EQUAL(coverage_of(traps[0]).shared, 0);
	for (unsigned i = 0; i < EXTRA; i++) {
		extra[i] = set_word(i % 4, MEMTRAP_ALL_THREADS, &more[i]);
		EQUAL(coverage_of(extra[i]).registers, 1);
		EQUAL(coverage_of(extra[i]).shared, 1);
	}
	no_room(4, MEMTRAP_ALL_THREADS);
	for (unsigned n = 0; n < 7; n++)
		for (unsigned i = 0; i < 4; i++)
			write_word(i, n);
	for (unsigned i = 0; i < 4; i++)
		EQUAL(counters[i], 7);
	for (unsigned i = 0; i < EXTRA; i++)
		EQUAL(more[i], 7);
	for (unsigned i = 0; i < 4; i++)
		memtrap_remove(traps[i]);
	write_word(0, 7);
	EQUAL(more[0], 8);
	EQUAL(counters[0], 7);
	no_room(4, MEMTRAP_ALL_THREADS);
	for (unsigned i = 0; i < EXTRA; i++)
		memtrap_remove(extra[i]);
	write_word(0, 8);
	EQUAL(more[0], 8);
}

/* Pieces of ranges that overlap in part are shared piece by piece. */
CASE(ranges_share_the_pieces_that_they_have_in_common)
{
	unsigned counters[3] = { 0 };
	struct memtrap *both = trap_on(&words[0], 16, MEMTRAP_WRITE, count_hit, &counters[0]);
	struct memtrap *all = trap_on(&words[0], 32, MEMTRAP_WRITE, count_hit, &counters[1]);
	struct memtrap *last = trap_on(&words[3], 8, MEMTRAP_WRITE, count_hit, &counters[2]);

	EQUAL(coverage_of(all).registers, 4);
	EQUAL(coverage_of(all).shared, 2);
	EQUAL(coverage_of(last).shared, 1);
	no_room(4, MEMTRAP_ALL_THREADS);
	for (unsigned i = 0; i < 4; i++)
		write_word(i, i + 1);
	EQUAL(counters[0], 2);
	EQUAL(counters[1], 4);
	EQUAL(counters[2], 1);
	memtrap_remove(all);
	memtrap_remove(both);
	memtrap_remove(last);
}

static void sum_up(struct memtrap_hit *hit, void *sum)
{
	*(uint64_t *)sum += memtrap_unsigned(hit->new_value, 4);
}

CASE(each_trap_keeps_its_own_handler_and_argument)
{
	unsigned counter = 0;
	uint64_t sum = 0;
	struct seen seen = { 0 };
	struct memtrap *traps[] = {
		trap_on(&words[0], 4, MEMTRAP_WRITE, count_hit, &counter),
		trap_on(&words[0], 4, MEMTRAP_WRITE, sum_up, &sum),
		see_it(&seen, &words[0], 4, MEMTRAP_WRITE),
	};

	for (uint32_t n = 1; n <= 10; n++)
		write_word(0, n);
	for (unsigned i = 0; i < 3; i++)
		memtrap_remove(traps[i]);
	EQUAL(counter, 10);
	EQUAL(sum, 55);
	EQUAL(seen.count, 10);
	for (unsigned i = 0; i < 10; i++) {
		CHECK(seen.hits[i].trap == traps[2]);
		EQUAL(seen.hits[i].count, i + 1);
	}
}

/* ---- Threads ------------------------------------------------------------- */

static void *uses_its_own_four(void *gate)
{
	pthread_barrier_t *both = gate;
	struct memtrap *traps[4];
	unsigned counters[4] = { 0 };

	for (unsigned i = 0; i < 4; i++)
		traps[i] = set_word(i, MEMTRAP_THIS_THREAD, &counters[i]);
	pthread_barrier_wait(both);
	no_room(4, MEMTRAP_THIS_THREAD);
	no_room(4, MEMTRAP_ALL_THREADS);
	for (unsigned i = 0; i < 8; i++)
		write_word(i, i);
	for (unsigned i = 0; i < 4; i++)
		EQUAL(counters[i], 1);
	pthread_barrier_wait(both);
	for (unsigned i = 0; i < 4; i++)
		memtrap_remove(traps[i]);
	return NULL;
}

CASE(each_thread_has_four_of_its_own)
{
	pthread_barrier_t both;
	pthread_t other;

	pthread_barrier_init(&both, NULL, 2);
	other = spawn(uses_its_own_four, &both);
	uses_its_own_four(&both);
	join(other);
}

CASE(traps_of_all_threads_and_of_this_one_share_the_four)
{
	set_word(0, MEMTRAP_ALL_THREADS, NULL);
	set_word(1, MEMTRAP_THIS_THREAD, NULL);
	set_word(2, MEMTRAP_ALL_THREADS, NULL);
	set_word(3, MEMTRAP_THIS_THREAD, NULL);
	no_room(4, MEMTRAP_ALL_THREADS);
	no_room(4, MEMTRAP_THIS_THREAD);
	for (unsigned i = 0; i < 4; i++)
		SAYS(memtrap_error(), names[i]);
}

/* ---- Somebody else ------------------------------------------------------- */

static int foreign_breakpoint(const volatile void *addr)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_BREAKPOINT,
		                        .size = sizeof(attr),
		                        .bp_type = HW_BREAKPOINT_W,
		                        .bp_addr = (uintptr_t)addr,
		                        .bp_len = 4,
		                        .exclude_kernel = 1,
		                        .exclude_hv = 1 };

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

CASE(registers_that_somebody_else_holds_are_told)
{
	struct memtrap *trap;
	int fds[4];

	for (unsigned i = 0; i < 4; i++) {
		fds[i] = foreign_breakpoint(&words[4 + i]);
		if (fds[i] < 0)
			skip("perf_event_open is not allowed");
	}
	no_room(0, MEMTRAP_ALL_THREADS);
	for (unsigned i = 0; i < 4; i++)
		close(fds[i]);
	trap = set_word(0, MEMTRAP_ALL_THREADS, NULL);
	memtrap_remove(trap);
}

static bool taken, may_leave;

static void *take_all_registers(void *unused)
{
	int fds[4];

	for (unsigned i = 0; i < 4; i++)
		fds[i] = foreign_breakpoint(&words[4 + i]);
	PUT(taken, true);
	WAIT_UNTIL(GET(may_leave));
	for (unsigned i = 0; i < 4; i++)
		close(fds[i]);
	return unused;
}

/* One thread's registers are taken: a trap of all threads is refused, unless a part is enough. */
CASE(a_part_of_the_threads_is_enough_where_one_says_so)
{
	pthread_t thread = spawn(take_all_registers, NULL);
	struct memtrap_spec spec = spec_of(0, MEMTRAP_ALL_THREADS, NULL);
	struct memtrap_coverage coverage;
	struct memtrap *trap;

	if (judge_flags())
		skip("the static library on ptrace is content with a part anyway");
	WAIT_UNTIL(GET(taken));
	no_room(0, MEMTRAP_ALL_THREADS);
	write_word(0, 1);
	spec.flags = MEMTRAP_PARTIAL;
	spec.handler = NULL;
	trap = set(&spec);
	coverage = coverage_of(trap);
	EQUAL(coverage.threads, 2);
	EQUAL(coverage.armed, 1);
	EQUAL(coverage.gaps & MEMTRAP_GAP_THREADS, MEMTRAP_GAP_THREADS);
	write_word(0, 2);
	EQUAL(memtrap_count(trap), 1);
	memtrap_remove(trap);
	PUT(may_leave, true);
	join(thread);
}

/* ---- Nothing is left ----------------------------------------------------- */

static void on_child(int signal)
{
	(void)signal;
	FAIL("the program got a SIGCHLD although it has no child");
}

CASE(nothing_is_left_behind)
{
	unsigned fds, threads;

	signal(SIGCHLD, on_child);
	memtrap_remove(set_word(0, MEMTRAP_ALL_THREADS, NULL));
	fds = names_in("/proc/self/fd");
	threads = names_in("/proc/self/task");
	for (unsigned n = 0; n < 300; n++) {
		struct memtrap *traps[4];

		for (unsigned i = 0; i < 4; i++)
			traps[i] =
			    set_word(i, i % 2 ? MEMTRAP_THIS_THREAD : MEMTRAP_ALL_THREADS, NULL);
		for (unsigned i = 0; i < 4; i++)
			memtrap_remove(traps[i]);
	}
	EQUAL(names_in("/proc/self/fd"), fds);
	EQUAL(names_in("/proc/self/task"), threads);
	EQUAL(waitpid(-1, NULL, WNOHANG), -1);
	EQUAL(errno, ECHILD);
}
