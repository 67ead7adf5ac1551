/* SPDX-License-Identifier: MIT */
/* Types, and values of them as text. */
#include <float.h>
#include <string.h>

#include "base/buf.h"
#include "fixture_program.h"
#include "print/print.h"

static void check_value(const struct mt_type *type, const void *bytes, size_t size,
                        const char *expected)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };

	mt_value_format(NULL, type, bytes, size, &text);
	ck_assert(mt_buf_ok(&text));
	ck_assert_str_eq(text.data, expected);
}

#define CHECK_BASE(c_type, c_value, expected)                                                      \
	do {                                                                                       \
		const c_type value_ = (c_value);                                                   \
		check_value(mt_type_base(#c_type), &value_, sizeof(value_), expected);             \
	} while (0)

START_TEST(numbers_read_as_in_c)
{
	CHECK_BASE(signed char, 65, "65 'A'");
	CHECK_BASE(char, '\n', "10 '\\n'");
	CHECK_BASE(char, -1, "-1 '\\377'");
	CHECK_BASE(char, 0, "0 '\\000'");
	CHECK_BASE(unsigned char, 255, "255 '\\377'");
	CHECK_BASE(char, '\'', "39 '\\''");
	CHECK_BASE(short, -32768, "-32768");
	CHECK_BASE(unsigned short, 65535, "65535");
	CHECK_BASE(int, INT32_MIN, "-2147483648");
	CHECK_BASE(unsigned int, UINT32_MAX, "4294967295");
	CHECK_BASE(long, INT64_MIN, "-9223372036854775808");
	CHECK_BASE(unsigned long, UINT64_MAX, "18446744073709551615");
	CHECK_BASE(unsigned __int128, ~(unsigned __int128)0,
	           "340282366920938463463374607431768211455");
	CHECK_BASE(__int128, (__int128)((unsigned __int128)1 << 127),
	           "-170141183460469231731687303715884105728");
	CHECK_BASE(float, 0.1f, "0.1");
	CHECK_BASE(float, FLT_MAX, "3.4028235e+38");
	CHECK_BASE(double, 0.1, "0.1");
	CHECK_BASE(double, 1.0 / 3, "0.3333333333333333");
	CHECK_BASE(double, -0.0, "-0");
	CHECK_BASE(long double, 1e4000L, "1e+4000");
	CHECK_BASE(size_t, 4096, "4096");
	CHECK_BASE(_Bool, 1, "true");
}
END_TEST

START_TEST(a_bool_that_is_neither)
{
	const uint8_t two = 2;

	check_value(mt_type_base("bool"), &two, 1, "2");
}
END_TEST

START_TEST(fewer_bytes_than_the_type_has)
{
	const uint8_t bytes[] = { 0xef, 0xbe, 0xad };

	check_value(mt_type_base("int"), bytes, 3, "0xadbeef");
	check_value(mt_type_base("int"), bytes, 0, "0x0");
}
END_TEST

START_TEST(base_types_have_many_spellings)
{
	static const struct {
		const char *spelling, *name;
	} cases[] = {
		{ "int", "int" },
		{ "signed", "int" },
		{ "unsigned", "unsigned int" },
		{ "long unsigned int", "unsigned long" },
		{ "int long", "long" },
		{ "unsigned  long\tlong", "unsigned long long" },
		{ "long int long unsigned", "unsigned long long" },
		{ "short unsigned int", "unsigned short" },
		{ "char unsigned", "unsigned char" },
		{ "signed char", "signed char" },
		{ "long double", "long double" },
		{ "double long", "long double" },
		{ "_Bool", "_Bool" },
		{ "bool", "bool" },
		{ "uint32_t", "uint32_t" },
		{ "void", "void" },
	};
	static const char *const none[] = {
		"",           "long long long", "unsigned signed",
		"short long", "unsigned float", "int int",
		"long float", "char int",       "struct x",
		"intx",       "double double",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ck_assert_msg(mt_type_base(cases[i].spelling), "%s", cases[i].spelling);
		ck_assert_str_eq(mt_type_base(cases[i].spelling)->name, cases[i].name);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		ck_assert_msg(!mt_type_base(none[i]), "\"%s\" is a type", none[i]);
}
END_TEST

/* System V ABI i386, table 2.1. */
START_TEST(base_types_of_i386)
{
	static const struct {
		const char *name;
		uint64_t size;
	} cases[] = {
		{ "long", 4 },         { "unsigned long int", 4 },
		{ "size_t", 4 },       { "intptr_t", 4 },
		{ "double", 8 },       { "long long", 8 },
		{ "long double", 12 }, { "short", 2 },
		{ "int64_t", 8 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ck_assert_uint_eq(mt_type_base_of(MT_MACHINE_I386, cases[i].name)->size,
		                  cases[i].size);
	ck_assert_uint_eq(mt_type_base_of(MT_MACHINE_X86_64, "long")->size, sizeof(long));
	ck_assert_ptr_null(mt_type_base_of(MT_MACHINE_I386, "off_t"));
}
END_TEST

/* ---- Types of a program ---- */

static struct mt_image *image;

static const struct mt_type *find(const char *name)
{
	const struct mt_type *type = mt_type_find(image, name);

	ck_assert_msg(type, "no type %s", name);
	return type;
}

static void open_program(const char *name)
{
	char path[PATH_MAX];

	fixture_path(name, path);
	MT_CK_OK(mt_image_open_file(path, &image));
}

static void check_type_text(const struct mt_type *type, const char *expected)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };

	mt_type_format(type, &text);
	ck_assert_str_eq(text.data, expected);
}

START_TEST(types_are_found_by_name)
{
	open_program("gcc_dwarf5");
	check_type_text(find("struct conn"), "struct conn");
	check_type_text(find("conn"), "struct conn");
	check_type_text(find("conn_t"), "conn_t");
	check_type_text(find("enum state"), "enum state");
	ck_assert_uint_eq(find("struct conn")->size, find("conn_t")->size);
	ck_assert(mt_type_same(find("struct conn"), find("conn_t")));
	ck_assert(!mt_type_same(find("struct conn"), find("struct entry")));
	ck_assert_ptr_null(mt_type_find(image, "struct state"));
	ck_assert_ptr_null(mt_type_find(image, "struct nothing"));
	ck_assert_ptr_null(mt_type_find(image, ""));
	mt_image_destroy(image);
}
END_TEST

START_TEST(members_are_found_through_what_has_no_name)
{
	uint64_t offset = 0;

	open_program("gcc_dwarf5");

	const struct mt_type *conn = find("struct conn");
	const struct mt_member *name = mt_type_member(conn, "name", &offset);

	ck_assert_ptr_nonnull(name);
	check_type_text(name->type, "char [16]");
	ck_assert_uint_eq(offset, name->offset);

	uint64_t union_at = 0;

	for (size_t i = 0; i < conn->member_count; i++)
		if (!conn->members[i].name)
			union_at = conn->members[i].offset;
	ck_assert_ptr_nonnull(mt_type_member(conn, "number", &offset));
	ck_assert_uint_eq(offset, union_at);
	ck_assert_ptr_null(mt_type_member(conn, "nothing", &offset));
	ck_assert_ptr_null(mt_type_member(mt_type_base("int"), "name", &offset));

	/* Behind a pointer, which is read on demand. */
	const struct mt_member *next = mt_type_member(conn, "next", &offset);

	check_type_text(next->type, "conn_t *");
	ck_assert_ptr_nonnull(mt_type_member(next->type->target, "grid", &offset) == NULL
	                          ? mt_type_member(next->type->target, "fd", &offset)
	                          : NULL);
	mt_image_destroy(image);
}
END_TEST

START_TEST(types_are_written_as_in_c)
{
	uint64_t offset;

	open_program("gcc_dwarf5");

	const struct mt_type *conn = find("struct conn");
	const struct mt_type *pair = mt_type_array(image, mt_type_base("int"), 2);

	check_type_text(mt_type_member(conn, "handler", &offset)->type, "int (*)(int)");
	check_type_text(mt_type_pointer(image, conn), "struct conn *");
	check_type_text(mt_type_pointer(image, mt_type_pointer(image, conn)), "struct conn **");
	check_type_text(mt_type_array(image, pair, 3), "int [3][2]");
	check_type_text(mt_type_pointer(image, pair), "int (*)[2]");
	check_type_text(mt_type_array(image, mt_type_pointer(image, mt_type_base("char")), 4),
	                "char *[4]");
	check_type_text(mt_type_bytes(image, 5), "5 bytes");
	ck_assert_ptr_eq(mt_type_bytes(image, 5), mt_type_bytes(image, 5));
	ck_assert(mt_type_same(pair, mt_type_array(image, mt_type_base("int"), 2)));
	ck_assert_ptr_null(mt_type_array(image, conn, UINT64_MAX));
	mt_image_destroy(image);
}
END_TEST

START_TEST(scalars_are_told_from_the_rest)
{
	open_program("gcc_dwarf5");
	ck_assert(mt_type_is_scalar(mt_type_base("double")));
	ck_assert(mt_type_is_scalar(find("enum state")));
	ck_assert(mt_type_is_scalar(mt_type_bytes(image, 8)));
	ck_assert(!mt_type_is_scalar(mt_type_bytes(image, 9)));
	ck_assert(!mt_type_is_scalar(find("struct conn")));
	ck_assert(!mt_type_is_scalar(mt_type_base("void")));
	mt_image_destroy(image);
}
END_TEST

START_TEST(enumerators_and_flags)
{
	static const struct {
		int value;
		const char *state, *permission;
	} cases[] = {
		{ 0, "IDLE", "0" },
		{ 1, "RUNNING", "MAY_READ" },
		{ 5, "STOPPED", "(MAY_READ | MAY_EXECUTE)" },
		{ 7, "7", "(MAY_READ | MAY_WRITE | MAY_EXECUTE)" },
		{ 8, "8", "(unknown: 0x8)" },
		{ 9, "9", "(MAY_READ | unknown: 0x8)" },
	};

	open_program("gcc_dwarf5");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		check_value(find("enum state"), &cases[i].value, 4, cases[i].state);
		check_value(find("enum permission"), &cases[i].value, 4, cases[i].permission);
	}
	mt_image_destroy(image);
}
END_TEST

START_TEST(values_are_bounded)
{
	static uint8_t numbers[65536];
	struct mt_buf text MT_AUTO_BUF = { 0 };
	static char letters[4096];

	open_program("gcc_dwarf5");
	for (size_t i = 0; i < sizeof(letters); i++)
		letters[i] = (char)('a' + i % 26);
	for (size_t i = 0; i < sizeof(numbers); i++)
		numbers[i] = (uint8_t)(i * i / 7);

	const struct mt_type *many = mt_type_array(image, find("struct conn"), 500);

	mt_value_format(image, many, numbers, sizeof(numbers), &text);
	ck_assert_uint_lt(text.len, 512);
	ck_assert_ptr_nonnull(strstr(text.data, "..."));
	mt_buf_clear(&text);
	mt_value_format(image, mt_type_array(image, mt_type_base("char"), sizeof(letters)),
	                (const uint8_t *)letters, sizeof(letters), &text);
	ck_assert_uint_lt(text.len, 256);
	ck_assert_str_eq(text.data + text.len - 4, "\"...");
	check_value(mt_type_bytes(image, 4), "\xef\xbe\xad\xde", 4, "0xdeadbeef");
	check_value(mt_type_bytes(image, 9), "\1\2\3\4\5\6\7\10\11", 9,
	            "01 02 03 04 05 06 07 08 09");
	mt_image_destroy(image);
}
END_TEST

MT_UNIT_MAIN("value", numbers_read_as_in_c, a_bool_that_is_neither, fewer_bytes_than_the_type_has,
             base_types_have_many_spellings, base_types_of_i386, types_are_found_by_name,
             members_are_found_through_what_has_no_name, types_are_written_as_in_c,
             scalars_are_told_from_the_rest, enumerators_and_flags, values_are_bounded)
