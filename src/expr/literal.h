/* SPDX-License-Identifier: MIT */
/*
 * What constants are worth and of which type, by C11 6.4.4: the type of an integer
 * constant follows from its base, its suffix and its size; a character constant is an int, though
 * its name tells how people see it.
 */
#ifndef MT_EXPR_LITERAL_H
#define MT_EXPR_LITERAL_H

#include "base/error.h"
#include "expr/arena.h"
#include "expr/expr.h"

struct mt_literal {
	struct mt_arith type;      /* is_float says which of the two holds */
	struct mt_arith type_i386; /* the same where a long has 4 bytes */
	uint64_t integer;
	long double floating;
	const char *name; /* of the type of a character: "char", "wchar_t" … */
};

/* A string: `count` units of `unit` bytes, with one more that is 0 behind them. */
struct mt_string {
	const char *name; /* of the type of its units: "char", "wchar_t", "char16_t", "char32_t" */
	uint8_t unit;
	size_t count;
	const void *units;
};

/*
 * `text` is the whole expression and the constant its `len` bytes at `at`; errors are SYNTAX at
 * the offset of what is wrong: a digit that the base has not, an unknown suffix, a value too large
 * for 64 bits, an unknown escape.
 */
struct mt_error *mt_literal_number(const char *text, size_t at, size_t len,
                                   struct mt_literal *literal);
struct mt_error *mt_literal_char(const char *text, size_t at, size_t len,
                                 struct mt_literal *literal);

/* A string, with its escapes resolved, in the arena; of wide ones the text is UTF-8. */
struct mt_error *mt_literal_string(const char *text, size_t at, size_t len, struct mt_arena *arena,
                                   struct mt_string *string);

/* Two strings that stand side by side are one (C11 6.4.5). SYNTAX at `at`: they are of two widths,
 * unless one has no prefix. */
struct mt_error *mt_literal_join(struct mt_string *string, const struct mt_string *more, size_t at,
                                 struct mt_arena *arena);

#endif
