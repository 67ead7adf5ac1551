/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "unit.h"
#include "x86/debugreg.h"
#include "x86/regs.h"

/* ---- Splitting ----------------------------------------------------------- */

#define LONGEST 33

/* The fewest pieces for [addr, addr+len), by dynamic programming over every way to cut it. */
static size_t fewest_pieces(uint64_t addr, size_t len)
{
	size_t best[LONGEST + 1] = { 0 };

	for (size_t end = 1; end <= len; end++) {
		best[end] = SIZE_MAX;
		for (size_t piece = 1; piece <= 8; piece *= 2) {
			if (piece > end || (addr + end - piece) % piece != 0)
				continue;
			if (best[end - piece] + 1 < best[end])
				best[end] = best[end - piece] + 1;
		}
	}
	return best[len];
}

static void check_split(uint64_t addr, size_t len)
{
	struct mt_dr_piece pieces[LONGEST];
	size_t count = mt_dr_split(addr, len, pieces, LONGEST);
	uint64_t at = addr;

	for (size_t i = 0; i < count; i++) {
		ck_assert_uint_eq(pieces[i].addr, at);
		ck_assert(pieces[i].len == 1 || pieces[i].len == 2 || pieces[i].len == 4 ||
		          pieces[i].len == 8);
		ck_assert_uint_eq(pieces[i].addr % pieces[i].len, 0);
		at += pieces[i].len;
	}
	ck_assert_uint_eq(at, addr + len);
	ck_assert_uint_eq(count, fewest_pieces(addr, len));
}

START_TEST(split_covers_exactly_with_the_fewest_pieces)
{
	static const uint64_t bases[] = { 0, 0x1000, 0x7fffffffe000, UINT64_MAX - 0xfff };

	for (size_t b = 0; b < sizeof(bases) / sizeof(*bases); b++) {
		for (uint64_t align = 0; align < 8; align++) {
			for (size_t len = 1; len <= LONGEST; len++)
				check_split(bases[b] + align, len);
		}
	}
	check_split(UINT64_MAX - 7, 8);
}
END_TEST

START_TEST(split_counts_beyond_what_it_writes)
{
	struct mt_dr_piece pieces[2] = { { 0, 0 }, { 77, 7 } };

	for (uint64_t align = 0; align < 8; align++) {
		for (size_t len = 1; len <= LONGEST; len++)
			ck_assert_uint_eq(mt_dr_split(0x1000 + align, len, NULL, 0),
			                  fewest_pieces(0x1000 + align, len));
	}
	ck_assert_uint_eq(mt_dr_split(0x1001, 7, pieces, 1), 3);
	ck_assert_uint_eq(pieces[0].addr, 0x1001);
	ck_assert_uint_eq(pieces[0].len, 1);
	ck_assert_uint_eq(pieces[1].addr, 77);
	ck_assert_uint_eq(mt_dr_split(1, UINT64_MAX, NULL, 0), 3 + (UINT64_MAX - 7) / 8);
}
END_TEST

START_TEST(split_refuses_nothing_and_wrapping)
{
	ck_assert_uint_eq(mt_dr_split(0x1000, 0, NULL, 0), 0);
	ck_assert_uint_eq(mt_dr_split(UINT64_MAX, 2, NULL, 0), 0);
	ck_assert_uint_eq(mt_dr_split(2, UINT64_MAX, NULL, 0), 0);
	ck_assert_uint_eq(mt_dr_split(UINT64_MAX, 1, NULL, 0), 1);
}
END_TEST

START_TEST(region_is_ok_when_four_registers_suffice)
{
	for (uint64_t align = 0; align < 8; align++) {
		for (size_t len = 1; len <= LONGEST; len++) {
			bool fits = fewest_pieces(align, len) <= 4;

			ck_assert_int_eq(mt_dr_region_ok(MT_DR_WRITE, 0x2000 + align, len), fits);
			ck_assert_int_eq(mt_dr_region_ok(MT_DR_READ, 0x2000 + align, len), fits);
			ck_assert_int_eq(mt_dr_region_ok(MT_DR_ACCESS, 0x2000 + align, len), fits);
			ck_assert_int_eq(mt_dr_region_ok(MT_DR_EXEC, 0x2000 + align, len),
			                 len == 1);
		}
	}
	ck_assert(mt_dr_region_ok(MT_DR_WRITE, 0x1000, MT_DR_MAX_RANGE));
	ck_assert(!mt_dr_region_ok(MT_DR_WRITE, 0x1000, 0));
	ck_assert(!mt_dr_region_ok(MT_DR_WRITE, UINT64_MAX, 2));
	ck_assert(!mt_dr_region_ok(MT_DR_WRITE, 0, UINT64_MAX));
}
END_TEST

