/* SPDX-License-Identifier: MIT */
/* Garbage as values of every kind of type, in every format. */
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "fuzz.h"
#include "print/print.h"

static const struct mt_type number = {
	.kind = MT_TYPE_INT, .name = "int", .size = 4, .is_signed = true
};
static const struct mt_type odd = { .kind = MT_TYPE_INT, .name = "odd", .size = 3 };
static const struct mt_type huge = {
	.kind = MT_TYPE_INT, .name = "huge", .size = 16, .is_signed = true
};
static const struct mt_type truth = { .kind = MT_TYPE_BOOL, .name = "bool", .size = 1 };
static const struct mt_type letter = {
	.kind = MT_TYPE_CHAR, .name = "char", .size = 1, .is_signed = true
};
static const struct mt_type wide = {
	.kind = MT_TYPE_INT, .name = "wchar_t", .size = 4, .is_signed = true, .is_character = true
};
static const struct mt_type real = { .kind = MT_TYPE_FLOAT, .name = "double", .size = 8 };
static const struct mt_type extended = { .kind = MT_TYPE_FLOAT, .name = "long double", .size = 16 };
static const struct mt_type pair = { .kind = MT_TYPE_COMPLEX, .size = 16, .target = &real };
static const struct mt_enumerator flags[] = { { "A", 1 }, { "B", 2 }, { "C", 8 } };
static const struct mt_type mask = { .kind = MT_TYPE_ENUM,
	                             .name = "enum mask",
	                             .size = 4,
	                             .enumerators = flags,
	                             .enumerator_count = 3 };
static const struct mt_type pointer = { .kind = MT_TYPE_POINTER, .size = 8, .target = &letter };
static const struct mt_type reference = {
	.kind = MT_TYPE_POINTER, .size = 8, .target = &number, .is_reference = true
};
static const struct mt_type word = {
	.kind = MT_TYPE_ARRAY, .size = 12, .target = &letter, .count = 12
};
static const struct mt_type words = {
	.kind = MT_TYPE_ARRAY, .size = 24, .target = &word, .count = 2
};
static const struct mt_type wides = {
	.kind = MT_TYPE_ARRAY, .size = 16, .target = &wide, .count = 4
};
static const struct mt_type lies = {
	.kind = MT_TYPE_ARRAY, .size = 8, .target = &number, .count = 1 << 30
};
static const struct mt_type open_end = { .kind = MT_TYPE_ARRAY, .target = &number };
static const struct mt_member members[] = {
	{ .name = "number", .type = &number, .offset = 0 },
	{ .name = "bits", .type = &number, .offset = 4, .bit_offset = 3, .bit_size = 29 },
	{ .type = &words, .offset = 8 },
	{ .name = "outside", .type = &real, .offset = 1000 },
	{ .name = "far_bits", .type = &huge, .offset = 30, .bit_offset = 7, .bit_size = 127 },
};
static const struct mt_type whole = { .kind = MT_TYPE_STRUCT,
	                              .name = "struct whole",
	                              .size = 32,
	                              .members = members,
	                              .member_count = 5 };
static const struct mt_type empty = { .kind = MT_TYPE_UNION, .name = "union empty" };
static const struct mt_type bytes = { .kind = MT_TYPE_BYTES, .size = 40 };

static const struct mt_type *const types[] = {
	&number,  &odd,       &huge, &truth, &letter, &wide, &real,     &extended, &pair,  &mask,
	&pointer, &reference, &word, &words, &wides,  &lies, &open_end, &whole,    &empty, &bytes,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char letters[] = "\0duxotzacfs";
	const struct mt_world world = { 0 };
	struct mt_print_options options = mt_print_defaults();
	struct mt_buf out = { 0 };

	if (size < 3)
		return 0;
	const struct mt_type *type = types[data[0] % (sizeof(types) / sizeof(*types))];
	const struct mt_value value = { .type = type, .bytes = data + 3 };

	options.letter = letters[data[1] % (sizeof(letters) - 1)];
	options.pretty = data[2] & 1;
	options.array = data[2] & 2;
	options.utf8 = data[2] & 4;
	options.null_stop = data[2] & 8;
	options.shortest = data[2] & 16;
	options.elements = data[2] & 32 ? 2 : 200;
	mt_value_format(NULL, type, data + 3, size - 3, &out);
	if (type->size <= size - 3)
		mt_error_free(mt_print_top(&world, &value, &options, &out));
	mt_buf_deinit(&out);
	return 0;
}
