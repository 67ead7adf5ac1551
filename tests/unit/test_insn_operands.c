/* SPDX-License-Identifier: MIT */
/* What instructions say of I/O ports, and which elements of a vector they access. */
#include <string.h>

#include "insn/insn.h"
#include "unit.h"

static struct mt_insn decode(enum mt_machine machine, const char *bytes, size_t len)
{
	struct mt_insn insn;

	ck_assert(mt_insn_decode(machine, (const uint8_t *)bytes, len, 0x1000, &insn));
	ck_assert_uint_eq(insn.len, len);
	return insn;
}

#define DECODE(bytes) decode(MT_MACHINE_X86_64, bytes, sizeof(bytes) - 1)
#define DECODE_I386(bytes) decode(MT_MACHINE_I386, bytes, sizeof(bytes) - 1)

/* ---- Ports ---------------------------------------------------------------- */

static const struct {
	const char *text, *bytes;
	size_t len;
	struct mt_port_access access; /* with dx 0x3f8, eax 0xdeadbeef, rcx 0x100000005 */
} ports[] = {
#define PORT(text, bytes, ...)                                                                     \
	{                                                                                          \
		text, bytes, sizeof(bytes) - 1,                                                    \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
	PORT("in (%dx),%al", "\xec", 0x3f8, 1, false, 1, false, 0),
	PORT("in (%dx),%ax", "\x66\xed", 0x3f8, 2, false, 1, false, 0),
	PORT("in (%dx),%eax", "\xed", 0x3f8, 4, false, 1, false, 0),
	PORT("rex.w in (%dx),%eax", "\x48\xed", 0x3f8, 4, false, 1, false, 0),
	PORT("in $0x80,%al", "\xe4\x80", 0x80, 1, false, 1, false, 0),
	PORT("in $0xff,%ax", "\x66\xe5\xff", 0xff, 2, false, 1, false, 0),
	PORT("in $0x60,%eax", "\xe5\x60", 0x60, 4, false, 1, false, 0),
	PORT("out %al,(%dx)", "\xee", 0x3f8, 1, true, 1, true, 0xef),
	PORT("out %ax,(%dx)", "\x66\xef", 0x3f8, 2, true, 1, true, 0xbeef),
	PORT("out %eax,(%dx)", "\xef", 0x3f8, 4, true, 1, true, 0xdeadbeef),
	PORT("out %al,$0x80", "\xe6\x80", 0x80, 1, true, 1, true, 0xef),
	PORT("out %ax,$0xf0", "\x66\xe7\xf0", 0xf0, 2, true, 1, true, 0xbeef),
	PORT("out %eax,$0xcf", "\xe7\xcf", 0xcf, 4, true, 1, true, 0xdeadbeef),
	PORT("insb", "\x6c", 0x3f8, 1, false, 1, false, 0),
	PORT("insw", "\x66\x6d", 0x3f8, 2, false, 1, false, 0),
	PORT("insl", "\x6d", 0x3f8, 4, false, 1, false, 0),
	PORT("rex.w insl", "\x48\x6d", 0x3f8, 4, false, 1, false, 0),
	PORT("outsb", "\x6e", 0x3f8, 1, true, 1, false, 0),
	PORT("outsw", "\x66\x6f", 0x3f8, 2, true, 1, false, 0),
	PORT("outsl", "\x6f", 0x3f8, 4, true, 1, false, 0),
	PORT("rep insb", "\xf3\x6c", 0x3f8, 1, false, 0x100000005, false, 0),
	PORT("rep outsl", "\xf3\x6f", 0x3f8, 4, true, 0x100000005, false, 0),
	PORT("repne outsb", "\xf2\x6e", 0x3f8, 1, true, 0x100000005, false, 0),
	PORT("addr32 rep insb", "\x67\xf3\x6c", 0x3f8, 1, false, 5, false, 0),
};

static void expect_access(enum mt_machine machine, size_t i)
{
	struct mt_regs regs = { 0 };
	struct mt_port_access access = { 0 }, wanted = ports[i].access;
	struct mt_insn insn = decode(machine, ports[i].bytes, ports[i].len);

	if (machine == MT_MACHINE_I386 && insn.rep)
		wanted.count = 5;
	regs.r[MT_REG_RDX] = 0xabc03f8;
	regs.r[MT_REG_RAX] = 0x12345678deadbeef;
	regs.r[MT_REG_RCX] = 0x100000005;
	ck_assert_msg(mt_insn_port_access(&insn, &regs, &access), "%s is none", ports[i].text);
	ck_assert_msg(access.port == wanted.port && access.size == wanted.size &&
	                  access.out == wanted.out && access.count == wanted.count &&
	                  access.has_value == wanted.has_value && access.value == wanted.value,
	              "%s: port 0x%x, size %u, out %d, count %lu, value %d 0x%x", ports[i].text,
	              access.port, access.size, access.out, access.count, access.has_value,
	              access.value);
}

START_TEST(accesses_to_ports)
{
	for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++) {
		expect_access(MT_MACHINE_X86_64, i);
		if (ports[i].bytes[0] != '\x48' && ports[i].bytes[0] != '\x67')
			expect_access(MT_MACHINE_I386, i);
	}
}
END_TEST

