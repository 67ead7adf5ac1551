/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "expr/literal_internal.h"

/* What stands before the quote says which units a character or string is made of. */
static const struct kind {
	const char *prefix, *name;
	uint8_t unit;
	bool is_signed;
} kinds[] = {
	{ "L", "wchar_t", 4, true },   { "u8", "char", 1, true }, { "u", "char16_t", 2, false },
	{ "U", "char32_t", 4, false }, { "", "char", 1, true },
};

/* Moves on to the quote. */
static const struct kind *read_prefix(struct cursor *c)
{
	for (size_t i = 0;; i++) {
		size_t len = strlen(kinds[i].prefix);

		if (memcmp(c->text + c->at, kinds[i].prefix, len) != 0 ||
		    !is_one_of(c->text[c->at + len], "\"'"))
			continue;
		c->at += len;
		return &kinds[i];
	}
}

/* ---- Escapes */

static struct mt_error *too_large(size_t at)
{
	return mt_error_at((long)at, "this escape is larger than a character");
}

static struct mt_error *read_hex_escape(struct cursor *c, uint32_t most, uint32_t *value)
{
	size_t start = c->at;
	uint64_t sum = 0;

	for (; digit_value(peek(c)) < 16; c->at++) {
		sum = sum * 16 + digit_value(peek(c));
		if (sum > most)
			return too_large(start);
	}
	if (c->at == start)
		return mt_error_at((long)start, "the digits after \\x are missing");
	*value = (uint32_t)sum;
	return NULL;
}

static struct mt_error *read_octal_escape(struct cursor *c, uint32_t most, uint32_t *value)
{
	size_t start = c->at;
	uint32_t sum = 0;

	while (c->at - start < 3 && digit_value(peek(c)) < 8)
		sum = sum * 8 + digit_value(c->text[c->at++]);
	if (sum > most)
		return too_large(start);
	*value = sum;
	return NULL;
}

/* What stands behind a backslash, but for \u and \U. \e is GNU C's. */
static struct mt_error *read_escape(struct cursor *c, uint32_t most, uint32_t *value)
{
	static const char letters[] = "abefnrtv\\'\"?";
	static const char values[] = "\a\b\033\f\n\r\t\v\\'\"?";
	char letter = peek(c);

	if (digit_value(letter) < 8)
		return read_octal_escape(c, most, value);
	if (letter == 'x') {
		c->at++;
		return read_hex_escape(c, most, value);
	}
	if (!is_one_of(letter, letters))
		return mt_error_at((long)c->at - 1, "this escape is unknown");
	c->at++;
	*value = (uint8_t)values[strchr(letters, letter) - letters];
	return NULL;
}

/* \u and four digits, \U and eight (C11 6.4.3). */
static struct mt_error *read_code_escape(struct cursor *c, uint32_t *code)
{
	size_t start = c->at, digits = c->text[c->at++] == 'u' ? 4 : 8;
	uint32_t value = 0;

	for (size_t i = 0; i < digits; i++) {
		if (digit_value(peek(c)) == 16)
			return mt_error_at((long)start, "%zu digits belong after \\%c", digits,
			                   c->text[start]);
		value = value * 16 + digit_value(c->text[c->at++]);
	}
	if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
		return mt_error_at((long)start, "there is no character of this number");
	*code = value;
	return NULL;
}

/* ---- Characters of Unicode */

/* The character in UTF-8 at the cursor; a byte that begins none stands for itself. */
static uint32_t read_code(struct cursor *c)
{
	unsigned char first = (unsigned char)c->text[c->at++];
	unsigned more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
	uint32_t code = more ? first & (0x3fu >> more) : first;

	if (c->end - c->at < more)
		return first;
	for (unsigned i = 0; i < more; i++) {
		unsigned char next = (unsigned char)c->text[c->at + i];

		if ((next & 0xc0) != 0x80)
			return first;
		code = code << 6 | (next & 0x3f);
	}
	c->at += more;
	return code;
}

static void append_unit(struct mt_buf *out, uint32_t value, unsigned unit)
{
	mt_buf_bytes(out, &value, unit);
}

static void append_utf8(struct mt_buf *out, uint32_t code)
{
	if (code < 0x80) {
		mt_buf_char(out, (char)code);
		return;
	}
	unsigned more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
	mt_buf_char(out, (char)(uint8_t)(0xff00u >> (more + 1) | code >> 6 * more));
	while (more--)
		mt_buf_char(out, (char)(uint8_t)(0x80 | (code >> 6 * more & 0x3f)));
}

