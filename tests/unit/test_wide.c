/* SPDX-License-Identifier: MIT */
/* Integers of 128 bits in expressions: what the compiler makes of them is what they come to. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "expr/value.h"
#include "own_memory.h"
#include "unit.h"

__attribute__((used)) static __int128 big = (__int128)1 << 100, negative = -((__int128)7 << 70);
__attribute__((used)) static unsigned __int128 all = ~(unsigned __int128)0,
                                               word = 0x123456789abcdef0;
__attribute__((used)) static int three = 3, minus = -5;
__attribute__((used)) static unsigned long half = 1ul << 63;
__attribute__((used)) static double real = 1e30;

static const struct mt_world *program_world(void)
{
	static struct mt_world world = { .read = read_own };

	if (!world.image)
		MT_CK_OK(mt_image_create(getpid(), &world.image));
	return &world;
}

/* The value's bytes, extended by its sign; and its type. */
static unsigned __int128 evaluate(const char *text, char type[60])
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_buf name MT_AUTO_BUF = { 0 };
	struct mt_value value;
	struct mt_number number;

	MT_CK_OK(mt_eval_text(program_world(), text, &arena, &value));
	mt_type_format(value.type, &name);
	snprintf(type, 60, "%s", name.data);
	MT_CK_OK(mt_value_number(program_world(), &value, &number));
	return mt_number_wide(&number);
}

#define NAME_OF(x)                                                                                 \
	_Generic((x), int                                                                          \
	         : "int", unsigned long                                                            \
	         : "unsigned long", long                                                           \
	         : "long", __int128                                                                \
	         : "__int128", unsigned __int128                                                   \
	         : "unsigned __int128")

#define AGREES(expression)                                                                         \
	do {                                                                                       \
		char type[60];                                                                     \
		unsigned __int128 found = evaluate(#expression, type);                             \
		unsigned __int128 wanted = (unsigned __int128)(expression);                        \
                                                                                                   \
		ck_assert_msg(found == wanted, "%s is 0x%llx%016llx", #expression,                 \
		              (unsigned long long)(found >> 64), (unsigned long long)found);       \
		ck_assert_str_eq(type, NAME_OF(expression));                                       \
	} while (0)

/* C's own conversions are what this is about. */
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wconversion"

START_TEST(arithmetic_of_128_bits)
{
	AGREES(big + 1);
	AGREES(big - three);
	AGREES(big * 3 / 7 % 1000);
	AGREES(negative / three);
	AGREES(negative % 1000);
	AGREES(negative / minus);
	AGREES(negative * negative);
	AGREES(-big);
	AGREES(~all);
	AGREES(+all);
	AGREES(all >> 64);
	AGREES(negative >> 3);
	AGREES(word << 64);
	AGREES(word << three);
	AGREES(three << word / word);
	AGREES(all & word);
	AGREES(big | half);
	AGREES(big ^ negative);
	AGREES(all + minus);
	AGREES(all / half);
	AGREES((__int128)half * half);
	AGREES((unsigned __int128)minus);
	AGREES((__int128)minus >> 100);
	AGREES(three ? big : three);
}
END_TEST

START_TEST(comparisons_and_conversions)
{
	AGREES(big > half);
	AGREES(negative < minus);
	AGREES(all == (unsigned __int128)-1);
	AGREES(all > big);
	AGREES(negative > all);
	AGREES(!big);
	AGREES(big && all);
	AGREES((int)big == 0);
	AGREES((int)(big >> 90));
	AGREES((unsigned long)negative);
	AGREES((long)(negative >> 68));
	AGREES((__int128)real);
	AGREES((__int128)-real);
	AGREES((double)big == 1267650600228229401496703205376.0);
	AGREES(big + 0.5 == 1267650600228229401496703205376.0);
	AGREES((float)all > 3e38f);
	AGREES((int)sizeof(big + three));
}
END_TEST

START_TEST(what_is_wrong)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_value value;
	bool truth = false;

	MT_CK_FAILS(mt_eval_text(program_world(), "big / 0", &arena, &value), MT_ERR_SYNTAX,
	            "a division by zero");
	MT_CK_FAILS(mt_eval_text(program_world(), "all % (big - big)", &arena, &value),
	            MT_ERR_SYNTAX, "a division by zero");
	MT_CK_OK(mt_eval_truth(program_world(), "big", &truth)); /* its lower half is 0 */
	ck_assert(truth);
}
END_TEST

MT_UNIT_MAIN("wide", arithmetic_of_128_bits, comparisons_and_conversions, what_is_wrong)
