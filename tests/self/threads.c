/* SPDX-License-Identifier: MIT */
/* Threads that write at once, that are meant or not, that are born later and that go first. */
#include "access.h"
#include "judge.h"

#include <sys/syscall.h>
#include <threads.h>

enum {
	THREADS = 8,
	WRITES = 1500, /* by each thread */
};

/* What is watched, between neighbours that are not. */
static struct {
	volatile unsigned long before, word, after;
} shared __attribute__((aligned(64)));

static __thread unsigned hits_here;

static pthread_t crew[THREADS];
static bool gate_is_open;

/* Threads that wait at the gate: they are there before the trap is. */
static void gather(void *(*run)(void *))
{
	for (uintptr_t i = 0; i < THREADS; i++)
		crew[i] = spawn(run, (void *)i);
}

static void pass_the_gate(void)
{
	WAIT_UNTIL(GET(gate_is_open));
}

static void let_work(void)
{
	PUT(gate_is_open, true);
	for (unsigned i = 0; i < THREADS; i++)
		join(crew[i]);
}

/* A thread that was joined may still be listed for a moment. */
static void wait_for_threads(unsigned count)
{
	WAIT_UNTIL(names_in("/proc/self/task") == count + 2);
}

/* ---- Counted exactly ----------------------------------------------------- */

static void count_here(struct memtrap_hit *hit, void *all)
{
	EQUAL(hit->addr, (uintptr_t)&shared.word);
	EQUAL(hit->len, sizeof(long));
	EQUAL(hit->tid, gettid());
	hits_here++;
	count_hit(hit, all);
}

static void *hammer(void *arg)
{
	pass_the_gate();
	for (unsigned i = 1; i <= WRITES; i++) {
		fetch_and_add(&shared.before, 1);
		fetch_and_add(&shared.word, 1);
		fetch_and_add(&shared.after, 1);
		EQUAL(hits_here, i);
	}
	return arg;
}

CASE(eight_threads_are_counted_exactly)
{
	unsigned all = 0;
	struct memtrap *trap;

	gather(hammer);
	trap = trap_on(&shared.word, sizeof(long), MEMTRAP_WRITE, count_here, &all);
	let_work();
	EQUAL(memtrap_count(trap), THREADS * WRITES);
	memtrap_remove(trap);
	EQUAL(all, THREADS * WRITES);
	EQUAL(shared.word, THREADS * WRITES);
	EQUAL(shared.before, THREADS * WRITES);
}

/* ---- The chain of values ------------------------------------------------- */

struct link {
	uint32_t from, to;
};

static struct link chain[THREADS * WRITES];
static bool counted[THREADS * WRITES + 1]; /* the trap's counts that came */

/* The value that the thread is about to store; checked against what the instruction is said to have
 * stored. */
static __thread unsigned long mine;

static void add_link(struct memtrap_hit *hit, void *unused)
{
	(void)unused;
	CHECK(hit->count >= 1 && hit->count <= THREADS * WRITES);
	CHECK(!__atomic_exchange_n(&counted[hit->count], true, __ATOMIC_RELAXED));
	chain[hit->count - 1] = (struct link){
		(uint32_t)memtrap_unsigned(hit->old_value, sizeof(long)),
		(uint32_t)memtrap_unsigned(hit->new_value, sizeof(long)),
	};
	CHECK(hit->flags & MEMTRAP_HIT_NEW_IS_STORED);
	EQUAL(memtrap_unsigned(hit->new_value, sizeof(long)), mine);
}

static void *store_own_values(void *arg)
{
	pass_the_gate();
	for (unsigned long i = 0; i < WRITES; i++) {
		mine = (uintptr_t)arg * WRITES + i + 1;
		store(&shared.word, sizeof(long), mine);
	}
	return NULL;
}

/* Each value but the last was somebody's new one once and somebody's old one once. */
CASE(the_old_values_are_the_new_ones_of_others)
{
	static int balance[THREADS * WRITES + 1];
	struct memtrap *trap;
	unsigned ends = 0;

	gather(store_own_values);
	trap = trap_on(&shared.word, sizeof(long), MEMTRAP_WRITE, add_link, NULL);
	let_work();
	memtrap_remove(trap);
	balance[0] = 1;
	for (unsigned i = 0; i < THREADS * WRITES; i++) {
		CHECK(counted[i + 1]);
		balance[chain[i].to]++;
		balance[chain[i].from]--;
	}
	for (unsigned i = 0; i <= THREADS * WRITES; i++) {
		CHECK(balance[i] == 0 || balance[i] == 1);
		ends += (unsigned)balance[i];
	}
	EQUAL(ends, 1);
}

