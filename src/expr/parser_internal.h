/* SPDX-License-Identifier: MIT */
/*
 * What the parser's files share: parser.c has operators, parse_primary.c operands, parse_type.c
 * types and casts, parse_place.c what only places have, parse_value.c what only values have.
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
	unsigned depth;                     /* of the recursion */
	const struct mt_parse_names *names; /* of values; NULL: a place or a condition */
};

/* Looks at the first token. SYNTAX: the text is too long. */
struct mt_error *mt_parser_init(struct mt_parser *parser, const char *text,
                                const struct mt_parse_names *names, struct mt_arena *arena);

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

/* Goes one level deeper; SYNTAX: too deep. The way back is parser->depth--. */
struct mt_error *mt_parser_enter(struct mt_parser *parser);

/* Whether the token is that word. */
bool mt_parser_is_word(const struct mt_parser *parser, const char *word);

/* Copies a piece of the text into the arena. */
struct mt_error *mt_parser_copy(struct mt_parser *parser, size_t at, size_t len, const char **copy);

/* A whole expression: with ?:, and of values with assignments; commas too, or not. */
struct mt_error *mt_parser_expression(struct mt_parser *parser, const struct mt_ast **ast);
struct mt_error *mt_parser_assignment(struct mt_parser *parser, const struct mt_ast **ast);

/* An operand with its prefix operators and casts. */
struct mt_error *mt_parser_unary(struct mt_parser *parser, const struct mt_ast **ast);

/* `node`, an operator that was taken, of the operand that follows. */
struct mt_error *mt_parser_prefixed(struct mt_parser *parser, struct mt_ast node,
                                    const struct mt_ast **ast);

/* An operand with what follows it: .x ->x [i] [i..j], of values also (args) ++ --. */
struct mt_error *mt_parser_postfix(struct mt_parser *parser, const struct mt_ast **ast);

/* What follows the operand *ast, which began at `start`. */
struct mt_error *mt_parser_suffixes(struct mt_parser *parser, size_t start,
                                    const struct mt_ast **ast);

/*
 * Takes `(type)` when that is what stands here; otherwise *is_cast is false and nothing is taken.
 * A name that C has not, as in (conn_t *)x, is seen to be a type by what follows it, or by asking
 * (mt_parse_names).
 */
struct mt_error *mt_parser_cast(struct mt_parser *parser, bool *is_cast, struct mt_ast_type *type);

/* Takes a type; NULL name: there is none here, and what was taken is to be given back. `certain`:
 * it can't be anything else. */
struct mt_error *mt_parser_type(struct mt_parser *parser, bool *certain, struct mt_ast_type *type);

/* Takes the (args) of a call of node.a, or the ++ or -- behind it. */
struct mt_error *mt_parser_call(struct mt_parser *parser, struct mt_ast node,
                                const struct mt_ast **ast);
struct mt_error *mt_parser_step_after(struct mt_parser *parser, struct mt_ast node,
                                      const struct mt_ast **ast);

/* Takes a prefix that only values have: ++ --, sizeof, _Alignof, {T}, static_cast<T>(x). *ast is
 * NULL when there is none. */
struct mt_error *mt_parser_value_prefix(struct mt_parser *parser, const struct mt_ast **ast);

/* Takes = or += and its kin with what is assigned to `left`, or a comma and what follows it. */
struct mt_error *mt_parser_assign(struct mt_parser *parser, const struct mt_ast *left,
                                  const struct mt_ast **ast);
struct mt_error *mt_parser_comma(struct mt_parser *parser, const struct mt_ast *left,
                                 const struct mt_ast **ast);

#endif