/* ---- DR7 and DR6 --------------------------------------------------------- */

/* SDM volume 3, 18.2.4: R/W 00 execute, 01 write, 10 I/O, 11 read or write; LEN 00, 01, 11, 10. */
START_TEST(dr7_control_is_what_the_manual_says)
{
	static const struct {
		enum mt_dr_kind kind;
		unsigned len;
		unsigned control;
	} rows[] = {
		{ MT_DR_EXEC, 1, 0x0 },   { MT_DR_WRITE, 1, 0x1 },  { MT_DR_WRITE, 2, 0x5 },
		{ MT_DR_WRITE, 4, 0xd },  { MT_DR_WRITE, 8, 0x9 },  { MT_DR_ACCESS, 1, 0x3 },
		{ MT_DR_ACCESS, 2, 0x7 }, { MT_DR_ACCESS, 4, 0xf }, { MT_DR_ACCESS, 8, 0xb },
		{ MT_DR_READ, 1, 0x3 },   { MT_DR_READ, 2, 0x7 },   { MT_DR_READ, 4, 0xf },
		{ MT_DR_READ, 8, 0xb },   { MT_DR_IO, 1, 0x2 },     { MT_DR_IO, 2, 0x6 },
		{ MT_DR_IO, 4, 0xe },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		ck_assert_uint_eq(mt_dr7_control(rows[i].kind, rows[i].len), rows[i].control);
		for (unsigned index = 0; index < MT_DR_COUNT; index++) {
			enum mt_dr_kind kind = MT_DR_EXEC, wanted = rows[i].kind;
			unsigned len = 0;
			uint64_t dr7 = mt_dr7_enable(0x400, index, wanted, rows[i].len);

			ck_assert_uint_eq(dr7, 0x400 | UINT64_C(1) << (2 * index) |
			                           (uint64_t)rows[i].control << (16 + 4 * index));
			ck_assert(mt_dr7_decode(dr7, index, &kind, &len));
			ck_assert_int_eq(kind, wanted == MT_DR_READ ? MT_DR_ACCESS : wanted);
			ck_assert_uint_eq(len, rows[i].len);
			ck_assert_uint_eq(mt_dr7_disable(dr7, index), 0x400);
		}
	}
}
END_TEST

START_TEST(dr7_literal_values)
{
	enum mt_dr_kind kind = MT_DR_IO;
	unsigned len = 99;

	ck_assert_uint_eq(mt_dr7_enable(0, 0, MT_DR_WRITE, 4), 0x000d0001);
	ck_assert_uint_eq(mt_dr7_enable(0x000d0001, 3, MT_DR_ACCESS, 8), 0xb00d0041);
	ck_assert_uint_eq(mt_dr7_enable(0, 1, MT_DR_EXEC, 1), 0x00000004);
	/* What was there before is replaced; the global bit, too. */
	ck_assert_uint_eq(mt_dr7_enable(0xffffffff, 2, MT_DR_WRITE, 1), 0xf1ffffdf);
	ck_assert_uint_eq(mt_dr7_disable(0xffffffff, 2), 0xf0ffffcf);
	/* Enabled globally is enabled. */
	ck_assert(mt_dr7_decode(0x00010002, 0, &kind, &len));
	ck_assert_int_eq(kind, MT_DR_WRITE);
	ck_assert_uint_eq(len, 1);
	ck_assert(!mt_dr7_decode(0xffff0000, 0, &kind, &len));
	ck_assert(!mt_dr7_decode(0xffffffff & ~UINT64_C(0x0c), 1, &kind, &len));
}
END_TEST

