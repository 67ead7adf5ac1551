/* SPDX-License-Identifier: MIT */
/*
 * What is captured at a hit, judged by the compiler that made this program, whose own variables the
 * expressions speak of. That the kernel's code does the same tests/e2e/test_prints.py shows.
 */
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "expr/capture.h"
#include "own_memory.h"
#include "unit.h"
#include "x86/regs.h"

struct item {
	struct item *next;
	int len;
	unsigned b3 : 3;
	int b7 : 7;
	__int128 wide : 40;
	const char *label;
	char name[12];
	double ratio;
};

/* Not static: the compiler would know their values. */
struct item last = { NULL, -40, 5, -60, -7, NULL, "last", -0.5 };
struct item first = { &last, 3, 1, 63, 1, "a label", "first", 0.75 };
struct item *head = &first, *nobody;
int grid[3][4] = { { 1, 2, 3, 4 }, { -5, -6, -7, -8 }, { 9, 10, 11, 12 } };
unsigned index_of = 2;
unsigned char small = 250;
long cap = -69999;
char long_text[300];
const char *labels[5] = { "one", long_text, (const char *)16, "four", "five" };
struct {
	char bytes[MT_CAPTURE_SIZE_MAX + 1];
} large;

static struct mt_image *own_image(void)
{
	static struct mt_image *image;

	if (!image)
		MT_CK_OK(mt_image_create(getpid(), &image));
	return image;
}

static struct mt_error *compile(const char *text, struct mt_capture **capture)
{
	const struct mt_cond_scope scope = { .machine = MT_MACHINE_X86_64,
		                             .watched = mt_type_base("int"),
		                             .image = own_image() };

	return mt_capture_compile(&scope, text, capture);
}

/* As much as any capture takes. */
struct taken {
	struct mt_captured captured;
	uint8_t value[MT_CAPTURE_SIZE_MAX];
	struct mt_captured_text texts[MT_CAPTURE_TEXTS_MAX];
};

static void take(const char *text, struct mt_capture **capture, struct taken *taken)
{
	static const int old_value = 11, new_value = 12;
	static const struct mt_regs regs = { .r = { 0x123456789abcdef0 } };
	const struct mt_cond_input input = { .old_value = (const uint8_t *)&old_value,
		                             .new_value = (const uint8_t *)&new_value,
		                             .len = sizeof(new_value),
		                             .regs = &regs,
		                             .read = read_own };

	MT_CK_OK(compile(text, capture));
	ck_assert_uint_le(mt_capture_room(*capture), sizeof(*taken));
	mt_capture_take(*capture, &input, &taken->captured);
}

static const struct mt_captured_text *text_of(const struct mt_capture *capture,
                                              const struct taken *taken, size_t i)
{
	ck_assert_uint_lt(i, capture->text_count);
	return (const struct mt_captured_text *)(taken->value + mt_capture_value_room(capture)) + i;
}

/* ---- Values ---------------------------------------------------------------------------- */

static void check(const char *text, const void *bytes, size_t size)
{
	struct mt_capture *capture;
	struct taken taken;

	take(text, &capture, &taken);
	ck_assert_msg(taken.captured.state == MT_CAPTURE_READ, "%s is not read", text);
	ck_assert_msg(capture->size == size, "%s has %u bytes", text, capture->size);
	ck_assert_msg(!memcmp(taken.value, bytes, size), "%s is something else", text);
	mt_capture_destroy(capture);
}

