/* SPDX-License-Identifier: MIT */
/* Of at-random.c: vectors whose elements lie apart, or are packed, and masks that are used up. */
#ifndef AT_RANDOM_SCATTERED_H
#define AT_RANDOM_SCATTERED_H

#include "at-random-vectors.h"

/* ---- Gathers and scatters -------------------------------------------------- */

/* All have their base in rax, indices in vector 2, and the mask in vector 1 or k1; scale 1. */
static const struct scattered {
	uint64_t code;
	uint8_t code_len, count, size, index_size;
	bool stores, by_k;
} scattereds[] = {
	{ 0x10049071e2c4, 6, 4, 4, 4, false, false },  /* vpgatherdd (%rax,%xmm2),%xmm0 */
	{ 0x100493f5e2c4, 6, 4, 8, 8, false, false },  /* vgatherqpd (%rax,%ymm2),%ymm0 */
	{ 0x10049049fdf262, 7, 8, 8, 4, false, true }, /* vpgatherdq (%rax,%ymm2),%zmm0 */
	{ 0x1004a0497df262, 7, 16, 4, 4, true, true }, /* vpscatterdd %zmm0,(%rax,%zmm2) */
	{ 0x1004a3497df262, 7, 8, 4, 8, true, true },  /* vscatterqps %ymm0,(%rax,%zmm2) */
};

static void load_masks(const struct scattered *kind, uint64_t mask, size_t width)
{
	uint8_t masks[64] = { 0 };

	if (kind->by_k) {
		load(RAX, mask);
		put(0xc892fbe1c4, 5); /* kmovq %rax, %k1 */
		return;
	}
	for (size_t i = 0; i < kind->count; i++)
		masks[(i + 1) * kind->size - 1] = mask >> i & 1 ? 0x80 : 0x7f;
	load_vector(1, masks, width < 32 ? 16 : 32);
}

static void make_scattered(void)
{
	const struct scattered *kind = &scattereds[chance(widest() == 64 ? 5 : 2)];
	size_t data = (size_t)kind->count * kind->size,
	       indices = (size_t)kind->count * kind->index_size;
	unsigned base = any_at(1);
	uint64_t mask = any_value() & any_value();
	uint8_t bytes[64], numbers[64];
	struct event *event = event_new();

	if (widest() < 32) {
		made.count--;
		return;
	}
	any_vector(bytes);
	for (unsigned i = 0; i < kind->count; i++) {
		unsigned at = any_at(kind->size);
		int64_t number = (int64_t)at - (int64_t)base;

		memcpy(numbers + (size_t)i * kind->index_size, &number, kind->index_size);
		if (!(mask >> i & 1))
			continue;
		if (kind->stores)
			writes(event, at, bytes + (size_t)i * kind->size, kind->size);
		else
			reads(event, at, kind->size);
	}
	load_vector(0, bytes, data);
	load_vector(2, numbers, indices);
	load_masks(kind, mask, data);
	load(RAX, (uint64_t)(uintptr_t)&arena[base]);
	event->pc = put_here(kind->code, kind->code_len);
}

/* ---- Packed ones ------------------------------------------------------------ */

/* vpcompressd %zmm0,(%rax){%k1}; vexpandpd (%rax),%zmm0{%k1} */
static void make_packed(void)
{
	bool stores = chance(2);
	unsigned size = stores ? 4 : 8, count = 64 / size, at = any_at(64), packed = 0;
	uint64_t mask = any_value();
	uint8_t bytes[64];
	struct event *event = event_new();

	if (widest() < 64) {
		made.count--;
		return;
	}
	any_vector(bytes);
	for (unsigned i = 0; i < count; i++) {
		if (!(mask >> i & 1))
			continue;
		if (stores)
			writes(event, at + packed, bytes + (size_t)i * size, size);
		else
			reads(event, at + packed, size);
		packed += size;
	}
	load_vector(0, bytes, 64);
	load(RAX, mask);
	put(0xc892fbe1c4, 5); /* kmovq %rax, %k1 */
	load(RAX, (uint64_t)(uintptr_t)&arena[at]);
	event->pc = stores ? put_here(0x008b497df262, 6) : put_here(0x008849fdf262, 6);
}

/* vmaskmovps (%rax),%xmm1,%xmm1: the result is where the mask was. */
static void make_masked_load(void)
{
	unsigned at = any_at(16);
	uint64_t mask = any_value();
	uint8_t masks[64];
	struct event *event = event_new();

	if (widest() < 32) {
		made.count--;
		return;
	}
	for (unsigned i = 0; i < 4; i++) {
		memset(masks + i * 4, mask >> i & 1 ? 0xff : 0x7f, 4);
		if (mask >> i & 1)
			reads(event, at + i * 4, 4);
	}
	load_vector(1, masks, 16);
	load(RAX, (uint64_t)(uintptr_t)&arena[at]);
	event->pc = put_here(0x082c71e2c4, 5);
}

#endif
