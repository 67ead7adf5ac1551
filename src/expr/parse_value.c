/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "expr/parser_internal.h"

/* ---- Prefixes */

/* ++ and --: the operator, by its first character. */
static enum mt_op step_op(const struct mt_parser *parser)
{
	return parser->lexer.text[parser->token.at] == '+' ? MT_OP_ADD : MT_OP_SUB;
}

/* The operand of sizeof: a type in brackets, or a unary expression. */
static struct mt_error *parse_measured(struct mt_parser *parser, struct mt_ast node,
                                       const struct mt_ast **ast)
{
	bool is_type = false;

	MT_TRY(mt_parser_advance(parser));
	if (parser->token.kind == MT_TOKEN_OPEN)
		MT_TRY(mt_parser_cast(parser, &is_type, &node.type));
	if (!is_type)
		return mt_parser_prefixed(parser, node, ast);
	return mt_parser_node(parser, node, ast);
}

/* The type up to `close`, which is taken. */
static struct mt_error *parse_enclosed_type(struct mt_parser *parser, enum mt_token_kind close,
                                            struct mt_ast_type *type)
{
	size_t open_at = parser->token.at;
	bool certain;

	MT_TRY(mt_parser_advance(parser));
	MT_TRY(mt_parser_type(parser, &certain, type));
	if (!type->name)
		return mt_error_at((long)parser->token.at, "a type is missing here");
	return mt_parser_close(parser, close, open_at);
}

/* static_cast<T>(x) */
static struct mt_error *parse_named_cast(struct mt_parser *parser, struct mt_ast node,
                                         const struct mt_ast **ast)
{
	size_t open_at;

	MT_TRY(mt_parser_advance(parser));
	if (parser->token.kind != MT_TOKEN_LT)
		return mt_parser_junk(parser);
	MT_TRY(parse_enclosed_type(parser, MT_TOKEN_GT, &node.type));
	open_at = parser->token.at;
	if (parser->token.kind != MT_TOKEN_OPEN)
		return mt_parser_no_operand(parser);
	MT_TRY(mt_parser_advance(parser));
	MT_TRY(mt_parser_expression(parser, &node.a));
	MT_TRY(mt_parser_close(parser, MT_TOKEN_CLOSE, open_at));
	MT_TRY(mt_parser_node(parser, node, ast));
	return mt_parser_suffixes(parser, node.start, ast);
}

/* typeid(T), typeid(x): unlike sizeof's, its brackets end the operand. */
static struct mt_error *parse_typeid(struct mt_parser *parser, struct mt_ast node,
                                     const struct mt_ast **ast)
{
	struct mt_parser ahead;
	size_t open_at;
	bool is_type = false;

	MT_TRY(mt_parser_advance(parser));
	if (parser->token.kind != MT_TOKEN_OPEN)
		return mt_parser_no_operand(parser);
	ahead = *parser;
	MT_TRY(mt_parser_cast(&ahead, &is_type, &node.type));
	if (is_type) {
		*parser = ahead;
	} else {
		open_at = parser->token.at;
		MT_TRY(mt_parser_advance(parser));
		MT_TRY(mt_parser_expression(parser, &node.a));
		MT_TRY(mt_parser_close(parser, MT_TOKEN_CLOSE, open_at));
	}
	MT_TRY(mt_parser_node(parser, node, ast));
	return mt_parser_suffixes(parser, node.start, ast);
}

/* {T} x is *(T *)x. */
static struct mt_error *parse_braces(struct mt_parser *parser, struct mt_ast node,
                                     const struct mt_ast **ast)
{
	struct mt_ast_derived *pointer = mt_arena_alloc(parser->arena, sizeof(*pointer));
	struct mt_ast cast = { .kind = MT_AST_CAST, .at = node.at, .start = node.start };
	struct mt_ast_derived **end = &cast.type.derived;

	if (!pointer)
		return mt_error_nomem();
	MT_TRY(parse_enclosed_type(parser, MT_TOKEN_BRACE_CLOSE, &cast.type));
	pointer->kind = MT_DERIVED_POINTER;
	while (*end)
		end = &(*end)->next;
	*end = pointer;
	MT_TRY(mt_parser_prefixed(parser, cast, &node.a));
	node.kind = MT_AST_DEREF;
	return mt_parser_node(parser, node, ast);
}

static const struct {
	const char *word;
	enum mt_ast_kind kind;
} word_prefixes[] = {
	{ "sizeof", MT_AST_SIZEOF },           { "_Alignof", MT_AST_ALIGNOF },
	{ "alignof", MT_AST_ALIGNOF },         { "__alignof__", MT_AST_ALIGNOF },
	{ "static_cast", MT_AST_CAST },        { "const_cast", MT_AST_CAST },
	{ "reinterpret_cast", MT_AST_RECAST }, { "dynamic_cast", MT_AST_DYNAMIC },
	{ "typeid", MT_AST_TYPEID },
};

struct mt_error *mt_parser_value_prefix(struct mt_parser *parser, const struct mt_ast **ast)
{
	struct mt_ast node = { .at = parser->token.at, .start = parser->token.at };