#define AGREES(expression)                                                                         \
	do {                                                                                       \
		__typeof__(expression) wanted_;                                                    \
		memcpy(&wanted_, &(__typeof__(wanted_)[]){ expression }[0], sizeof(wanted_));      \
		check(#expression, &wanted_, sizeof(wanted_));                                     \
	} while (0)

START_TEST(values_are_the_programs)
{
	AGREES(head);
	AGREES(head->next->len);
	AGREES(head->len + grid[1][1] * 2);
	AGREES(grid[index_of][3]);
	AGREES(small);
	AGREES(small + 10);
	AGREES((unsigned char)(small + 10));
	AGREES((short)cap);
	AGREES(cap - index_of);
	AGREES(&grid[1][2]);
	AGREES(&head->next->len - 1);
	AGREES(head->ratio);
	AGREES(nobody);
	check("*head", &first, sizeof(first));
	check("grid[1]", grid[1], sizeof(grid[1]));
	check("grid[1][1]@2", &grid[1][1], 2 * sizeof(int));
	check("head->name", first.name, sizeof(first.name));
	check("old + new", &(int){ 23 }, sizeof(int));
	check("$eax", &(unsigned){ 0x9abcdef0 }, sizeof(unsigned));
}
END_TEST

/* A bit-field is as wide as its type, unless that is wider than what the kernel computes with. */
START_TEST(bit_fields)
{
	AGREES((int)head->b7);
	check("head->b3", &(unsigned){ 1 }, sizeof(unsigned));
	check("head->next->b7", &(int){ -60 }, sizeof(int));
	check("head->next->wide", &(long){ -7 }, sizeof(long));
}
END_TEST

START_TEST(what_depends_on_the_watched_value_is_known)
{
	struct mt_capture *capture;

	MT_CK_OK(compile("cap + new", &capture));
	ck_assert(capture->is_number && capture->is_watched);
	mt_capture_destroy(capture);
	MT_CK_OK(compile("grid[index_of]", &capture));
	ck_assert(!capture->is_number && !capture->is_watched);
	mt_capture_destroy(capture);
}
END_TEST

/* ---- Texts ----------------------------------------------------------------------------- */

START_TEST(texts_go_along)
{
	struct mt_capture *capture;
	struct taken taken;
	const struct mt_captured_text *text;

	memset(long_text, 'x', sizeof(long_text) - 1);
	take("*head", &capture, &taken);
	ck_assert_uint_eq(capture->text_count, 1);
	ck_assert_uint_eq(capture->texts[0], offsetof(struct item, label));
	text = text_of(capture, &taken, 0);
	ck_assert_int_eq(text->len, sizeof("a label"));
	ck_assert_str_eq(text->bytes, "a label");
	mt_capture_destroy(capture);

	take("labels", &capture, &taken);
	ck_assert_uint_eq(capture->text_count, MT_CAPTURE_TEXTS_MAX);
	ck_assert_str_eq(text_of(capture, &taken, 0)->bytes, "one");
	text = text_of(capture, &taken, 1);
	ck_assert_int_eq(text->len, MT_CAPTURE_TEXT_LEN + 1);
	ck_assert_uint_eq(strspn(text->bytes, "x"), MT_CAPTURE_TEXT_LEN);
	ck_assert_int_lt(text_of(capture, &taken, 2)->len, 0);
	ck_assert_str_eq(text_of(capture, &taken, 3)->bytes, "four");
	mt_capture_destroy(capture);
}
END_TEST

/* ---- What cannot be had ---------------------------------------------------------------- */

static void check_unread(const char *text, uint64_t addr)
{
	struct mt_capture *capture;
	struct taken taken;

	take(text, &capture, &taken);
	ck_assert_msg(taken.captured.state == MT_CAPTURE_UNREAD, "%s is read", text);
	ck_assert_uint_eq(taken.captured.addr, addr);
	mt_capture_destroy(capture);
}

/* The address is that of what could not be read first. */
START_TEST(unreadable_memory_is_told)
{
	check_unread("*nobody", 0);
	check_unread("nobody->len", offsetof(struct item, len));
	check_unread("nobody->next->len + 1", 0);
	check_unread("*head->next->next", 0);
	check_unread("*(int *)16", 16);
}
END_TEST

static void check_refused(const char *text, const char *part)
{
	struct mt_capture *capture;
	struct mt_error *error = compile(text, &capture);

	ck_assert_msg(error != NULL, "%s should be refused", text);
	ck_assert_int_ge(mt_error_offset(error), 0);
	MT_CK_FAILS(error, MT_ERR_SYNTAX, part);
}

START_TEST(what_is_refused_is_told)
{
	check_refused("cap = 3", "changes nothing");
	check_refused("cap += 3", "changes nothing");
	check_refused("head->len++", "changes nothing");
	check_refused("--cap", "changes nothing");
	check_refused("getpid()", "no function can be called");
	check_refused("cap, small", "--print may be given again");
	check_refused("\"text\"", "the same at each hit");
	check_refused("sizeof(cap)", "the same at each hit");
	check_refused("head->ratio * 2", "no floating point arithmetic");
	check_refused("large", "1024 at most");
	check_refused("grid[0][0]@index_of", "a constant from 1 to 1024");
	check_refused("grid[0][0]@0", "a constant from 1 to 1024");
	check_refused("(cap + 1)@2", "does not lie in memory");
	check_refused("head->nope", "nope");
	check_refused("no_such_variable", "no_such_variable");
}
END_TEST

MT_UNIT_MAIN("capture", values_are_the_programs, bit_fields,
             what_depends_on_the_watched_value_is_known, texts_go_along, unreadable_memory_is_told,
             what_is_refused_is_told)
