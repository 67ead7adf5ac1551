/* SPDX-License-Identifier: MIT */
#include "expr/literal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A piece of the text that is being read; `at` moves on. */
struct cursor {
	const char *text;
	size_t at, end;
};

static bool at_end(const struct cursor *c)
{
	return c->at >= c->end;
}

static char peek(const struct cursor *c)
{
	return at_end(c) ? '\0' : c->text[c->at];
}

static bool is_one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

/* The value of a digit of any base up to 16, or 16. */
static unsigned digit_value(char c)
{
	if (isdigit((unsigned char)c))
		return (unsigned)(c - '0');
	if (isxdigit((unsigned char)c))
		return (unsigned)(tolower((unsigned char)c) - 'a' + 10);
	return 16;
}

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

	read.floating = strtod(start, &stop);
	size_t stop_at = (size_t)(stop - c->text);
	if (stop_at > c->end || stop_at == c->at)
		return mt_error_at((long)c->at, "not a floating constant");
	if (c->end - stop_at == 1 && is_one_of(*stop, "fF")) {
		read.type.size = 4;
		read.floating = (double)strtof(start, NULL);
	} else if (c->end - stop_at == 1 && is_one_of(*stop, "lL")) {
		return mt_error_at((long)stop_at, "long double constants are not possible here");
	} else if (stop_at != c->end) {
		return bad_suffix(c, stop_at);
	}
	read.type_i386 = read.type;
	*literal = read;
	return NULL;
}

struct mt_error *mt_literal_number(const char *text, size_t at, size_t len,
                                   struct mt_literal *literal)
{
	struct cursor c = { .text = text, .at = at, .end = at + len };

	return looks_floating(&c) ? read_floating(&c, literal) : read_integer(&c, literal);
}

/* ---- Characters and strings */

static struct mt_error *read_hex_escape(struct cursor *c, uint8_t *byte)
{
	size_t start = c->at;
	unsigned value = 0;

	for (; digit_value(peek(c)) < 16; c->at++) {
		value = value * 16 + digit_value(peek(c));
		if (value > 255)
			return mt_error_at((long)start, "this escape is larger than a character");
	}
	if (c->at == start)
		return mt_error_at((long)start, "the digits after \\x are missing");
	*byte = (uint8_t)value;
	return NULL;
}

static struct mt_error *read_octal_escape(struct cursor *c, uint8_t *byte)
{
	size_t start = c->at;
	unsigned value = 0;

	while (c->at - start < 3 && digit_value(peek(c)) < 8)
		value = value * 8 + digit_value(c->text[c->at++]);
	if (value > 255)
		return mt_error_at((long)start, "this escape is larger than a character");
	*byte = (uint8_t)value;
	return NULL;
}

/* What stands behind a backslash. \e is GNU C's. */
static struct mt_error *read_escape(struct cursor *c, uint8_t *byte)
{
	static const char letters[] = "abefnrtv\\'\"?";
	static const char values[] = "\a\b\033\f\n\r\t\v\\'\"?";
	char letter = peek(c);

	if (digit_value(letter) < 8)
		return read_octal_escape(c, byte);
	if (letter == 'x') {
		c->at++;
		return read_hex_escape(c, byte);
	}
	if (!is_one_of(letter, letters))
		return mt_error_at((long)c->at - 1, "this escape is unknown");
	c->at++;
	*byte = (uint8_t)values[strchr(letters, letter) - letters];
	return NULL;
}

static struct mt_error *read_character(struct cursor *c, uint8_t *byte)
{
	if (peek(c) == '\\') {
		c->at++;
		return read_escape(c, byte);
	}
	*byte = (uint8_t)c->text[c->at++];
	return NULL;
}

struct mt_error *mt_literal_char(const char *text, size_t at, size_t len,
                                 struct mt_literal *literal)
{
	struct cursor c = { .text = text, .at = at + 1, .end = at + len - 1 };
	uint8_t byte;

	if (at_end(&c))
		return mt_error_at((long)at, "the character between the quotes is missing");
	MT_TRY(read_character(&c, &byte));
	if (!at_end(&c))
		return mt_error_at((long)at,
		                   "more than one character; a string is written with \"");
	/* char is signed, so '\xff' is -1. */
	*literal = (struct mt_literal){ .type = { .size = 4, .is_signed = true },
		                        .type_i386 = { .size = 4, .is_signed = true },
		                        .integer = (uint64_t)(int8_t)byte };
	return NULL;
}

struct mt_error *mt_literal_string(const char *text, size_t at, size_t len, struct mt_arena *arena,
                                   const char **string)
{
	struct cursor c = { .text = text, .at = at + 1, .end = at + len - 1 };
	char *copy = mt_arena_alloc(arena, len);

	if (!copy)
		return mt_error_nomem();
	for (size_t i = 0; !at_end(&c); i++) {
		size_t start = c.at;
		uint8_t byte;

		MT_TRY(read_character(&c, &byte));
		if (!byte)
			return mt_error_at((long)start, "a string with a NUL inside");
		copy[i] = (char)byte;
	}
	*string = copy;
	return NULL;
}
