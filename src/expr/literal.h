/* SPDX-License-Identifier: MIT */
/*
 * What constants are worth and of which type, by C11 6.4.4: the type of an integer
 * constant follows from its base, its suffix and its size; a character constant is an int.
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
	double floating;
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

/* The text between the quotes with its escapes resolved, in the arena. It has no NUL inside. */
struct mt_error *mt_literal_string(const char *text, size_t at, size_t len, struct mt_arena *arena,
                                   const char **string);

#endif