START_TEST(dr6_bits)
{
	ck_assert_uint_eq(mt_dr6_hits(0xffff0ff5), 5);
	ck_assert_uint_eq(mt_dr6_hits(0xffff0ff0), 0);
	ck_assert(mt_dr6_single_step(0xffff4ff0));
	ck_assert(!mt_dr6_single_step(0xffffbfff));
}
END_TEST

/* ---- The mirror ---------------------------------------------------------- */

static struct mt_error *insert(struct mt_dr_mirror *mirror, mt_dr_owner owner, enum mt_dr_kind kind,
                               uint64_t addr, uint64_t len)
{
	return mt_dr_insert(mirror, owner, kind, addr, len, NULL, NULL);
}

START_TEST(mirror_takes_and_gives_back_every_range)
{
	for (uint64_t align = 0; align < 8; align++) {
		for (size_t len = 1; len <= LONGEST; len++) {
			struct mt_dr_mirror mirror;
			uint64_t addr = 0x5000 + align;
			size_t needed = fewest_pieces(addr, len);

			mt_dr_mirror_init(&mirror);
			if (needed > MT_DR_COUNT) {
				MT_CK_FAILS(insert(&mirror, 1, MT_DR_WRITE, addr, len),
				            MT_ERR_NO_REGISTER, "debug registers");
				ck_assert_uint_eq(mt_dr_used(&mirror), 0);
				continue;
			}
			MT_CK_OK(insert(&mirror, 1, MT_DR_WRITE, addr, len));
			ck_assert_uint_eq(mt_dr_used(&mirror), needed);
			MT_CK_OK(mt_dr_remove(&mirror, 1, MT_DR_WRITE, addr, len));
			ck_assert_uint_eq(mt_dr_used(&mirror), 0);
			ck_assert_uint_eq(mt_dr_mirror_dr7(&mirror, 0), 0);
		}
	}
}
END_TEST

START_TEST(mirror_shares_a_register)
{
	struct mt_dr_mirror mirror;

	mt_dr_mirror_init(&mirror);
	MT_CK_OK(insert(&mirror, 1, MT_DR_READ, 0x1000, 8));
	MT_CK_OK(insert(&mirror, 2, MT_DR_ACCESS, 0x1000, 8));
	MT_CK_OK(insert(&mirror, 2, MT_DR_ACCESS, 0x1000, 8));
	ck_assert_uint_eq(mt_dr_used(&mirror), 1);
	ck_assert_uint_eq(mirror.slots[0].refs, 3);
	ck_assert_uint_eq(mt_dr_mirror_dr7(&mirror, 0x400), 0x000b0401);
	/* Another kind or another length is another register; a part of a range is shared. */
	MT_CK_OK(insert(&mirror, 3, MT_DR_WRITE, 0x1000, 8));
	MT_CK_OK(insert(&mirror, 4, MT_DR_WRITE, 0x1000, 4));
	ck_assert_uint_eq(mt_dr_used(&mirror), 3);
	MT_CK_OK(insert(&mirror, 5, MT_DR_WRITE, 0x0ff8, 16));
	ck_assert_uint_eq(mt_dr_used(&mirror), 4);

	MT_CK_OK(mt_dr_remove(&mirror, 2, MT_DR_READ, 0x1000, 8));
	MT_CK_OK(mt_dr_remove(&mirror, 1, MT_DR_READ, 0x1000, 8));
	ck_assert_uint_eq(mt_dr_used(&mirror), 4);
	MT_CK_FAILS(mt_dr_remove(&mirror, 1, MT_DR_READ, 0x1000, 8), MT_ERR_NOT_FOUND, "trap 1");
	MT_CK_OK(mt_dr_remove(&mirror, 2, MT_DR_ACCESS, 0x1000, 8));
	ck_assert_uint_eq(mt_dr_used(&mirror), 3);
	MT_CK_OK(mt_dr_remove(&mirror, 3, MT_DR_WRITE, 0x1000, 8));
	ck_assert_uint_eq(mt_dr_used(&mirror), 3);
}
END_TEST

