/* SPDX-License-Identifier: MIT */
#include "cli/debug/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

const char *mt_text_skip(const char *text)
{
	while (is_blank(*text))
		text++;
	return text;
}

size_t mt_text_word(const char *text)
{
	size_t len = 0;

	while (text[len] && !is_blank(text[len]))
		len++;
	return len;
}

char *mt_text_trimmed(const char *text)
{
	size_t len = strlen(text);

	while (len && is_blank(text[len - 1]))
		len--;
	return mt_strndup(text, len);
}

bool mt_text_take(const char **text, const char *word)
{
	size_t len = mt_text_word(*text);

	if (len != strlen(word) || memcmp(*text, word, len) != 0)
		return false;
	*text = mt_text_skip(*text + len);
	return true;
}

struct mt_error *mt_text_end(const char *text, const char *what)
{
	text = mt_text_skip(text);
	if (!*text)
		return NULL;
	return mt_error_new(MT_ERR_USAGE, "%s does not take '%.60s'", what, text);
}

/* ---- Numbers ------------------------------------------------------------- */

/* A number that ends at a blank, at the end, or at `also`. */
static struct mt_error *read_number(const char **text, const char *what, char also, uint64_t max,
                                    uint64_t *number)
{
	char *end = NULL;
	uint64_t value = 0;

	if (!**text)
		return mt_error_new(MT_ERR_USAGE, "%s takes a number", what);
	errno = 0;
	if (isdigit((unsigned char)**text))
		value = strtoull(*text, &end, 0);
	if (!end || (*end && *end != also && !is_blank(*end)))
		return mt_error_new(MT_ERR_USAGE, "%s takes a number, not '%.*s'", what,
		                    (int)(mt_text_word(*text) < 60 ? mt_text_word(*text) : 60),
		                    *text);
	if (errno || value > max)
		return mt_error_new(MT_ERR_USAGE, "%.*s is too large a number for %s",
		                    (int)(end - *text < 60 ? end - *text : 60), *text, what);
	*text = end;
	*number = value;
	return NULL;
}

struct mt_error *mt_text_number(const char **text, const char *what, uint64_t max, uint64_t *number)
{
	MT_TRY(read_number(text, what, '\0', max, number));
	*text = mt_text_skip(*text);
	return NULL;
}

struct mt_error *mt_text_count(const char *text, const char *what, uint64_t otherwise,
                               uint64_t *number)
{
	uint64_t value = otherwise;

	text = mt_text_skip(text);
	if (*text)
		MT_TRY(mt_text_number(&text, what, UINT64_MAX, &value));
	MT_TRY(mt_text_end(text, what));
	*number = value;
	return NULL;
}

static struct mt_error *read_range(const char **text, const char *what,
                                   struct mt_number_range *range)
{
	uint64_t first, last;

	MT_TRY(read_number(text, what, '-', INT_MAX, &first));
	last = first;
	if (**text == '-') {
		++*text;
		MT_TRY(read_number(text, what, '\0', INT_MAX, &last));
	}
	if (!first || last < first)
		return mt_error_new(MT_ERR_USAGE,
		                    "%s takes numbers from 1 on and ranges such as 2-5, not "
		                    "%" PRIu64 "-%" PRIu64,
		                    what, first, last);
	*range = (struct mt_number_range){ (int)first, (int)last };
	return NULL;
}

struct mt_error *mt_text_numbers(const char *text, const char *what, struct mt_number_list *list)
{
	for (text = mt_text_skip(text); *text; text = mt_text_skip(text)) {
		struct mt_number_range range;

		MT_TRY(read_range(&text, what, &range));
		if (!mt_vec_push(&list->ranges, range))
			return mt_error_nomem();
	}
	return NULL;
}

bool mt_number_list_has(const struct mt_number_list *list, int number)
{
	for (size_t i = 0; i < list->ranges.len; i++)
		if (number >= list->ranges.data[i].first && number <= list->ranges.data[i].last)
			return true;
	return false;
}

void mt_number_list_deinit(struct mt_number_list *list)
{
	mt_vec_deinit(&list->ranges);
}

/* ---- Quotes and brackets ------------------------------------------------- */

/* Past the quoted piece that begins at `text`, or to the end when its mate is missing. */
static const char *past_quotes(const char *text)
{
	char quote = *text++;

	for (; *text && *text != quote; text++)
		if (*text == '\\' && text[1])
			text++;
	return *text ? text + 1 : text;
}

static bool is_assignment(const char *text, const char *at)
{
	return at[1] != '=' && (at == text || !strchr("=!<>+-*/%&|^", at[-1]));
}

const char *mt_text_outside(const char *text, char wanted)
{
	const char *at = text;
	size_t depth = 0;

	while (*at) {
		if (*at == wanted && !depth && (wanted != '=' || is_assignment(text, at)))
			return at;
		if (*at == '"' || *at == '\'') {
			at = past_quotes(at);
			continue;
		}
		if (*at == '(' || *at == '[' || *at == '{')
			depth++;
		else if (depth && (*at == ')' || *at == ']' || *at == '}'))
			depth--;
		at++;
	}
	return NULL;
}

const char *mt_text_keyword(const char *text, const char *word)
{
	size_t len = strlen(word);
	const char *at = text;

	while (*at) {
		bool begins = at == text || is_blank(at[-1]);

		if (begins && mt_text_word(at) == len && !memcmp(at, word, len))
			return at;
		at = *at == '"' || *at == '\'' ? past_quotes(at) : at + 1;
	}
	return NULL;
}

/* ---- Escapes ------------------------------------------------------------- */

/* Up to three octal digits. Returns how many. */
static size_t octal(const char *text, size_t len, char *byte)
{
	unsigned value = 0;
	size_t used = 0;

	while (used < 3 && used < len && text[used] >= '0' && text[used] <= '7')
		value = value * 8 + (unsigned)(text[used++] - '0');
	*byte = (char)value;
	return used;
}

void mt_text_unescape(struct mt_buf *out, const char *text, size_t len)
{
	static const char letters[] = "abefnrtv", meanings[] = "\a\b\033\f\n\r\t\v";

	for (size_t i = 0; i < len; i++) {
		const char *letter;
		size_t digits;
		char byte;

		if (text[i] != '\\') {
			mt_buf_char(out, text[i]);
			continue;
		}
		if (++i == len)
			break;
		digits = octal(text + i, len - i, &byte);
		letter = text[i] ? strchr(letters, text[i]) : NULL;
		if (digits)
			i += digits - 1;
		else
			byte = letter ? meanings[letter - letters] : text[i];
		mt_buf_char(out, byte);
	}
}

void mt_text_quote(struct mt_buf *out, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                            "0123456789_-+=./,:@%^";

	if (*text && strspn(text, plain) == strlen(text)) {
		mt_buf_text(out, text);
		return;
	}
	mt_buf_char(out, '\'');
	for (; *text; text++) {
		if (*text == '\'')
			mt_buf_text(out, "'\\''");
		else
			mt_buf_char(out, *text);
	}
	mt_buf_char(out, '\'');
}
