/* SPDX-License-Identifier: MIT */
/* Of at-random.c: machine code is written, and what it will do is noted. */
#ifndef AT_RANDOM_EMIT_H
#define AT_RANDOM_EMIT_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "at-random.h"

#define CODE_SIZE 16384
#define POOL_ENTRIES 128

enum reg { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R12 = 12, R15 = 15, NO_REG = 255 };

extern uint8_t made_code[CODE_SIZE]; /* a function of its own: see at-random.c */

struct made made;
static uint8_t arena[ARENA] __attribute__((aligned(64)));
static uint8_t pool[POOL_ENTRIES][64] __attribute__((aligned(64)));
static size_t pool_used;
static uint64_t stack; /* the stack pointer, while instructions use the arena for a stack */
static uint8_t *code;

/* ---- Chance -------------------------------------------------------------- */

static uint64_t state;

static uint64_t chance(uint64_t below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (state >> 33) % below;
}

static uint64_t any_value(void)
{
	static const uint64_t common[] = { 0, 1, 0xff, ~UINT64_C(0) };

	if (chance(3) == 0) /* so that values stay the same now and then */
		return common[chance(4)];
	return chance(UINT64_C(1) << 31) << 33 ^ chance(UINT64_C(1) << 31) << 11 ^ chance(2048);
}

/* ---- What it will do ----------------------------------------------------- */

static uint8_t *now; /* the arena after the event that is being made */

static struct event *event_new(void)
{
	struct event *event = &made.events[made.count];

	*event = (struct event){ .syscall = -1 };
	memcpy(made.states[made.count + 1], made.states[made.count], ARENA);
	now = made.states[++made.count];
	return event;
}

static void touch(struct event *event, unsigned at, size_t len, unsigned did)
{
	for (size_t i = 0; i < len; i++)
		event->did[at + i] |= (uint8_t)did;
}

static uint64_t peek(unsigned at, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, now + at, size);
	return value;
}

static void reads(struct event *event, unsigned at, size_t size)
{
	touch(event, at, size, DID_READ);
}

static void writes(struct event *event, unsigned at, const void *bytes, size_t size)
{
	touch(event, at, size, DID_WRITE);
	memcpy(now + at, bytes, size);
}

/* ---- Code ---------------------------------------------------------------- */

static void put(uint64_t value, size_t size)
{
	memcpy(code, &value, size);
	code += size;
}

static uint64_t put_here(uint64_t bytes, size_t size)
{
	uint64_t begins = (uint64_t)(uintptr_t)code;

	put(bytes, size);
	return begins;
}

static void load(enum reg reg, uint64_t value)
{
	put(reg < R8 ? 0x48 : 0x49, 1);
	put(0xb8 + (reg & 7), 1);
	put(value, 8);
}

/* The place of an operand; the registers that it needs are loaded. */
struct place {
	uint64_t addr, base_value;
	enum reg base, index; /* base NO_REG: relative to rip */
	uint8_t scale;        /* as in SIB: 0 to 3 */
	int32_t disp;
	bool by_fs;
};

static enum reg any_base(unsigned busy)
{
	static const enum reg bases[] = { RBX, RBP, RSI, RDI, R8, R12, 13, R15 };
	enum reg reg;

	do
		reg = bases[chance(8)];
	while (busy >> reg & 1);
	return reg;
}

static uint64_t fs_base(void)
{
	uint64_t base;

	__asm__("movq %%fs:0, %0" : "=r"(base)); /* its first word says where it lies */
	return base;
}

/* Some way to name that place, without the registers of the mask `busy`. */
static struct place reach_addr(uint64_t addr, unsigned busy)
{
	struct place place = { .addr = addr, .base = NO_REG, .index = NO_REG };
	uint64_t way = chance(8), base = addr;

	if (way == 0)
		return place;
	place.base = any_base(busy);
	place.disp = (int32_t)(chance(1000) - 500);
	base -= (uint64_t)(int64_t)place.disp;
	if (way < 3) {
		uint64_t index = chance(64);

		place.index = any_base(busy | 1u << place.base);
		place.scale = (uint8_t)chance(4);
		base -= index << place.scale;
		load(place.index, index);
	} else if (way == 3) {
		place.by_fs = true;
		base -= fs_base();
	}
	place.base_value = base;
	load(place.base, base);
	return place;
}

