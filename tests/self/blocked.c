/* SPDX-License-Identifier: MIT */
/*
 * SIGTRAP is blocked when the access happens. Perf delays the signal: the hit comes late, and may
 * stand for several. With ptrace the kernel would kill the program, so that the shared library
 * keeps SIGTRAP open behind the program's back: the hit comes at once.
 */
#include "judge.h"

#include <poll.h>
#include <signal.h>
#include <sys/select.h>

static volatile unsigned long word;
static struct seen seen;

static struct memtrap *see_word(void)
{
	struct memtrap *trap = see_writes(&seen, &word, sizeof(long));

	if (JUDGE_STATIC && memtrap_backend() == MEMTRAP_BACKEND_PTRACE)
		skip("the static library does not see masks");
	return trap;
}

static bool on_perf(void)
{
	return memtrap_backend() == MEMTRAP_BACKEND_PERF;
}

static void change_mask(int how, int signal)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, signal);
	EQUAL(pthread_sigmask(how, &mask, NULL), 0);
}

static bool believes_blocked(int signal)
{
	sigset_t mask;

	EQUAL(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
	return sigismember(&mask, signal);
}

/* `writes` writes happened while SIGTRAP was blocked, which it no longer is; `before` hits were
 * seen until then. */
static void judge_blocked_writes(const struct memtrap *trap, unsigned before, unsigned writes)
{
	if (!on_perf()) {
		EQUAL(seen.count, before + writes);
		EQUAL(coverage_of(trap).late, 0);
		return;
	}
	CHECK(seen.count > before && seen.count <= before + writes);
	CHECK(coverage_of(trap).late >= 1);
	CHECK(seen.hits[before].flags & MEMTRAP_HIT_LATE);
	EQUAL(seen.hits[before].culprit, 0);
	EQUAL(new_of(&seen, before), word);
}

CASE(blocked_after_the_trap_is_set)
{
	struct memtrap *trap = see_word();

	word = 1;
	EQUAL(seen.count, 1);
	EQUAL(coverage_of(trap).gaps & MEMTRAP_GAP_BLOCKED, 0);
	change_mask(SIG_BLOCK, SIGTRAP);
	CHECK(believes_blocked(SIGTRAP));
	for (unsigned i = 2; i <= 4; i++)
		word = i;
	EQUAL(seen.count, on_perf() ? 1 : 4);
	if (on_perf())
		EQUAL(coverage_of(trap).gaps & MEMTRAP_GAP_BLOCKED, MEMTRAP_GAP_BLOCKED);
	change_mask(SIG_UNBLOCK, SIGTRAP);
	CHECK(!believes_blocked(SIGTRAP));
	judge_blocked_writes(trap, 1, 3);
	seen.count = 0;
	word = 5;
	EQUAL(seen.count, 1);
	EQUAL(seen.hits[0].flags & MEMTRAP_HIT_LATE, 0);
	memtrap_remove(trap);
}

CASE(blocked_before_the_trap_is_set)
{
	struct memtrap *trap;

	change_mask(SIG_BLOCK, SIGTRAP);
	trap = see_word();
	CHECK(believes_blocked(SIGTRAP));
	word = 1;
	word = 2;
	change_mask(SIG_UNBLOCK, SIGTRAP);
	judge_blocked_writes(trap, 0, 2);
	memtrap_remove(trap);
}

CASE(other_signals_are_blocked_as_the_program_says)
{
	struct memtrap *trap = see_word();
	sigset_t all, old;

	sigfillset(&all);
	EQUAL(pthread_sigmask(SIG_SETMASK, &all, &old), 0);
	CHECK(!sigismember(&old, SIGTRAP) && !sigismember(&old, SIGUSR1));
	CHECK(believes_blocked(SIGTRAP) && believes_blocked(SIGUSR1));
	EQUAL(sigprocmask(SIG_SETMASK, &old, &all), 0);
	CHECK(sigismember(&all, SIGTRAP) && sigismember(&all, SIGUSR1));
	CHECK(!believes_blocked(SIGTRAP) && !believes_blocked(SIGUSR1));
	word = 1;
	EQUAL(seen.count, 1);
	memtrap_remove(trap);
}

static void write_thrice(int signal)
{
	(void)signal;
	word = 1;
	word = 2;
	word = 3;
}

/* Its handler runs with all signals blocked. */
static void catch_usr1(void)
{
	struct sigaction action = { .sa_handler = write_thrice };

	sigfillset(&action.sa_mask);
	SYS(sigaction(SIGUSR1, &action, NULL));
}

CASE(blocked_by_a_handlers_mask)
{
	struct memtrap *trap = see_word();

	catch_usr1();
	SYS(raise(SIGUSR1));
	judge_blocked_writes(trap, 0, 3);
	memtrap_remove(trap);
}

CASE(blocked_by_the_mask_of_a_handler_that_was_there_before)
{
	struct memtrap *trap;

	catch_usr1();
	trap = see_word();
	SYS(raise(SIGUSR1));
	judge_blocked_writes(trap, 0, 3);
	memtrap_remove(trap);
}

/* All but SIGUSR1, which is pending, for as long as the call waits. */
static void wait_with_mask(int (*wait)(const sigset_t *mask))
{
	struct memtrap *trap = see_word();
	sigset_t mask;

	catch_usr1();
	change_mask(SIG_BLOCK, SIGUSR1);
	SYS(raise(SIGUSR1));
	sigfillset(&mask);
	sigdelset(&mask, SIGUSR1);
	EQUAL(wait(&mask), -1);
	EQUAL(errno, EINTR);
	judge_blocked_writes(trap, 0, 3);
	memtrap_remove(trap);
}

static int by_sigsuspend(const sigset_t *mask)
{
	return sigsuspend(mask);
}

static int by_pselect(const sigset_t *mask)
{
	return pselect(0, NULL, NULL, NULL, NULL, mask);
}

static int by_ppoll(const sigset_t *mask)
{
	return ppoll(NULL, 0, NULL, mask);
}

CASE(blocked_during_sigsuspend)
{
	wait_with_mask(by_sigsuspend);
}

CASE(blocked_during_pselect)
{
	wait_with_mask(by_pselect);
}

CASE(blocked_during_ppoll)
{
	wait_with_mask(by_ppoll);
}

static void *write_blocked(void *unused)
{
	CHECK(believes_blocked(SIGTRAP));
	word = 1;
	word = 2;
	change_mask(SIG_UNBLOCK, SIGTRAP);
	return unused;
}

/* As worker threads often are. */
CASE(blocked_in_a_thread_from_its_birth)
{
	struct memtrap *trap = see_word();

	change_mask(SIG_BLOCK, SIGTRAP);
	join(spawn(write_blocked, NULL));
	change_mask(SIG_UNBLOCK, SIGTRAP);
	judge_blocked_writes(trap, 0, 2);
	memtrap_remove(trap);
}

/* Nobody waits for a hit that is not told because the thread never unblocks SIGTRAP. */
CASE(blocked_for_ever)
{
	struct memtrap *trap = see_word();

	change_mask(SIG_BLOCK, SIGTRAP);
	word = 1;
	memtrap_remove(trap);
	seen.count = 0;
	change_mask(SIG_UNBLOCK, SIGTRAP);
	EQUAL(seen.count, 0);
	word = 2;
	EQUAL(seen.count, 0);
}

static volatile unsigned own_traps;

static void own_handler(int signal)
{
	(void)signal;
	own_traps++;
}

CASE(the_programs_own_sigtrap_comes_once)
{
	struct memtrap *trap;

	CHECK(signal(SIGTRAP, own_handler) == SIG_DFL);
	trap = see_word();
	change_mask(SIG_BLOCK, SIGTRAP);
	SYS(raise(SIGTRAP));
	change_mask(SIG_UNBLOCK, SIGTRAP);
	EQUAL(own_traps, 1);
	EQUAL(seen.count, 0);
	memtrap_remove(trap);
}