/* ---- Which threads are meant --------------------------------------------- */

struct member {
	pid_t tid;
	bool go, leave;
	unsigned writes;
};

static void *write_at_a_word(void *arg)
{
	struct member *m = arg;

	PUT(m->tid, gettid());
	WAIT_UNTIL(GET(m->go));
	for (unsigned i = 0; i < m->writes; i++)
		store(&shared.word, sizeof(long), i);
	WAIT_UNTIL(GET(m->leave));
	return NULL;
}

static void let_write(struct member *m, pthread_t thread)
{
	PUT(m->go, true);
	PUT(m->leave, true);
	join(thread);
}

CASE(a_trap_of_this_thread_is_blind_to_others)
{
	struct member others = { .writes = 10 };
	unsigned hits = 0;
	pthread_t thread = spawn(write_at_a_word, &others);
	struct memtrap *trap = set(&(struct memtrap_spec){ .addr = &shared.word,
	                                                   .len = sizeof(long),
	                                                   .kind = MEMTRAP_WRITE,
	                                                   .thread = MEMTRAP_THIS_THREAD,
	                                                   .handler = count_hit,
	                                                   .arg = &hits });
	struct member later = { .writes = 10 };

	EQUAL(coverage_of(trap).threads, 1);
	EQUAL(coverage_of(trap).armed, 1);
	let_write(&others, thread);
	EQUAL(hits, 0);
	store(&shared.word, sizeof(long), 1);
	EQUAL(hits, 1);
	let_write(&later, spawn(write_at_a_word, &later));
	EQUAL(hits, 1);
	memtrap_remove(trap);
}

/* The one that is meant bears a thread, too, which is not meant. */
static void *write_and_bear(void *arg)
{
	struct member child = { .writes = 100 };

	write_at_a_word(arg);
	let_write(&child, spawn(write_at_a_word, &child));
	return NULL;
}

CASE(a_trap_of_one_thread_is_blind_to_the_rest)
{
	struct member meant = { .writes = 10 }, other = { .writes = 20 };
	pthread_t meant_thread = spawn(write_and_bear, &meant);
	pthread_t other_thread = spawn(write_at_a_word, &other);
	struct seen seen = { .len = sizeof(long) };
	struct memtrap *trap;

	WAIT_UNTIL(GET(meant.tid));
	trap = set(&(struct memtrap_spec){ .addr = &shared.word,
	                                   .len = sizeof(long),
	                                   .kind = MEMTRAP_WRITE,
	                                   .thread = meant.tid,
	                                   .handler = see,
	                                   .arg = &seen });
	let_write(&other, other_thread);
	store(&shared.word, sizeof(long), 1);
	let_write(&meant, meant_thread);
	memtrap_remove(trap);
	EQUAL(seen.count, 10);
	for (unsigned i = 0; i < 10; i++)
		EQUAL(seen.hits[i].tid, meant.tid);
}

/* ---- Born later, gone before --------------------------------------------- */

/* Whether threads that are born later have the traps of all threads, as memtrap_coverage() says. */
static bool covers_the_unborn(const struct memtrap *trap)
{
	bool covers = !(coverage_of(trap).gaps & MEMTRAP_GAP_NEW_THREADS);

	CHECK(covers || (JUDGE_STATIC && memtrap_backend() == MEMTRAP_BACKEND_PTRACE));
	return covers;
}

static void *grandchildren(void *arg)
{
	gather(store_own_values);
	let_work();
	return arg;
}

CASE(threads_that_are_born_later_are_covered)
{
	unsigned hits = 0;
	struct memtrap *trap = trap_on(&shared.word, sizeof(long), MEMTRAP_WRITE, count_hit, &hits);

	if (!covers_the_unborn(trap))
		skip("the static library on ptrace says that it does not cover new threads");
	gather(store_own_values);
	let_work();
	EQUAL(memtrap_count(trap), THREADS * WRITES);
	join(spawn(grandchildren, NULL));
	EQUAL(memtrap_count(trap), 2 * THREADS * WRITES);
	wait_for_threads(1);
	EQUAL(coverage_of(trap).threads, 1);
	EQUAL(coverage_of(trap).armed, 1);
	memtrap_remove(trap);
	EQUAL(hits, 2 * THREADS * WRITES);
}

