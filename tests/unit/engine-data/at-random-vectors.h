/* SPDX-License-Identifier: MIT */
/* Of at-random.c: vectors, masks, floating point. */
#ifndef AT_RANDOM_VECTORS_H
#define AT_RANDOM_VECTORS_H

#include "at-random-plain.h"

/* ---- Vectors -------------------------------------------------------------- */

static void any_vector(uint8_t bytes[64])
{
	for (size_t i = 0; i < 64; i++)
		bytes[i] = (uint8_t)(chance(3) ? chance(256) : 0);
}

static size_t widest(void)
{
	return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") ? 64
	       : __builtin_cpu_supports("avx2")                                         ? 32
	                                                                                : 16;
}

static size_t any_width(void)
{
	size_t widths[] = { 16, 32, 64 };

	return widths[chance(widest() == 64 ? 3 : widest() == 32 ? 2 : 1)];
}

static struct vector_op vector_move(size_t width, uint8_t opcode)
{
	return (struct vector_op){ .map = MAP_0F,
		                   .width = width == 64 ? 2 : width == 32,
		                   .opcode = opcode,
		                   .evex = width == 64 };
}

static void make_vector_move(void)
{
	size_t width = any_width();
	bool stores = chance(2);
	unsigned at = any_at(width);
	uint8_t bytes[64];
	struct event *event = event_new();
	struct place place = reach(at, 0);

	any_vector(bytes);
	if (stores) {
		load_vector(0, bytes, width);
		writes(event, at, bytes, width);
	} else {
		reads(event, at, width);
	}
	event->pc = width == 16
	                ? insn((struct op){ .map = MAP_0F, .opcode = stores ? 0x11 : 0x10 }, &place)
	                : vector_insn(vector_move(width, stores ? 0x11 : 0x10), &place);
}

/* movss, movlps, movhps, movd, pextrb, movntps, movntdq */
static void make_small_vector_move(void)
{
	static const struct {
		struct op op;
		uint8_t size, from;
	} moves[] = {
		{ { .prefix = 0xf3, .map = MAP_0F, .opcode = 0x11 }, 4, 0 },
		{ { .map = MAP_0F, .opcode = 0x13 }, 8, 0 },
		{ { .map = MAP_0F, .opcode = 0x17 }, 8, 8 },
		{ { .prefix = 0x66, .map = MAP_0F, .opcode = 0x7e }, 4, 0 },
		{ { .prefix = 0x66, .map = MAP_0F3A, .opcode = 0x14, .imm_len = 1, .imm = 11 },
		  1,
		  11 },
		{ { .map = MAP_0F, .opcode = 0x2b }, 16, 0 },
		{ { .prefix = 0x66, .map = MAP_0F, .opcode = 0xe7 }, 16, 0 },
	};
	unsigned which = (unsigned)chance(7), size = moves[which].size;
	unsigned at = size == 16 ? any_aligned(16) : any_at(size);
	uint8_t bytes[64];
	struct event *event = event_new();
	struct place place = reach(at, 0);

	any_vector(bytes);
	load_vector(0, bytes, 16);
	writes(event, at, bytes + moves[which].from, size);
	event->pc = insn(moves[which].op, &place);
}

static void write_masked(struct event *event, unsigned at, const uint8_t *bytes, size_t width,
                         size_t size, uint64_t mask)
{
	event->flags = EVENT_MASKED;
	for (size_t i = 0; i < width / size; i++)
		if (mask >> i & 1)
			writes(event, at + (unsigned)(i * size), bytes + i * size, size);
}

/* vmovdqu8 %zmm0, place{%k1} */
static void make_masked_by_k(void)
{
	unsigned at = any_at(64);
	uint64_t mask = any_value() & any_value();
	uint8_t bytes[64];
	struct event *event = event_new();
	struct place place;

	if (widest() < 64) {
		made.count--;
		return;
	}
	any_vector(bytes);
	load_vector(0, bytes, 64);
	write_masked(event, at, bytes, 64, 1, mask);
	load(RAX, mask);
	put(0xc892fbe1c4, 5); /* kmovq %rax, %k1 */
	place = reach(at, 0);
	event->pc = vector_insn(
	    (struct vector_op){
	        .prefix = 3, .map = MAP_0F, .width = 2, .opcode = 0x7f, .evex = true, .mask = 1 },
	    &place);
}

/* vmaskmovps %xmm0, %xmm1, place; maskmovdqu %xmm1, %xmm0 */
static void make_masked_by_vector(void)
{
	bool by_bytes = widest() < 32 || chance(2);
	size_t size = by_bytes ? 1 : 4;
	unsigned at = any_at(16);
	uint64_t mask = any_value() & any_value();
	uint8_t bytes[64], masks[64] = { 0 };
	struct event *event = event_new();
	struct place place;

	any_vector(bytes);
	for (size_t i = 0; i < 16; i++)
		masks[i] = mask >> i / size & 1 ? 0x80 : 0;
	load_vector(0, bytes, 16);
	load_vector(1, masks, 16);
	write_masked(event, at, bytes, 16, size, mask);
	if (by_bytes) {
		load(RDI, (uint64_t)(uintptr_t)&arena[at]);
		event->pc = put_here(0xc1f70f66, 4);
		return;
	}
	place = reach(at, 0);
	event->pc = vector_insn(
	    (struct vector_op){ .prefix = 1, .map = MAP_0F38, .opcode = 0x2e, .also = 1 }, &place);
}

/* fildll, fistpll, fstpt, fnstcw, stmxcsr */
static void make_floating(void)
{
	static const struct {
		uint8_t opcode, reg, size;
	} forms[] = {
		{ 0xdf, 5, 8 }, { 0xdf, 7, 8 }, { 0xdb, 7, 10 }, { 0xd9, 7, 2 }, { 0xae, 3, 4 }
	};
	unsigned which = (unsigned)chance(5), size = forms[which].size, at = any_at(size);
	int64_t number = (int64_t)any_value();
	long double extended = (long double)number;
	const uint32_t mxcsr = 0x1f80, control = 0x37f;
	const void *const stored[] = { NULL, &number, &extended, &control, &mxcsr };
	struct event *event = event_new();
	struct place place = { .addr = (uint64_t)(uintptr_t)pool[pool_used],
		               .base = NO_REG,
		               .index = NO_REG };

	if (which == 1 || which == 2) {
		memcpy(pool[pool_used++], &number, 8);
		insn((struct op){ .opcode = 0xdf, .reg = 5 }, &place);
	}
	if (stored[which])
		writes(event, at, stored[which], size);
	else
		reads(event, at, size);
	place = reach(at, 0);
	event->pc = insn((struct op){ .map = which == 4 ? MAP_0F : MAP_ONE,
	                              .opcode = forms[which].opcode,
	                              .reg = forms[which].reg },
	                 &place);
	if (which == 0)
		put(0xd8dd, 2); /* fstp %st(0) */
}

#endif
