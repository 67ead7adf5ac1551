/* SPDX-License-Identifier: MIT */
/*
 * Conditions: what they are worth, where their errors point to, and what bounds they have. (That
 * all values are C's is for test_condgen.c, which asks the compiler.)
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "error_case.h"
#include "expr/expr.h"
#include "unit.h"
#include "x86/regs.h"

/* ---- What is watched */

static const struct mt_enumerator enumerators[] = {
	{ "IDLE", 0 }, { "RUNNING", 1 }, { "FAILED", -1 }, { "HUGE", 1LL << 40 }
};
static const struct mt_type enum_type = { .kind = MT_TYPE_ENUM,
	                                  .name = "enum state",
	                                  .size = 4,
	                                  .enumerators = enumerators,
	                                  .enumerator_count = 4 };
static const struct mt_type pointer_type = { .kind = MT_TYPE_POINTER, .size = 8 };
static const struct mt_type bytes3 = { .kind = MT_TYPE_BYTES, .size = 3 };
static const struct mt_type bytes4 = { .kind = MT_TYPE_BYTES, .size = 4 };
static const struct mt_type bytes7 = { .kind = MT_TYPE_BYTES, .size = 7 };
static const struct mt_type bytes16 = { .kind = MT_TYPE_BYTES, .size = 16 };

static struct mt_type int_array = { .kind = MT_TYPE_ARRAY, .size = 16, .count = 4 };
static struct mt_member conn_members[] = {
	{ .name = "refs", .offset = 0 },
	{ .name = "state", .offset = 4 },
	{ .name = "next", .offset = 8 },
	{ .name = "tail", .offset = 16 },
};
static const struct mt_type conn_type = { .kind = MT_TYPE_STRUCT,
	                                  .name = "struct conn",
	                                  .size = 32,
	                                  .members = conn_members,
	                                  .member_count = 4 };

static void make_types(void)
{
	int_array.target = mt_type_base("int");
	conn_members[0].type = mt_type_base("int");
	conn_members[1].type = &enum_type;
	conn_members[2].type = &pointer_type;
	conn_members[3].type = &int_array;
}

static bool holds(const char *text, const struct mt_type *type, const void *old_value,
                  const void *new_value)
{
	struct mt_regs regs = { .r = {
		                    [MT_REG_RAX] = 0x1234567890abcdef, [MT_REG_RIP] = 0x401000 } };
	struct mt_cond_input input = { .old_value = old_value,
		                       .new_value = new_value,
		                       .len = (size_t)type->size,
		                       .tid = 43,
		                       .pid = 42,
		                       .hits = 7,
		                       .comm = "worker",
		                       .regs = &regs };
	struct mt_cond *cond = NULL;

	MT_CK_OK(mt_cond_compile(MT_MACHINE_X86_64, text, type, &cond));
	ck_assert_str_eq(mt_cond_text(cond), text);
	bool answer = mt_cond_eval(cond, &input);
	mt_cond_destroy(cond);
	return answer;
}

struct truth_case {
	const char *text;
	bool answer;
};

#define CHECK_TRUTHS(cases, type, old_value, new_value)                                            \
	for (size_t i_ = 0; i_ < sizeof(cases) / sizeof(*(cases)); i_++)                           \
	ck_assert_msg(holds((cases)[i_].text, type, old_value, new_value) == (cases)[i_].answer,   \
	              "%s", (cases)[i_].text)

START_TEST(conditions_on_what_is_around)
{
	static const struct truth_case cases[] = {
		{ "old == 5 && new == -3", true },
		{ "new < old", true },
		{ "new - old == -8", true },
		{ "new < 5u", false }, /* unsigned wins */
		{ "tid == 43 && pid == 42", true },
		{ "hits % 7", false },
		{ "hits - 8 > 0", true }, /* hits is unsigned */
		{ "pc == 0x401000 && pc == $rip", true },
		{ "$rax == 0x1234567890abcdef", true },
		{ "$eax == 0x90abcdef", true },
		{ "$ax == 0xcdef && $al == 0xef && $ah == 0xcd", true },
		{ "comm == \"worker\"", true },
		{ "\"work\\x65r\" != comm", false },
		{ "comm == \"\"", false },
		{ "true && !false && NULL == 0", true },
	};
	int32_t old_value = 5, new_value = -3;

	CHECK_TRUTHS(cases, mt_type_base("int"), &old_value, &new_value);
}
END_TEST

