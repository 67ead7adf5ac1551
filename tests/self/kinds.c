/* SPDX-License-Identifier: MIT */
/*
 * Every kind of data trap, on ranges of each length and alignment, against loads and stores of 1,
 * 2, 4 and 8 bytes at every place that touches the range or lies beside it.
 */
#include "access.h"
#include "judge.h"

enum {
	AROUND = 9, /* bytes before the range where accesses begin */
	SIZE = 128,
};

struct range {
	size_t start, len; /* offsets in the buffer, which is aligned to a page */
};

struct trial {
	enum memtrap_kind kind;
	struct range range;
	bool is_store;
	size_t at, size;
};

static uint8_t *buffer; /* the watched one; */
static uint8_t *mirror; /* the same bytes, where nobody watches */
static struct seen seen;

/* The fewest naturally aligned pieces of 1, 2, 4 and 8 bytes that make up exactly the range. */
static unsigned pieces_of(struct range range)
{
	unsigned pieces = 0;
	size_t at = range.start, end = range.start + range.len, size;

	for (; at < end; at += size, pieces++)
		for (size = 8; at % size || at + size > end;)
			size /= 2;
	return pieces;
}

/* How many bytes of the range the access touches, and the offset of the first one. */
static size_t touched(const struct trial *t, size_t *first)
{
	size_t end = t->range.start + t->range.len;

	*first = t->at > t->range.start ? t->at : t->range.start;
	if (t->at + t->size < end)
		end = t->at + t->size;
	return end > *first ? end - *first : 0;
}

static bool is_a_hit(const struct trial *t, bool altered)
{
	switch (t->kind) {
	case MEMTRAP_WRITE:
		return t->is_store;
	case MEMTRAP_READ:
		return !t->is_store;
	case MEMTRAP_CHANGE:
		return t->is_store && altered;
	default:
		return true;
	}
}

static void judge_hit(const struct trial *t, const uint8_t *before)
{
	const struct memtrap_hit *hit = seen.hits;
	size_t first, len = touched(t, &first);

	EQUAL(hit->addr, (uintptr_t)buffer + first);
	EQUAL(hit->len, len);
	EQUAL(hit->access, t->is_store ? MEMTRAP_DID_WRITE : MEMTRAP_DID_READ);
	EQUAL(hit->culprit, t->is_store ? store_at(t->size) : load_at(t->size));
	EQUAL(hit->flags & MEMTRAP_HIT_LATE, 0);
	CHECK(hit->old_value && hit->new_value);
	CHECK(!memcmp(seen.old_value[0], before + t->range.start, t->range.len));
	CHECK(!memcmp(seen.new_value[0], mirror + t->range.start, t->range.len));
}

/* Each value is stored twice in a row, so that some stores change nothing. */
static void do_access(const struct trial *t)
{
	static uint64_t turn;
	uint64_t is = 0, should = 0;

	if (t->is_store) {
		store(buffer + t->at, t->size, (turn++ / 2 % 100) * 0x0101010101010101);
		return;
	}
	memcpy(&should, mirror + t->at, t->size);
	is = load(buffer + t->at, t->size);
	EQUAL(is, should);
}

static void judge_access(const struct trial *t)
{
	uint8_t before[SIZE];
	size_t first, len = touched(t, &first);
	unsigned expected;

	memcpy(before, mirror, SIZE);
	seen.count = 0;
	do_access(t);
	expected = len && is_a_hit(t, memcmp(mirror + first, before + first, len) != 0);
	if (seen.count != expected)
		FAIL(
		    "kind %d on %zu bytes at +%zu: a %s of %zu bytes at +%zu makes %u hits, not %u",
		    t->kind, t->range.len, t->range.start, t->is_store ? "store" : "load", t->size,
		    t->at, seen.count, expected);
	if (expected)
		judge_hit(t, before);
}

static void judge_range(enum memtrap_kind kind, struct range range)
{
	struct memtrap *trap = see_it(&seen, buffer + range.start, range.len, kind);
	struct trial t = { .kind = kind, .range = range };

	for (t.size = 1; t.size <= 8; t.size *= 2)
		for (t.at = range.start - AROUND; t.at <= range.start + range.len; t.at++)
			for (int is_store = 0; is_store < 2; is_store++) {
				t.is_store = is_store;
				judge_access(&t);
			}
	EQUAL(coverage_of(trap).unread, 0);
	memtrap_remove(trap);
}

