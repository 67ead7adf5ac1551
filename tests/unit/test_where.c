/* SPDX-License-Identifier: MIT */
/* Location expressions one by one: locals-data/expressions.S says what each comes to. */
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "symbol/variable.h"
#include "symbol/where.h"
#include "unit.h"

enum { CFA = 0x70000, EXPRESSIONS = 50 };

/* The eight bytes at an address are the address doubled. */
static struct mt_error *read_memory(void *arg, uint64_t addr, void *out, size_t len)
{
	uint64_t value = addr * 2;

	ck_assert_uint_le(len, sizeof(value));
	memcpy(out, &value, len);
	return NULL;
}

static struct mt_image *open_expressions(void)
{
	char self[PATH_MAX] = { 0 }, path[PATH_MAX];
	struct mt_image *image;

	ck_assert_int_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
	snprintf(path, sizeof(path), "%.2000s/locals-data/expressions", dirname(self));
	MT_CK_OK(mt_image_open_file(path, &image));
	return image;
}

static struct mt_where_frame make_frame(struct mt_image *image, struct mt_regs *regs)
{
	struct mt_location *locations;
	size_t count;
	struct mt_where_frame frame = { .image = image,
		                        .regs = regs,
		                        .known = (1u << MT_REG_COUNT) - 1,
		                        .has_cfa = true,
		                        .cfa = CFA,
		                        .read = read_memory };

	for (size_t i = 0; i < MT_REG_COUNT; i++)
		regs->r[i] = 0x1000 * (i + 1);
	MT_CK_OK(mt_image_locate(image, "main", &locations, &count));
	frame.pc = locations[0].entry;
	mt_locations_free(locations, count);
	return frame;
}

/* "n42", "m42", "p42" and "gone", as told there. */
static void check_value(const struct mt_where_frame *frame, const struct mt_local *local)
{
	int64_t wanted = strtoll(local->name + 1, NULL, 10), value = 0;
	struct mt_where where = { 0 }, pointee = { 0 };
	const struct mt_type *type = local->type;
	struct mt_error *error = mt_where_local(frame, local, &where);

	ck_assert_msg(!error, "%s: %s", local->name, error ? mt_error_text(error) : "");
	if (!strcmp(local->name, "gone")) {
		MT_CK_FAILS(mt_where_load(frame, &where, 0, &value, type->size, NULL),
		            MT_ERR_UNSUPPORTED, "optimized out");
		mt_where_deinit(&where);
		return;
	}
	if (local->name[0] == 'p') {
		MT_CK_OK(mt_where_pointee(frame, where.data[0].pointee, &pointee, &type));
		mt_where_deinit(&where);
		where = pointee;
		wanted = -wanted;
	}
	error = mt_where_load(frame, &where, 0, &value, type->size, NULL);
	ck_assert_msg(!error, "%s: %s", local->name, error ? mt_error_text(error) : "");
	if (type->size == sizeof(int))
		value = (int)value;
	ck_assert_msg(value == (local->name[0] == 'm' ? -wanted : wanted), "%s is %" PRId64,
	              local->name, value);
	mt_where_deinit(&where);
}

START_TEST(expressions_have_their_values)
{
	struct mt_image *image = open_expressions();
	struct mt_locals locals;
	struct mt_regs regs;
	struct mt_where_frame frame = make_frame(image, &regs);

	MT_CK_OK(mt_locals_at(image, frame.pc, 0, &locals));
	ck_assert_uint_ge(locals.len, EXPRESSIONS);
	for (size_t i = 0; i < locals.len; i++)
		check_value(&frame, &locals.data[i]);
	mt_locals_deinit(&locals);
	mt_image_destroy(image);
}
END_TEST

/* Also from the middle on, and byte by byte. */
START_TEST(a_value_is_read_in_parts)
{
	struct mt_image *image = open_expressions();
	struct mt_regs regs;
	struct mt_where_frame frame = make_frame(image, &regs);
	struct mt_where where;
	struct mt_local local;
	uint8_t byte, gone = 0xff;
	uint16_t half;

	ck_assert(mt_local_find(image, frame.pc, 0, "n838", &local));
	MT_CK_OK(mt_where_local(&frame, &local, &where));
	MT_CK_OK(mt_where_load(&frame, &where, 1, &byte, 1, &gone));
	ck_assert_uint_eq(byte, 838 >> 8);
	ck_assert_uint_eq(gone, 0);
	mt_where_deinit(&where);

	ck_assert(mt_local_find(image, frame.pc, 0, "n578437695752307201", &local));
	MT_CK_OK(mt_where_local(&frame, &local, &where));
	for (uint8_t i = 0; i < 7; i++) {
		MT_CK_OK(mt_where_load(&frame, &where, i, &half, sizeof(half), NULL));
		ck_assert_uint_eq(half, (i + 1u) | (i + 2u) << 8);
	}
	mt_where_deinit(&where);
	mt_image_destroy(image);
}
END_TEST