START_TEST(mirror_gives_a_crowd_a_second_register)
{
	struct mt_dr_mirror mirror;

	mt_dr_mirror_init(&mirror);
	for (mt_dr_owner owner = 0; owner < MT_DR_COUNT * MT_DR_MAX_OWNERS; owner++)
		MT_CK_OK(insert(&mirror, owner, MT_DR_WRITE, 0x1000, 8));
	ck_assert_uint_eq(mt_dr_used(&mirror), MT_DR_COUNT);
	MT_CK_FAILS(insert(&mirror, 999, MT_DR_WRITE, 0x1000, 8), MT_ERR_NO_REGISTER, "trap 255");
	for (mt_dr_owner owner = 0; owner < MT_DR_COUNT * MT_DR_MAX_OWNERS; owner++)
		MT_CK_OK(mt_dr_remove(&mirror, owner, MT_DR_WRITE, 0x1000, 8));
	ck_assert_uint_eq(mt_dr_used(&mirror), 0);
}
END_TEST

static const char *describe(mt_dr_owner owner, void *arg)
{
	return owner == 7 ? "watch 7 (head->next)" : arg;
}

START_TEST(refusal_names_the_holders)
{
	struct mt_dr_mirror mirror, before;

	mt_dr_mirror_init(&mirror);
	MT_CK_OK(insert(&mirror, 7, MT_DR_WRITE, 0x1000, 8));
	MT_CK_OK(insert(&mirror, 8, MT_DR_WRITE, 0x1000, 8));
	MT_CK_OK(insert(&mirror, 9, MT_DR_EXEC, 0x401234, 1));
	before = mirror;
	MT_CK_FAILS(insert(&mirror, 10, MT_DR_ACCESS, 0x2001, 7), MT_ERR_NO_REGISTER,
	            "cannot watch 7 bytes at 0x2001 (access): it needs 3 debug registers, of which "
	            "the processor has 4 and 2 are free; 0x1000:8 (write) is held by trap 7, trap "
	            "8; 0x401234:1 (execute) is held by trap 9");
	MT_CK_FAILS(
	    mt_dr_insert(&mirror, 10, MT_DR_READ, 0x2001, 7, describe, (char[]){ "someone" }),
	    MT_ERR_NO_REGISTER,
	    "(read): it needs 3 debug registers, of which the processor has 4 and 2 are free; "
	    "0x1000:8 (write) is held by watch 7 (head->next), someone; 0x401234:1");
	/* All or none: nothing of the refused range was taken. */
	ck_assert_mem_eq(&mirror, &before, sizeof(mirror));
	MT_CK_OK(insert(&mirror, 10, MT_DR_ACCESS, 0x2000, 8));
	MT_CK_OK(insert(&mirror, 10, MT_DR_ACCESS, 0x2008, 8));
	MT_CK_FAILS(insert(&mirror, 11, MT_DR_WRITE, 0x3000, 1), MT_ERR_NO_REGISTER,
	            "it needs 1 debug register, of which the processor has 4 and 0 are free");
	/* A full mirror still shares. */
	MT_CK_OK(insert(&mirror, 11, MT_DR_WRITE, 0x1000, 8));
}
END_TEST

START_TEST(refusal_without_memory)
{
	struct mt_dr_mirror mirror;

	mt_dr_mirror_init(&mirror);
	mt_alloc_fail_after(0);
	struct mt_error *error = insert(&mirror, 1, MT_DR_WRITE, 0x2001, 33);

	mt_alloc_fail_after(-1);
	ck_assert_ptr_nonnull(error);
	ck_assert_int_eq(mt_error_kind(error), MT_ERR_NOMEM);
	mt_error_free(error);
	ck_assert_uint_eq(mt_dr_used(&mirror), 0);
}
END_TEST

