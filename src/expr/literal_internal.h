/* SPDX-License-Identifier: MIT */
/* What the readers of constants share: literal.c has numbers, literal_text.c characters and
 * strings.
 */
#ifndef MT_EXPR_LITERAL_INTERNAL_H
#define MT_EXPR_LITERAL_INTERNAL_H

#include <ctype.h>
#include <string.h>

#include "expr/literal.h"

/* A piece of the text that is being read; `at` moves on. */
struct cursor {
	const char *text;
	size_t at, end;
};

static inline bool at_end(const struct cursor *c)
{
	return c->at >= c->end;
}

static inline char peek(const struct cursor *c)
{
	return at_end(c) ? '\0' : c->text[c->at];
}

static inline bool is_one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

/* The value of a digit of any base up to 16, or 16. */
static inline unsigned digit_value(char c)
{
	if (isdigit((unsigned char)c))
		return (unsigned)(c - '0');
	if (isxdigit((unsigned char)c))
		return (unsigned)(tolower((unsigned char)c) - 'a' + 10);
	return 16;
}

#endif
