/* SPDX-License-Identifier: MIT */
/* Traps that end with a block. */
#include "judge.h"

static unsigned hits;

NOINLINE static void write_it(volatile int *place, int n)
{
	*place = n;
}

NOINLINE static int leaves(volatile int *local, int how)
{
	{
		MEMTRAP_SCOPE(local, sizeof(*local), MEMTRAP_WRITE, count_hit, &hits);

		write_it(local, 1);
		if (how == 1)
			return 1;
		if (how == 2)
			goto out;
		write_it(local, 2);
	}
	write_it(local, 3);
out:
	write_it(local, 4);
	return 0;
}

CASE(it_ends_however_the_block_is_left)
{
	static const unsigned inside[] = { 2, 1, 1 };
	volatile int local = 0;

	for (int how = 0; how < 3; how++)
		for (unsigned turn = 0; turn < 10; turn++) {
			hits = 0;
			leaves(&local, how);
			write_it(&local, 5);
			EQUAL(hits, inside[how]);
		}
}

CASE(a_loop_ends_it_each_time)
{
	volatile int local = 0;

	for (int i = 0; i < 50; i++) {
		MEMTRAP_SCOPE(&local, sizeof(local), MEMTRAP_CHANGE, count_hit, &hits);

		if (i % 2)
			continue;
		write_it(&local, i + 1);
		write_it(&local, i + 1);
	}
	write_it(&local, 1);
	EQUAL(hits, 25);
}

CASE(four_in_one_block)
{
	volatile int a = 0, b = 0, c = 0, d = 0;
	unsigned counts[4] = { 0 };

	{
		MEMTRAP_SCOPE(&a, sizeof(a), MEMTRAP_WRITE, count_hit, &counts[0]);
		MEMTRAP_SCOPE(&b, sizeof(b), MEMTRAP_READ, count_hit, &counts[1]);
		MEMTRAP_SCOPE(&c, sizeof(c), MEMTRAP_ACCESS, count_hit, &counts[2]);
		MEMTRAP_SCOPE(&d, sizeof(d), MEMTRAP_CHANGE, count_hit, &counts[3]);

		write_it(&a, 1);
		write_it(&b, 1);
		write_it(&c, 1);
		write_it(&d, 0);
		write_it(&d, b + c);
	}
	write_it(&a, 9);
	write_it(&d, b + c);
	EQUAL(counts[0], 1);
	EQUAL(counts[1], 1);
	EQUAL(counts[2], 2);
	EQUAL(counts[3], 1);
}

/* Each level has a local of its own under the same name. */
NOINLINE static void recurse(unsigned levels)
{
	volatile int local = 0;
	unsigned mine = 0;
	MEMTRAP_SCOPE(&local, sizeof(local), MEMTRAP_WRITE, count_hit, &mine);

	if (levels)
		recurse(levels - 1);
	EQUAL(mine, 0);
	write_it(&local, 1);
	EQUAL(mine, 1);
}

CASE(recursion_has_a_trap_for_each_level)
{
	for (unsigned turn = 0; turn < 20; turn++)
		recurse(3);
}

/* Only this thread is trapped: another one has other locals there. */
static void *write_elsewhere(void *place)
{
	write_it(place, 7);
	return NULL;
}

CASE(it_is_for_this_thread)
{
	volatile int local = 0;

	MEMTRAP_SCOPE(&local, sizeof(local), MEMTRAP_WRITE, count_hit, &hits);
	join(spawn(write_elsewhere, (void *)(uintptr_t)&local));
	EQUAL(hits, 0);
	write_it(&local, 8);
	EQUAL(hits, 1);
}

static void five(void *unused)
{
	volatile long places[5] = { 0 };
	struct memtrap *traps[5];

	(void)unused;
	for (unsigned i = 0; i < 5; i++)
		traps[i] = memtrap_scope_begin(&places[i], sizeof(long), MEMTRAP_WRITE, NULL, NULL);
	CHECK(traps[3] && !traps[4]);
	CHECK(*memtrap_error());
	for (unsigned i = 0; i < 5; i++) {
		memtrap_scope_end(&traps[i]);
		CHECK(!traps[i]);
	}
}

CASE(a_scope_that_cannot_be_is_told_and_empty)
{
	char text[2048];

	ENDED_WELL(in_child_heard(five, NULL, text, sizeof(text)));
	SAYS(text, "register");
}