START_TEST(impossible_ranges_are_misuse)
{
	struct mt_dr_mirror mirror;

	mt_dr_mirror_init(&mirror);
	MT_CK_FAILS(insert(&mirror, 1, MT_DR_WRITE, 0x1000, 0), MT_ERR_USAGE,
	            "cannot watch 0 bytes at 0x1000");
	MT_CK_FAILS(insert(&mirror, 1, MT_DR_WRITE, UINT64_MAX, 2), MT_ERR_USAGE, "address space");
	MT_CK_FAILS(insert(&mirror, 1, MT_DR_EXEC, 0x1000, 4), MT_ERR_USAGE, "length 1, not 4");
	MT_CK_FAILS(mt_dr_remove(&mirror, 1, MT_DR_WRITE, 0x1000, 0), MT_ERR_NOT_FOUND, "0x1000");
	MT_CK_FAILS(mt_dr_remove(&mirror, 1, MT_DR_WRITE, 0x1000, 99), MT_ERR_NOT_FOUND, "0x1000");
	ck_assert_uint_eq(mt_dr_used(&mirror), 0);
}
END_TEST

START_TEST(removal_is_all_or_none)
{
	struct mt_dr_mirror mirror, before;

	mt_dr_mirror_init(&mirror);
	MT_CK_OK(insert(&mirror, 1, MT_DR_WRITE, 0x1000, 8));
	before = mirror;
	MT_CK_FAILS(mt_dr_remove(&mirror, 1, MT_DR_WRITE, 0x1000, 16), MT_ERR_NOT_FOUND,
	            "trap 1 holds no debug register for 16 bytes at 0x1000 (write)");
	MT_CK_FAILS(mt_dr_remove(&mirror, 2, MT_DR_WRITE, 0x1000, 8), MT_ERR_NOT_FOUND, "trap 2");
	MT_CK_FAILS(mt_dr_remove(&mirror, 1, MT_DR_ACCESS, 0x1000, 8), MT_ERR_NOT_FOUND, "access");
	ck_assert_mem_eq(&mirror, &before, sizeof(mirror));
}
END_TEST

START_TEST(hits_tell_their_owners_once)
{
	struct mt_dr_mirror mirror;
	mt_dr_owner owners[8] = { 0 };
	uint64_t addr = 42;

	mt_dr_mirror_init(&mirror);
	MT_CK_OK(insert(&mirror, 5, MT_DR_EXEC, 0x400000, 1));
	MT_CK_OK(insert(&mirror, 1, MT_DR_WRITE, 0x1000, 16));
	MT_CK_OK(insert(&mirror, 2, MT_DR_WRITE, 0x1008, 8));

	ck_assert_uint_eq(mt_dr_hit_owners(&mirror, 0xffff0ff6, owners, 8), 2);
	ck_assert_uint_eq(owners[0], 1);
	ck_assert_uint_eq(owners[1], 2);
	ck_assert(mt_dr_stopped_data_address(&mirror, 0x4, &addr));
	ck_assert_uint_eq(addr, 0x1008);
	ck_assert(mt_dr_stopped_data_address(&mirror, 0x7, &addr));
	ck_assert_uint_eq(addr, 0x1000);

	ck_assert_uint_eq(mt_dr_hit_owners(&mirror, 0x5, owners, 8), 3);
	ck_assert_uint_eq(owners[0], 5);
	ck_assert_uint_eq(owners[1], 1);
	ck_assert_uint_eq(owners[2], 2);
	owners[1] = 77;
	ck_assert_uint_eq(mt_dr_hit_owners(&mirror, 0x5, owners, 1), 3);
	ck_assert_uint_eq(owners[1], 77);
}
END_TEST

START_TEST(bits_of_registers_that_are_not_held_are_passed_over)
{
	struct mt_dr_mirror mirror;
	mt_dr_owner owners[8];
	uint64_t addr = 42;

	mt_dr_mirror_init(&mirror);
	ck_assert_uint_eq(mt_dr_hit_owners(&mirror, 0xf, owners, 8), 0);
	MT_CK_OK(insert(&mirror, 5, MT_DR_EXEC, 0x400000, 1));
	ck_assert_uint_eq(mt_dr_hit_owners(&mirror, 0xe, owners, 8), 0);
	ck_assert_uint_eq(mt_dr_hit_owners(&mirror, 0xf, owners, 8), 1);
	/* An execute trap has no data address. */
	ck_assert(!mt_dr_stopped_data_address(&mirror, 0xf, &addr));
	ck_assert_uint_eq(addr, 42);
}
END_TEST

