/* SPDX-License-Identifier: MIT */
/*
 * Command text, as a person or a script wrote it: words, numbers, quotes, and where an operator
 * stands. Pure functions; any text is safe.
 */
#ifndef MT_CLI_DEBUG_TEXT_H
#define MT_CLI_DEBUG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/vec.h"

/* The first byte that is no blank. */
const char *mt_text_skip(const char *text);

/* How long the word at `text` is: up to a blank or the end. */
size_t mt_text_word(const char *text);

/* The text up to its last byte that is no blank; owned by the caller, NULL without memory. */
char *mt_text_trimmed(const char *text);

/* When `text` begins with the word `word`: true, and *text goes past it and the blanks behind. */
bool mt_text_take(const char **text, const char *word);

/* USAGE unless only blanks are left; `what` names the command. */
struct mt_error *mt_text_end(const char *text, const char *what);

/* A number in C's notation (decimal, 0x) at *text, which goes past it and the blanks behind. USAGE:
 * there is none ("step takes a number, not 'x'"), or it is above `max`. */
struct mt_error *mt_text_number(const char **text, const char *what, uint64_t max,
                                uint64_t *number);

/* The same, for all of `text`. Empty: `otherwise`. */
struct mt_error *mt_text_count(const char *text, const char *what, uint64_t otherwise,
                               uint64_t *number);

/* "1 3-5 8": ranges of numbers from 1 to INT_MAX, in the order given. */
struct mt_number_range {
	int first, last;
};

struct mt_number_list {
	MT_VEC(struct mt_number_range) ranges;
};

struct mt_error *mt_text_numbers(const char *text, const char *what, struct mt_number_list *list);
bool mt_number_list_has(const struct mt_number_list *list, int number);
void mt_number_list_deinit(struct mt_number_list *list);

/*
 * The first place where the byte `wanted` stands outside quotes and brackets, or NULL. '=' is found
 * only as C's assignment, not as a part of ==, <=, +=.
 */
const char *mt_text_outside(const char *text, char wanted);

/* The first place outside quotes where the word `word` stands between blanks, or NULL. */
const char *mt_text_keyword(const char *text, const char *word);

/* Appends the first `len` bytes of `text` with C's escapes resolved, as `echo` and `printf` have
 * them; a backslash before any other byte stands for that byte, and one at the end for nothing. */
void mt_text_unescape(struct mt_buf *out, const char *text, size_t len);

/* Appends `text` as a shell reads it back as one word. */
void mt_text_quote(struct mt_buf *out, const char *text);

#endif
