/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "expr/parser_internal.h"

static const struct {
	enum mt_token_kind token;
	int precedence; /* a higher one binds closer */
	enum mt_op op;
} binary_operators[] = {
	{ MT_TOKEN_STAR, 11, MT_OP_MUL },    { MT_TOKEN_SLASH, 11, MT_OP_DIV },
	{ MT_TOKEN_PERCENT, 11, MT_OP_MOD }, { MT_TOKEN_PLUS, 10, MT_OP_ADD },
	{ MT_TOKEN_MINUS, 10, MT_OP_SUB },   { MT_TOKEN_AT, 9, 0 }, /* gdb's, of values */
	{ MT_TOKEN_SHL, 8, MT_OP_SHL },      { MT_TOKEN_SHR, 8, MT_OP_SHR },
	{ MT_TOKEN_LT, 7, MT_OP_LT },        { MT_TOKEN_LE, 7, MT_OP_LE },
	{ MT_TOKEN_GT, 7, MT_OP_GT },        { MT_TOKEN_GE, 7, MT_OP_GE },
	{ MT_TOKEN_EQ, 6, MT_OP_EQ },        { MT_TOKEN_NE, 6, MT_OP_NE },
	{ MT_TOKEN_AND, 5, MT_OP_AND },      { MT_TOKEN_XOR, 4, MT_OP_XOR },
	{ MT_TOKEN_OR, 3, MT_OP_OR },        { MT_TOKEN_LAND, 2, MT_OP_LAND },
	{ MT_TOKEN_LOR, 1, MT_OP_LOR },
};

static const struct {
	enum mt_token_kind token;
	enum mt_ast_kind kind;
	enum mt_op op; /* of a MT_AST_UNARY */
} prefix_operators[] = {
	{ MT_TOKEN_PLUS, MT_AST_PLUS, 0 },         { MT_TOKEN_MINUS, MT_AST_UNARY, MT_OP_NEG },
	{ MT_TOKEN_NOT, MT_AST_UNARY, MT_OP_NOT }, { MT_TOKEN_LNOT, MT_AST_UNARY, MT_OP_LNOT },
	{ MT_TOKEN_STAR, MT_AST_DEREF, 0 },        { MT_TOKEN_AND, MT_AST_ADDRESS, 0 },
};

struct mt_error *mt_parser_init(struct mt_parser *parser, const char *text,
                                const struct mt_parse_names *names, struct mt_arena *arena)
{
	size_t len = strlen(text);

	if (len > MT_EXPR_MAX_LEN)
		return mt_error_at(MT_EXPR_MAX_LEN, "an expression of more than %d bytes",
		                   MT_EXPR_MAX_LEN);
	*parser = (struct mt_parser){ .arena = arena, .names = names };
	mt_lexer_init(&parser->lexer, text, len);
	parser->lexer.values = names != NULL;
	parser->lexer.is_function = names ? names->is_function : NULL;
	parser->lexer.arg = names ? names->arg : NULL;
	return mt_parser_advance(parser);
}

struct mt_error *mt_parser_advance(struct mt_parser *parser)
{
	parser->last_end = parser->token.at + parser->token.len;
	return mt_lexer_next(&parser->lexer, &parser->token);
}

static unsigned depth_of(const struct mt_ast *ast)
{
	return ast ? ast->depth : 0;
}

static struct mt_error *too_deep(size_t at)
{
	return mt_error_at((long)at, "the expression is nested more than %d levels deep here",
	                   MT_EXPR_MAX_DEPTH);
}

struct mt_error *mt_parser_node(struct mt_parser *parser, struct mt_ast node,
                                const struct mt_ast **ast)
{
	const struct mt_ast *operands[] = { node.a, node.b, node.c };

	node.end = parser->last_end;
	for (size_t i = 0; i < 3; i++)
		if (depth_of(operands[i]) >= node.depth)
			node.depth = depth_of(operands[i]) + 1;
	for (size_t i = 0; i < node.arg_count; i++)
		if (depth_of(node.args[i]) >= node.depth)
			node.depth = depth_of(node.args[i]) + 1;
	if (node.depth > MT_EXPR_MAX_DEPTH)
		return too_deep(node.at);
	struct mt_ast *copy = mt_arena_alloc(parser->arena, sizeof(*copy));
	if (!copy)
		return mt_error_nomem();
	*copy = node;
	*ast = copy;
	return NULL;
}

