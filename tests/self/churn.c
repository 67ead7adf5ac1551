/* SPDX-License-Identifier: MIT */
/*
 * Threads are born and die while traps come and go, for JUDGE_SECONDS. A trap that was there for
 * the whole of a thread's life has seen its every write; one that was not has seen no more than
 * all.
 */
#include "access.h"
#include "judge.h"

#include <time.h>

enum {
	NURSERIES = 3, /* threads that bear others */
	BROOD = 4,
	WRITES = 20,
	CHANGERS = 2, /* threads that set and remove traps */
};

static struct {
	volatile unsigned long steady; /* trapped all the time */
	volatile unsigned long passing[CHANGERS];
} words __attribute__((aligned(64)));

static time_t end;
static unsigned steady_hits, steady_writes;

static bool time_is_up(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec >= end;
}

static void begin(void)
{
	const char *seconds = getenv("JUDGE_SECONDS");
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec + (seconds ? atoi(seconds) : 10);
}

static void *brief_life(void *arg)
{
	(void)arg;
	for (unsigned long i = 0; i < WRITES; i++) {
		fetch_and_add(&words.steady, 1);
		store(&words.passing[i % CHANGERS], sizeof(long), i);
	}
	ADD(steady_writes, WRITES);
	return NULL;
}

static void *nursery(void *arg)
{
	pthread_t brood[BROOD];

	while (!time_is_up()) {
		for (unsigned i = 0; i < BROOD; i++)
			brood[i] = spawn(brief_life, NULL);
		for (unsigned i = 0; i < BROOD; i++)
			join(brood[i]);
	}
	return arg;
}

/* What a handler is given, dead as soon as the trap is removed. */
struct canary {
	unsigned alive, hits;
};

static void look_at_canary(struct memtrap_hit *hit, void *arg)
{
	struct canary *canary = arg;

	(void)hit;
	CHECK(GET(canary->alive) == 1);
	ADD(canary->hits, 1);
}

static void *changer(void *arg)
{
	volatile unsigned long *word = arg;
	struct canary canary = { 0 };
	struct memtrap *trap;
	unsigned own;

	for (unsigned turn = 0; !time_is_up(); turn++) {
		PUT(canary.alive, 1);
		PUT(canary.hits, 0);
		trap = set(&(struct memtrap_spec){
		    .addr = word,
		    .len = sizeof(long),
		    .kind = turn % 3 ? MEMTRAP_WRITE : MEMTRAP_ACCESS,
		    .thread = turn % 2 ? MEMTRAP_THIS_THREAD : MEMTRAP_ALL_THREADS,
		    .handler = look_at_canary,
		    .arg = &canary });
		for (own = 0; own < 5; own++)
			store(word, sizeof(long), turn);
		CHECK(GET(canary.hits) >= own);
		memtrap_remove(trap);
		PUT(canary.alive, 0);
		if (turn % 2)
			EQUAL(canary.hits, own);
	}
	return NULL;
}

CASE(threads_and_traps_come_and_go)
{
	pthread_t nurseries[NURSERIES], changers[CHANGERS];
	struct memtrap *trap =
	    trap_on(&words.steady, sizeof(long), MEMTRAP_WRITE, count_hit, &steady_hits);

	if (coverage_of(trap).gaps & MEMTRAP_GAP_NEW_THREADS) {
		CHECK(JUDGE_STATIC && memtrap_backend() == MEMTRAP_BACKEND_PTRACE);
		skip("the static library on ptrace says that it does not cover new threads");
	}
	begin();
	for (unsigned i = 0; i < NURSERIES; i++)
		nurseries[i] = spawn(nursery, NULL);
	for (unsigned i = 0; i < CHANGERS; i++)
		changers[i] = spawn(changer, (void *)(uintptr_t)&words.passing[i]);
	for (unsigned i = 0; i < NURSERIES; i++)
		join(nurseries[i]);
	for (unsigned i = 0; i < CHANGERS; i++)
		join(changers[i]);
	CHECK(steady_writes > 0);
	EQUAL(memtrap_count(trap), steady_writes);
	memtrap_remove(trap);
	EQUAL(steady_hits, steady_writes);
	EQUAL(words.steady, steady_writes);
}
