/* SPDX-License-Identifier: MIT */
/*
 * Formatters: containers shown as what they hold, told as data. A file has blocks like
 *
 *	format std::vector<*>
 *	    let count = $self._M_impl._M_finish - $self._M_impl._M_start
 *	    header "std::vector of length {count}"
 *	    array $self._M_impl._M_start, $count
 *
 * docs/FORMATTERS.md has the language. Where an expression of a block cannot be evaluated, the
 *block is for another version of the library, and the next one that fits is tried; where none fits,
 *the value is shown as the struct that it is.
 */
#ifndef MT_PRINT_FORMATTER_H
#define MT_PRINT_FORMATTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct mt_formatters;

struct mt_error *mt_formatters_create(struct mt_formatters **formatters);
void mt_formatters_destroy(struct mt_formatters *formatters); /* NULL is allowed */

/* Adds the blocks of a file's text; they come before those that are there. SYNTAX, as "NAME:LINE:
 * what is wrong"; then nothing was added. */
struct mt_error *mt_formatters_add(struct mt_formatters *formatters, const char *name,
                                   const char *text);

/* The same for a file; NOT_FOUND: there is none. */
struct mt_error *mt_formatters_add_file(struct mt_formatters *formatters, const char *path);

struct mt_formatter_info {
	const char *pattern; /* as it was written */
	const char *source;  /* the name that was given with the text */
	unsigned line;
	bool enabled;
};

/* In the order in which they are tried. False: there are not so many. */
bool mt_formatters_at(const struct mt_formatters *formatters, size_t i,
                      struct mt_formatter_info *info);

/* Those whose pattern is `pattern`, or all where it is "". Returns how many. */
size_t mt_formatters_enable(struct mt_formatters *formatters, const char *pattern, bool enable);

#endif