static void judge_kind(enum memtrap_kind kind)
{
	static const size_t lengths[] = { 1, 2, 3, 4, 5, 7, 8, 12, 13, 16, 24, 31, 32 };
	const size_t count = sizeof(lengths) / sizeof(*lengths);

	buffer = twin_memory(SIZE, (void **)&mirror);
	for (size_t i = 0; i < count; i++)
		for (size_t start = 16; start < 24; start++) {
			struct range range = { start, lengths[i] };

			if (pieces_of(range) <= 4)
				judge_range(kind, range);
		}
}

CASE(writes)
{
	judge_kind(MEMTRAP_WRITE);
}

CASE(reads)
{
	judge_kind(MEMTRAP_READ);
}

CASE(accesses)
{
	judge_kind(MEMTRAP_ACCESS);
}

CASE(changes)
{
	judge_kind(MEMTRAP_CHANGE);
}

CASE(a_range_that_four_registers_cannot_cover_is_refused)
{
	struct memtrap *trap = NULL;
	struct range range = { 17, 32 };

	buffer = twin_memory(SIZE, (void **)&mirror);
	CHECK(pieces_of(range) > 4);
	REFUSED(memtrap_set(&trap, &(struct memtrap_spec){ .addr = buffer + range.start,
	                                                   .len = range.len,
	                                                   .flags = judge_flags(),
	                                                   .kind = MEMTRAP_WRITE }),
	        EINVAL);
	CHECK(trap == NULL);
}

/* The last two bytes of one page and the first two of the next. */
CASE(a_range_lies_across_pages)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	buffer = twin_memory(2 * page, (void **)&mirror);
	buffer += page - SIZE / 2;
	mirror += page - SIZE / 2;
	for (int kind = MEMTRAP_WRITE; kind <= MEMTRAP_CHANGE; kind++)
		judge_range((enum memtrap_kind)kind, (struct range){ SIZE / 2 - 2, 4 });
}

/* With a handler that needs to know nothing, a write of any sort is a hit. */
CASE(bare_traps_count)
{
	unsigned writes = 0, accesses = 0;
	struct memtrap *trap, *other;

	buffer = twin_memory(SIZE, (void **)&mirror);
	trap = set(&(struct memtrap_spec){ .addr = buffer,
	                                   .len = 4,
	                                   .kind = MEMTRAP_WRITE,
	                                   .flags = MEMTRAP_BARE,
	                                   .handler = count_hit,
	                                   .arg = &writes });
	other = set(&(struct memtrap_spec){ .addr = buffer + 8,
	                                    .len = 8,
	                                    .kind = MEMTRAP_ACCESS,
	                                    .flags = MEMTRAP_BARE,
	                                    .handler = count_hit,
	                                    .arg = &accesses });
	for (unsigned i = 0; i < 100; i++) {
		store(buffer, 4, i / 2);
		load(buffer, 4);
		store(buffer + 4, 4, i);
		store(buffer + 8, 8, i);
		load(buffer + 12, 2);
	}
	EQUAL(memtrap_count(trap), 100);
	EQUAL(memtrap_count(other), 200);
	memtrap_remove(trap);
	memtrap_remove(other);
	EQUAL(writes, 100);
	EQUAL(accesses, 200);
}

/* NULL as a handler: hits are counted and kept. */
CASE(a_trap_needs_no_handler)
{
	struct memtrap_past_hit hits[4];
	struct memtrap *trap;

	buffer = twin_memory(SIZE, (void **)&mirror);
	trap = trap_on(buffer, 8, MEMTRAP_WRITE, NULL, NULL);
	for (unsigned i = 1; i <= 3; i++)
		store(buffer, 8, i);
	EQUAL(memtrap_count(trap), 3);
	EQUAL(memtrap_history(trap, hits, 4), 3);
	EQUAL(hits[2].new_value[0], 3);
	memtrap_remove(trap);
}