START_TEST(what_is_gone_is_told_by_the_bit)
{
	struct mt_image *image = open_expressions();
	struct mt_regs regs;
	struct mt_where_frame frame = make_frame(image, &regs);
	struct mt_locals locals;
	struct mt_where where;
	static const uint8_t all[8] = { 255, 255, 255, 255, 255, 255, 255, 255 };
	static const uint8_t low[8] = { 255, 255, 255, 255 };
	uint8_t value[8], gone[8];
	unsigned whole = 0, half = 0;

	MT_CK_OK(mt_locals_at(image, frame.pc, 0, &locals));
	for (size_t i = 0; i < locals.len; i++) {
		if (strcmp(locals.data[i].name, "gone") != 0)
			continue;
		MT_CK_OK(mt_where_local(&frame, &locals.data[i], &where));
		MT_CK_OK(mt_where_load(&frame, &where, 0, value, sizeof(value), gone));
		whole += !memcmp(gone, all, sizeof(gone));
		half += !memcmp(gone, low, sizeof(gone));
		mt_where_deinit(&where);
	}
	ck_assert_uint_eq(whole, 2);
	ck_assert_uint_eq(half, 1);
	mt_locals_deinit(&locals);
	mt_image_destroy(image);
}
END_TEST

START_TEST(a_register_that_is_not_saved_is_named)
{
	struct mt_image *image = open_expressions();
	struct mt_regs regs;
	struct mt_where_frame frame = make_frame(image, &regs);
	struct mt_where where;
	struct mt_local local;
	uint64_t value;

	frame.known = 1u << MT_REG_RSP;
	ck_assert(mt_local_find(image, frame.pc, 0, "n16384", &local));
	MT_CK_OK(mt_where_local(&frame, &local, &where));
	MT_CK_FAILS(mt_where_load(&frame, &where, 0, &value, sizeof(value), NULL),
	            MT_ERR_UNSUPPORTED, "register rbx is not saved");
	mt_where_deinit(&where);
	ck_assert(mt_local_find(image, frame.pc, 0, "n65600", &local));
	MT_CK_FAILS(mt_where_local(&frame, &local, &where), MT_ERR_UNSUPPORTED,
	            "register rbx is not saved");
	mt_image_destroy(image);
}
END_TEST

START_TEST(simple_places_are_known_without_a_frame)
{
	static const struct {
		const char *name;
		struct mt_simple_where simple;
	} cases[] = {
		{ "n16384", { .kind = MT_SIMPLE_REGISTER, .reg = MT_REG_RBX } },
		{ "n32800", { .kind = MT_SIMPLE_BASED, .reg = MT_REG_RBX, .offset = 16 } },
		/* The CFA is rsp + 8 at the first instruction. */
		{ "n917472", { .kind = MT_SIMPLE_BASED, .reg = MT_REG_RSP, .offset = -8 } },
		{ "n65600", { .kind = MT_SIMPLE_NONE } },
		{ "n255", { .kind = MT_SIMPLE_NONE } },
		{ "n838", { .kind = MT_SIMPLE_NONE } },
	};
	struct mt_image *image = open_expressions();
	struct mt_regs regs;
	struct mt_where_frame frame = make_frame(image, &regs);
	struct mt_simple_where simple;
	struct mt_local local;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ck_assert(mt_local_find(image, frame.pc, 0, cases[i].name, &local));
		mt_where_simple(image, frame.pc, &local, &simple);
		ck_assert_msg(simple.kind == cases[i].simple.kind, "%s: kind %d", cases[i].name,
		              (int)simple.kind);
		ck_assert_int_eq(simple.reg, cases[i].simple.reg);
		ck_assert_int_eq(simple.offset, cases[i].simple.offset);
	}
	mt_image_destroy(image);
}
END_TEST

/* Asks for all of them, with no more memory after `allocations`. False: there was not enough. */
static bool ask_with_memory_for(const struct mt_where_frame *frame, long allocations)
{
	struct mt_locals locals = { 0 };
	struct mt_error *error;
	bool enough;

	mt_alloc_fail_after(allocations);
	error = mt_locals_at(frame->image, frame->pc, 0, &locals);
	for (size_t i = 0; !error && i < locals.len; i++) {
		struct mt_where where = { 0 };

		error = mt_where_local(frame, &locals.data[i], &where);
		mt_where_deinit(&where);
	}
	enough = !error;
	mt_alloc_fail_after(-1);
	mt_error_free(error);
	mt_locals_deinit(&locals);
	return enough;
}

START_TEST(without_memory_it_fails_and_no_more)
{
	struct mt_image *image = open_expressions();
	struct mt_regs regs;
	struct mt_where_frame frame = make_frame(image, &regs);
	struct mt_local local;
	long allocations = 0;

	/* What is read once, and ends early without memory, is read. */
	ck_assert(mt_local_find(image, frame.pc, 0, "n255", &local));
	while (!ask_with_memory_for(&frame, allocations))
		allocations++;
	ck_assert_int_gt(allocations, EXPRESSIONS);
	mt_image_destroy(image);
}
END_TEST

MT_UNIT_MAIN("where", without_memory_it_fails_and_no_more, expressions_have_their_values,
             a_value_is_read_in_parts, what_is_gone_is_told_by_the_bit,
             a_register_that_is_not_saved_is_named, simple_places_are_known_without_a_frame)
