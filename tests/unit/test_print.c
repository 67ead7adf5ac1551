/* SPDX-License-Identifier: MIT */
/*
 * Values as text. What is expected was recorded from gdb 13, with addresses of the program written
 * as ADDR: the answers are facts about gdb's form, and don't depend on us.
 */
#include <libgen.h>
#include <limits.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "print/print.h"
#include "unit.h"

struct fact {
	const char *format;
	const char *expression;
	const char *text;
};

static const struct fact gdb_facts[] = {
	{ "", "flags_3", "(FLAG_A | FLAG_B)" },
	{ "", "flags_8", "(unknown: 0x8)" },
	{ "", "flags_0", "0" },
	{ "", "flags_9", "(FLAG_A | unknown: 0x8)" },
	{ "", "wide_6", "WIDE_6" },
	{ "", "wide_7", "7" },
	{ "", "color_1", "GREEN" },
	{ "", "color_7", "(GREEN | BLUE | unknown: 0x4)" },
	{ "", "negative", "MINUS" },
	{ "", "text_16", "\"abc\", '\\000' <repeats 12 times>" },
	{ "", "text_8", "\"abc\\000\\000\\000\\000\"" },
	{ "", "text_full", "\"abc\"" },
	{ "", "runs", "'a' <repeats 21 times>, \"b\\000\\000\\000\\000\\000\\000\\000\"" },
	{ "", "mixed",
	  "\"xx\", 'b' <repeats 17 times>, \"yy\\n\\t\\\"q\\\\\", '\\000' <repeats 13 times>" },
	{ "", "run_10", "\"aaaaaaaaaa\\000\"" },
	{ "", "run_11", "'a' <repeats 11 times>, \"\\000\\000\\000\\000\"" },
	{ "", "zeros", "{0 <repeats 20 times>}" },
	{ "", "zeros_10", "{0, 0, 0, 0, 0, 0, 0, 0, 0, 0}" },
	{ "", "zeros_11", "{0 <repeats 11 times>}" },
	{ "", "ones", "{1 <repeats 11 times>, 2, 3, 0 <repeats 17 times>}" },
	{ "", "matrix", "{{1, 2, 3, 4}, {5, 0, 0, 0}, {0, 0, 0, 0}}" },
	{ "", "many", "{1, 2, 0 <repeats 298 times>}" },
	{ "", "all",
	  "{p = {x = 1, y = 2}, a = {{x = 3, y = 4}, {x = 5, y = 6}}, s = \"hi\\000\", b3 = 5, b5 "
	  "= -3, {i = 1078530011, f = 3.14159274}, name = ADDR \"nameé\", v = ADDR <all>, fn = "
	  "ADDR <twice>, d = 0.10000000000000001, fl = 0.100000001, ok = true, next = ADDR "
	  "<all>}" },
	{ "", "points", "{{x = 0, y = 0} <repeats 12 times>}" },
	{ "", "bits", "{a = 1, b = 2, c = -1, e = BLUE, t = true}" },
	{ "", "empty", "{<No data fields>}" },
	{ "", "doubles",
	  "{1, 2.5, 1e+100, -0, nan(0x8000000000000), inf, -inf, 100000, 10000000000000000}" },
	{ "", "floats", "{0.100000001, 16777216}" },
	{ "", "not_a_number", "nan(ADDR)" },
	{ "", "wide_float", "3.1400000000000000001" },
	{ "", "third", "0.333333333333333333342" },
	{ "", "complex_number", "1 + 2i" },
	{ "", "wide_char", "97 L'a'" },
	{ "", "wide_text", "L\"héy\\000\\000\"" },
	{ "", "text_u16", "u\"héy\"" },
	{ "", "byte", "65 'A'" },
	{ "", "bytes", "\"\\001\\002\\003\\004\"" },
	{ "", "minus_one", "-1 '\\377'" },
	{ "", "vector", "{1, 2, 3, 4}" },
	{ "", "yes", "true" },
	{ "", "bell", "7 '\\a'" },
	{ "", "text", "ADDR \"text\"" },
	{ "", "bad_text", "0x1 <error: Cannot access memory at address 0x1>" },
	{ "", "no_text", "0x0" },
	{ "", "negative_char", "-1 '\\377'" },
	{ "", "text_pointer", "(char **) ADDR <text>" },
	{ "", "constants", "(const char * const *) 0x0" },
	{ "", "unsigned_text", "(unsigned char *) ADDR \"uc\"" },
	{ "", "huge", "-5" },
	{ "", "no_arguments", "(void (*)(void)) ADDR <twice>" },
	{ "", "functions", "{ADDR <twice>, 0x0}" },
	{ "", "int_pointer", "(int *) ADDR <zeros+8>" },
	{ "", "row_pointer", "(int (*)[4]) ADDR <matrix>" },
	{ "", "most", "65535" },
	{ "x", "all",
	  "{p = {x = 0x1, y = 0x2}, a = {{x = 0x3, y = 0x4}, {x = 0x5, y = 0x6}}, s = {0x68, 0x69, "
	  "0x0, 0x0}, b3 = 0x5, b5 = 0xfffffffd, {i = 0x40490fdb, f = 0x40490fdb}, name = ADDR, v "
	  "= ADDR, fn = ADDR, d = 0x3fb999999999999a, fl = 0x3dcccccd, ok = 0x1, next = ADDR}" },
	{ "x", "matrix", "{{0x1, 0x2, 0x3, 0x4}, {0x5, 0x0, 0x0, 0x0}, {0x0, 0x0, 0x0, 0x0}}" },
	{ "x", "text_8", "{0x61, 0x62, 0x63, 0x0, 0x0, 0x0, 0x0, 0x0}" },
	{ "x", "bits", "{a = 0x1, b = 0x2, c = 0xffffffff, e = 0x2, t = 0x1}" },
	{ "x", "text", "ADDR" },
	{ "x", "color_7", "0x7" },
	{ "x", "flags_3", "0x3" },
	{ "x", "yes", "0x1" },
	{ "x", "huge", "0xfffffffffffffffffffffffffffffffb" },
	{ "x", "floats", "{0x3dcccccd, 0x4b800000}" },
	{ "x", "wide_text", "{0x68, 0xe9, 0x79, 0x0, 0x0, 0x0}" },
	{ "x", "vector", "{0x1, 0x2, 0x3, 0x4}" },
	{ "x", "doubles[1]", "0x4004000000000000" },
	{ "d", "negative_char", "-1" },
	{ "d", "color_1", "1" },
	{ "u", "negative_char", "255" },
	{ "u", "minus_one", "255" },
	{ "c", "most", "255 '\\377'" },
	{ "c", "zeros", "{0 '\\000' <repeats 20 times>}" },
	{ "c", "text_8",
	  "{97 'a', 98 'b', 99 'c', 0 '\\000', 0 '\\000', 0 '\\000', 0 '\\000', 0 '\\000'}" },
	{ "t", "seven", "111" },
	{ "t", "points[0]", "{x = 0, y = 0}" },
	{ "t", "zeros[0]", "0" },
	{ "o", "seven", "07" },
	{ "o", "zeros[0]", "0" },
	{ "s", "bytes", "\"\\001\\002\\003\\004\"" },
	{ "s", "text", "ADDR \"text\"" },
	{ "s", "text_8", "\"abc\\000\\000\\000\\000\"" },
	{ "s", "seven", "7" },
	{ "a", "int_pointer", "ADDR <zeros+8>" },
	{ "a", "seven", "0x7" },
	{ "a", "no_arguments", "ADDR <twice>" },
	{ "f", "pi_bits", "3.14159274" },
	{ "f", "seven", "9.80908925e-45" },
	{ "f", "most", "65535" },
	{ "f", "vector", "{1.40129846e-45, 2.80259693e-45, 4.20389539e-45, 5.60519386e-45}" },
	{ "f", "doubles[1]", "2.5" },
	{ "z", "seven", "0x00000007" },
	{ "z", "most", "0xffff" },
	{ "z", "byte", "0x41" },
};