static struct place reach(unsigned at, unsigned busy)
{
	return reach_addr((uint64_t)(uintptr_t)&arena[at], busy);
}

/* ModRM, SIB, displacement; `behind` bytes of the instruction follow. */
static void put_place(const struct place *place, unsigned reg, size_t behind)
{
	unsigned low = place->base & 7;

	if (place->base == NO_REG) {
		put((reg & 7) << 3 | 5, 1);
		put(place->addr - (uint64_t)(uintptr_t)(code + 4 + behind), 4);
		return;
	}
	if (place->index != NO_REG || low == 4) {
		unsigned index = place->index == NO_REG ? 4 : place->index & 7;

		put(0x80 | (reg & 7) << 3 | 4, 1);
		put((uint64_t)place->scale << 6 | index << 3 | low, 1);
	} else {
		put(0x80 | (reg & 7) << 3 | low, 1);
	}
	put((uint32_t)place->disp, 4);
}

static bool high(enum reg reg)
{
	return reg != NO_REG && reg >= R8;
}

enum map { MAP_ONE, MAP_0F, MAP_0F38, MAP_0F3A };

struct op {
	uint8_t prefix; /* 0x66, 0xf2, 0xf3; 0: none */
	bool lock, wide;
	enum map map;
	uint8_t opcode, reg, imm_len;
	uint64_t imm;
};

/* Returns where it begins. */
static uint64_t insn(struct op op, const struct place *place)
{
	uint64_t begins = (uint64_t)(uintptr_t)code;
	unsigned rex = (unsigned)op.wide << 3 | (unsigned)high(place->index) << 1 |
	               (unsigned)high(place->base);

	if (place->by_fs)
		put(0x64, 1);
	if (op.lock)
		put(0xf0, 1);
	if (op.prefix)
		put(op.prefix, 1);
	if (rex)
		put(0x40 | rex, 1);
	if (op.map)
		put(0x0f, 1);
	if (op.map > MAP_0F)
		put(op.map == MAP_0F38 ? 0x38 : 0x3a, 1);
	put(op.opcode, 1);
	put_place(place, op.reg, op.imm_len);
	put(op.imm, op.imm_len);
	return begins;
}

struct vector_op {
	uint8_t prefix; /* 1: 66, 2: F3, 3: F2 */
	enum map map;
	uint8_t width; /* 0: 16 bytes, 1: 32, 2: 64 */
	bool wide;
	uint8_t opcode, reg, also; /* `also`: vvvv */
	bool evex;
	uint8_t mask; /* of EVEX: k1 to k7 */
};

static uint64_t vector_insn(struct vector_op op, const struct place *place)
{
	uint64_t begins = (uint64_t)(uintptr_t)code;
	unsigned rxb =
	    0x80 | (unsigned)!high(place->index) << 6 | (unsigned)!high(place->base) << 5;
	unsigned vvvv = (~op.also & 15u) << 3;

	if (place->by_fs)
		put(0x64, 1);
	put(op.evex ? 0x62 : 0xc4, 1);
	put(rxb | (op.evex ? 0x10 : 0) | op.map, 1);
	put((unsigned)op.wide << 7 | vvvv | (op.evex ? 4u : (unsigned)op.width << 2) | op.prefix,
	    1);
	if (op.evex)
		put((unsigned)op.width << 5 | 8 | op.mask, 1);
	put(op.opcode, 1);
	put_place(place, op.reg, 0);
	return begins;
}

/* A vector register is loaded with these bytes, which lie outside the arena. */
static void load_vector(unsigned reg, const uint8_t *bytes, size_t size)
{
	struct place place = { .addr = (uint64_t)(uintptr_t)pool[pool_used],
		               .base = NO_REG,
		               .index = NO_REG };

	memcpy(pool[pool_used++], bytes, size);
	if (size == 16)
		insn((struct op){ .map = MAP_0F, .opcode = 0x10, .reg = (uint8_t)reg }, &place);
	else /* vmovups */
		vector_insn((struct vector_op){ .map = MAP_0F,
		                                .width = size == 64 ? 2 : 1,
		                                .opcode = 0x10,
		                                .reg = (uint8_t)reg,
		                                .evex = size == 64 },
		            &place);
}

#endif