START_TEST(conditions_by_the_type_watched)
{
	static const struct truth_case on_enum[] = { { "new == RUNNING", true },
		                                     { "old == FAILED", true },
		                                     { "old == state::FAILED", true },
		                                     { "HUGE > 0xffffffff", true } };
	static const struct truth_case on_pointer[] = { { "new == NULL", false },
		                                        { "old == NULL && !old", true },
		                                        { "new > 0x7fffffffffffffff", true },
		                                        { "new - old == 0xffff800000000010",
		                                          true } };
	static const struct truth_case on_double[] = { { "new > 0.25 && new < .75", true },
		                                       { "new * 4 == 2", true },
		                                       { "(int)new == 0", true },
		                                       { "old == -1e3", true },
		                                       { "(unsigned)old == 0", true },
		                                       { "(char)(old * 1e300) == -128", true },
		                                       { "tid ? new : 1", true } };
	static const struct truth_case on_bytes[] = { { "new == 0xfffefd", true },
		                                      { "new > 0", true },
		                                      { "old == 0x030201", true } };
	static const struct truth_case on_array[] = { { "new[0] == 1 && new[3] == 4", true },
		                                      { "new[1+1] == 3", true } };
	static const struct truth_case on_struct[] = { { "new.refs == -1", true },
		                                       { "new.state == RUNNING", true },
		                                       { "new.next == 0x10", true },
		                                       { "new.tail[1] == 9", true } };
	int32_t states[] = { -1, 1 }, four[] = { 1, 2, 3, 4 };
	uint64_t pointers[] = { 0, 0xffff800000000010 };
	double doubles[] = { -1000, 0.5 };
	uint8_t old3[] = { 1, 2, 3 }, new3[] = { 0xfd, 0xfe, 0xff };
	int32_t conn[8] = { -1, 1, 0x10, 0, 8, 9 };

	make_types();
	CHECK_TRUTHS(on_enum, &enum_type, &states[0], &states[1]);
	CHECK_TRUTHS(on_pointer, &pointer_type, &pointers[0], &pointers[1]);
	CHECK_TRUTHS(on_double, mt_type_base("double"), &doubles[0], &doubles[1]);
	CHECK_TRUTHS(on_bytes, &bytes3, old3, new3);
	CHECK_TRUTHS(on_array, &int_array, four, four);
	CHECK_TRUTHS(on_struct, &conn_type, conn, conn);
	ck_assert(holds("new == 0xffefefefefefefef >> 8", &bytes7, "\xef\xef\xef\xef\xef\xef\xff",
	                "\xef\xef\xef\xef\xef\xef\xff"));
	ck_assert(holds("new > -1 || new == 0xffffffff", &bytes4, "\0\0\0\0", "\xff\xff\xff\xff"));
	ck_assert(holds("new == -1", mt_type_base("signed char"), "\xff", "\xff"));
	ck_assert(holds("new == 255", mt_type_base("unsigned char"), "\xff", "\xff"));
	ck_assert(holds("new == 'A'", mt_type_base("char"), "A", "A"));
	ck_assert(holds("new && !old", mt_type_base("_Bool"), "\0", "\1"));
}
END_TEST

