/* SPDX-License-Identifier: MIT */
/* Old and new values of wide ranges and odd lengths, and which bytes of them were touched. */
#include "access.h"
#include "judge.h"

enum { SIZE = 64 };

static uint8_t *buffer, *mirror; /* the same bytes; only the first are watched */
static struct seen seen;

static void lay_out(void)
{
	buffer = twin_memory(SIZE, (void **)&mirror);
	for (unsigned i = 0; i < SIZE; i++)
		mirror[i] = (uint8_t)(i + 1);
}

/* The last hit had these values in the whole range at `start`. */
static void judge_values(const uint8_t *before, size_t start)
{
	unsigned last = seen.count - 1;

	CHECK(seen.count > 0 && seen.count <= SEEN_MAX);
	CHECK(!memcmp(seen.old_value[last], before + start, seen.len));
	CHECK(!memcmp(seen.new_value[last], mirror + start, seen.len));
}

/* Stores of each size that fits, all over the range, with a value of their own. */
static void judge_range(size_t start, size_t len)
{
	struct memtrap *trap = see_writes(&seen, buffer + start, len);
	uint64_t value = 0x1020304050607080;
	uint8_t before[SIZE];

	for (size_t size = 1; size <= 8; size *= 2)
		for (size_t at = start; at + size <= start + len; at++) {
			memcpy(before, mirror, SIZE);
			seen.count = 0;
			store(buffer + at, size, value += 0x0101010101010101);
			EQUAL(seen.count, 1);
			EQUAL(seen.hits[0].addr, (uintptr_t)buffer + at);
			EQUAL(seen.hits[0].len, size);
			judge_values(before, start);
		}
	memtrap_remove(trap);
}

CASE(five_bytes)
{
	lay_out();
	judge_range(8, 5);
	judge_range(11, 5);
}

CASE(thirty_two_bytes)
{
	lay_out();
	judge_range(0, 32);
	judge_range(24, 32);
}

CASE(twenty_four_and_a_bit)
{
	lay_out();
	judge_range(8, 25);
	judge_range(14, 18);
}

/* ---- One instruction, many pieces ---------------------------------------- */

NOINLINE static void store_16(void *at, const void *from)
{
	__asm__ volatile("movups (%1), %%xmm0\n\tmovups %%xmm0, (%0)" ::"r"(at), "r"(from)
	                 : "memory");
}

NOINLINE __attribute__((target("avx"))) static void store_32(void *at, const void *from)
{
	__asm__ volatile("vmovups (%1), %%ymm0\n\tvmovups %%ymm0, (%0)\n\tvzeroupper" ::"r"(at),
	                 "r"(from)
	                 : "memory");
}

static const uint8_t pattern[32] = { 200, 201, 202, 203, 204, 205, 206, 207, 208, 209, 210,
	                             211, 212, 213, 214, 215, 216, 217, 218, 219, 220, 221,
	                             222, 223, 224, 225, 226, 227, 228, 229, 230, 231 };

static void judge_wide(void (*store_wide)(void *, const void *), size_t size, size_t at)
{
	enum { START = 16, LEN = 32 };
	struct memtrap *trap = see_writes(&seen, buffer + START, LEN);
	size_t first = at > START ? at : START;
	size_t end = at + size < START + LEN ? at + size : START + LEN;
	uint8_t before[SIZE];

	for (unsigned turn = 0; turn < 3; turn++) {
		memcpy(before, mirror, SIZE);
		seen.count = 0;
		store_wide(buffer + at, pattern);
		EQUAL(seen.count, 1);
		EQUAL(seen.hits[0].addr, (uintptr_t)buffer + first);
		EQUAL(seen.hits[0].len, end - first);
		judge_values(before, START);
	}
	memtrap_remove(trap);
}

CASE(a_wide_store_is_one_hit)
{
	lay_out();
	for (size_t at = 1; at < 48; at++)
		judge_wide(store_16, 16, at);
	if (__builtin_cpu_supports("avx"))
		for (size_t at = 1; at < 32; at++)
			judge_wide(store_32, 32, at);
}

