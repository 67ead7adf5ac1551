/* SPDX-License-Identifier: MIT */
/*
 * What the parser's files share: parser.c has operators, parse_primary.c operands and type names,
 * parse_place.c what only places have.
 */
#ifndef MT_EXPR_PARSER_INTERNAL_H
#define MT_EXPR_PARSER_INTERNAL_H

#include "expr/lexer.h"
#include "expr/parser.h"

struct mt_parser {
	struct mt_lexer lexer;
	struct mt_token token; /* the one that is looked at */
	size_t last_end;       /* where the one before it ended */
	struct mt_arena *arena;
	unsigned depth; /* of the recursion */
};

/* Looks at the first token. SYNTAX: the text is too long. */
struct mt_error *mt_parser_init(struct mt_parser *parser, const char *text, struct mt_arena *arena);

/* Goes on to the next token. */
struct mt_error *mt_parser_advance(struct mt_parser *parser);

/*
 * Copies `node` into the arena; its end is where the last token taken ended, its depth follows
 * from its operands. SYNTAX: deeper than MT_EXPR_MAX_DEPTH.
 */
struct mt_error *mt_parser_node(struct mt_parser *parser, struct mt_ast node,
                                const struct mt_ast **ast);

/* Takes the closing bracket of the one at `open_at`. */
struct mt_error *mt_parser_close(struct mt_parser *parser, enum mt_token_kind close,
                                 size_t open_at);

/* The error for a token that stands where an operand should. */
struct mt_error *mt_parser_no_operand(const struct mt_parser *parser);

/* The error for a token that stands where the expression should go on or end. */
struct mt_error *mt_parser_junk(const struct mt_parser *parser);

/* A whole expression, ?: included. */
struct mt_error *mt_parser_expression(struct mt_parser *parser, const struct mt_ast **ast);

/* An operand with its prefix operators and casts. */
struct mt_error *mt_parser_unary(struct mt_parser *parser, const struct mt_ast **ast);

/* An operand with what follows it: .x ->x [i] [i..j]. */
struct mt_error *mt_parser_postfix(struct mt_parser *parser, const struct mt_ast **ast);

/*
 * Takes `(type)` when that is what stands here; otherwise *is_cast is false and nothing is taken.
 * A name that C has not, as in (conn_t *)x, is seen to be a type by what follows it.
 */
struct mt_error *mt_parser_cast(struct mt_parser *parser, bool *is_cast, struct mt_ast_type *type);

#endif
