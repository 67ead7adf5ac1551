/* SPDX-License-Identifier: MIT */
#include "cli/debug/syntax.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"

/* A copy of `len` bytes without the blanks around them. */
static struct mt_error *copy_trimmed(const char *text, size_t len, char **copy)
{
	char *piece MT_AUTO_FREE = mt_strndup(text, len);
	char *trimmed = piece ? mt_text_trimmed(mt_text_skip(piece)) : NULL;

	if (!trimmed)
		return mt_error_nomem();
	*copy = trimmed;
	return NULL;
}

/* ---- /FORMAT --------------------------------------------------------------- */

static struct mt_error *read_format_count(const char **text, struct mt_format *format)
{
	bool back = **text == '-' && isdigit((unsigned char)(*text)[1]);
	const char *digits = *text + back;
	int64_t count = 0;

	if (!isdigit((unsigned char)*digits))
		return NULL;
	for (; isdigit((unsigned char)*digits); digits++) {
		count = count * 10 + (*digits - '0');
		if (count > INT_MAX)
			return mt_error_new(MT_ERR_USAGE, "the count of /%.40s is too large",
			                    *text);
	}
	format->has_count = true;
	format->count = back ? -count : count;
	*text = digits;
	return NULL;
}

struct mt_error *mt_format_parse(const char **text, const char *what, struct mt_format *format)
{
	struct mt_format parsed = { 0 };
	const char *at = *text;

	if (*at != '/') {
		*format = parsed;
		return NULL;
	}
	at++;
	MT_TRY(read_format_count(&at, &parsed));
	for (; isalpha((unsigned char)*at); at++) {
		if (strchr("bhwg", *at))
			parsed.size = *at;
		else if (strchr("duxotacfsiz", *at))
			parsed.letter = *at;
		else if (*at == 'r')
			parsed.raw = true;
		else
			return mt_error_new(MT_ERR_USAGE,
			                    "'%c' is no format of %s: there are d u x o t a c f s "
			                    "i z, r, and the sizes b h w g",
			                    *at, what);
	}
	if (at[0] != '\0' && at == mt_text_skip(at))
		return mt_error_new(MT_ERR_USAGE, "'%.20s' is no format of %s", *text, what);
	*text = mt_text_skip(at);
	*format = parsed;
	return NULL;
}

struct mt_error *mt_modifiers_parse(const char **text, const char *what, const char *allowed,
                                    unsigned *given)
{
	const char *at = *text;
	unsigned found = 0;

	while (*at == '/') {
		for (at++; isalpha((unsigned char)*at); at++) {
			const char *letter = strchr(allowed, *at);

			if (!letter)
				return mt_error_new(MT_ERR_USAGE, "%s has no /%c; it has: %s", what,
				                    *at, allowed);
			found |= 1u << (letter - allowed);
		}
		at = mt_text_skip(at);
	}
	*text = at;
	*given = found;
	return NULL;
}

/* ---- Breakpoints ----------------------------------------------------------- */

void mt_break_text_deinit(struct mt_break_text *parsed)
{
	free(parsed->location);
	free(parsed->condition);
}

static struct mt_error *parse_condition(const char *text, const char *keyword,
                                        struct mt_break_text *parsed)
{
	const char *condition = mt_text_skip(keyword + 2);

	if (!*condition)
		return mt_error_new(MT_ERR_USAGE, "an expression is missing after 'if' in '%.60s'",
		                    text);
	parsed->condition = mt_text_trimmed(condition);
	return parsed->condition ? NULL : mt_error_nomem();
}

struct mt_error *mt_break_parse(const char *text, struct mt_break_text *parsed)
{
	const char *condition = mt_text_keyword(text, "if");
	const char *thread = mt_text_keyword(text, "thread");
	size_t len = condition ? (size_t)(condition - text) : strlen(text);
	struct mt_break_text made = { 0 };
	struct mt_error *error = NULL;

	if (thread == text || (thread && condition && thread > condition))
		thread = NULL; /* a function of that name; a part of the condition */
	if (condition)
		error = parse_condition(text, condition, &made);
	if (!error && thread) {
		const char *number = mt_text_skip(thread + strlen("thread"));
		uint64_t value;

		len = (size_t)(thread - text);
		error = mt_text_number(&number, "thread", INT_MAX, &value);
		if (!error && *number && number != condition)
			error = mt_text_end(number, "thread N");
		if (!error)
			made.thread = (int)value;
	}
	if (!error)
		error = copy_trimmed(text, len, &made.location);
	if (error)
		mt_break_text_deinit(&made);
	else
		*parsed = made;
	return error;
}

/* ---- list ------------------------------------------------------------------ */

void mt_list_text_deinit(struct mt_list_text *parsed)
{
	free(parsed->first);
	free(parsed->last);
}

static struct mt_error *parse_two(const char *text, const char *comma, struct mt_list_text *made)
{
	const char *last = mt_text_skip(comma + 1);

	if (comma == text && !*last)
		return mt_error_new(MT_ERR_USAGE, "a line is missing beside the comma");
	if (comma != text)
		MT_TRY(copy_trimmed(text, (size_t)(comma - text), &made->first));
	if (*last)
		MT_TRY(copy_trimmed(last, strlen(last), &made->last));
	made->kind = !made->first ? MT_LIST_UP_TO : made->last ? MT_LIST_RANGE : MT_LIST_FROM;
	return NULL;
}

struct mt_error *mt_list_parse(const char *text, struct mt_list_text *parsed)
{
	struct mt_list_text made = { .kind = MT_LIST_ON };
	struct mt_error *error = NULL;
	const char *comma;

	text = mt_text_skip(text);
	comma = mt_text_outside(text, ',');
	if (comma) {
		error = parse_two(text, comma, &made);
	} else if (mt_text_take(&text, "-")) {
		made.kind = MT_LIST_BACK;
		error = mt_text_end(text, "list -");
	} else if (*text) {
		made.kind = MT_LIST_AROUND;
		error = copy_trimmed(text, strlen(text), &made.first);
	}
	if (error)
		mt_list_text_deinit(&made);
	else
		*parsed = made;
	return error;
}