/* ins writes memory, and outs reads it. */
START_TEST(strings_of_ports_access_memory)
{
	struct mt_insn insn = DECODE("\xf3\x6c");

	ck_assert_int_eq(insn.klass, MT_INSN_STRING);
	ck_assert(insn.rep && insn.port.string);
	ck_assert_uint_eq(insn.mem_count, 1);
	ck_assert_uint_eq(insn.mem[0].access, MT_INSN_WRITE);
	ck_assert_uint_eq(insn.mem[0].base, MT_REG_RDI);
	insn = DECODE("\x66\x6f");
	ck_assert_uint_eq(insn.mem[0].access, MT_INSN_READ);
	ck_assert_uint_eq(insn.mem[0].base, MT_REG_RSI);
	ck_assert_uint_eq(insn.mem[0].size, 2);
}
END_TEST

START_TEST(others_access_no_port)
{
	const struct mt_regs regs = { 0 };
	struct mt_port_access access;
	struct mt_insn insns[] = { DECODE("\x90"), DECODE("\xf3\xa4"), DECODE("\x0f\x05"),
		                   DECODE("\x88\x03"), DECODE_I386("\x40") };

	for (size_t i = 0; i < sizeof(insns) / sizeof(*insns); i++)
		ck_assert(!mt_insn_port_access(&insns[i], &regs, &access));
}
END_TEST

/* ---- Masks ---------------------------------------------------------------- */

static void expect_mask(const struct mt_insn *insn, enum mt_insn_mask kind, unsigned reg,
                        unsigned size)
{
	ck_assert_uint_eq(insn->mem_count, 1);
	ck_assert_msg(insn->mem[0].mask == kind && insn->mem[0].mask_reg == reg &&
	                  insn->mem[0].mask_size == size,
	              "%s: mask %u, register %u, size %u", insn->text, insn->mem[0].mask,
	              insn->mem[0].mask_reg, insn->mem[0].mask_size);
	ck_assert_msg(!kind || mt_insn_may_have_state(insn->bytes), "%s", insn->text);
	ck_assert_msg(mt_insn_has_state(insn) == (kind != MT_INSN_MASK_NONE), "%s", insn->text);
}

static void expect_used_up(const struct mt_insn *insn, enum mt_insn_mask kind, unsigned reg,
                           unsigned size)
{
	expect_mask(insn, kind, reg, size);
	ck_assert_msg(!insn->mem[0].mask_kept, "%s", insn->text);
}