/* The program's memory, as its file has it. */
static struct mt_error *read_initial(void *image, uint64_t addr, void *out, size_t len)
{
	if (mt_image_read_initial(image, addr, out, len) == len)
		return NULL;
	return mt_error_new(MT_ERR_UNREADABLE, "nothing is mapped at %#llx",
	                    (unsigned long long)addr);
}

static void program_path(const char *name, char path[PATH_MAX])
{
	char self[PATH_MAX] = { 0 };

	ck_assert_int_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
	snprintf(path, PATH_MAX, "%.2000s/print-data/%s", dirname(self), name);
}

static struct mt_image *open_program(const char *name)
{
	struct mt_image *image;
	char path[PATH_MAX];

	program_path(name, path);
	ck_assert_ptr_null(mt_image_open_file(path, &image));
	return image;
}

static struct mt_world world_of(struct mt_image *image)
{
	return (struct mt_world){ .image = image,
		                  .machine = mt_image_machine(image),
		                  .arg = image,
		                  .read = read_initial };
}

/* 0x404660 and its like are addresses of the program: ADDR. */
static void hide_addresses(const char *text, struct mt_buf *out)
{
	while (*text) {
		size_t digits = !strncmp(text, "0x4", 3) ? strspn(text + 2, "0123456789abcdef") : 0;

		if (digits == 6) {
			mt_buf_text(out, "ADDR");
			text += 2 + digits;
		} else {
			mt_buf_char(out, *text++);
		}
	}
}

