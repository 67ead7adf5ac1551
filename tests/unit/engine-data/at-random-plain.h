/* SPDX-License-Identifier: MIT */
/* Of at-random.c: moves, what reads and writes at once, strings. */
#ifndef AT_RANDOM_PLAIN_H
#define AT_RANDOM_PLAIN_H

#include "at-random-emit.h"

static unsigned sizes[] = { 1, 2, 4, 8 };

static unsigned any_size(void)
{
	return sizes[chance(4)];
}

static unsigned any_at(size_t size)
{
	return (unsigned)chance(ARENA - size + 1);
}

static unsigned any_aligned(size_t size)
{
	return (unsigned)(chance(ARENA / size) * size);
}

/* The form of an instruction for 1, 2, 4 or 8 bytes: opcodes come in pairs. */
static struct op sized(uint8_t opcode, unsigned size)
{
	return (struct op){ .prefix = size == 2 ? 0x66 : 0,
		            .wide = size == 8,
		            .opcode = (uint8_t)(opcode + (size > 1)) };
}

/* ---- Moves --------------------------------------------------------------- */

static void make_store(void)
{
	unsigned size = any_size(), at = any_at(size);
	uint64_t value = any_value();
	struct event *event = event_new();
	struct op op = sized(0x88, size);
	struct place place;

	load(RAX, value);
	place = reach(at, 1u << RAX);
	if (size == 1 && !high(place.base) && !high(place.index) && chance(2)) {
		op.reg = 4; /* ah */
		value >>= 8;
	}
	writes(event, at, &value, size);
	event->pc = insn(op, &place);
}

static void make_store_of_constant(void)
{
	unsigned size = any_size(), at = any_at(size);
	int64_t value = (int32_t)any_value();
	struct place place = reach(at, 0);
	struct event *event = event_new();
	struct op op = sized(0xc6, size);

	op.imm = (uint64_t)value;
	op.imm_len = (uint8_t)(size > 4 ? 4 : size);
	writes(event, at, &value, size);
	event->pc = insn(op, &place);
}

/* Into another register, or into the one that the address was in. */
static void make_load(void)
{
	unsigned size = any_size(), at = any_at(size);
	struct place place = reach(at, 1u << RAX);
	struct event *event = event_new();
	struct op op = sized(0x8a, size);

	if (chance(2) && place.base != NO_REG && !high(place.base) && size > 1)
		op.reg = (uint8_t)place.base;
	reads(event, at, size);
	event->pc = insn(op, &place);
}

static void make_extension(void)
{
	unsigned size = 1 + (unsigned)chance(2), at = any_at(size);
	struct place place = reach(at, 1u << RAX);
	struct event *event = event_new();

	reads(event, at, size);
	event->pc = insn((struct op){ .map = MAP_0F,
	                              .wide = chance(2),
	                              .opcode = (uint8_t)(chance(2) ? 0xb5 + size : 0xbd + size) },
	                 &place);
}

/* It reads, whether it moves or not. */
static void make_conditional_load(void)
{
	unsigned at = any_at(4);
	struct place place = reach(at, 1u << RAX);
	struct event *event = event_new();

	reads(event, at, 4);
	put(chance(2) ? 0xf9 : 0xf8, 1); /* stc, clc */
	event->pc = insn((struct op){ .map = MAP_0F, .opcode = 0x42 }, &place);
}

static void make_set_by_flag(void)
{
	unsigned at = any_at(1);
	struct place place = reach(at, 0);
	struct event *event = event_new();
	uint8_t carry = (uint8_t)chance(2);

	writes(event, at, &carry, 1);
	put(carry ? 0xf9 : 0xf8, 1);
	event->pc = insn((struct op){ .map = MAP_0F, .opcode = 0x92 }, &place);
}

/* ---- Read-modify-write --------------------------------------------------- */