/* ---- Errors */

static const char *token_text(const struct mt_parser *parser)
{
	return parser->lexer.text + parser->token.at;
}

/* As much of the token as a message bears. */
static int token_len(const struct mt_parser *parser)
{
	return parser->token.len < 40 ? (int)parser->token.len : 40;
}

struct mt_error *mt_parser_no_operand(const struct mt_parser *parser)
{
	const struct mt_token *token = &parser->token;

	if (token->kind == MT_TOKEN_END && !parser->last_end)
		return mt_error_at((long)token->at, "the expression is empty");
	if (token->kind == MT_TOKEN_END)
		return mt_error_at((long)token->at, "the expression ends where a value is missing");
	if (token->kind == MT_TOKEN_INCREMENT)
		return mt_parser_junk(parser);
	return mt_error_at((long)token->at, "a value is missing before %.*s", token_len(parser),
	                   token_text(parser));
}

struct mt_error *mt_parser_junk(const struct mt_parser *parser)
{
	const char *text = token_text(parser);
	long at = (long)parser->token.at;
	int len = token_len(parser);

	switch (parser->token.kind) {
	case MT_TOKEN_END:
		return mt_error_at(at, "the expression ends too early");
	case MT_TOKEN_CLOSE:
	case MT_TOKEN_INDEX_CLOSE:
		return mt_error_at(at, "this %.*s closes nothing", len, text);
	case MT_TOKEN_OPEN:
		return mt_error_at(at, "functions cannot be called here");
	case MT_TOKEN_COLON:
		return mt_error_at(at, "this : has no ? before it");
	case MT_TOKEN_COMMA:
		return mt_error_at(at, "a comma has no use here: write && or ||");
	case MT_TOKEN_RANGE:
		return mt_error_at(at, "a range is written in brackets, as in a[2..5]");
	case MT_TOKEN_INCREMENT:
		return mt_error_at(at, "%.*s would change the value", len, text);
	case MT_TOKEN_ASSIGN:
		if (len == 1)
			return mt_error_at(at, "= would assign: did you mean ==?");
		return mt_error_at(at, "%.*s would assign", len, text);
	default:
		return mt_error_at(at, "an operator is missing before %.*s", len, text);
	}
}

struct mt_error *mt_parser_close(struct mt_parser *parser, enum mt_token_kind close, size_t open_at)
{
	if (parser->token.kind == MT_TOKEN_END)
		return mt_error_at((long)open_at, "this %c is never closed",
		                   parser->lexer.text[open_at]);
	if (parser->token.kind != close)
		return mt_parser_junk(parser);
	return mt_parser_advance(parser);
}

/* ---- Operators */

bool mt_parser_is_word(const struct mt_parser *parser, const char *word)
{
	const struct mt_token *token = &parser->token;

	return token->kind == MT_TOKEN_NAME && token->len == strlen(word) &&
	       !memcmp(parser->lexer.text + token->at, word, token->len);
}

struct mt_error *mt_parser_copy(struct mt_parser *parser, size_t at, size_t len, const char **copy)
{
	*copy = mt_arena_text(parser->arena, parser->lexer.text + at, len);
	return *copy ? NULL : mt_error_nomem();
}

struct mt_error *mt_parser_enter(struct mt_parser *parser)
{
	if (parser->depth >= MT_EXPR_MAX_DEPTH)
		return too_deep(parser->token.at);
	parser->depth++;
	return NULL;
}

struct mt_error *mt_parser_prefixed(struct mt_parser *parser, struct mt_ast node,
                                    const struct mt_ast **ast)
{
	MT_TRY(mt_parser_enter(parser));
	MT_TRY(mt_parser_unary(parser, &node.a));
	parser->depth--;
	return mt_parser_node(parser, node, ast);
}

struct mt_error *mt_parser_unary(struct mt_parser *parser, const struct mt_ast **ast)
{
	struct mt_ast node = { .at = parser->token.at, .start = parser->token.at };
	bool is_cast = false;

