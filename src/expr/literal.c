/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "expr/literal_internal.h"

/* ---- Integers */

struct suffix {
	bool is_unsigned, is_long, is_long_long;
};

/* C11 6.4.4.1: one of u or U, and one of l, L, ll, LL, in any order. */
static bool read_suffix(struct cursor *c, struct suffix *suffix)
{
	*suffix = (struct suffix){ 0 };
	while (!at_end(c)) {
		char letter = peek(c);

		if (is_one_of(letter, "uU") && !suffix->is_unsigned) {
			suffix->is_unsigned = true;
		} else if (is_one_of(letter, "lL") && !suffix->is_long) {
			suffix->is_long = true;
			suffix->is_long_long = c->at + 1 < c->end && c->text[c->at + 1] == letter;
			c->at += suffix->is_long_long;
		} else {
			return false;
		}
		c->at++;
	}
	return true;
}

static unsigned read_base(struct cursor *c)
{
	char second = c->end - c->at > 1 ? c->text[c->at + 1] : '\0';
	unsigned base = 10;

	if (peek(c) != '0' || !second)
		return base;
	if (is_one_of(second, "xX"))
		base = 16;
	else if (is_one_of(second, "bB"))
		base = 2;
	else
		return 8;
	c->at += 2;
	return base;
}

static const char *base_name(unsigned base)
{
	switch (base) {
	case 2:
		return "a binary";
	case 8:
		return "an octal";
	case 16:
		return "a hexadecimal";
	default:
		return "a decimal";
	}
}

static struct mt_error *read_digits(struct cursor *c, unsigned base, uint64_t *value)
{
	size_t start = c->at, len = c->end - c->at;
	uint64_t sum = 0;

	for (; !at_end(c) && digit_value(peek(c)) < 16; c->at++) {
		unsigned digit = digit_value(peek(c));

		if (base < 10 && digit >= base && digit < 10)
			return mt_error_at((long)c->at, "%c is not a digit of %s constant", peek(c),
			                   base_name(base));
		if (digit >= base)
			break;
		if (__builtin_mul_overflow(sum, base, &sum) ||
		    __builtin_add_overflow(sum, digit, &sum))
			return mt_error_at((long)start, "%.*s is too large for 64 bits",
			                   (int)(len < 80 ? len : 80), c->text + start);
	}
	if (c->at == start)
		return mt_error_at((long)start, "the digits of %s constant are missing",
		                   base_name(base));
	*value = sum;
	return NULL;
}

/* The first type of the list in C11 6.4.4.1 that can hold the value: a decimal constant without u
 * never becomes unsigned. */
static bool integer_type(uint64_t value, bool decimal, struct suffix suffix, struct mt_arith *type)
{
	if (!suffix.is_long && !suffix.is_unsigned && value <= INT32_MAX)
		*type = (struct mt_arith){ .size = 4, .is_signed = true };
	else if (!suffix.is_long && (suffix.is_unsigned || !decimal) && value <= UINT32_MAX)
		*type = (struct mt_arith){ .size = 4 };
	else if (!suffix.is_unsigned && value <= INT64_MAX)
		*type = (struct mt_arith){ .size = 8, .is_signed = true };
	else if (suffix.is_unsigned || !decimal)
		*type = (struct mt_arith){ .size = 8 };
	else
		return false;
	return true;
}

static struct mt_error *bad_suffix(const struct cursor *c, size_t start)
{
	return mt_error_at((long)start, "'%.*s' is no suffix of a constant",
	                   (int)(c->end - start < 20 ? c->end - start : 20), c->text + start);
}

static struct mt_error *read_integer(struct cursor *c, struct mt_literal *literal)
{
	size_t start = c->at;
	unsigned base = read_base(c);
	struct mt_literal read = { 0 };
	struct suffix suffix;

	MT_TRY(read_digits(c, base, &read.integer));
	size_t digits_end = c->at;
	if (!read_suffix(c, &suffix))
		return bad_suffix(c, digits_end);
	bool fits = integer_type(read.integer, base == 10, suffix, &read.type);
	suffix.is_long = suffix.is_long_long; /* a long of i386 is as good as an int */
	fits = fits && integer_type(read.integer, base == 10, suffix, &read.type_i386);
	if (!fits)
		return mt_error_at((long)start,
		                   "%.*s is too large for a long; with U behind it it is an "
		                   "unsigned long",
		                   (int)(digits_end - start), c->text + start);
	*literal = read;
	return NULL;
}

/* ---- Floating constants */

static bool looks_floating(const struct cursor *c)
{
	bool hex = c->end - c->at > 1 && is_one_of(c->text[c->at + 1], "xX");

	for (size_t i = c->at; i < c->end; i++)
		if (is_one_of(c->text[i], hex ? ".pP" : ".eE"))
			return true;
	return false;
}

/* A program that uses memtrap's libraries leaves LC_NUMERIC at "C". */
static struct mt_error *read_floating(struct cursor *c, struct mt_literal *literal)
{
	const char *start = c->text + c->at;
	struct mt_literal read = { .type = { .size = 8, .is_float = true } };
	char *stop;

	read.floating = (long double)strtod(start, &stop);
	size_t stop_at = (size_t)(stop - c->text);
	if (stop_at > c->end || stop_at == c->at)
		return mt_error_at((long)c->at, "not a floating constant");
	if (c->end - stop_at == 1 && is_one_of(*stop, "fF")) {
		read.type.size = 4;
		read.floating = (long double)strtof(start, NULL);
	} else if (c->end - stop_at == 1 && is_one_of(*stop, "lL")) {
		read.type.size = 16;
		read.floating = strtold(start, NULL);
	} else if (stop_at != c->end) {
		return bad_suffix(c, stop_at);
	}
	read.type_i386 = read.type;
	if (read.type.size == 16) /* System V ABI i386, table 2.1 */
		read.type_i386.size = 12;
	*literal = read;
	return NULL;
}

struct mt_error *mt_literal_number(const char *text, size_t at, size_t len,
                                   struct mt_literal *literal)
{
	struct cursor c = { .text = text, .at = at, .end = at + len };

	return looks_floating(&c) ? read_floating(&c, literal) : read_integer(&c, literal);
}
