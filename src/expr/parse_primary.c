/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/buf.h"
#include "expr/parser_internal.h"

/* ---- Casts */

static bool is_word(const struct mt_parser *parser, const char *word)
{
	const struct mt_token *token = &parser->token;

	return token->kind == MT_TOKEN_NAME && token->len == strlen(word) &&
	       !memcmp(parser->lexer.text + token->at, word, token->len);
}

static bool is_one_of(const struct mt_parser *parser, const char *const *words)
{
	for (; *words; words++)
		if (is_word(parser, *words))
			return true;
	return false;
}

static struct mt_error *skip_qualifiers(struct mt_parser *parser)
{
	static const char *const qualifiers[] = { "const", "volatile", "restrict", NULL };

	while (is_one_of(parser, qualifiers))
		MT_TRY(mt_parser_advance(parser));
	return NULL;
}

static void append_token(const struct mt_parser *parser, struct mt_buf *words)
{
	if (words->len)
		mt_buf_char(words, ' ');
	mt_buf_bytes(words, parser->lexer.text + parser->token.at, parser->token.len);
}

/* C's own words ("unsigned long int"), "struct x", or any one name. `certain`: no variable can be
 * called that. */
static struct mt_error *take_type_words(struct mt_parser *parser, struct mt_buf *words,
                                        bool *certain)
{
	static const char *const tags[] = { "struct", "union", "enum", "class", NULL };
	static const char *const parts[] = { "signed", "unsigned", "short",  "long",  "int",
		                             "char",   "float",    "double", "_Bool", NULL };
	bool wants_name = true;

	MT_TRY(skip_qualifiers(parser));
	*certain = is_one_of(parser, tags) || is_one_of(parser, parts);
	while (is_one_of(parser, parts)) {
		append_token(parser, words);
		MT_TRY(mt_parser_advance(parser));
		MT_TRY(skip_qualifiers(parser));
		wants_name = false;
	}
	if (is_one_of(parser, tags)) {
		append_token(parser, words);
		MT_TRY(mt_parser_advance(parser));
	}
	if (wants_name && parser->token.kind == MT_TOKEN_NAME) {
		append_token(parser, words);
		MT_TRY(mt_parser_advance(parser));
		MT_TRY(skip_qualifiers(parser));
	}
	return NULL;
}

static struct mt_error *take_pointers(struct mt_parser *parser, unsigned *count)
{
	while (parser->token.kind == MT_TOKEN_STAR) {
		++*count;
		MT_TRY(mt_parser_advance(parser));
		MT_TRY(skip_qualifiers(parser));
	}
	return NULL;
}

/* Without calls, no operand can follow a parenthesised one: `(conn) x` must be a cast. What may be
 * an operator as well, as in `(n) - 1`, is one. */
static bool begins_operand(enum mt_token_kind kind)
{
	return kind == MT_TOKEN_NAME || kind == MT_TOKEN_NUMBER || kind == MT_TOKEN_CHAR ||
	       kind == MT_TOKEN_REGISTER || kind == MT_TOKEN_OPEN || kind == MT_TOKEN_NOT ||
	       kind == MT_TOKEN_LNOT;
}

static struct mt_error *try_cast(struct mt_parser *parser, struct mt_buf *words, bool *is_cast,
                                 struct mt_ast_type *type)
{
	unsigned pointers = 0;
	bool certain;

	MT_TRY(mt_parser_advance(parser));
	MT_TRY(take_type_words(parser, words, &certain));
	if (!words->len)
		return NULL;
	MT_TRY(take_pointers(parser, &pointers));
	if (parser->token.kind != MT_TOKEN_CLOSE)
		return NULL;
	/* What follows is an operand, though a closing bracket stands before it. */
	struct mt_parser at_close = *parser;
	MT_TRY(mt_parser_advance(parser));
	if (!mt_buf_ok(words))
		return mt_error_nomem();
	certain =
	    certain || pointers || mt_type_base(words->data) || begins_operand(parser->token.kind);
	if (!certain)
		return NULL;
	at_close.lexer.after_operand = false;
	*parser = at_close;
	MT_TRY(mt_parser_advance(parser));
	type->name = mt_arena_text(parser->arena, words->data, words->len);
	type->pointers = pointers;
	*is_cast = true;
	return type->name ? NULL : mt_error_nomem();
}

struct mt_error *mt_parser_cast(struct mt_parser *parser, bool *is_cast, struct mt_ast_type *type)
{
	struct mt_parser before = *parser;
	struct mt_buf words MT_AUTO_BUF = { 0 };

	*is_cast = false;
	MT_TRY(try_cast(parser, &words, is_cast, type));
	if (!*is_cast)
		*parser = before;
	return NULL;
}

/* ---- Operands */

static struct mt_error *copy_piece(struct mt_parser *parser, size_t at, size_t len,
                                   const char **copy)
{
	*copy = mt_arena_text(parser->arena, parser->lexer.text + at, len);
	return *copy ? NULL : mt_error_nomem();
}

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

/* Fills the node of an operand that is one token. */
static struct mt_error *read_operand(struct mt_parser *parser, struct mt_ast *node)
{
	const struct mt_token *token = &parser->token;
	const char *text = parser->lexer.text;

	switch (token->kind) {
	case MT_TOKEN_NUMBER:
		node->kind = MT_AST_NUMBER;
		return mt_literal_number(text, token->at, token->len, &node->number);
	case MT_TOKEN_CHAR:
		node->kind = MT_AST_NUMBER;
		return mt_literal_char(text, token->at, token->len, &node->number);
	case MT_TOKEN_STRING:
		node->kind = MT_AST_STRING;
		return mt_literal_string(text, token->at, token->len, parser->arena, &node->name);
	case MT_TOKEN_REGISTER:
		node->kind = MT_AST_REGISTER;
		return copy_piece(parser, token->name_at, token->name_len, &node->name);
	case MT_TOKEN_NAME:
		node->kind = MT_AST_NAME;
		if (token->scope_len)
			MT_TRY(copy_piece(parser, token->scope_at, token->scope_len, &node->scope));
		return copy_piece(parser, token->name_at, token->name_len, &node->name);
	default:
		return mt_parser_no_operand(parser);
	}
}

static struct mt_error *parse_primary(struct mt_parser *parser, const struct mt_ast **ast)
{
	struct mt_ast node = { .at = parser->token.at, .start = parser->token.at };

	if (parser->token.kind == MT_TOKEN_OPEN)
		return parse_parenthesised(parser, ast);
	MT_TRY(read_operand(parser, &node));
	MT_TRY(mt_parser_advance(parser));
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
	MT_TRY(copy_piece(parser, parser->token.at, parser->token.len, &node.name));
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

struct mt_error *mt_parser_postfix(struct mt_parser *parser, const struct mt_ast **ast)
{
	size_t start = parser->token.at;
	const struct mt_ast *operand;

	MT_TRY(parse_primary(parser, &operand));
	for (;;) {
		struct mt_ast node = { .start = start, .a = operand };

		switch (parser->token.kind) {
		case MT_TOKEN_DOT:
		case MT_TOKEN_ARROW:
			MT_TRY(parse_member(parser, node, &operand));
			break;
		case MT_TOKEN_INDEX_OPEN:
			MT_TRY(parse_index(parser, node, &operand));
			break;
		default:
			*ast = operand;
			return NULL;
		}
	}
}
