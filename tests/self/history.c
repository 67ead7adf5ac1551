/* SPDX-License-Identifier: MIT */
/* The last hits of a trap: right while they are written, in a crash, and in a core file. */
#include "access.h"
#include "judge.h"

#include <signal.h>
#include <sys/resource.h>

enum {
	THREADS = 8,
	WRITES = 800,
	RING = 64,
};

static volatile unsigned long word;
static struct memtrap *trap;

static struct memtrap *keep(unsigned history, const char *name)
{
	return set(&(struct memtrap_spec){ .addr = &word,
	                                   .len = sizeof(long),
	                                   .kind = MEMTRAP_WRITE,
	                                   .history = history,
	                                   .name = name });
}

static unsigned long value_of(const uint8_t *bytes)
{
	return (unsigned long)memtrap_unsigned(bytes, sizeof(long));
}

static void judge_entry(const struct memtrap_past_hit *hit, unsigned count, unsigned long old,
                        unsigned long new)
{
	EQUAL(hit->count, count);
	EQUAL(hit->tid, gettid());
	EQUAL(hit->addr, (uintptr_t)&word);
	EQUAL(hit->len, sizeof(long));
	EQUAL(hit->value_len, sizeof(long));
	EQUAL(hit->access, MEMTRAP_DID_WRITE);
	EQUAL(hit->culprit, store_at(sizeof(long)));
	CHECK(hit->pc > hit->culprit && hit->pc <= hit->culprit + 15);
	CHECK(hit->frame_count <= MEMTRAP_FRAMES);
	EQUAL(value_of(hit->old_value), old);
	EQUAL(value_of(hit->new_value), new);
}

static void judge_ring(unsigned history, unsigned entries)
{
	struct memtrap_past_hit hits[RING + 1];
	uint64_t time = 0;

	trap = keep(history, NULL);
	EQUAL(memtrap_history(trap, hits, RING), 0);
	for (unsigned i = 1; i <= 2 * entries + 3; i++) {
		size_t should = i < entries ? i : entries;

		store(&word, sizeof(long), i);
		EQUAL(memtrap_history(trap, hits, RING + 1), should);
		EQUAL(hits[should - 1].count, i);
	}
	for (unsigned i = 0; i < entries; i++) {
		judge_entry(&hits[i], entries + 4 + i, entries + 3 + i, entries + 4 + i);
		CHECK(hits[i].time_ns >= time);
		time = hits[i].time_ns;
	}
	EQUAL(memtrap_history(trap, hits, 2), entries < 2 ? entries : 2);
	EQUAL(memtrap_history(trap, hits, 0), 0);
	memtrap_remove(trap);
	word = 0;
}

CASE(the_last_hits_are_kept_oldest_first)
{
	judge_ring(0, 16);
	judge_ring(1, 1);
	judge_ring(RING, RING);
}

CASE(a_bare_trap_keeps_none)
{
	struct memtrap_past_hit hits[4];

	trap = set(&(struct memtrap_spec){
	    .addr = &word, .len = 4, .kind = MEMTRAP_WRITE, .flags = MEMTRAP_BARE });
	word = 1;
	EQUAL(memtrap_count(trap), 1);
	EQUAL(memtrap_history(trap, hits, 4), 0);
	memtrap_remove(trap);
}

/* ---- Written while it is read -------------------------------------------- */

static pid_t tids[THREADS];
static unsigned ready, working = THREADS;
static bool gate_is_open;

/* The thread's number is in the value. */
static void *write_own_values(void *arg)
{
	uintptr_t number = (uintptr_t)arg;

	PUT(tids[number], gettid());
	ADD(ready, 1);
	WAIT_UNTIL(GET(gate_is_open));
	for (unsigned long i = 0; i < WRITES; i++)
		store(&word, sizeof(long), number << 16 | i);
	ADD(working, -1u);
	return NULL;
}

/* An entry of two writers would have the value of one and the thread of the other. */
static void judge_read(struct memtrap_past_hit *hits)
{
	size_t count = memtrap_history(trap, hits, RING);

	CHECK(count <= RING);
	for (size_t i = 0; i < count; i++) {
		unsigned long value = value_of(hits[i].new_value);

		CHECK(value >> 16 < THREADS);
		EQUAL(hits[i].tid, tids[value >> 16]);
		CHECK(hits[i].count > (i ? hits[i - 1].count : 0));
		EQUAL(hits[i].culprit, store_at(sizeof(long)));
		EQUAL(hits[i].addr, (uintptr_t)&word);
	}
}

CASE(eight_writers_and_a_reader)
{
	static struct memtrap_past_hit hits[RING];
	pthread_t crew[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++)
		crew[i] = spawn(write_own_values, (void *)i);
	WAIT_UNTIL(GET(ready) == THREADS);
	trap = keep(RING, NULL);
	PUT(gate_is_open, true);
	while (GET(working))
		judge_read(hits);
	for (unsigned i = 0; i < THREADS; i++)
		join(crew[i]);
	EQUAL(memtrap_history(trap, hits, RING), RING);
	judge_read(hits);
	for (unsigned i = 0; i < RING; i++)
		EQUAL(hits[i].count, THREADS * WRITES - RING + 1 + i);
	memtrap_remove(trap);
}

