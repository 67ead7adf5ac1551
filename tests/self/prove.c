/* SPDX-License-Identifier: MIT */
/* What the library says of itself: proofs, coverage, back ends. */
#include "access.h"
#include "judge.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static volatile uint64_t words[8];

static void not_at_all(struct memtrap_hit *hit, void *arg)
{
	(void)hit;
	(void)arg;
	FAIL("a proof has called the handler");
}

NOINLINE static void code(void)
{
	__asm__ volatile("nop");
}

static struct memtrap *quiet(const volatile void *addr, size_t len, enum memtrap_kind kind)
{
	return trap_on(addr, len, kind, not_at_all, NULL);
}

/* ---- Proofs -------------------------------------------------------------- */

static void judge_proof(struct memtrap *trap)
{
	struct memtrap_past_hit kept;

	for (unsigned i = 0; i < 5; i++)
		MUST(memtrap_prove(trap));
	EQUAL(memtrap_count(trap), 0);
	EQUAL(memtrap_history(trap, &kept, 1), 0);
}

CASE(each_kind_is_proven)
{
	static const size_t lengths[] = { 1, 2, 4, 8, 7, 32 };

	for (int kind = MEMTRAP_WRITE; kind <= MEMTRAP_CHANGE; kind++)
		for (unsigned i = 0; i < 6; i++) {
			struct memtrap *trap;

			words[0] = 0x1122334455667788;
			words[3] = 0x99aabbccddeeff00;
			trap = quiet(words, lengths[i], (enum memtrap_kind)kind);
			judge_proof(trap);
			memtrap_remove(trap);
			EQUAL(words[0], 0x1122334455667788);
			EQUAL(words[3], (int64_t)0x99aabbccddeeff00);
		}
}

CASE(execution_is_proven)
{
	struct memtrap *trap = quiet((const void *)code, 1, MEMTRAP_EXEC);

	judge_proof(trap);
	memtrap_remove(trap);
}

/* A canary of the same kind needs a register of its own. */
CASE(execution_is_not_proven_without_a_register)
{
	struct memtrap *trap = quiet((const void *)code, 1, MEMTRAP_EXEC);
	struct memtrap *others = quiet(words, 24, MEMTRAP_WRITE);

	REFUSED(memtrap_prove(trap), ENOSPC);
	memtrap_remove(others);
	MUST(memtrap_prove(trap));
	memtrap_remove(trap);
}

static const uint64_t constant[2] = { 1, 2 };

CASE(memory_that_cannot_be_written_is_proven_by_a_canary)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *memory = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct memtrap *trap;

	CHECK(memory != MAP_FAILED);
	trap = quiet(constant, 8, MEMTRAP_WRITE);
	judge_proof(trap);
	memtrap_remove(trap);
	trap = quiet(memory, 4, MEMTRAP_CHANGE);
	judge_proof(trap);
	memtrap_remove(trap);
	trap = quiet(memory, 4, MEMTRAP_READ);
	judge_proof(trap);
	memtrap_remove(trap);
}

CASE(a_bare_trap_is_proven)
{
	struct memtrap *trap = set(&(struct memtrap_spec){ .addr = words,
	                                                   .len = 4,
	                                                   .kind = MEMTRAP_WRITE,
	                                                   .flags = MEMTRAP_BARE,
	                                                   .handler = not_at_all });

	judge_proof(trap);
	memtrap_remove(trap);
}

/* Traps on the same piece keep quiet as well, and count again afterwards. */
CASE(a_proof_is_nobodys_hit)
{
	struct memtrap *trap = quiet(words, 8, MEMTRAP_WRITE);
	struct memtrap *neighbour = quiet(words, 8, MEMTRAP_ACCESS);
	unsigned hits = 0;
	struct memtrap *third = trap_on(words, 8, MEMTRAP_WRITE, count_hit, &hits);

	MUST(memtrap_prove(trap));
	MUST(memtrap_prove(neighbour));
	MUST(memtrap_prove(third));
	EQUAL(hits, 0);
	memtrap_remove(trap);
	memtrap_remove(neighbour);
	store(words, 4, 1);
	EQUAL(hits, 1);
	MUST(memtrap_prove(third));
	EQUAL(memtrap_count(third), 1);
	memtrap_remove(third);
}

static void *prove_elsewhere(void *trap)
{
	REFUSED(memtrap_prove(trap), EINVAL);
	return NULL;
}

CASE(a_thread_cannot_prove_anothers_trap)
{
	struct memtrap *trap = set(&(struct memtrap_spec){
	    .addr = words, .len = 4, .kind = MEMTRAP_WRITE, .thread = MEMTRAP_THIS_THREAD });

	join(spawn(prove_elsewhere, trap));
	MUST(memtrap_prove(trap));
	memtrap_remove(trap);
}

struct kernel_sigaction {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
	unsigned long mask[8 / sizeof(long)];
};

static void do_nothing(int signal)
{
	(void)signal;
}

/* The library's handler is gone behind its back: nothing comes. libc is asked for a signal's action
 * only to borrow its restorer. */
