/* SPDX-License-Identifier: MIT */
/*
 * One grammar for places, conditions and values: C's expressions by precedence (C11 6.5). Values
 * have all of it, and what debuggers add; in places and conditions calls, assignments and the comma
 * are told as what they are. Hostile text is bounded: 64 KiB, and trees of depth 200, so those who
 * walk them may recurse.
 */
#ifndef MT_EXPR_PARSER_H
#define MT_EXPR_PARSER_H

#include "expr/arena.h"
#include "expr/ast.h"

enum { MT_EXPR_MAX_DEPTH = 200 };

/* The tree of a condition in the arena; names and strings are copied there too. All errors are
 * SYNTAX with an offset, or NOMEM. */
struct mt_error *mt_parse_expression(const char *text, struct mt_arena *arena,
                                     const struct mt_ast **ast);

/* The same, with what only a whole place may be: a[b..c], a:b, module+offset. A name with a
 * constant added to it (sqlite3+0x1234) becomes a module's offset. */
struct mt_error *mt_parse_place(const char *text, struct mt_arena *arena,
                                const struct mt_ast **ast);

/* What the parser has to ask of the program: whether a name is a type's and no variable's, which
 * tells `(conn) - 1`, a cast, from a difference. */
struct mt_parse_names {
	bool (*is_type)(void *arg, const char *name);
	bool (*is_function)(void *arg, const char *name, size_t len); /* lexer.h; may be NULL */
	void *arg;
};

/* The tree of a value: an expression with commas, assignments, ++ and --, calls, sizeof and
 * _Alignof, casts to any type, also as static_cast<T>(x); and of gdb's x@8 and {T} x. */
struct mt_error *mt_parse_value(const char *text, const struct mt_parse_names *names,
                                struct mt_arena *arena, const struct mt_ast **ast);

/* The type that the whole text names. `is_type` false: it names none, and `type` is untouched. */
struct mt_error *mt_parse_type(const char *text, const struct mt_parse_names *names,
                               struct mt_arena *arena, bool *is_type, struct mt_ast_type *type);

#endif
