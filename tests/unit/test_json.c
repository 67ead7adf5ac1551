/* SPDX-License-Identifier: MIT */
/* Values as JSON. The compiler lays the bytes out; the types are made by hand. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "record/json_value.h"
#include "unit.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void check(const struct mt_type *type, const void *bytes, size_t size, const char *expected)
{
	/* A copy of just that many bytes, so that a sanitizer sees a read beyond. */
	uint8_t *copy = malloc(size ? size : 1);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, bytes, size);

	json_t *value = mt_json_value(NULL, type, copy, size);
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	ck_assert_ptr_nonnull(text);
	ck_assert_str_eq(text, expected);
	json_decref(value);
	free(text);
	free(copy);
}

static struct mt_type structure(const struct mt_member *members, size_t count, size_t size)
{
	return (struct mt_type){
		.kind = MT_TYPE_STRUCT, .size = size, .members = members, .member_count = count
	};
}

static struct mt_type array_of(const struct mt_type *element, size_t count)
{
	return (struct mt_type){ .kind = MT_TYPE_ARRAY,
		                 .target = element,
		                 .count = count,
		                 .size = count * element->size };
}

#define CHECK_BASE(c_type, c_value, expected)                                                      \
	do {                                                                                       \
		const c_type value_ = (c_value);                                                   \
		check(mt_type_base(#c_type), &value_, sizeof(value_), expected);                   \
	} while (0)

START_TEST(scalars)
{
	CHECK_BASE(int, INT32_MIN, "-2147483648");
	CHECK_BASE(char, 'A', "65");
	CHECK_BASE(long, INT64_MIN, "-9223372036854775808");
	CHECK_BASE(unsigned long, INT64_MAX, "9223372036854775807");
	CHECK_BASE(unsigned long, (unsigned long)INT64_MAX + 1, "\"9223372036854775808\"");
	CHECK_BASE(unsigned __int128, (unsigned __int128)1 << 64, "\"18446744073709551616\"");
	CHECK_BASE(_Bool, 1, "true");
	CHECK_BASE(double, 0.25, "0.25");
	CHECK_BASE(float, -1.5f, "-1.5");
	CHECK_BASE(double, INFINITY, "\"inf\"");
	CHECK_BASE(long double, 2.5L, "\"2.5\"");
}
END_TEST

START_TEST(enumerators_and_pointers)
{
	static const struct mt_enumerator states[] = { { "IDLE", 0 }, { "BROKEN", -1 } };
	const struct mt_type state = { .kind = MT_TYPE_ENUM,
		                       .size = 4,
		                       .is_signed = true,
		                       .enumerators = states,
		                       .enumerator_count = LENGTH(states) };
	const struct mt_type pointer = { .kind = MT_TYPE_POINTER, .size = 8 };

	check(&state, &(int){ -1 }, 4, "\"BROKEN\"");
	check(&state, &(int){ -2 }, 4, "-2");
	check(&pointer, &(uint64_t){ 0xffff800000000010 }, 8, "\"0xffff800000000010\"");
}
END_TEST

struct point {
	int x, y;
};

static const struct mt_member *point_members(void)
{
	static struct mt_member members[] = {
		{ .name = "x", .offset = offsetof(struct point, x) },
		{ .name = "y", .offset = offsetof(struct point, y) },
	};

	members[0].type = members[1].type = mt_type_base("int");
	return members;
}

START_TEST(structs_in_structs)
{
	struct conn {
		unsigned char kind;
		struct point at;
		char name[6];
		struct point track[2];
	} conn = { 3, { 9, -7 }, "ab\0c", { { 1, 2 }, { 3, 4 } } };
	const struct mt_type point = structure(point_members(), 2, sizeof(struct point));
	const struct mt_type name = array_of(mt_type_base("char"), 6), track = array_of(&point, 2);
	const struct mt_member members[] = {
		{ .name = "kind",
		  .type = mt_type_base("unsigned char"),
		  .offset = offsetof(struct conn, kind) },
		{ .name = "at", .type = &point, .offset = offsetof(struct conn, at) },
		{ .name = "name", .type = &name, .offset = offsetof(struct conn, name) },
		{ .name = "track", .type = &track, .offset = offsetof(struct conn, track) },
	};
	const struct mt_type type = structure(members, LENGTH(members), sizeof(conn));

	check(&type, &conn, sizeof(conn),
	      "{\"kind\":3,\"at\":{\"x\":9,\"y\":-7},\"name\":\"ab\","
	      "\"track\":[{\"x\":1,\"y\":2},{\"x\":3,\"y\":4}]}");
}
END_TEST

START_TEST(bit_fields)
{
	struct bits {
		unsigned ready : 1;
		int level : 3;
		unsigned : 4;
		unsigned wide : 12;
		int64_t far : 40;
	} bits = { 1, -3, 4095, -1234567 };
	const struct mt_member members[] = {
		{ .name = "ready", .type = mt_type_base("unsigned int"), .bit_size = 1 },
		{ .name = "level", .type = mt_type_base("int"), .bit_offset = 1, .bit_size = 3 },
		{ .name = "wide",
		  .type = mt_type_base("unsigned int"),
		  .bit_offset = 8,
		  .bit_size = 12 },
		{ .name = "far", .type = mt_type_base("long"), .bit_offset = 20, .bit_size = 40 },
		{ .name = "beyond",
		  .type = mt_type_base("int"),
		  .offset = 4,
		  .bit_offset = 31,
		  .bit_size = 2 },
	};
	const struct mt_type type = structure(members, LENGTH(members), sizeof(bits));

	ck_assert_uint_eq(sizeof(bits), 8);
	check(&type, &bits, sizeof(bits),
	      "{\"ready\":1,\"level\":-3,\"wide\":4095,\"far\":-1234567,\"beyond\":null}");
}
END_TEST

START_TEST(anonymous_members_and_bases_are_flat)
{
	struct derived {
		struct point base;
		union {
			uint32_t whole;
			uint16_t halves[2];
		};
		int y;
	} derived = { { 1, 2 }, { 0x00020001 }, 5 };
	const struct mt_type base = structure(point_members(), 2, sizeof(struct point));
	const struct mt_type halves = array_of(mt_type_base("uint16_t"), 2);
	const struct mt_member parts[] = { { .name = "whole", .type = mt_type_base("uint32_t") },
		                           { .name = "halves", .type = &halves } };
	const struct mt_type word = {
		.kind = MT_TYPE_UNION, .size = 4, .members = parts, .member_count = LENGTH(parts)
	};
	const struct mt_member members[] = {
		{ .name = "y", .type = mt_type_base("int"), .offset = offsetof(struct derived, y) },
		{ .type = &word, .offset = offsetof(struct derived, whole) },
		{ .name = "point", .type = &base, .is_base = true },
	};
	const struct mt_type type = structure(members, LENGTH(members), sizeof(derived));

	/* The class's y hides its base's, whichever is told first. */
	check(&type, &derived, sizeof(derived),
	      "{\"x\":1,\"y\":5,\"whole\":131073,\"halves\":[1,2]}");
}
END_TEST

START_TEST(arrays)
{
	const int matrix[2][2] = { { 0, 1 }, { -5, 7 } };
	const struct mt_type row = array_of(mt_type_base("int"), 2), rows = array_of(&row, 2);
	const struct mt_type flexible = array_of(mt_type_base("int"), 0);
	const struct mt_type text = array_of(mt_type_base("char"), 4);
	const struct mt_type unknown = { .kind = MT_TYPE_ARRAY, .size = 4, .count = 4 };

	check(&rows, matrix, sizeof(matrix), "[[0,1],[-5,7]]");
	check(&flexible, matrix, 12, "[0,1,-5]");
	check(&flexible, matrix, 3, "[]");
	check(&text, "full", 4, "\"full\"");
	check(&text, "\xc3\xa4\0", 4, "\"\xc3\xa4\"");
	check(&text, "\xff!\0", 4, "\"\\\"\\\\377!\\\"\"");
	check(&unknown, "\1\2\3\4", 4, "\"0x4030201\"");
}
END_TEST

START_TEST(fewer_bytes_than_the_type_has)
{
	const struct point at = { 1, 2 };
	const struct mt_type point = structure(point_members(), 2, sizeof(at));
	const struct mt_type text = array_of(mt_type_base("char"), 8);

	check(&point, &at, 4, "\"0x1\"");
	check(&text, "ab", 2, "\"0x6261\"");
}
END_TEST

START_TEST(what_lies_past_the_bytes_is_null)
{
	const struct mt_type four = array_of(mt_type_base("int"), 4);
	const struct mt_type point = structure(point_members(), 2, 0);
	const struct mt_member z = { .name = "z", .type = mt_type_base("char") };
	const struct mt_type last = structure(&z, 1, 1);
	const struct mt_member members[] = {
		{ .name = "in", .type = mt_type_base("int"), .offset = 4 },
		{ .name = "half", .type = mt_type_base("int"), .offset = 6 },
		{ .name = "out", .type = mt_type_base("int"), .offset = 8 },
		{ .name = "far", .type = mt_type_base("int"), .offset = UINT64_MAX },
		{ .name = "four", .type = &four },
		{ .name = "bits",
		  .type = mt_type_base("int"),
		  .offset = UINT64_MAX,
		  .bit_size = 9 },
		{ .type = &point, .offset = 4 },
		{ .type = &last, .offset = UINT64_MAX },
	};
	const struct mt_type type = structure(members, LENGTH(members), 8);

	check(&type, (const int[]){ 1, 2 }, 8,
	      "{\"in\":2,\"half\":null,\"out\":null,\"far\":null,\"four\":null,\"bits\":null,"
	      "\"x\":2,\"y\":null,\"z\":null}");
}
END_TEST

/* No compiler makes it; a file may hold it. */
START_TEST(a_struct_inside_of_itself_ends)
{
	struct mt_member members[8];
	struct mt_type type = structure(members, LENGTH(members), 4);
	struct mt_member only = { .name = "self", .type = &type };
	const struct mt_type narrow = structure(&only, 1, 4);
	size_t depth = 0;

	for (size_t i = 0; i < LENGTH(members); i++)
		members[i] = (struct mt_member){ .name = i % 2 ? "self" : NULL, .type = &type };
	json_decref(mt_json_value(NULL, &type, (const uint8_t[4]){ 0 }, 4));

	only.type = &narrow;

	json_t *value = mt_json_value(NULL, &narrow, (const uint8_t[4]){ 0 }, 4);

	for (json_t *at = value; json_is_object(at); at = json_object_get(at, "self"))
		depth++;
	ck_assert_uint_eq(depth, 17); /* the struct, and 16 inside of it */
	json_decref(value);
}
END_TEST

MT_UNIT_MAIN("json", scalars, enumerators_and_pointers, structs_in_structs, bit_fields,
             anonymous_members_and_bases_are_flat, arrays, fewer_bytes_than_the_type_has,
             what_lies_past_the_bytes_is_null, a_struct_inside_of_itself_ends)