CASE(a_proof_fails_without_the_handler)
{
	struct memtrap *trap = quiet(words, 4, MEMTRAP_WRITE);
	struct kernel_sigaction ours, others;

	CHECK(signal(SIGUSR2, do_nothing) == SIG_DFL);
	SYS(syscall(SYS_rt_sigaction, SIGUSR2, NULL, &others, 8));
	SYS(syscall(SYS_rt_sigaction, SIGTRAP, &others, &ours, 8));
	REFUSED(memtrap_prove(trap), ENODATA);
	SYS(syscall(SYS_rt_sigaction, SIGTRAP, &ours, NULL, 8));
	MUST(memtrap_prove(trap));
	memtrap_remove(trap);
}

/* ---- Coverage ------------------------------------------------------------ */

static bool over;
static unsigned born;

static void *wait_for_the_end(void *unused)
{
	ADD(born, 1);
	WAIT_UNTIL(GET(over));
	return unused;
}

CASE(coverage_is_counted)
{
	enum { THREADS = 16 };
	struct memtrap *one = quiet(words, 8, MEMTRAP_WRITE);
	struct memtrap *three = quiet((const volatile char *)&words[1] + 1, 7, MEMTRAP_WRITE);
	struct memtrap_coverage c = coverage_of(one);
	pthread_t crew[THREADS];

	EQUAL(c.backend, memtrap_backend());
	EQUAL(c.registers, 1);
	EQUAL(c.shared, 0);
	EQUAL(c.armed, 1);
	EQUAL(c.threads, 1);
	EQUAL(c.late + c.unread, 0);
	EQUAL(c.gaps & ~(unsigned)MEMTRAP_GAP_NEW_THREADS, 0);
	EQUAL(coverage_of(three).registers, 3);
	for (unsigned i = 0; i < THREADS; i++)
		crew[i] = spawn(wait_for_the_end, NULL);
	WAIT_UNTIL(GET(born) == THREADS);
	c = coverage_of(one);
	EQUAL(c.threads, THREADS + 1);
	if (c.gaps & MEMTRAP_GAP_NEW_THREADS) {
		EQUAL(c.armed, 1);
		EQUAL(c.gaps & MEMTRAP_GAP_THREADS, MEMTRAP_GAP_THREADS);
	} else {
		EQUAL(c.armed, THREADS + 1);
		EQUAL(c.gaps, 0);
	}
	PUT(over, true);
	for (unsigned i = 0; i < THREADS; i++)
		join(crew[i]);
	memtrap_remove(one);
	memtrap_remove(three);
}

CASE(coverage_is_a_line_of_text)
{
	struct memtrap *trap = quiet(words, 16, MEMTRAP_WRITE);
	const char *name = memtrap_backend() == MEMTRAP_BACKEND_PERF ? "perf" : "ptrace";
	char text[256], part[16];
	int len = memtrap_describe(trap, text, sizeof(text));

	CHECK(len > 0 && (size_t)len < sizeof(text));
	EQUAL(strlen(text), len);
	SAYS(text, name);
	SAYS(text, "2 registers on 1 of 1 thread");
	CHECK(!strchr(text, '\n'));
	EQUAL(memtrap_describe(trap, part, sizeof(part)), len);
	EQUAL(strlen(part), sizeof(part) - 1);
	CHECK(!strncmp(part, text, sizeof(part) - 1));
	EQUAL(memtrap_describe(trap, NULL, 0), len);
	memtrap_remove(trap);
}

/* ---- Back ends ----------------------------------------------------------- */

CASE(the_back_end_is_the_one_that_was_asked_for)
{
	const char *wanted = getenv("MEMTRAP_BACKEND");
	struct memtrap *trap;

	EQUAL(memtrap_backend(), MEMTRAP_BACKEND_NONE);
	trap = quiet(words, 4, MEMTRAP_WRITE);
	if (wanted)
		EQUAL(memtrap_backend(),
		      strcmp(wanted, "perf") ? MEMTRAP_BACKEND_PTRACE : MEMTRAP_BACKEND_PERF);
	CHECK(memtrap_backend() != MEMTRAP_BACKEND_NONE);
	EQUAL(coverage_of(trap).backend, memtrap_backend());
	memtrap_remove(trap);
}

static void use_it(enum memtrap_backend backend)
{
	struct seen seen = { 0 };
	struct memtrap *trap;

	MUST(memtrap_use_backend(backend));
	trap = see_writes(&seen, words, 4);
	EQUAL(memtrap_backend(), backend);
	EQUAL(coverage_of(trap).backend, backend);
	REFUSED(memtrap_use_backend(MEMTRAP_BACKEND_NONE), EBUSY);
	store(words, 4, 1);
	memtrap_remove(trap);
	store(words, 4, 2);
	EQUAL(seen.count, 1);
}

CASE(back_ends_take_turns)
{
	if (JUDGE_STATIC)
		skip("the static library on ptrace cannot have threads that are born later");
	REFUSED(memtrap_use_backend((enum memtrap_backend)7), EINVAL);
	for (unsigned i = 0; i < 10; i++) {
		use_it(MEMTRAP_BACKEND_PERF);
		use_it(MEMTRAP_BACKEND_PTRACE);
	}
}
