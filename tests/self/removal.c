/* SPDX-License-Identifier: MIT */
/* When memtrap_remove() has returned, no handler of the trap runs or will run, whoever writes. */
#include "access.h"
#include "judge.h"

enum {
	THREADS = 8,
	TURNS = 40,
	ALIVE = 0x11fe,
	DEAD = 0xdead,
};

static volatile unsigned long word;
static pthread_t crew[THREADS];
static bool over;

/* What a handler uses and its owner takes away after the removal. */
struct canary {
	unsigned state;
	unsigned inside, hits;
};

static void use_canary(struct memtrap_hit *hit, void *arg)
{
	struct canary *canary = arg;

	(void)hit;
	ADD(canary->inside, 1);
	ADD(canary->hits, 1);
	for (unsigned i = 0; i < 50; i++)
		EQUAL(GET(canary->state), ALIVE);
	ADD(canary->inside, -1u);
}

static void *hammer(void *unused)
{
	while (!GET(over))
		store(&word, sizeof(long), 1);
	return unused;
}

static void gather(void)
{
	for (unsigned i = 0; i < THREADS; i++)
		crew[i] = spawn(hammer, NULL);
}

static void disperse(void)
{
	PUT(over, true);
	for (unsigned i = 0; i < THREADS; i++)
		join(crew[i]);
}

/* It is removed as soon as so many hits were seen. */
static void set_and_remove(struct canary *canary, unsigned wanted)
{
	struct memtrap *trap;

	*canary = (struct canary){ .state = ALIVE };
	trap = trap_on(&word, sizeof(long), MEMTRAP_WRITE, use_canary, canary);
	WAIT_UNTIL(GET(canary->hits) >= wanted);
	memtrap_remove(trap);
	EQUAL(GET(canary->inside), 0);
	PUT(canary->state, DEAD);
}

CASE(no_handler_after_the_removal)
{
	static struct canary canaries[TURNS];

	gather();
	for (unsigned turn = 0; turn < TURNS; turn++)
		set_and_remove(&canaries[turn], turn % 20);
	disperse();
	for (unsigned turn = 0; turn < TURNS; turn++)
		EQUAL(canaries[turn].inside, 0);
}

/* The argument is memory that is given back. */
CASE(the_argument_may_be_freed)
{
	gather();
	for (unsigned turn = 0; turn < TURNS; turn++) {
		struct canary *canary = malloc(sizeof(*canary));

		CHECK(canary != NULL);
		set_and_remove(canary, 3);
		free(canary);
	}
	disperse();
}

static void *set_and_remove_often(void *unused)
{
	struct canary canary;

	for (unsigned turn = 0; turn < TURNS; turn++)
		set_and_remove(&canary, 2);
	return unused;
}

CASE(several_threads_remove_their_own)
{
	pthread_t removers[3];

	gather();
	for (unsigned i = 0; i < 3; i++)
		removers[i] = spawn(set_and_remove_often, NULL);
	for (unsigned i = 0; i < 3; i++)
		join(removers[i]);
	disperse();
}

/* ---- Waiting ------------------------------------------------------------- */

static bool inside, may_return, removed;

static void stay(struct memtrap_hit *hit, void *unused)
{
	(void)hit;
	(void)unused;
	PUT(inside, true);
	WAIT_UNTIL(GET(may_return));
	CHECK(!GET(removed));
}

static void *remove_it(void *trap)
{
	memtrap_remove(trap);
	PUT(removed, true);
	return NULL;
}

static void *write_once(void *unused)
{
	WAIT_UNTIL(GET(over));
	store(&word, sizeof(long), 1);
	return unused;
}

/* The remover waits for the handler that runs, and the handler for nobody. */
CASE(the_removal_waits_for_a_handler_at_work)
{
	pthread_t writer = spawn(write_once, NULL), remover;
	struct memtrap *trap = trap_on(&word, sizeof(long), MEMTRAP_WRITE, stay, NULL);

	PUT(over, true);
	WAIT_UNTIL(GET(inside));
	remover = spawn(remove_it, trap);
	for (unsigned i = 0; i < 100; i++) {
		CHECK(!GET(removed));
		usleep(2000); /* long enough for a remover that has no patience */
	}
	PUT(may_return, true);
	join(remover);
	join(writer);
	CHECK(removed);
}

/* New hits meanwhile begin no handler. */
CASE(no_handler_begins_during_the_removal)
{
	pthread_t writer = spawn(write_once, NULL), remover;
	struct memtrap *trap = trap_on(&word, sizeof(long), MEMTRAP_WRITE, stay, NULL);
	unsigned long after;

	PUT(over, true);
	WAIT_UNTIL(GET(inside));
	remover = spawn(remove_it, trap);
	PUT(may_return, true);
	join(remover);
	PUT(inside, false);
	for (after = 0; after < 100; after++)
		store(&word, sizeof(long), after);
	CHECK(!inside);
	join(writer);
}

CASE(nothing_is_removed)
{
	errno = 0;
	memtrap_remove(NULL);
	EQUAL(errno, 0);
}