static int write_once(void *arg)
{
	store(&shared.word, sizeof(long), (uintptr_t)arg);
	return 3;
}

CASE(threads_of_c11_are_threads)
{
	unsigned hits = 0;
	struct memtrap *trap = trap_on(&shared.word, sizeof(long), MEMTRAP_WRITE, count_hit, &hits);
	int result = 0;
	thrd_t thread;

	if (!covers_the_unborn(trap))
		skip("the static library on ptrace says that it does not cover new threads");
	EQUAL(thrd_create(&thread, write_once, (void *)5), thrd_success);
	EQUAL(thrd_join(thread, &result), thrd_success);
	EQUAL(result, 3);
	EQUAL(hits, 1);
	memtrap_remove(trap);
}

CASE(threads_that_sleep_in_the_kernel_are_covered)
{
	struct member members[THREADS] = { 0 };
	unsigned hits = 0;
	struct memtrap *trap;

	for (unsigned i = 0; i < THREADS; i++) {
		members[i].writes = 5;
		crew[i] = spawn(write_at_a_word, &members[i]);
	}
	for (unsigned i = 0; i < THREADS; i++)
		WAIT_UNTIL(GET(members[i].tid));
	trap = trap_on(&shared.word, sizeof(long), MEMTRAP_WRITE, count_hit, &hits);
	EQUAL(coverage_of(trap).threads, THREADS + 1);
	EQUAL(coverage_of(trap).armed, THREADS + 1);
	for (unsigned i = 0; i < THREADS; i++)
		let_write(&members[i], crew[i]);
	EQUAL(hits, 5 * THREADS);
	wait_for_threads(1);
	EQUAL(coverage_of(trap).threads, 1);
	memtrap_remove(trap);
}

/* Its traps may be removed although it is gone, and its registers are nobody's. */
CASE(a_thread_goes_before_its_trap)
{
	struct member m = { .writes = 3 };
	pthread_t thread = spawn(write_at_a_word, &m);
	struct memtrap *traps[4];

	WAIT_UNTIL(GET(m.tid));
	for (unsigned i = 0; i < 4; i++)
		traps[i] = set(&(struct memtrap_spec){ .addr = &shared.word,
		                                       .len = sizeof(long),
		                                       .kind = MEMTRAP_WRITE,
		                                       .thread = m.tid });
	let_write(&m, thread);
	wait_for_threads(1);
	for (unsigned i = 0; i < 4; i++) {
		EQUAL(memtrap_count(traps[i]), 3);
		EQUAL(coverage_of(traps[i]).armed, 0);
	}
	memtrap_remove(trap_on(&shared, 3 * sizeof(long), MEMTRAP_WRITE, NULL, NULL));
	for (unsigned i = 0; i < 4; i++)
		memtrap_remove(traps[i]);
}

static unsigned late_hits;

/* The first thread is a zombie in /proc/self/task from now on. */
static void *outlive(void *main_thread)
{
	struct memtrap *trap;

	join(*(pthread_t *)main_thread);
	store(&shared.word, sizeof(long), 1);
	EQUAL(late_hits, 1);
	trap = trap_on(&shared.before, sizeof(long), MEMTRAP_WRITE, count_hit, &late_hits);
	store(&shared.before, sizeof(long), 1);
	EQUAL(late_hits, 2);
	EQUAL(coverage_of(trap).gaps, 0);
	EQUAL(coverage_of(trap).threads, 1);
	EQUAL(coverage_of(trap).armed, 1);
	memtrap_remove(trap);
	MUST(memtrap_set(&trap, &(struct memtrap_spec){ .addr = &shared.after,
	                                                .len = sizeof(long),
	                                                .kind = MEMTRAP_WRITE,
	                                                .thread = MEMTRAP_THIS_THREAD }));
	memtrap_remove(trap);
	store(&shared.before, sizeof(long), 1);
	EQUAL(late_hits, 2);
	exit(0);
}

CASE(the_first_thread_may_leave)
{
	static pthread_t self;
	struct memtrap *trap =
	    trap_on(&shared.word, sizeof(long), MEMTRAP_WRITE, count_hit, &late_hits);

	if (!covers_the_unborn(trap))
		skip("the static library on ptrace says that it does not cover new threads");
	self = pthread_self();
	spawn(outlive, &self);
	pthread_exit(NULL);
}