static void print_text(const struct mt_world *world, const char *expression,
                       const struct mt_print_options *options, struct mt_buf *out)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_buf text MT_AUTO_BUF = { 0 };
	struct mt_value value;
	struct mt_error *error = mt_eval_text(world, expression, &arena, &value);

	if (!error)
		error = mt_print_top(world, &value, options, &text);
	ck_assert_msg(!error, "%s: %s", expression, error ? mt_error_text(error) : "");
	hide_addresses(text.data ? text.data : "", out);
}

static void check_fact(const struct mt_world *world, const struct fact *fact)
{
	struct mt_print_options options = mt_print_defaults();
	struct mt_buf text MT_AUTO_BUF = { 0 };

	options.utf8 = true;
	options.letter = fact->format[0];
	print_text(world, fact->expression, &options, &text);
	ck_assert_msg(!strcmp(text.data, fact->text),
	              "print/%s %s:\n  %s, but gdb's answer is\n  %s", fact->format,
	              fact->expression, text.data, fact->text);
}

START_TEST(gdb_form)
{
	struct mt_image *image = open_program("values");
	struct mt_world world = world_of(image);

	for (size_t i = 0; i < sizeof(gdb_facts) / sizeof(gdb_facts[0]); i++)
		check_fact(&world, &gdb_facts[i]);
	mt_image_destroy(image);
}
END_TEST

/* ---- Settings ------------------------------------------------------------------- */

static void check_options(const char *expression, const struct mt_print_options *options,
                          const char *expected)
{
	struct mt_image *image = open_program("values");
	struct mt_world world = world_of(image);
	struct mt_buf text MT_AUTO_BUF = { 0 };

	print_text(&world, expression, options, &text);
	ck_assert_str_eq(text.data, expected);
	mt_image_destroy(image);
}

