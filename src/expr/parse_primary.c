/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "expr/parser_internal.h"

/* The tree inside, as if it had begun at the bracket: messages show whole brackets. */
static struct mt_error *parse_parenthesised(struct mt_parser *parser, const struct mt_ast **ast)
{
	size_t open_at = parser->token.at;
	const struct mt_ast *inner;

	MT_TRY(mt_parser_advance(parser));
	MT_TRY(mt_parser_expression(parser, &inner));
	MT_TRY(mt_parser_close(parser, MT_TOKEN_CLOSE, open_at));
	struct mt_ast node = *inner;
	node.start = open_at;
	return mt_parser_node(parser, node, ast);
}

/* Conditions compute in double at most. */
static struct mt_error *read_number(const struct mt_parser *parser, struct mt_literal *number)
{
	const struct mt_token *token = &parser->token;

	MT_TRY(mt_literal_number(parser->lexer.text, token->at, token->len, number));
	if (!parser->names && number->type.size > 8)
		return mt_error_at((long)(token->at + token->len) - 1,
		                   "long double constants are not possible here");
	return NULL;
}

static struct mt_error *read_name(struct mt_parser *parser, struct mt_ast *node)
{
	const struct mt_token *token = &parser->token;

	node->kind = MT_AST_NAME;
	if (token->is_global)
		node->scope = "";
	if (token->scope_len)
		MT_TRY(mt_parser_copy(parser, token->scope_at, token->scope_len, &node->scope));
	return mt_parser_copy(parser, token->name_at, token->name_len, &node->name);
}

/* Fills the node of an operand that is one token. */
static struct mt_error *read_operand(struct mt_parser *parser, struct mt_ast *node)
{
	const struct mt_token *token = &parser->token;
	const char *text = parser->lexer.text;

	switch (token->kind) {
	case MT_TOKEN_NUMBER:
		node->kind = MT_AST_NUMBER;
		return read_number(parser, &node->number);
	case MT_TOKEN_CHAR:
		node->kind = MT_AST_NUMBER;
		return mt_literal_char(text, token->at, token->len, &node->number);
	case MT_TOKEN_STRING:
		node->kind = MT_AST_STRING;
		return mt_literal_string(text, token->at, token->len, parser->arena, &node->string);
	case MT_TOKEN_REGISTER:
		node->kind = MT_AST_REGISTER;
		return mt_parser_copy(parser, token->name_at, token->name_len, &node->name);
	case MT_TOKEN_NAME:
		return read_name(parser, node);
	default:
		return mt_parser_no_operand(parser);
	}
}

/* Strings that stand side by side are one. */
static struct mt_error *join_strings(struct mt_parser *parser, struct mt_string *string)
{
	while (parser->names && parser->token.kind == MT_TOKEN_STRING) {
		const struct mt_token *token = &parser->token;
		struct mt_string more;

		MT_TRY(mt_literal_string(parser->lexer.text, token->at, token->len, parser->arena,
		                         &more));
		MT_TRY(mt_literal_join(string, &more, token->at, parser->arena));
		MT_TRY(mt_parser_advance(parser));
	}
	return NULL;
}

static struct mt_error *parse_primary(struct mt_parser *parser, const struct mt_ast **ast)
{
	struct mt_ast node = { .at = parser->token.at, .start = parser->token.at };

	if (parser->token.kind == MT_TOKEN_OPEN)
		return parse_parenthesised(parser, ast);
	MT_TRY(read_operand(parser, &node));
	MT_TRY(mt_parser_advance(parser));
	if (node.kind == MT_AST_STRING)
		MT_TRY(join_strings(parser, &node.string));
	return mt_parser_node(parser, node, ast);
}

static struct mt_error *parse_member(struct mt_parser *parser, struct mt_ast node,
                                     const struct mt_ast **ast)
{
	node.kind = parser->token.kind == MT_TOKEN_DOT ? MT_AST_MEMBER : MT_AST_ARROW;
	MT_TRY(mt_parser_advance(parser));
	if (parser->token.kind != MT_TOKEN_NAME)
		return mt_error_at((long)parser->token.at, "a member's name is missing here");
	node.at = parser->token.at;
	MT_TRY(mt_parser_copy(parser, parser->token.at, parser->token.len, &node.name));
	MT_TRY(mt_parser_advance(parser));
	return mt_parser_node(parser, node, ast);
}

static struct mt_error *parse_index(struct mt_parser *parser, struct mt_ast node,
                                    const struct mt_ast **ast)
{
	size_t open_at = parser->token.at;

	node.kind = MT_AST_INDEX;
	MT_TRY(mt_parser_advance(parser));
	MT_TRY(mt_parser_expression(parser, &node.b));
	node.at = node.b->at;
	if (parser->token.kind == MT_TOKEN_RANGE) {
		node.kind = MT_AST_SLICE;
		MT_TRY(mt_parser_advance(parser));
		MT_TRY(mt_parser_expression(parser, &node.c));
	}
	MT_TRY(mt_parser_close(parser, MT_TOKEN_INDEX_CLOSE, open_at));
	return mt_parser_node(parser, node, ast);
}

/* Whether `@entry` stands here, behind a name. */
static bool is_at_entry(const struct mt_parser *parser, const struct mt_ast *operand)
{
	static const char word[] = "entry";
	struct mt_lexer ahead = parser->lexer;
	struct mt_token next;
	struct mt_error *error;

	if (!parser->names || parser->token.kind != MT_TOKEN_AT || operand->kind != MT_AST_NAME ||
	    operand->scope)
		return false;
	error = mt_lexer_next(&ahead, &next);
	mt_error_free(error);
	return !error && next.kind == MT_TOKEN_NAME && next.len == strlen(word) &&
	       !memcmp(ahead.text + next.at, word, next.len);
}

static struct mt_error *parse_at_entry(struct mt_parser *parser, struct mt_ast node,
                                       const struct mt_ast **ast)
{
	node.kind = MT_AST_ENTRY;
	node.at = parser->token.at;
	MT_TRY(mt_parser_advance(parser));
	MT_TRY(mt_parser_advance(parser));
	return mt_parser_node(parser, node, ast);
}

struct mt_error *mt_parser_suffixes(struct mt_parser *parser, size_t start,
                                    const struct mt_ast **ast)
{
	for (;;) {
		struct mt_ast node = { .start = start, .a = *ast };
		enum mt_token_kind kind = parser->token.kind;

		if (kind == MT_TOKEN_DOT || kind == MT_TOKEN_ARROW)
			MT_TRY(parse_member(parser, node, ast));
		else if (kind == MT_TOKEN_INDEX_OPEN)
			MT_TRY(parse_index(parser, node, ast));
		else if (is_at_entry(parser, *ast))
			MT_TRY(parse_at_entry(parser, node, ast));
		else if (parser->names && kind == MT_TOKEN_OPEN)
			MT_TRY(mt_parser_call(parser, node, ast));
		else if (parser->names && kind == MT_TOKEN_INCREMENT)
			MT_TRY(mt_parser_step_after(parser, node, ast));
		else
			return NULL;
	}
}

struct mt_error *mt_parser_postfix(struct mt_parser *parser, const struct mt_ast **ast)
{
	size_t start = parser->token.at;
	const struct mt_ast *operand;

	MT_TRY(parse_primary(parser, &operand));
	MT_TRY(mt_parser_suffixes(parser, start, &operand));
	*ast = operand;
	return NULL;
}
