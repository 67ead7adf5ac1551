/* SPDX-License-Identifier: MIT */
/* Of test_insn_hardware.c: vectors, masks and the rest of the XSAVE area. */
#ifndef MT_TESTS_INSN_HARDWARE_STATE_H
#define MT_TESTS_INSN_HARDWARE_STATE_H

#include <stdint.h>
#include <string.h>

#include "insn_hardware_cases.h"
#include "target/tracee.h"
#include "unit.h"
#include "x86/regtable.h"

static struct mt_xsave_layout layout;
static uint8_t xsave_area[65536] __attribute__((aligned(64)));

/* What the case needs; the layout is known from then on. */
static bool processor_has(unsigned flags)
{
	mt_xsave_layout_read(&layout);
	ck_assert_uint_le(layout.size, sizeof(xsave_area));
	return (!(flags & AVX) || __builtin_cpu_supports("avx")) &&
	       (!(flags & AVX2) || __builtin_cpu_supports("avx2")) &&
	       (!(flags & AVX512) || __builtin_cpu_supports("avx512bw"));
}

static bool is_count(unsigned flags, unsigned seen, unsigned expected)
{
	return flags & WIDE ? seen >= expected : seen == expected;
}

static void put(const struct mt_register_areas *areas, const char *name, const uint64_t value[8])
{
	const struct mt_register *reg = mt_register_find(name);

	if (mt_register_exists(reg, &layout))
		mt_register_put(reg, areas, value);
}

/* Every second element of each mask is let through; no two numbers of elements are the same. */
static struct mt_register_areas fill_state(pid_t child)
{
	static const uint64_t k1 = 0x5a5a5a5a5a5a5a5a, k2 = 0;
	struct mt_register_areas areas = { .xsave = xsave_area, .layout = &layout };
	uint64_t words[8], dwords[8], masks[8];
	int32_t narrow[16];

	for (int i = 0; i < 16; i++)
		narrow[i] = (i * 7 % 16 - 5) * 3;
	memcpy(dwords, narrow, sizeof(dwords));
	for (unsigned i = 0; i < 8; i++) {
		words[i] = (uint64_t)((int64_t)(i * 3 % 8) - 4) * 5;
		masks[i] = i % 2 ? 0x8000008000800080 : 0x0080800080008000;
	}
	ck_assert(mt_tracee_xstate(child, xsave_area, layout.size, &areas.xsave_size));
	put(&areas, "mm1", (uint64_t[]){ 0x80ff7f0000ff0180, 0, 0, 0, 0, 0, 0, 0 });
	put(&areas, "xmm1", masks);
	put(&areas, "ymm1", masks);
	put(&areas, "zmm1", masks);
	put(&areas, "xmm2", dwords);
	put(&areas, "ymm2", dwords);
	put(&areas, "zmm2", dwords);
	put(&areas, "ymm3", words);
	put(&areas, "zmm3", words);
	put(&areas, "zmm18", words);
	put(&areas, "k1", (const uint64_t[]){ k1, 0, 0, 0, 0, 0, 0, 0 });
	put(&areas, "k2", (const uint64_t[]){ k2, 0, 0, 0, 0, 0, 0, 0 });
	ck_assert(mt_tracee_set_xstate(child, xsave_area, areas.xsave_size));
	/* As the kernel has it then. */
	ck_assert(mt_tracee_xstate(child, xsave_area, layout.size, &areas.xsave_size));
	return areas;
}

static size_t read_arena(void *arg, uint64_t addr, void *out, size_t len)
{
	(void)arg;
	memcpy(out, (const void *)(uintptr_t)addr, len);
	return len;
}

#endif