	if (parser->names) {
		MT_TRY(mt_parser_value_prefix(parser, ast));
		if (*ast)
			return NULL;
	}
	for (size_t i = 0; i < sizeof(prefix_operators) / sizeof(*prefix_operators); i++) {
		if (parser->token.kind != prefix_operators[i].token)
			continue;
		node.kind = prefix_operators[i].kind;
		node.op = prefix_operators[i].op;
		MT_TRY(mt_parser_advance(parser));
		return mt_parser_prefixed(parser, node, ast);
	}
	if (parser->token.kind == MT_TOKEN_OPEN)
		MT_TRY(mt_parser_cast(parser, &is_cast, &node.type));
	if (!is_cast)
		return mt_parser_postfix(parser, ast);
	node.kind = MT_AST_CAST;
	return mt_parser_prefixed(parser, node, ast);
}

/* The operator that the token is, when it binds at least as close as `least`; or -1. */
static int find_operator(const struct mt_parser *parser, int least)
{
	enum mt_token_kind token = parser->token.kind;

	if (token == MT_TOKEN_AT && !parser->names)
		return -1;
	for (int i = 0; i < (int)(sizeof(binary_operators) / sizeof(*binary_operators)); i++)
		if (binary_operators[i].token == token && binary_operators[i].precedence >= least)
			return i;
	return -1;
}

/* Precedence climbing: takes operators that bind at least as close as `least`. */
static struct mt_error *parse_binary(struct mt_parser *parser, int least, const struct mt_ast **ast)
{
	const struct mt_ast *left;
	int found;

	MT_TRY(mt_parser_unary(parser, &left));
	while ((found = find_operator(parser, least)) >= 0) {
		bool is_at = parser->token.kind == MT_TOKEN_AT;
		struct mt_ast node = { .kind = is_at ? MT_AST_REPEAT : MT_AST_BINARY,
			               .op = binary_operators[found].op,
			               .at = parser->token.at,
			               .start = left->start,
			               .a = left };

		MT_TRY(mt_parser_advance(parser));
		MT_TRY(parse_binary(parser, binary_operators[found].precedence + 1, &node.b));
		MT_TRY(mt_parser_node(parser, node, &left));
	}
	*ast = left;
	return NULL;
}

static struct mt_error *parse_choice(struct mt_parser *parser, const struct mt_ast *condition,
                                     const struct mt_ast **ast)
{
	struct mt_ast node = { .kind = MT_AST_COND,
		               .at = parser->token.at,
		               .start = condition->start,
		               .a = condition };

	MT_TRY(mt_parser_advance(parser));
	MT_TRY(mt_parser_expression(parser, &node.b));
	if (parser->token.kind == MT_TOKEN_END)
		return mt_error_at((long)node.at, "this ? has no : behind it");
	if (parser->token.kind != MT_TOKEN_COLON)
		return mt_parser_junk(parser);
	MT_TRY(mt_parser_advance(parser));
	MT_TRY(mt_parser_assignment(parser, &node.c));
	return mt_parser_node(parser, node, ast);
}

struct mt_error *mt_parser_assignment(struct mt_parser *parser, const struct mt_ast **ast)
{
	const struct mt_ast *node;

	MT_TRY(mt_parser_enter(parser));
	MT_TRY(parse_binary(parser, 1, &node));
	if (parser->token.kind == MT_TOKEN_QUESTION)
		MT_TRY(parse_choice(parser, node, &node));
	if (parser->names && parser->token.kind == MT_TOKEN_ASSIGN)
		MT_TRY(mt_parser_assign(parser, node, &node));
	parser->depth--;
	*ast = node;
	return NULL;
}

struct mt_error *mt_parser_expression(struct mt_parser *parser, const struct mt_ast **ast)
{
	const struct mt_ast *node;

	MT_TRY(mt_parser_assignment(parser, &node));
	while (parser->names && parser->token.kind == MT_TOKEN_COMMA)
		MT_TRY(mt_parser_comma(parser, node, &node));
	*ast = node;
	return NULL;
}

struct mt_error *mt_parse_expression(const char *text, struct mt_arena *arena,
                                     const struct mt_ast **ast)
{
	struct mt_parser parser;
	const struct mt_ast *node;

	MT_TRY(mt_parser_init(&parser, text, NULL, arena));
	MT_TRY(mt_parser_expression(&parser, &node));
	if (parser.token.kind != MT_TOKEN_END)
		return mt_parser_junk(&parser);
	*ast = node;
	return NULL;
}