/* Four traps that lie side by side are hit by one instruction, each once. */
CASE(a_wide_store_hits_all_that_it_touches)
{
	struct seen each[4] = { 0 };
	struct memtrap *traps[4];

	lay_out();
	for (unsigned i = 0; i < 4; i++)
		traps[i] = see_writes(&each[i], buffer + 16 + 4 * i, 4);
	for (unsigned turn = 1; turn <= 5; turn++) {
		store_16(buffer + 16, pattern + turn);
		for (unsigned i = 0; i < 4; i++) {
			uint32_t should;

			memcpy(&should, pattern + turn + 4 * i, 4);
			EQUAL(each[i].count, turn);
			EQUAL(each[i].hits[turn - 1].addr, (uintptr_t)buffer + 16 + 4 * i);
			EQUAL(each[i].hits[turn - 1].len, 4);
			EQUAL(new_of(&each[i], turn - 1), should);
		}
	}
	for (unsigned i = 0; i < 4; i++)
		memtrap_remove(traps[i]);
}

/* Ranges of different kinds over the same bytes. */
CASE(overlapping_ranges_have_values_of_their_own)
{
	struct seen whole = { 0 }, part = { 0 };
	struct memtrap *traps[2];

	lay_out();
	traps[0] = see_it(&whole, buffer + 8, 8, MEMTRAP_ACCESS);
	traps[1] = see_writes(&part, buffer + 10, 2);
	store(buffer + 9, 4, 0xa1b2c3d4);
	EQUAL(whole.count, 1);
	EQUAL(part.count, 1);
	EQUAL(whole.hits[0].addr, (uintptr_t)buffer + 9);
	EQUAL(whole.hits[0].len, 4);
	EQUAL(part.hits[0].addr, (uintptr_t)buffer + 10);
	EQUAL(part.hits[0].len, 2);
	EQUAL(new_of(&part, 0), 0xb2c3);
	EQUAL(old_of(&part, 0), 0x0c0b);
	EQUAL(new_of(&whole, 0), 0x100f0ea1b2c3d409);
	EQUAL(old_of(&whole, 0), 0x100f0e0d0c0b0a09);
	memtrap_remove(traps[0]);
	memtrap_remove(traps[1]);
}

/* ---- What altered the value ---------------------------------------------- */

CASE(the_same_value_is_no_change)
{
	unsigned writes = 0, changes = 0;
	struct memtrap *traps[2];

	lay_out();
	traps[0] = trap_on(buffer + 8, 4, MEMTRAP_WRITE, count_hit, &writes);
	traps[1] = trap_on(buffer + 8, 4, MEMTRAP_CHANGE, count_hit, &changes);
	for (uint32_t i = 0; i < 40; i++)
		store(buffer + 8, 4, i / 4);
	EQUAL(writes, 40);
	EQUAL(changes, 10);
	EQUAL(memtrap_count(traps[1]), 10);
	memtrap_remove(traps[0]);
	memtrap_remove(traps[1]);
}

/* There and back is two changes; one byte of many is one. */
CASE(each_change_is_seen)
{
	struct memtrap *trap;

	lay_out();
	trap = see_it(&seen, buffer + 8, 16, MEMTRAP_CHANGE);
	store(buffer + 8, 1, 0);
	store(buffer + 8, 1, 9);
	store(buffer + 23, 1, 0);
	store(buffer + 23, 1, 0);
	EQUAL(seen.count, 3);
	EQUAL(seen.old_value[1][0], 0);
	EQUAL(seen.new_value[1][0], 9);
	EQUAL(seen.old_value[2][15], 24);
	EQUAL(seen.new_value[2][15], 0);
	memtrap_remove(trap);
}

/* Between two traps on it, the memory belongs to nobody. */
CASE(a_new_trap_begins_with_the_value_that_is_there)
{
	lay_out();
	for (uint64_t i = 0; i < 20; i++) {
		struct memtrap *trap;

		store(buffer + 8, 8, 100 + i);
		trap = see_writes(&seen, buffer + 8, 8);
		store(buffer + 8, 8, 200 + i);
		EQUAL(seen.count, 1);
		EQUAL(old_of(&seen, 0), 100 + i);
		EQUAL(new_of(&seen, 0), 200 + i);
		memtrap_remove(trap);
	}
}