START_TEST(mirror_dr7_keeps_foreign_bits)
{
	struct mt_dr_mirror mirror;

	mt_dr_mirror_init(&mirror);
	MT_CK_OK(insert(&mirror, 1, MT_DR_WRITE, 0x1000, 4));
	MT_CK_OK(insert(&mirror, 1, MT_DR_ACCESS, 0x2002, 2));
	ck_assert_uint_eq(mt_dr_mirror_dr7(&mirror, 0xffff07ff), 0x007d0705);
	MT_CK_OK(mt_dr_remove(&mirror, 1, MT_DR_WRITE, 0x1000, 4));
	ck_assert_uint_eq(mt_dr_mirror_dr7(&mirror, 0x700), 0x00700704);
}
END_TEST

START_TEST(twins_tell_writes_from_reads)
{
	struct mt_dr_mirror mirror, twins;

	mt_dr_mirror_init(&mirror);
	MT_CK_OK(insert(&mirror, 1, MT_DR_READ, 0x1000, 8));
	MT_CK_OK(insert(&mirror, 2, MT_DR_WRITE, 0x2000, 8));
	twins = mirror;
	mt_dr_add_twins(&twins);
	ck_assert_uint_eq(mt_dr_used(&mirror), 2);
	ck_assert_uint_eq(mt_dr_used(&twins), 3);
	ck_assert_uint_eq(mt_dr_hit_owners(&twins, 0xc, NULL, 0), 0); /* it is nobody's */
	ck_assert_int_eq(mt_dr_written(&mirror, 1, 0x1000, 8), MT_DR_MAYBE_WRITTEN);
	ck_assert_int_eq(mt_dr_written(&twins, 1, 0x1000, 8), MT_DR_NOT_WRITTEN);
	ck_assert_int_eq(mt_dr_written(&twins, 1 | 4, 0x1000, 8), MT_DR_WRITTEN);
	ck_assert_int_eq(mt_dr_written(&twins, 1 | 2, 0x1000, 8), MT_DR_NOT_WRITTEN);
	ck_assert_int_eq(mt_dr_written(&twins, 2, 0x2000, 8), MT_DR_WRITTEN);
}
END_TEST

/* One who watches writes there too is a twin; and without a register to spare there is none. */
START_TEST(twins_take_what_is_free)
{
	struct mt_dr_mirror mirror;

	mt_dr_mirror_init(&mirror);
	MT_CK_OK(insert(&mirror, 1, MT_DR_ACCESS, 0x1000, 8));
	MT_CK_OK(insert(&mirror, 2, MT_DR_WRITE, 0x1000, 8));
	mt_dr_add_twins(&mirror);
	ck_assert_uint_eq(mt_dr_used(&mirror), 2);
	ck_assert_int_eq(mt_dr_written(&mirror, 1, 0x1000, 8), MT_DR_NOT_WRITTEN);
	mt_dr_mirror_init(&mirror);
	MT_CK_OK(insert(&mirror, 1, MT_DR_ACCESS, 0x1000, 24));
	mt_dr_add_twins(&mirror);
	ck_assert_uint_eq(mt_dr_used(&mirror), 4);
	ck_assert_int_eq(mt_dr_written(&mirror, 1, 0x1000, 24), MT_DR_NOT_WRITTEN);
	ck_assert_int_eq(mt_dr_written(&mirror, 4, 0x1000, 24), MT_DR_MAYBE_WRITTEN);
	ck_assert_int_eq(mt_dr_written(&mirror, 1 | 8, 0x1000, 24), MT_DR_WRITTEN);
}
END_TEST

/* ---- Register names ------------------------------------------------------ */

#define VALUE UINT64_C(0x1122334455667788)

static void check_part(const char *name, enum mt_reg reg, uint64_t value)
{
	struct mt_regs regs = { { 0 } };
	const struct mt_reg_part *part = mt_reg_part_find(name);

	ck_assert_msg(part != NULL, "%s is unknown", name);
	ck_assert_str_eq(part->name, name);
	regs.r[reg] = VALUE;
	ck_assert_msg(mt_reg_part_get(&regs, part) == value, "%s: 0x%lx", name,
	              mt_reg_part_get(&regs, part));
}