/* ---- Crashes ------------------------------------------------------------- */

static void write_history_of(unsigned long first)
{
	for (unsigned long i = 0; i < 3; i++)
		store(&word, sizeof(long), first + i);
}

static void tell_history_and_leave(int signal)
{
	struct memtrap_past_hit hits[4];

	EQUAL(signal, SIGSEGV);
	EQUAL(memtrap_history(trap, hits, 4), 3);
	for (unsigned i = 0; i < 3; i++)
		judge_entry(&hits[i], i + 1, i ? 0xbeef00 + i - 1 : 0, 0xbeef00 + i);
	MUST(memtrap_print_history(STDERR_FILENO));
	_exit(0);
}

static void crash(void)
{
	*(volatile int *)(uintptr_t)8 = 1;
}

static void crash_into_own_handler(void *unused)
{
	(void)unused;
	CHECK(signal(SIGSEGV, tell_history_and_leave) == SIG_DFL);
	trap = keep(0, "the flag");
	write_history_of(0xbeef00);
	crash();
}

/* What a person needs: which trap, and the values. */
static void judge_report(const char *text)
{
	SAYS(text, "the flag");
	SAYS(text, "beef00");
	SAYS(text, "beef01");
	SAYS(text, "beef02");
}

CASE(read_in_a_crash_handler)
{
	static char text[8192];

	ENDED_WELL(in_child_heard(crash_into_own_handler, NULL, text, sizeof(text)));
	judge_report(text);
}

static int fatal;

static void crash_with_report(void *unused)
{
	(void)unused;
	trap = keep(0, "the flag");
	MUST(memtrap_report_crashes(STDERR_FILENO));
	write_history_of(0xbeef00);
	if (fatal == SIGSEGV)
		crash();
	else if (fatal == SIGILL)
		__asm__ volatile("ud2");
	else
		raise(fatal);
}

CASE(a_crash_is_reported_and_still_a_crash)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
	static char text[8192];

	for (unsigned i = 0; i < 5; i++) {
		fatal = signals[i];
		KILLED_BY(in_child_heard(crash_with_report, NULL, text, sizeof(text)), fatal);
		judge_report(text);
	}
}

static void leave_with_7(int signal)
{
	(void)signal;
	_exit(7);
}

static void crash_with_report_and_handler(void *unused)
{
	CHECK(signal(SIGSEGV, leave_with_7) == SIG_DFL);
	crash_with_report(unused);
}

CASE(a_crash_is_reported_before_the_programs_own_handler)
{
	static char text[8192];

	fatal = SIGSEGV;
	EQUAL(judge_ended(in_child_heard(crash_with_report_and_handler, NULL, text, sizeof(text))),
	      7);
	judge_report(text);
}

/* The crash may be in a handler, and on a thread without much of a stack. */
static void crash_in_handler(struct memtrap_hit *hit, void *unused)
{
	(void)unused;
	if (hit->count == 3)
		crash();
}

static void crash_while_handling(void *unused)
{
	(void)unused;
	MUST(memtrap_report_crashes(STDERR_FILENO));
	trap = set(&(struct memtrap_spec){ .addr = &word,
	                                   .len = sizeof(long),
	                                   .kind = MEMTRAP_WRITE,
	                                   .handler = crash_in_handler,
	                                   .name = "the flag" });
	write_history_of(0xbeef00);
}

CASE(a_crash_in_a_handler_is_reported)
{
	static char text[8192];

	KILLED_BY(in_child_heard(crash_while_handling, NULL, text, sizeof(text)), SIGSEGV);
	judge_report(text);
}

CASE(a_report_goes_nowhere)
{
	trap = keep(0, "the flag");
	word = 1;
	EQUAL(memtrap_print_history(-1), -EBADF);
	memtrap_remove(trap);
}

/* ---- A core file --------------------------------------------------------- */

/* Ends with a core file in the current folder where JUDGE_CORE asks for it: test_library.py reads
 * it. */
CASE(core)
{
	const struct rlimit much = { RLIM_INFINITY, RLIM_INFINITY };
	struct memtrap *other;

	trap = keep(0, "the flag");
	other = set(&(struct memtrap_spec){
	    .addr = &fatal, .len = 4, .kind = MEMTRAP_ACCESS, .history = 3, .name = "the other" });
	write_history_of(0xbeef00);
	for (int i = 1; i <= 5; i++)
		store(&fatal, 4, 0xc0ffe0 + (unsigned)i);
	EQUAL(memtrap_count(other), 5);
	if (!getenv("JUDGE_CORE"))
		return;
	SYS(setrlimit(RLIMIT_CORE, &much));
	abort();
}