static void append_code(struct mt_buf *out, uint32_t code, unsigned unit)
{
	if (unit == 1) {
		append_utf8(out, code);
	} else if (unit == 2 && code > 0xffff) {
		append_unit(out, 0xd800 + ((code - 0x10000) >> 10), unit);
		append_unit(out, 0xdc00 + (code & 0x3ff), unit);
	} else {
		append_unit(out, code, unit);
	}
}

/* The next character between the quotes, as one unit or several. */
static struct mt_error *append_next(struct cursor *c, unsigned unit, struct mt_buf *out)
{
	uint32_t most = UINT32_MAX >> (32 - 8 * unit), value;

	if (peek(c) != '\\') {
		if (unit == 1)
			mt_buf_char(out, c->text[c->at++]);
		else
			append_code(out, read_code(c), unit);
		return NULL;
	}
	c->at++;
	if (is_one_of(peek(c), "uU")) {
		MT_TRY(read_code_escape(c, &value));
		append_code(out, value, unit);
		return NULL;
	}
	MT_TRY(read_escape(c, most, &value));
	append_unit(out, value, unit);
	return NULL;
}

/* ---- Constants */

struct mt_error *mt_literal_char(const char *text, size_t at, size_t len,
                                 struct mt_literal *literal)
{
	struct cursor c = { .text = text, .at = at, .end = at + len - 1 };
	const struct kind *kind = read_prefix(&c);
	struct mt_buf units MT_AUTO_BUF = { 0 };
	uint32_t value = 0;

	c.at++;
	if (at_end(&c))
		return mt_error_at((long)at, "the character between the quotes is missing");
	MT_TRY(append_next(&c, kind->unit, &units));
	if (!mt_buf_ok(&units))
		return mt_error_nomem();
	if (!at_end(&c) || units.len != kind->unit)
		return mt_error_at((long)at,
		                   "more than one character; a string is written with \"");
	memcpy(&value, units.data, kind->unit);

	/* char is signed, so '\xff' is -1; what is narrower than an int becomes one. */
	struct mt_arith type = { .size = 4, .is_signed = kind->unit < 4 || kind->is_signed };
	struct mt_arith unit = { .size = kind->unit, .is_signed = kind->is_signed };
	*literal = (struct mt_literal){ .type = type,
		                        .type_i386 = type,
		                        .integer = mt_arith_canonical(value, unit),
		                        .name = kind->name };
	return NULL;
}

/* The units in `buf`, with one more that is 0. */
static struct mt_error *finish_string(struct mt_buf *units, const struct mt_string *kind,
                                      struct mt_arena *arena, struct mt_string *string)
{
	size_t count = units->len / kind->unit;

	append_unit(units, 0, kind->unit);
	if (!mt_buf_ok(units))
		return mt_error_nomem();
	char *copy = mt_arena_text(arena, units->data, units->len);
	if (!copy)
		return mt_error_nomem();
	*string = *kind;
	string->count = count;
	string->units = copy;
	return NULL;
}

struct mt_error *mt_literal_string(const char *text, size_t at, size_t len, struct mt_arena *arena,
                                   struct mt_string *string)
{
	struct cursor c = { .text = text, .at = at, .end = at + len - 1 };
	const struct kind *kind = read_prefix(&c);
	struct mt_buf units MT_AUTO_BUF = { 0 };

	for (c.at++; !at_end(&c);)
		MT_TRY(append_next(&c, kind->unit, &units));
	return finish_string(&units, &(struct mt_string){ .name = kind->name, .unit = kind->unit },
	                     arena, string);
}

/* The text of a narrow string again in units of another width. */
static void append_widened(struct mt_buf *out, const struct mt_string *from, unsigned unit)
{
	struct cursor c = { .text = from->units, .end = from->count * from->unit };

	if (from->unit == unit)
		mt_buf_bytes(out, from->units, from->count * unit);
	else
		while (!at_end(&c))
			append_code(out, read_code(&c), unit);
}

struct mt_error *mt_literal_join(struct mt_string *string, const struct mt_string *more, size_t at,
                                 struct mt_arena *arena)
{
	struct mt_buf units MT_AUTO_BUF = { 0 };
	const struct mt_string *kind = string->unit > 1 ? string : more;

	if (string->unit > 1 && more->unit > 1 && strcmp(string->name, more->name) != 0)
		return mt_error_at((long)at, "strings of two widths cannot be one");
	append_widened(&units, string, kind->unit);
	append_widened(&units, more, kind->unit);
	return finish_string(&units, kind, arena, string);
}
