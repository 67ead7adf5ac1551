/* SPDX-License-Identifier: MIT */
/*
 * Which instruction did it: one after another touches the watched eight bytes, under traps of each
 * kind, and what the library says of it is held against the instruction's own truth.
 */
#include "culprit.h"

#include <signal.h>

enum {
	TARGET = 4096, /* where in the arena the watched bytes are */
	ARENA = 2 * TARGET,
};

static uint8_t *arena, *mirror; /* the same bytes; only the first are watched */
static uint8_t source[256];
static struct seen seen[MEMTRAP_CHANGE + 1]; /* by kind */

/* Signals' frames go elsewhere, since the arena is also a stack. */
static void use_another_stack(void)
{
	static char memory[128 * 1024];
	const stack_t stack = { .ss_sp = memory, .ss_size = sizeof(memory) };

	SYS(sigaltstack(&stack, NULL));
}

/* The watched bytes begin with an address that may be jumped to. */
static void lay_out(void)
{
	const uintptr_t landing = (uintptr_t)judge_landing;

	for (size_t i = 0; i < ARENA; i++)
		mirror[i] = (uint8_t)(i * 37 + 11);
	for (size_t i = 0; i < sizeof(source); i++)
		source[i] = (uint8_t)(i * 59 + 120);
	memcpy(mirror + TARGET, &landing, sizeof(landing));
	memcpy(source, mirror + TARGET, 8);
}

static bool is_a_hit(enum memtrap_kind kind, unsigned access, bool altered)
{
	switch (kind) {
	case MEMTRAP_WRITE:
		return access & W;
	case MEMTRAP_READ:
		return access == R;
	case MEMTRAP_CHANGE:
		return (access & W) && altered;
	default:
		return access != 0;
	}
}

static void judge_hit(const struct culprit *c, const struct memtrap_hit *hit)
{
	size_t first = hit->addr - (uintptr_t)arena - TARGET;
	bool known = hit->culprit || c->manner != JUMPS;

	if (known && hit->culprit != (uintptr_t)c->at)
		FAIL("%s is at %p; the library names %p", c->name, (const void *)c->at,
		     (void *)hit->culprit);
	if (known && hit->access != c->access)
		FAIL("%s has access %u, not %u", c->name, c->access, hit->access);
	if (c->manner == REPEATS || c->manner == FORGETS || !known) {
		if (first + hit->len > 8 || !hit->len)
			FAIL("%s: %zu bytes at +%zd", c->name, hit->len, (ssize_t)first);
	} else if (first != c->first || hit->len != c->len) {
		FAIL("%s touches %zu bytes at +%zu, not %zu at +%zd", c->name, c->len, c->first,
		     hit->len, (ssize_t)first);
	}
}

static void judge_hits(const struct culprit *c, enum memtrap_kind kind, uint64_t before,
                       uint64_t after)
{
	const struct seen *s = &seen[kind];
	bool expected = is_a_hit(kind, c->access, before != after);

	if (s->count != expected && !(c->manner == REPEATS && expected && s->count > 1))
		FAIL("%s makes %u hits of a trap of kind %d, not %d", c->name, s->count, kind,
		     expected);
	if (!expected)
		return;
	CHECK(s->count < SEEN_MAX);
	for (unsigned i = 0; i < s->count; i++)
		judge_hit(c, &s->hits[i]);
	if (old_of(s, 0) != before || new_of(s, s->count - 1) != after)
		FAIL("%s, kind %d: %#llx -> %#llx, not %#llx -> %#llx", c->name, kind,
		     (unsigned long long)before, (unsigned long long)after,
		     (unsigned long long)old_of(s, 0), (unsigned long long)new_of(s, s->count - 1));
}

/* Runs it under traps of all the kinds from `first` to `last` at once. */
static void judge(const struct culprit *c, enum memtrap_kind first, enum memtrap_kind last)
{
	struct memtrap *traps[MEMTRAP_CHANGE + 1];
	uint64_t before, after;

	lay_out();
	for (unsigned kind = first; kind <= last; kind++)
		traps[kind] = see_it(&seen[kind], arena + TARGET, 8, (enum memtrap_kind)kind);
	memcpy(&before, mirror + TARGET, 8);
	c->run(arena + TARGET, source, (unsigned long)judge_other_landing, 4);
	memcpy(&after, mirror + TARGET, 8);
	for (unsigned kind = first; kind <= last; kind++)
		memtrap_remove(traps[kind]);
	for (unsigned kind = first; kind <= last; kind++)
		judge_hits(c, (enum memtrap_kind)kind, before, after);
}

static void judge_all(const struct culprit *c, enum memtrap_kind first, enum memtrap_kind last)
{
	use_another_stack();
	arena = twin_memory(ARENA, (void **)&mirror);
	for (; c->name; c++)
		judge(c, first, last);
}

CASE(what_writes_under_a_write_trap)
{
	judge_all(writers, MEMTRAP_WRITE, MEMTRAP_WRITE);
}

CASE(what_writes_under_a_read_trap)
{
	judge_all(writers, MEMTRAP_READ, MEMTRAP_READ);
}

CASE(what_writes_under_an_access_trap)
{
	judge_all(writers, MEMTRAP_ACCESS, MEMTRAP_ACCESS);
}

CASE(what_writes_under_a_change_trap)
{
	judge_all(writers, MEMTRAP_CHANGE, MEMTRAP_CHANGE);
}

CASE(what_reads_under_a_write_trap)
{
	judge_all(readers, MEMTRAP_WRITE, MEMTRAP_WRITE);
}

CASE(what_reads_under_a_read_trap)
{
	judge_all(readers, MEMTRAP_READ, MEMTRAP_READ);
}

CASE(what_reads_under_an_access_trap)
{
	judge_all(readers, MEMTRAP_ACCESS, MEMTRAP_ACCESS);
}

CASE(all_kinds_at_once)
{
	judge_all(writers, MEMTRAP_WRITE, MEMTRAP_CHANGE);
	judge_all(readers, MEMTRAP_WRITE, MEMTRAP_CHANGE);
}

static __thread unsigned long in_thread;

CASE(thread_local_variables_are_reached_through_a_segment)
{
	struct memtrap *trap = see_writes(&seen[MEMTRAP_WRITE], &in_thread, sizeof(in_thread));
	const struct seen *s = &seen[MEMTRAP_WRITE];

	for (unsigned i = 1; i <= 3; i++) {
		in_thread = i;
		__asm__ volatile("" ::: "memory");
	}
	memtrap_remove(trap);
	EQUAL(s->count, 3);
	for (unsigned i = 0; i < 3; i++) {
		EQUAL(old_of(s, i), i);
		EQUAL(new_of(s, i), i + 1);
		CHECK(s->hits[i].culprit != 0);
		EQUAL(s->hits[i].access, W);
	}
}
