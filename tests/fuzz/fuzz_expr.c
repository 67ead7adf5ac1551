/* SPDX-License-Identifier: MIT */
/*
 * Arbitrary text as an expression: a place is resolved in the fuzzer's own process, a condition and
 * what is shown with a hit are compiled and evaluated for types that no compiler makes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit/own_memory.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "expr/capture.h"
#include "fuzz.h"
#include "x86/regs.h"

/* What places may find; bit-fields, arrays and a loop of pointers among it. */
struct node {
	int fd;
	unsigned low : 3, high : 11;
	struct node *next;
	char name[10];
} __attribute__((packed));

__attribute__((used)) struct node table[8];
__attribute__((used)) struct node *head = &table[2];
__attribute__((used)) struct node *nowhere;
__attribute__((used)) int which = 3;

static const struct mt_enumerator enumerators[] = { { "IDLE", 0 }, { "RUNNING", 1 } };
static const struct mt_type state = { .kind = MT_TYPE_ENUM,
	                              .name = "enum state",
	                              .size = 4,
	                              .enumerators = enumerators,
	                              .enumerator_count = 2 };
static const struct mt_type bytes = { .kind = MT_TYPE_BYTES, .size = 7 };
static const struct mt_type array = {
	.kind = MT_TYPE_ARRAY, .size = 28, .target = &bytes, .count = 4
};
static const struct mt_type huge = {
	.kind = MT_TYPE_INT, .name = "__int128", .size = 16, .is_signed = true
};
/* Layouts that no compiler makes, as damaged DWARF may have them. */
static const struct mt_member members[] = {
	{ .name = "a", .type = &state, .offset = 1 },
	{ .name = "b", .type = &state, .offset = 30, .bit_offset = 9, .bit_size = 31 },
	{ .name = "c", .type = &array, .offset = 4 },
	{ .name = "d", .type = &array, .offset = UINT64_MAX - 3 },
	{ .name = "e", .type = &state, .bit_offset = 255, .bit_size = 255 },
	{ .name = "f", .type = &huge, .offset = 8, .bit_offset = 3, .bit_size = 40 },
};
static const struct mt_type record = { .kind = MT_TYPE_STRUCT,
	                               .name = "struct record",
	                               .size = 32,
	                               .members = members,
	                               .member_count = 6 };

static void draw(const char *text, struct mt_error *error)
{
	struct mt_buf out MT_AUTO_BUF = { 0 };

	if (error && mt_error_offset(error) > (long)strlen(text))
		abort();
	if (error)
		mt_expr_caret(&out, text, error);
	mt_error_free(error);
}

static struct mt_image *own_image(void)
{
	static struct mt_image *image;

	if (!image && mt_image_create(getpid(), &image))
		abort();
	return image;
}

static void try_place(const char *text)
{
	struct mt_place place;
	struct mt_error *error = mt_place_check(text);

	if (mt_place_is_raw(text) && error)
		abort();
	if (error) {
		draw(text, error);
		return;
	}
	draw(text, mt_place_resolve(own_image(), text, read_own, NULL, &place));
}

static struct mt_cond_input input_of(const struct mt_type *type)
{
	static const uint8_t zeroes[32], ones[32] = { [0 ... 31] = 0xff };
	static const struct mt_regs regs = { .r = { 1, 2, 3 } };

	return (struct mt_cond_input){ .old_value = zeroes,
		                       .new_value = ones,
		                       .len = (size_t)type->size,
		                       .tid = 43,
		                       .pid = 42,
		                       .hits = 7,
		                       .comm = "worker",
		                       .regs = &regs,
		                       .read = read_own };
}

static void try_condition(const char *text, const struct mt_type *type)
{
	struct mt_cond_input input = input_of(type);
	struct mt_cond *cond = NULL;
	struct mt_error *error = mt_cond_compile(MT_MACHINE_X86_64, text, type, &cond);

	draw(text, error);
	if (cond)
		mt_cond_eval(cond, &input);
	mt_cond_destroy(cond);
}

static void try_capture(const char *text, const struct mt_type *type)
{
	const struct mt_cond_scope scope = { .machine = MT_MACHINE_X86_64,
		                             .watched = type,
		                             .image = own_image() };
	struct mt_cond_input input = input_of(type);
	struct mt_capture *capture = NULL;
	struct mt_captured *captured;

	draw(text, mt_capture_compile(&scope, text, &capture));
	if (!capture)
		return;
	captured = mt_alloc(mt_capture_room(capture));
	if (captured)
		mt_capture_take(capture, &input, captured);
	free(captured);
	mt_capture_destroy(capture);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text MT_AUTO_FREE = mt_strndup((const char *)data, size);

	if (!text)
		return 0;
	try_place(text);
	try_condition(text, &array);
	try_condition(text, &record);
	try_capture(text, &record);
	return 0;
}
