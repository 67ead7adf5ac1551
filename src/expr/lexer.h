/* SPDX-License-Identifier: MIT */
/*
 * Text to tokens. A token points into the text by offset and length; what a constant is worth is
 * asked in literal.h.
 *
 * Besides C's tokens there are `..` (slices), `$name` (registers), and names with a scope before
 * them. A scope of identifiers is written as in C++ (parse::depth_max, ns::Class::total); any
 * other one in quotes ('dir/a file.c'::x). A file name of letters, digits and any of . _ - + / ~ @
 * needs no quotes where an operand may begin, if it has a dot: cache.c::lru_head,
 * lib-foo.so.1::x. So `i-cache.c::n` is the variable n of i-cache.c; blanks make it a difference.
 *
 * Where whole values are written (lexer.values) there is more: @ and braces, `::x`, $ and $$3, the
 * prefixes L, u, U and u8 of strings and characters, operator+ and the like, names of any letters
 * in quotes ('max<int>(int)'), and templates: vec<int> is one name when what follows could not
 * stand behind a comparison.
 */
#ifndef MT_EXPR_LEXER_H
#define MT_EXPR_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum mt_token_kind {
	MT_TOKEN_END,
	MT_TOKEN_NAME, /* scope_len 0: none */
	MT_TOKEN_NUMBER,
	MT_TOKEN_CHAR,   /* with its quotes */
	MT_TOKEN_STRING, /* with its quotes */
	MT_TOKEN_REGISTER,
	MT_TOKEN_OPEN,        /* ( */
	MT_TOKEN_CLOSE,       /* ) */
	MT_TOKEN_INDEX_OPEN,  /* [ */
	MT_TOKEN_INDEX_CLOSE, /* ] */
	MT_TOKEN_BRACE_OPEN,  /* { */
	MT_TOKEN_BRACE_CLOSE, /* } */
	MT_TOKEN_AT,          /* @ */
	MT_TOKEN_DOT,
	MT_TOKEN_ARROW,
	MT_TOKEN_RANGE, /* .. */
	MT_TOKEN_QUESTION,
	MT_TOKEN_COLON,
	MT_TOKEN_COMMA,
	MT_TOKEN_ASSIGN,    /* =, and += and its kin */
	MT_TOKEN_INCREMENT, /* ++ and -- */
	MT_TOKEN_NOT,       /* ~ */
	MT_TOKEN_LNOT,      /* ! */
	MT_TOKEN_STAR,
	MT_TOKEN_SLASH,
	MT_TOKEN_PERCENT,
	MT_TOKEN_PLUS,
	MT_TOKEN_MINUS,
	MT_TOKEN_SHL,
	MT_TOKEN_SHR,
	MT_TOKEN_LT,
	MT_TOKEN_LE,
	MT_TOKEN_GT,
	MT_TOKEN_GE,
	MT_TOKEN_EQ,
	MT_TOKEN_NE,
	MT_TOKEN_AND,
	MT_TOKEN_XOR,
	MT_TOKEN_OR,
	MT_TOKEN_LAND,
	MT_TOKEN_LOR,
};

struct mt_token {
	enum mt_token_kind kind;
	size_t at, len;             /* in bytes; of the whole, scope and quotes and all */
	size_t scope_at, scope_len; /* of a NAME: what stands before the last `::` (the first one
	                               after a file name), without quotes */
	bool is_global;             /* of a NAME without a scope: `::` stands before it */
	size_t name_at, name_len;   /* of a NAME, and of a REGISTER without the $ */
};

struct mt_lexer {
	const char *text;
	size_t len;
	size_t at;          /* where the next token is looked for */
	bool after_operand; /* the last token ended an operand: the next one can't begin one */
	bool values;        /* whole values are written; else places and conditions */

	/* Whether a function is called so, template arguments and all: `max<int>(1, 2)` is a call
	 * then, and else two comparisons. NULL: nobody knows, and none is. */
	bool (*is_function)(void *arg, const char *name, size_t len);
	void *arg;
};

/* Longest text that is taken; anything longer is an error of the parser. */
enum { MT_EXPR_MAX_LEN = 64 * 1024 };

/* `text` stays the caller's. */
void mt_lexer_init(struct mt_lexer *lexer, const char *text, size_t len);

/* The next token; END at the end, again and again. SYNTAX: a byte that begins no token, a quote
 * without its mate. */
struct mt_error *mt_lexer_next(struct mt_lexer *lexer, struct mt_token *token);

/* Whether `c` may stand in a file name that is not in quotes. */
bool mt_lexer_is_file_char(char c);

#endif