static void make_arithmetic(void)
{
	static const uint8_t opcodes[] = { 0x00, 0x08, 0x20, 0x28, 0x30 };
	unsigned size = any_size(), at = any_at(size), which = (unsigned)chance(5);
	uint64_t value = any_value(), old, results[5];
	struct event *event = event_new();
	struct op op = sized(opcodes[which], size);
	struct place place;

	old = peek(at, size);
	results[0] = old + value;
	results[1] = old | value;
	results[2] = old & value;
	results[3] = old - value;
	results[4] = old ^ value;
	reads(event, at, size);
	writes(event, at, &results[which], size);
	load(RAX, value);
	place = reach(at, 1u << RAX);
	op.lock = chance(2);
	event->pc = insn(op, &place);
}

static void make_unary(void)
{
	unsigned size = any_size(), at = any_at(size), which = (unsigned)chance(4);
	struct place place = reach(at, 0);
	struct event *event = event_new();
	uint64_t old = peek(at, size), results[] = { old + 1, old - 1, ~old, -old };
	struct op op = sized(which < 2 ? 0xfe : 0xf6, size);

	op.reg = (uint8_t)which; /* inc, dec; not, neg */
	reads(event, at, size);
	writes(event, at, &results[which], size);
	event->pc = insn(op, &place);
}

/* Of memory and a register, which is the one that the address was in now and then. */
static void make_exchange(void)
{
	unsigned size = any_size(), at = any_at(size);
	bool adds = chance(2);
	uint64_t value = any_value(), result;
	struct event *event = event_new();
	struct op op = sized(adds ? 0xc0 : 0x86, size);
	struct place place;

	load(RAX, value);
	place = reach(at, 1u << RAX);
	if (size == 8 && place.base != NO_REG && !high(place.base) && chance(3) == 0) {
		op.reg = (uint8_t)place.base;
		value = place.base_value;
	}
	result = adds ? peek(at, size) + value : value;
	reads(event, at, size);
	writes(event, at, &result, size);
	op.map = adds ? MAP_0F : MAP_ONE;
	event->pc = insn(op, &place);
}

/* One that fails writes what there was. */
static void make_compare_exchange(void)
{
	unsigned size = any_size(), at = any_at(size);
	uint64_t value = any_value(), expected;
	struct event *event = event_new();
	struct op op = sized(0xb0, size);
	struct place place;

	expected = peek(at, size);
	reads(event, at, size);
	if (chance(2))
		writes(event, at, &value, size);
	else
		touch(event, at, size, DID_WRITE), expected++;
	load(RAX, expected);
	load(RDX, value);
	place = reach(at, 1u << RAX | 1u << RDX);
	op.map = MAP_0F;
	op.lock = chance(2);
	op.reg = RDX;
	event->pc = insn(op, &place);
}

/* cmpxchg8b, cmpxchg16b */
static void make_wide_compare_exchange(void)
{
	bool wide = chance(2);
	unsigned half = wide ? 8 : 4, at = wide ? any_aligned(16) : any_at(8);
	uint64_t value[2] = { any_value(), any_value() }, expected[2];
	struct event *event = event_new();
	struct place place;

	expected[0] = peek(at, half);
	expected[1] = peek(at + half, half);
	reads(event, at, 2 * half);
	if (chance(2)) {
		writes(event, at, &value[0], half);
		writes(event, at + half, &value[1], half);
	} else {
		touch(event, at, 2 * half, DID_WRITE), expected[0] ^= 1;
	}
	load(RAX, expected[0]);
	load(RDX, expected[1]);
	load(RBX, value[0]);
	load(RCX, value[1]);
	place = reach(at, 1u << RBX);
	event->pc =
	    insn((struct op){ .lock = true, .wide = wide, .map = MAP_0F, .opcode = 0xc7, .reg = 1 },
	         &place);
}