START_TEST(masks)
{
	struct mt_insn insn = DECODE("\x62\xf1\x7f\x4b\x7f\x00"); /* vmovdqu8 %zmm0,(%rax){%k3} */

	expect_mask(&insn, MT_INSN_MASK_K, 3, 1);
	insn = DECODE("\x62\xf1\x7c\x29\x11\x00"); /* vmovups %ymm0,(%rax){%k1} */
	expect_mask(&insn, MT_INSN_MASK_K, 1, 4);
	insn = DECODE("\x62\xf1\x7c\x49\x10\x00"); /* vmovups (%rax),%zmm0{%k1} */
	expect_mask(&insn, MT_INSN_MASK_K, 1, 4);
	insn = DECODE("\xc4\xe2\x71\x2e\x00"); /* vmaskmovps %xmm0,%xmm1,(%rax) */
	expect_mask(&insn, MT_INSN_MASK_VECTOR, 1, 4);
	insn = DECODE("\xc4\xe2\x65\x2f\x00"); /* vmaskmovpd %ymm0,%ymm3,(%rax) */
	expect_mask(&insn, MT_INSN_MASK_VECTOR, 3, 8);
	insn = DECODE("\x66\x0f\xf7\xc1"); /* maskmovdqu %xmm1,%xmm0 */
	expect_mask(&insn, MT_INSN_MASK_VECTOR, 1, 1);
}
END_TEST

START_TEST(masks_that_are_used_up)
{
	struct mt_insn insn = DECODE("\xc4\xe2\x71\x2c\x08"); /* vmaskmovps (%rax),%xmm1,%xmm1 */

	expect_used_up(&insn, MT_INSN_MASK_VECTOR, 1, 4);
	insn = DECODE("\xc4\xe2\x71\x90\x04\x10"); /* vpgatherdd %xmm1,(%rax,%xmm2),%xmm0 */
	expect_used_up(&insn, MT_INSN_MASK_VECTOR, 1, 4);
	insn = DECODE("\x62\xf2\x7d\x49\xa0\x04\x10"); /* vpscatterdd %zmm0,(%rax,%zmm2){%k1} */
	expect_used_up(&insn, MT_INSN_MASK_K, 1, 4);
}
END_TEST

START_TEST(vectors_of_addresses)
{
	struct mt_insn insn = DECODE("\xc4\xe2\xf5\x93\x04\x10"); /* vgatherqpd of ymm1 and ymm2 */

	ck_assert_uint_eq(insn.mem[0].vector_index, 2);
	ck_assert_uint_eq(insn.mem[0].vector_index_size, 8);
	ck_assert_uint_eq(insn.mem[0].mask_bits, 4);
	ck_assert_uint_eq(insn.mem[0].access, MT_INSN_READ);
	insn = DECODE("\x62\xf2\x7d\x49\xa3\x04\x10"); /* vscatterqps %ymm0,(%rax,%zmm2){%k1} */
	ck_assert_uint_eq(insn.mem[0].vector_index_size, 8);
	ck_assert_uint_eq(insn.mem[0].mask_bits, 8);
	ck_assert_uint_eq(insn.mem[0].size, 4);
	ck_assert_uint_eq(insn.mem[0].access, MT_INSN_WRITE);
	insn = DECODE("\x48\x8b\x04\x10"); /* mov (%rax,%rdx),%rax */
	ck_assert_uint_eq(insn.mem[0].vector_index, MT_REG_NONE);
}
END_TEST

START_TEST(what_has_no_mask)
{
	struct mt_insn insn = DECODE("\x62\xf1\x7c\x48\x11\x00"); /* vmovups %zmm0,(%rax) */

	expect_mask(&insn, MT_INSN_MASK_NONE, 0, 0);
	insn = DECODE("\x62\xf2\x75\x49\x16\x00"); /* vpermps (%rax),%zmm1,%zmm0{%k1} reads all */
	expect_mask(&insn, MT_INSN_MASK_NONE, 0, 0);
	insn = DECODE("\x48\x8b\x04\x10");
	expect_mask(&insn, MT_INSN_MASK_NONE, 0, 0);
}
END_TEST

/* Which of the first 16 bytes are touched. */
static unsigned bytes_touched(const struct mt_insn *insn, uint8_t k)
{
	const uint8_t mask[64] = { k };
	unsigned touched = 0;

	for (unsigned at = 0; at < 16; at++)
		if (mt_insn_mask_touches(&insn->mem[0], mask, 0x100, 0x100 + at, 1))
			touched |= 1U << at;
	return touched;
}