	*ast = NULL;
	if (parser->token.kind == MT_TOKEN_INCREMENT) {
		node.kind = MT_AST_BEFORE;
		node.op = step_op(parser);
		MT_TRY(mt_parser_advance(parser));
		return mt_parser_prefixed(parser, node, ast);
	}
	if (parser->token.kind == MT_TOKEN_BRACE_OPEN)
		return parse_braces(parser, node, ast);
	for (size_t i = 0; i < sizeof(word_prefixes) / sizeof(*word_prefixes); i++) {
		if (!mt_parser_is_word(parser, word_prefixes[i].word))
			continue;
		node.kind = word_prefixes[i].kind;
		if (node.kind == MT_AST_TYPEID)
			return parse_typeid(parser, node, ast);
		if (node.kind == MT_AST_CAST || node.kind == MT_AST_RECAST ||
		    node.kind == MT_AST_DYNAMIC)
			return parse_named_cast(parser, node, ast);
		return parse_measured(parser, node, ast);
	}
	return NULL;
}

/* ---- What follows an operand */

enum { MAX_ARGS = 64 };

struct mt_error *mt_parser_call(struct mt_parser *parser, struct mt_ast node,
                                const struct mt_ast **ast)
{
	const struct mt_ast *args[MAX_ARGS];
	size_t open_at = parser->token.at;

	node.kind = MT_AST_CALL;
	node.at = open_at;
	MT_TRY(mt_parser_advance(parser));
	while (parser->token.kind != MT_TOKEN_CLOSE) {
		if (node.arg_count == MAX_ARGS)
			return mt_error_at((long)parser->token.at,
			                   "a call with more than %d arguments", MAX_ARGS);
		MT_TRY(mt_parser_assignment(parser, &args[node.arg_count++]));
		if (parser->token.kind != MT_TOKEN_COMMA)
			break;
		MT_TRY(mt_parser_advance(parser));
		if (parser->token.kind == MT_TOKEN_CLOSE)
			return mt_parser_no_operand(parser);
	}
	MT_TRY(mt_parser_close(parser, MT_TOKEN_CLOSE, open_at));
	const struct mt_ast **copy = mt_arena_alloc(parser->arena, node.arg_count * sizeof(*copy));
	if (!copy)
		return mt_error_nomem();
	memcpy(copy, args, node.arg_count * sizeof(*copy));
	node.args = copy;
	return mt_parser_node(parser, node, ast);
}

struct mt_error *mt_parser_step_after(struct mt_parser *parser, struct mt_ast node,
                                      const struct mt_ast **ast)
{
	node.kind = MT_AST_AFTER;
	node.op = step_op(parser);
	node.at = parser->token.at;
	MT_TRY(mt_parser_advance(parser));
	return mt_parser_node(parser, node, ast);
}

/* ---- Assignments and commas */

/* The operator that stands before the = of += and its kin. */
static enum mt_op update_op(const struct mt_parser *parser)
{
	static const struct {
		char sign;
		enum mt_op op;
	} ops[] = {
		{ '+', MT_OP_ADD }, { '-', MT_OP_SUB }, { '*', MT_OP_MUL },
		{ '/', MT_OP_DIV }, { '%', MT_OP_MOD }, { '&', MT_OP_AND },
		{ '|', MT_OP_OR },  { '^', MT_OP_XOR }, { '<', MT_OP_SHL },
	};
	char sign = parser->lexer.text[parser->token.at];

	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		if (ops[i].sign == sign)
			return ops[i].op;
	return MT_OP_SHR;
}

/* The right side comes first to an assignment on its own right: a = b = c. */
struct mt_error *mt_parser_assign(struct mt_parser *parser, const struct mt_ast *left,
                                  const struct mt_ast **ast)
{
	struct mt_ast node = {
		.kind = MT_AST_ASSIGN, .at = parser->token.at, .start = left->start, .a = left
	};

	if (parser->token.len > 1) {
		node.kind = MT_AST_UPDATE;
		node.op = update_op(parser);
	}
	MT_TRY(mt_parser_advance(parser));
	MT_TRY(mt_parser_assignment(parser, &node.b));
	return mt_parser_node(parser, node, ast);
}

struct mt_error *mt_parser_comma(struct mt_parser *parser, const struct mt_ast *left,
                                 const struct mt_ast **ast)
{
	struct mt_ast node = {
		.kind = MT_AST_COMMA, .at = parser->token.at, .start = left->start, .a = left
	};

	MT_TRY(mt_parser_advance(parser));
	MT_TRY(mt_parser_assignment(parser, &node.b));
	return mt_parser_node(parser, node, ast);
}

struct mt_error *mt_parse_value(const char *text, const struct mt_parse_names *names,
                                struct mt_arena *arena, const struct mt_ast **ast)
{
	struct mt_parser parser;
	const struct mt_ast *node;

	MT_TRY(mt_parser_init(&parser, text, names, arena));
	MT_TRY(mt_parser_expression(&parser, &node));
	if (parser.token.kind != MT_TOKEN_END)
		return mt_parser_junk(&parser);
	*ast = node;
	return NULL;
}