START_TEST(pretty)
{
	struct mt_print_options options = mt_print_defaults();

	options.pretty = true;
	options.utf8 = true;
	check_options(
	    "all", &options,
	    "{\n  p = {\n    x = 1,\n    y = 2\n  },\n  a = {{\n      x = 3,\n"
	    "      y = 4\n    }, {\n      x = 5,\n      y = 6\n    }},\n"
	    "  s = \"hi\\000\",\n  b3 = 5,\n  b5 = -3,\n  {\n    i = 1078530011,\n"
	    "    f = 3.14159274\n  },\n  name = ADDR \"name\xc3\xa9\",\n  v = ADDR <all>,\n"
	    "  fn = ADDR <twice>,\n  d = 0.10000000000000001,\n  fl = 0.100000001,\n"
	    "  ok = true,\n  next = ADDR <all>\n}");
	check_options("points", &options, "{{\n    x = 0,\n    y = 0\n  } <repeats 12 times>}");
	check_options("matrix", &options, "{{1, 2, 3, 4}, {5, 0, 0, 0}, {0, 0, 0, 0}}");
}
END_TEST

START_TEST(arrays)
{
	struct mt_print_options options = mt_print_defaults();

	options.array = true;
	check_options("matrix", &options,
	              "{\n  {\n    1,\n    2,\n    3,\n    4\n  },\n  {\n    5,\n    0,\n    0,\n"
	              "    0\n  },\n  {\n    0,\n    0,\n    0,\n    0\n  }\n}");
	options.array = false;
	options.array_indexes = true;
	check_options("ones", &options,
	              "{[0] = 1 <repeats 11 times>, [11] = 2, [12] = 3, "
	              "[13] = 0 <repeats 17 times>}");
}
END_TEST

START_TEST(limits)
{
	struct mt_print_options options = mt_print_defaults();

	options.elements = 4;
	check_options("text_16", &options, "\"abc\", '\\000' <repeats 12 times>");
	check_options("mixed", &options, "\"xx\", 'b' <repeats 17 times>...");
	check_options("ones", &options, "{1 <repeats 11 times>...}");
	check_options("doubles", &options, "{1, 2.5, 1e+100, -0...}");
	check_options("all.name", &options, "ADDR \"name\"...");
	check_options("runs", &options, "'a' <repeats 21 times>...");
	options = mt_print_defaults();
	options.max_depth = 1;
	check_options("*&all.a[0]", &options, "{x = 3, y = 4}");
	check_options("matrix", &options, "{{...}, {...}, {...}}");
	options = mt_print_defaults();
	options.repeats = 3;
	check_options("runs", &options, "'a' <repeats 21 times>, \"b\", '\\000' <repeats 7 times>");
	options = mt_print_defaults();
	options.null_stop = true;
	check_options("text_16", &options, "\"abc\"");
}
END_TEST

START_TEST(addresses)
{
	struct mt_print_options options = mt_print_defaults();

	options.address = false;
	check_options("&all", &options, "(struct all *) <all>");
	check_options("all.fn", &options, "(int (*)(int)) <twice>");
	check_options("text", &options, "\"text\"");
	options.address = true;
	options.symbol = false;
	check_options("&all", &options, "(struct all *) ADDR");
	check_options("all.fn", &options, "(int (*)(int)) ADDR <twice>");
}
END_TEST

START_TEST(unreadable)
{
	struct mt_print_options options = mt_print_defaults();
	struct mt_image *image = open_program("values");
	struct mt_world world = world_of(image);
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_buf text MT_AUTO_BUF = { 0 };
	struct mt_value value;
	struct mt_error *error;

	ck_assert_ptr_null(mt_eval_text(&world, "*(struct point *)16", &arena, &value));
	error = mt_print_top(&world, &value, &options, &text);
	ck_assert_ptr_nonnull(error);
	ck_assert_int_eq(mt_error_kind(error), MT_ERR_UNREADABLE);
	ck_assert_uint_eq(text.len, 0);
	mt_error_free(error);
	mt_image_destroy(image);
}
END_TEST

MT_UNIT_MAIN("print", gdb_form, pretty, arrays, limits, addresses, unreadable)