START_TEST(only_floats_stay_out_of_the_kernel)
{
	static const struct truth_case cases[] = {
		{ "new > old", false }, { "tid == 5", true },          { "new", false },
		{ "tid > 1.5", false }, { "hits == (long)1e3", true }, { "tid ? pid : 1.0", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct mt_cond *cond = NULL;

		MT_CK_OK(mt_cond_compile(MT_MACHINE_X86_64, cases[i].text, mt_type_base("float"),
		                         &cond));
		ck_assert_msg(mt_cond_fits_kernel(cond) == cases[i].answer, "%s", cases[i].text);
		mt_cond_destroy(cond);
	}
}
END_TEST

static void check_cond_error(const struct error_case *c, const struct mt_type *type)
{
	struct mt_cond *cond = NULL;

	check_error(c, mt_cond_compile(MT_MACHINE_X86_64, c->text, type, &cond));
	ck_assert_ptr_null(cond);
}

START_TEST(wrong_conditions)
{
	static const struct error_case cases[] = {
		{ "", 0, "is empty" },
		{ "new ==", 6, "a value is missing" },
		{ "== 3", 0, "a value is missing before ==" },
		{ "new = 0", 4, "did you mean ==?" },
		{ "(new = 0)", 5, "did you mean ==?" },
		{ "new += 1", 4, "+= would assign" },
		{ "new++ > 1", 3, "++ would change" },
		{ "(new == 0", 0, "this ( is never closed" },
		{ "new == 0)", 8, "this ) closes nothing" },
		{ "new == 0 tid", 9, "operator is missing before tid" },
		{ "new ? 1", 4, "this ? has no :" },
		{ "1, 2", 1, "comma" },
		{ "nwe == 0", 0, "nwe; did you mean new?" },
		{ "tdi == 0", 0, "did you mean" },
		{ "quux == 0", 0, "it knows old, new, tid" },
		{ "rax == 0", 0, "written with a $: $rax" },
		{ "$raxx == 0", 0, "no register $raxx" },
		{ "$ == 0", 0, "register's name is missing" },
		{ "comm == 5", 0, "compared with == or != to a string" },
		{ "comm", 0, "compared with == or != to a string" },
		{ "comm < \"a\"", 0, "compared with == or != to a string" },
		{ "comm == \"sixteen bytes is\"", 8, "at most 15 bytes, and this has 16" },
		{ "comm == \"a\\0b\"", 8, "NUL" },
		{ "comm == \"abc", 8, "has no mate" },
		{ "new == \"a\"", 7, "only comm is compared with a string" },
		{ "new == 'ab'", 7, "more than one character" },
		{ "new == ''", 7, "is missing" },
		{ "new == '\\q'", 8, "escape is unknown" },
		{ "new == 08", 8, "8 is not a digit of an octal" },
		{ "new == 1x", 8, "'x' is no suffix" },
		{ "new == 1uu", 8, "'uu' is no suffix" },
		{ "new == 1lL", 8, "'lL' is no suffix" },
		{ "new == 0x1g", 10, "'g' is no suffix" },
		{ "new == 1.5q", 10, "'q' is no suffix" },
		{ "new == 9223372036854775808", 7, "too large for a long" },
		{ "new == 99999999999999999999", 7, "too large for 64 bits" },
		{ "*new == 0", 0, "cannot follow a pointer" },
		{ "new->x == 0", 5, "cannot follow a pointer" },
		{ "&new == 0", 0, "cannot take addresses" },
		{ "tid.x == 0", 4, "only old and new have members" },
		{ "(struct conn)new == 0", 0, "base types only, not to struct conn" },
		{ "new % 1.5", 4, "needs integers" },
		{ "~1.5", 0, "needs integers" },
		{ "new[0]", 4, "new is not an array" },
		{ "new.x", 4, "new is not a struct" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check_cond_error(&cases[i], mt_type_base("int"));
}
END_TEST

START_TEST(wrong_conditions_by_the_type_watched)
{
	static const struct error_case on_struct[] = {
		{ "new == 0", 0, "new is a struct conn: name a member, as in new.refs" },
		{ "new.ref == 0", 4, "struct conn has no member ref; did you mean refs?" },
		{ "new.tail == 0", 0, "name an element, as in new.tail[0]" },
		{ "new.tail[4]", 9, "new.tail has the elements 0 to 3" },
		{ "new.tail[-1]", 9, "new.tail has the elements 0 to 3" },
		{ "new.tail[tid]", 9, "must be an integer constant" },
		{ "new.tail[1..2]", 9, "slice is no value" },
		{ "new.state == RUNING", 13, "RUNING; did you mean RUNNING?" },
	};
	static const struct error_case on_bytes = { "new == 0", 0, "cannot compute with" };
	static const struct error_case on_long_double = { "1 < old", 4, "cannot compute with" };

	make_types();
	for (size_t i = 0; i < sizeof(on_struct) / sizeof(*on_struct); i++)
		check_cond_error(&on_struct[i], &conn_type);
	check_cond_error(&on_bytes, &bytes16);
	check_cond_error(&on_long_double, mt_type_base("long double"));
}
END_TEST

/* ---- Bounds */

static char *repeated(const char *piece, size_t count)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };

	for (size_t i = 0; i < count; i++)
		mt_buf_text(&text, piece);
	return mt_buf_take(&text);
}

START_TEST(hostile_texts_are_bounded)
{
	static const struct {
		const char *piece;
		size_t count;
		const char *part;
	} cases[] = {
		{ "(", 60000, "nested" },     { "!", 60000, "nested" },
		{ "1+", 30000, "nested" },    { "1?", 30000, "nested" },
		{ "(int)", 10000, "nested" }, { "a[", 30000, "nested" },
		{ "*", 65536, "nested" },     { "1?2:", 10000, "nested" },
		{ " ", 65537, "more than" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct mt_cond *cond;
		char *text MT_AUTO_FREE = repeated(cases[i].piece, cases[i].count);

		MT_CK_FAILS(mt_place_check(text), MT_ERR_SYNTAX, cases[i].part);
		MT_CK_FAILS(mt_cond_compile(MT_MACHINE_X86_64, text, mt_type_base("int"), &cond),
		            MT_ERR_SYNTAX, cases[i].part);
	}
}
END_TEST

START_TEST(memory_may_run_out_anywhere)
{
	static const char text[] = "(unsigned char)new.tail[1] + ~old.refs * 2 > 5 ? comm == "
	                           "\"worker\" : new.state == RUNNING && $rax != 'x'";
	struct mt_cond *cond = NULL;
	struct mt_error *error;
	long count = 0;

	make_types();
	do {
		mt_alloc_fail_after(count++);
		error = mt_cond_compile(MT_MACHINE_X86_64, text, &conn_type, &cond);
		mt_alloc_fail_after(-1);
		ck_assert(!error || mt_error_kind(error) == MT_ERR_NOMEM);
		mt_error_free(error);
	} while (error);
	ck_assert_int_gt(count, 2);
	mt_cond_destroy(cond);
}
END_TEST

/* ---- The caret */

static void check_caret(const char *text, const char *drawn)
{
	struct mt_buf out MT_AUTO_BUF = { 0 };
	struct mt_cond *cond;
	struct mt_error *error =
	    mt_cond_compile(MT_MACHINE_X86_64, text, mt_type_base("int"), &cond);

	mt_expr_caret(&out, text, error);
	ck_assert_str_eq(out.data, drawn);
	mt_error_free(error);
}

START_TEST(carets_stand_under_the_place)
{
	struct mt_buf out MT_AUTO_BUF = { 0 };
	struct mt_error *error = mt_error_new(MT_ERR_USAGE, "without a place");

	check_caret("new = 0", "  new = 0\n      ^\n");
	check_caret("new ==", "  new ==\n        ^\n");
	check_caret("\tnew = 0", "  \tnew = 0\n  \t    ^\n");
	check_caret("'ä' + x", "  'ä' + x\n  ^\n");
	check_caret("größe = 1", "  größe = 1\n        ^\n");
	mt_expr_caret(&out, "new", error);
	ck_assert_uint_eq(out.len, 0);
	mt_error_free(error);
}
END_TEST

MT_UNIT_MAIN("expr", conditions_on_what_is_around, conditions_by_the_type_watched,
             only_floats_stay_out_of_the_kernel, wrong_conditions,
             wrong_conditions_by_the_type_watched, hostile_texts_are_bounded,
             memory_may_run_out_anywhere, carets_stand_under_the_place)
