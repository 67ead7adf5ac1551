/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <string.h>

#include "expr/parser_internal.h"

/* Where the parts of `module+offset` are in the text. */
struct module_form {
	size_t name_at, name_len;
	size_t offset_at, offset_len;
};

static size_t skip_blanks(const char *text, size_t at)
{
	while (isspace((unsigned char)text[at]))
		at++;
	return at;
}

static size_t end_of_word(const char *text, size_t at)
{
	while (isalnum((unsigned char)text[at]))
		at++;
	return at;
}

static bool is_integer(const char *text, size_t at, size_t len)
{
	struct mt_literal literal;
	struct mt_error *error = mt_literal_number(text, at, len, &literal);
	bool is_one = !error && !literal.type.is_float;

	mt_error_free(error);
	return is_one;
}

/* A module's name is no number (a name like 7zip is none either) and no beginning of an operator.
 */
static bool names_module(const char *text, size_t at, size_t len)
{
	char first = len ? text[at] : '\0';

	if (isdigit((unsigned char)first))
		return end_of_word(text, at) == at + len && !is_integer(text, at, len);
	return first && !strchr("+-~@", first);
}

/* Where the + is that comes before the offset: the last one of a name like libstdc++.so.6+0x10, or
 * one with blanks around it. */
static size_t find_plus(const char *text, size_t start)
{
	size_t end = start;

	while (mt_lexer_is_file_char(text[end]))
		end++;
	for (size_t at = end; at > start; at--)
		if (text[at - 1] == '+' && isdigit((unsigned char)text[at]))
			return at - 1;
	return skip_blanks(text, end);
}

/*
 * Whether the text is `module+offset`, as a whole or up to a colon. It is looked for before the
 * grammar has its turn, since file names are made of what the grammar takes apart.
 */
static bool is_module_form(const char *text, struct module_form *form)
{
	size_t start = skip_blanks(text, 0);
	size_t plus = find_plus(text, start);
	size_t name_end = plus;

	if (text[plus] != '+')
		return false;
	while (name_end > start && isspace((unsigned char)text[name_end - 1]))
		name_end--;
	form->name_at = start;
	form->name_len = name_end - start;
	form->offset_at = skip_blanks(text, plus + 1);
	form->offset_len = end_of_word(text, form->offset_at) - form->offset_at;
	char after = text[skip_blanks(text, form->offset_at + form->offset_len)];
	return (!after || after == ':') && isdigit((unsigned char)text[form->offset_at]) &&
	       names_module(text, form->name_at, form->name_len) &&
	       is_integer(text, form->offset_at, form->offset_len);
}

static struct mt_error *parse_module(struct mt_parser *parser, const struct module_form *form,
                                     const struct mt_ast **ast)
{
	const char *text = parser->lexer.text;
	struct mt_ast node = { .kind = MT_AST_MODULE, .at = form->name_at, .start = form->name_at };

	MT_TRY(mt_literal_number(text, form->offset_at, form->offset_len, &node.number));
	node.name = mt_arena_text(parser->arena, text + form->name_at, form->name_len);
	if (!node.name)
		return mt_error_nomem();
	parser->token.at = form->offset_at;
	parser->token.len = form->offset_len;
	parser->lexer.at = form->offset_at + form->offset_len;
	MT_TRY(mt_parser_advance(parser));
	return mt_parser_node(parser, node, ast);
}

static struct mt_error *parse_span(struct mt_parser *parser, const struct mt_ast *whole,
                                   const struct mt_ast **ast)
{
	struct mt_ast node = {
		.kind = MT_AST_SPAN, .at = parser->token.at, .start = whole->start, .a = whole
	};

	MT_TRY(mt_parser_advance(parser));
	MT_TRY(mt_parser_expression(parser, &node.b));
	return mt_parser_node(parser, node, ast);
}

struct mt_error *mt_parse_place(const char *text, struct mt_arena *arena, const struct mt_ast **ast)
{
	struct mt_parser parser;
	struct module_form form;
	const struct mt_ast *node;

	MT_TRY(mt_parser_init(&parser, text, NULL, arena));
	if (is_module_form(text, &form))
		MT_TRY(parse_module(&parser, &form, &node));
	else
		MT_TRY(mt_parser_expression(&parser, &node));
	if (parser.token.kind == MT_TOKEN_COLON)
		MT_TRY(parse_span(&parser, node, &node));
	if (parser.token.kind != MT_TOKEN_END)
		return mt_parser_junk(&parser);
	*ast = node;
	return NULL;
}
