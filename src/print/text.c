/* SPDX-License-Identifier: MIT */
/* Characters and texts, as gdb writes them. */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "print/printer.h"

/* ---- What is a character ----------------------------------------------------- */

/* The wide character types are known by name: DWARF has them as integers. */
static bool is_named(const struct mt_type *type, const char *name)
{
	for (; type; type = type->alias_of) {
		if (type->name && !strcmp(type->name, name))
			return true;
	}
	return false;
}

unsigned mt_character_width(const struct mt_type *type)
{
	if (type->kind == MT_TYPE_CHAR)
		return type->size == 1 ? 1 : 0;
	if (type->kind != MT_TYPE_INT || (type->size != 2 && type->size != 4))
		return 0;
	return type->is_character || is_named(type, "wchar_t") ? (unsigned)type->size : 0;
}

const char *mt_character_prefix(const struct mt_type *type)
{
	if (type->kind == MT_TYPE_CHAR || mt_type_language(type) == MT_LANG_RUST)
		return "";
	if (is_named(type, "wchar_t"))
		return "L";
	return type->size == 2 ? "u" : "U";
}

/* ---- One character ------------------------------------------------------------ */

static uint32_t unit_at(const uint8_t *bytes, unsigned width)
{
	uint32_t unit = 0;

	memcpy(&unit, bytes, width);
	return unit;
}

static void write_utf8(struct mt_buf *out, uint32_t c)
{
	if (c >= 0x10000)
		mt_buf_printf(out, "%c%c", (char)(0xf0 | c >> 18), (char)(0x80 | (c >> 12 & 0x3f)));
	else if (c >= 0x800)
		mt_buf_char(out, (char)(0xe0 | c >> 12));
	else
		mt_buf_char(out, (char)(0xc0 | c >> 6));
	if (c >= 0x800)
		mt_buf_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
	mt_buf_char(out, (char)(0x80 | (c & 0x3f)));
}

/* A code point that a terminal shows as something, and not as an order to it. */
static bool is_shown(uint32_t c)
{
	return c >= 0xa0 && c != 0xad && c < 0x110000 && (c & 0xfffff800) != 0xd800 &&
	       (c & 0xfffe) != 0xfffe && !(c >= 0x200b && c <= 0x200f) &&
	       !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069);
}

/* How many bytes the UTF-8 sequence has that begins here; 0: none does, or not to be shown. */
static size_t utf8_length(const uint8_t *bytes, size_t left)
{
	static const uint32_t lowest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = bytes[0] >= 0xf0 && bytes[0] < 0xf8   ? 4
	                : bytes[0] >= 0xe0 && bytes[0] < 0xf0 ? 3
	                : bytes[0] >= 0xc0 && bytes[0] < 0xe0 ? 2
	                                                      : 0;
	uint32_t c;

	if (!length || length > left)
		return 0;
	c = bytes[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (bytes[i] & 0x3f);
	}
	return c >= lowest[length] && is_shown(c) ? length : 0;
}

static void write_escape(struct mt_buf *out, uint32_t c, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		mt_buf_printf(out, "\\%03o", c >> 8 * i & 0xff);
}

/* Appends the character; returns how many units it took: one, or those of a UTF-8 sequence. */
static size_t write_unit(const struct mt_print_options *options, const uint8_t *bytes, size_t left,
                         unsigned width, char quote, struct mt_buf *out)
{
	static const char named[] = "\a\b\033\f\n\r\t\v", letters[] = "abefnrtv";
	uint32_t c = unit_at(bytes, width);
	const char *name = c && c < 0x80 ? strchr(named, (int)c) : NULL;

	if (name) {
		mt_buf_printf(out, "\\%c", letters[name - named]);
	} else if (c == (unsigned char)quote || c == '\\') {
		mt_buf_printf(out, "\\%c", (char)c);
	} else if (c >= 0x20 && c < 0x7f) {
		mt_buf_char(out, (char)c);
	} else if (width == 1 && options->utf8 && utf8_length(bytes, left)) {
		mt_buf_bytes(out, bytes, utf8_length(bytes, left));
		return utf8_length(bytes, left);
	} else if (width > 1 && options->utf8 && is_shown(c)) {
		write_utf8(out, c);
	} else {
		write_escape(out, c, width > 1 && !c ? 1 : width);
	}
	return 1;
}