static void make_comparison(void)
{
	unsigned size = any_size(), at = any_at(size);
	struct place place = reach(at, 1u << RAX);
	struct event *event = event_new();

	reads(event, at, size);
	event->pc = insn(sized(chance(2) ? 0x38 : 0x84, size), &place);
}

/* A bit far away from the place that is named. */
static void make_bit(void)
{
	static const uint8_t opcodes[] = { 0xa3, 0xab, 0xb3, 0xbb }; /* bt, bts, btr, btc */
	unsigned size = sizes[1 + chance(3)], at = any_aligned(size), which = (unsigned)chance(4);
	int64_t bit = (int64_t)chance(8 * size), origin = (int64_t)any_aligned(size);
	uint64_t old, one;
	struct event *event = event_new();
	struct op op = { .prefix = size == 2 ? 0x66 : 0, .wide = size == 8, .map = MAP_0F };
	struct place place;

	old = peek(at, size);
	one = UINT64_C(1) << bit;
	reads(event, at, size);
	one = which == 1 ? old | one : which == 2 ? old & ~one : old ^ one;
	if (which)
		writes(event, at, &one, size);
	load(RAX, (uint64_t)(((int64_t)at - origin) * 8 + bit));
	place = reach((unsigned)origin, 1u << RAX);
	op.opcode = opcodes[which];
	event->pc = insn(op, &place);
}

/* ---- Strings ------------------------------------------------------------- */

struct string {
	unsigned size, count, from, to;
	bool down;
};

static unsigned element(const struct string *string, unsigned start, unsigned i)
{
	return string->down ? start - i * string->size : start + i * string->size;
}

static unsigned any_start(const struct string *string)
{
	unsigned at = any_at(string->size * string->count);

	return string->down ? at + (string->count - 1) * string->size : at;
}

/* movs, cmps, stos, lods, scas: element by element. Returns how many are accessed. */
static unsigned run_string(struct event *event, const struct string *string, uint8_t opcode,
                           uint64_t value)
{
	for (unsigned i = 0; i < string->count; i++) {
		unsigned from = element(string, string->from, i),
		         to = element(string, string->to, i);
		uint64_t source = peek(from, string->size), target = peek(to, string->size);

		if (opcode == 0xa4 || opcode == 0xa6 || opcode == 0xac)
			reads(event, from, string->size);
		if (opcode == 0xa6 || opcode == 0xae)
			reads(event, to, string->size);
		if (opcode == 0xa4)
			writes(event, to, &source, string->size);
		if (opcode == 0xaa)
			writes(event, to, &value, string->size);
		if ((opcode == 0xa6 && source != target) ||
		    (opcode == 0xae && memcmp(&value, &target, string->size) != 0))
			return i + 1;
	}
	return string->count;
}

static void make_string(void)
{
	static const uint8_t opcodes[] = { 0xa4, 0xa6, 0xaa, 0xac, 0xae };
	bool rep = chance(2);
	struct string string = { .size = any_size(),
		                 .count = rep ? 1 + (unsigned)chance(9) : 1,
		                 .down = chance(3) == 0 };
	uint8_t opcode = opcodes[chance(5)];
	uint64_t value = any_value();
	struct event *event = event_new();

	string.from = any_start(&string);
	string.to = any_start(&string);
	run_string(event, &string, opcode, value);
	event->flags = rep ? EVENT_REP : 0;
	load(RSI, (uint64_t)(uintptr_t)&arena[string.from]);
	load(RDI, (uint64_t)(uintptr_t)&arena[string.to]);
	load(RCX, string.count);
	load(RAX, value);
	put(string.down ? 0xfd : 0xfc, 1);
	event->pc = (uint64_t)(uintptr_t)code;
	if (rep)
		put(0xf3, 1);
	if (string.size == 2)
		put(0x66, 1);
	if (string.size == 8)
		put(0x48, 1);
	put(opcode + (string.size > 1), 1);
	put(0xfc, 1); /* cld */
}

#endif