START_TEST(masks_of_another_kind)
{
	struct mt_insn insn =
	    DECODE("\x62\xf2\x7d\x49\x8a\x00"); /* vcompressps %zmm0,(%rax){%k1} */

	expect_mask(&insn, MT_INSN_MASK_K_PACKED, 1, 4);
	ck_assert_uint_eq(bytes_touched(&insn, 0xa0), 0x00ff);
	insn = DECODE("\x62\xf1\x7c\x59\x58\x00"); /* vaddps (%rax){1to16},%zmm0,%zmm0{%k1} */
	expect_mask(&insn, MT_INSN_MASK_K_REPEATED, 1, 4);
	ck_assert_uint_eq(bytes_touched(&insn, 0x40), 0x000f);
	ck_assert_uint_eq(bytes_touched(&insn, 0), 0);
	insn = DECODE("\x62\xf2\x7d\x49\x1a\x00"); /* vbroadcastf32x4 (%rax),%zmm0{%k1} */
	expect_mask(&insn, MT_INSN_MASK_K_REPEATED, 1, 4);
	ck_assert_uint_eq(bytes_touched(&insn, 0x42), 0x0ff0);
	insn = DECODE("\x62\xf1\xfd\x49\x5a\x00"); /* vcvtpd2ps (%rax),%ymm0{%k1} */
	expect_mask(&insn, MT_INSN_MASK_K, 1, 8);
	insn = DECODE("\x62\xf2\x75\x49\x50\x00"); /* vpdpbusd (%rax),%zmm1,%zmm0{%k1} */
	expect_mask(&insn, MT_INSN_MASK_K, 1, 4);
	insn = DECODE("\x0f\xf7\xc1"); /* maskmovq %mm1,%mm0 */
	expect_mask(&insn, MT_INSN_MASK_MMX, 1, 1);
}
END_TEST

/* In their own words, without a look at the instruction. */
START_TEST(what_may_have_a_state)
{
	ck_assert(!mt_insn_may_have_state((const uint8_t *)"\x48\x8b\x04\x10"));
	ck_assert(!mt_insn_may_have_state((const uint8_t *)"\xc5\xf8\x11\x00")); /* vmovups */
	ck_assert(!mt_insn_may_have_state((const uint8_t *)"\x0f\x11\x00\x90"));
	ck_assert(mt_insn_may_have_state((const uint8_t *)"\xc5\xf9\xf7\xc1")); /* vmaskmovdqu */
	ck_assert(mt_insn_may_have_state((const uint8_t *)"\x48\x0f\xc7\x20")); /* xsavec64 */
	ck_assert(mt_insn_may_have_state((const uint8_t *)"\x66\x0f\xf7\xc1"));
}
END_TEST

START_TEST(elements_that_are_let_through)
{
	struct mt_insn insn = DECODE("\x62\xf1\x7c\x29\x11\x00"); /* 8 of 4 bytes, by k1 */
	const uint8_t by_k[64] = { 0x22 };
	uint8_t by_bytes[64] = { 0 };

	for (uint64_t at = 0; at < 40; at++)
		ck_assert(mt_insn_mask_touches(&insn.mem[0], by_k, 100, 100 + at, 1) ==
		          ((at >= 4 && at < 8) || (at >= 20 && at < 24)));
	ck_assert(mt_insn_mask_touches(&insn.mem[0], by_k, 100, 96, 9));
	ck_assert(!mt_insn_mask_touches(&insn.mem[0], by_k, 100, 96, 8));
	insn = DECODE("\x66\x0f\xf7\xc1");
	by_bytes[5] = 0x80;
	by_bytes[6] = 0x7f;
	by_bytes[20] = 0xff; /* beyond its 16 */
	for (uint64_t at = 0; at < 40; at++)
		ck_assert(mt_insn_mask_touches(&insn.mem[0], by_bytes, 100, 100 + at, 1) ==
		          (at == 5));
}
END_TEST

MT_UNIT_MAIN("insn: operands", accesses_to_ports, strings_of_ports_access_memory,
             others_access_no_port, masks, masks_that_are_used_up, vectors_of_addresses,
             what_has_no_mask, masks_of_another_kind, what_may_have_a_state,
             elements_that_are_let_through)