START_TEST(parts_of_the_old_registers)
{
	static const struct {
		enum mt_reg reg;
		const char *names[5];
	} rows[] = {
		{ MT_REG_RAX, { "rax", "eax", "ax", "al", "ah" } },
		{ MT_REG_RBX, { "rbx", "ebx", "bx", "bl", "bh" } },
		{ MT_REG_RCX, { "rcx", "ecx", "cx", "cl", "ch" } },
		{ MT_REG_RDX, { "rdx", "edx", "dx", "dl", "dh" } },
		{ MT_REG_RSI, { "rsi", "esi", "si", "sil", NULL } },
		{ MT_REG_RDI, { "rdi", "edi", "di", "dil", NULL } },
		{ MT_REG_RBP, { "rbp", "ebp", "bp", "bpl", NULL } },
		{ MT_REG_RSP, { "rsp", "esp", NULL, "spl", NULL } },
	};
	static const uint64_t values[] = { VALUE, 0x55667788, 0x7788, 0x88, 0x77 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (size_t j = 0; j < 5; j++) {
			if (rows[i].names[j])
				check_part(rows[i].names[j], rows[i].reg, values[j]);
		}
	}
}
END_TEST

START_TEST(parts_of_the_numbered_registers)
{
	static const struct {
		const char *suffix;
		uint64_t value;
	} parts[] = {
		{ "", VALUE }, { "d", 0x55667788 }, { "w", 0x7788 }, { "b", 0x88 }, { "l", 0x88 },
	};

	for (unsigned n = 8; n <= 15; n++) {
		for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
			char name[8];

			snprintf(name, sizeof(name), "r%u%s", n, parts[i].suffix);
			check_part(name, (enum mt_reg)(MT_REG_R8 + n - 8), parts[i].value);
		}
	}
}
END_TEST

START_TEST(parts_with_names_of_their_own)
{
	check_part("rip", MT_REG_RIP, VALUE);
	check_part("pc", MT_REG_RIP, VALUE);
	check_part("sp", MT_REG_RSP, VALUE);
	check_part("fp", MT_REG_RBP, VALUE);
	check_part("rflags", MT_REG_RFLAGS, VALUE);
	check_part("eflags", MT_REG_RFLAGS, 0x55667788);
	ck_assert_ptr_null(mt_reg_part_find("$rax"));
	ck_assert_ptr_null(mt_reg_part_find("xmm0"));
	ck_assert_ptr_null(mt_reg_part_find("r16"));
	ck_assert_ptr_null(mt_reg_part_find(""));
}
END_TEST

START_TEST(names_are_in_dwarf_order)
{
	static const char *const names[] = { "rax", "rdx", "rcx", "rbx", "rsi", "rdi",
		                             "rbp", "rsp", "r8",  "r9",  "r10", "r11",
		                             "r12", "r13", "r14", "r15", "rip", "eflags" };

	for (unsigned i = 0; i < MT_REG_COUNT; i++) {
		ck_assert_str_eq(mt_reg_name((enum mt_reg)i), names[i]);
		ck_assert_uint_eq(mt_reg_part_find(names[i])->reg, i);
	}
	ck_assert_str_eq(mt_reg_name(MT_REG_NONE), "none");
}
END_TEST

MT_UNIT_MAIN("x86", split_covers_exactly_with_the_fewest_pieces, split_counts_beyond_what_it_writes,
             split_refuses_nothing_and_wrapping, region_is_ok_when_four_registers_suffice,
             dr7_control_is_what_the_manual_says, dr7_literal_values, dr6_bits,
             mirror_takes_and_gives_back_every_range, mirror_shares_a_register,
             mirror_gives_a_crowd_a_second_register, refusal_names_the_holders,
             refusal_without_memory, impossible_ranges_are_misuse, removal_is_all_or_none,
             hits_tell_their_owners_once, bits_of_registers_that_are_not_held_are_passed_over,
             mirror_dr7_keeps_foreign_bits, twins_tell_writes_from_reads, twins_take_what_is_free,
             parts_of_the_old_registers, parts_of_the_numbered_registers,
             parts_with_names_of_their_own, names_are_in_dwarf_order)