void mt_print_character(const struct mt_print_options *options, const struct mt_type *type,
                        const uint8_t *bytes, struct mt_buf *out)
{
	unsigned width = (unsigned)type->size;
	uint32_t unit = unit_at(bytes, width);

	if (type->is_signed)
		mt_buf_printf(out, "%d",
		              width == 1   ? (int8_t)unit
		              : width == 2 ? (int16_t)unit
		                           : (int32_t)unit);
	else
		mt_buf_printf(out, "%" PRIu32, unit);
	mt_buf_printf(out, " %s'", mt_character_prefix(type));
	write_unit(options, bytes, 1, width, '\'', out);
	mt_buf_char(out, '\'');
}

/* ---- Many --------------------------------------------------------------------- */

struct text {
	const struct mt_print_options *options;
	const char *prefix;
	const uint8_t *bytes;
	size_t count;
	unsigned width;
	struct mt_buf *out;
	bool any, is_open; /* something was written; a quote is open */
};

static void open_quote(struct text *text)
{
	if (text->is_open)
		return;
	mt_buf_printf(text->out, "%s%s\"", text->any ? ", " : "", text->prefix);
	text->any = text->is_open = true;
}

static void close_quote(struct text *text)
{
	if (text->is_open)
		mt_buf_char(text->out, '"');
	text->is_open = false;
}

static size_t run_length(const struct text *text, size_t at)
{
	const uint8_t *first = text->bytes + at * text->width;
	size_t run = 1;

	while (at + run < text->count && !memcmp(first, first + run * text->width, text->width))
		run++;
	return run;
}

/* 'x' <repeats 20 times> */
static void write_run(struct text *text, size_t at, size_t run)
{
	close_quote(text);
	mt_buf_printf(text->out, "%s%s'", text->any ? ", " : "", text->prefix);
	write_unit(text->options, text->bytes + at * text->width, 1, text->width, '\'', text->out);
	mt_buf_printf(text->out, "' <repeats %zu times>", run);
	text->any = true;
}

void mt_print_text(const struct mt_print_options *options, const char *prefix, const uint8_t *bytes,
                   size_t count, unsigned width, bool more, struct mt_buf *out)
{
	struct text text = { options, prefix, bytes, count, width, out, false, false };
	size_t at = 0, shown = 0;

	while (at < count && (!options->elements || shown < options->elements)) {
		size_t run = run_length(&text, at);

		if (options->repeats && run > options->repeats) {
			write_run(&text, at, run);
			at += run;
			shown += options->repeats;
			continue;
		}
		open_quote(&text);
		run = write_unit(options, bytes + at * width, count - at, width, '"', out);
		at += run;
		shown += run;
	}
	if (!text.any)
		open_quote(&text);
	close_quote(&text);
	if (more || at < count)
		mt_buf_text(out, "...");
}

/* ---- Text in memory ------------------------------------------------------------ */

/* Where reading stops because a page may end there. */
enum { STEP = 256 };

/* Reads characters up to a NUL, `max`, or what can't be read. */
static struct mt_error *read_text(const struct mt_world *world, uint64_t addr, unsigned width,
                                  size_t max, struct mt_buf *text, bool *ended)
{
	uint8_t bytes[STEP];

	*ended = false;
	while (text->len < max * width) {
		uint64_t at = addr + text->len;
		size_t size = STEP - (size_t)(at & (STEP - 1));

		size -= size % width;
		if (!size) /* a character across the step's end */
			size = width;
		if (size > max * width - text->len)
			size = max * width - text->len;
		MT_TRY(world->read(world->arg, at, bytes, size));
		for (size_t i = 0; i < size; i += width) {
			if (!unit_at(bytes + i, width)) {
				*ended = true;
				return NULL;
			}
			mt_buf_bytes(text, bytes + i, width);
		}
		if (!mt_buf_ok(text))
			return mt_error_nomem();
	}
	return NULL;
}

struct mt_error *mt_print_text_at(const struct mt_world *world, uint64_t addr,
                                  const struct mt_type *unit, size_t max,
                                  const struct mt_print_options *options, struct mt_buf *out,
                                  uint64_t *next)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };
	unsigned width = unit ? mt_character_width(unit) : 1;
	struct mt_error *error;
	bool ended;

	if (!world->read)
		return mt_error_new(MT_ERR_UNREADABLE, "there is no memory to read from");
	error = read_text(world, addr, width, max, &text, &ended);
	if (error && !text.len)
		return error;
	mt_print_text(options, unit ? mt_character_prefix(unit) : "", (const uint8_t *)text.data,
	              text.len / width, width, !error && !ended, out);
	if (error)
		mt_print_unreadable(options, addr + text.len, out);
	mt_error_free(error);
	*next = addr + text.len + (ended ? width : 0);
	return NULL;
}
