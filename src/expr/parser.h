/* SPDX-License-Identifier: MIT */
/*
 * One grammar for places and conditions: C's expressions by precedence (C11 6.5), without calls,
 * assignments and the comma, which are told as what they are. Hostile text is bounded: 64 KiB, and
 * trees of depth 200, so those who walk them may recurse.
 */
#ifndef MT_EXPR_PARSER_H
#define MT_EXPR_PARSER_H

#include "expr/arena.h"
#include "expr/ast.h"

enum { MT_EXPR_MAX_DEPTH = 200 };

/* The tree of an expression in the arena; names and strings are copied there too. All errors are
 * SYNTAX with an offset, or NOMEM. */
struct mt_error *mt_parse_expression(const char *text, struct mt_arena *arena,
                                     const struct mt_ast **ast);

/* The same, with what only a whole place may be: a[b..c], a:b, module+offset. A name with a
 * constant added to it (sqlite3+0x1234) becomes a module's offset. */
struct mt_error *mt_parse_place(const char *text, struct mt_arena *arena,
                                const struct mt_ast **ast);

#endif
