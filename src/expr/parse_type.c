/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/buf.h"
#include "expr/parser_internal.h"

/* ---- Words */

static bool is_one_of(const struct mt_parser *parser, const char *const *words)
{
	for (; *words; words++)
		if (mt_parser_is_word(parser, *words))
			return true;
	return false;
}

static struct mt_error *take_qualifiers(struct mt_parser *parser, unsigned *qualifiers)
{
	static const struct {
		const char *word;
		enum mt_qualifier qualifier;
	} known[] = {
		{ "const", MT_QUAL_CONST },
		{ "volatile", MT_QUAL_VOLATILE },
		{ "restrict", MT_QUAL_RESTRICT },
		{ "_Atomic", MT_QUAL_ATOMIC },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known);) {
		if (!mt_parser_is_word(parser, known[i].word)) {
			i++;
			continue;
		}
		*qualifiers |= known[i].qualifier;
		MT_TRY(mt_parser_advance(parser));
		i = 0;
	}
	return NULL;
}

static struct mt_error *take_word(struct mt_parser *parser, struct mt_buf *words)
{
	if (words->len)
		mt_buf_char(words, ' ');
	mt_buf_bytes(words, parser->lexer.text + parser->token.at, parser->token.len);
	return mt_parser_advance(parser);
}

/* C's own words ("unsigned long int"), "struct x", or any one name. `certain`: no variable can be
 * called that. */
static struct mt_error *take_words(struct mt_parser *parser, struct mt_buf *words, bool *certain,
                                   unsigned *qualifiers)
{
	static const char *const tags[] = { "struct", "union", "enum", "class", NULL };
	static const char *const parts[] = { "signed", "unsigned", "short", "long",
		                             "int",    "char",     "float", "double",
		                             "_Bool",  "__int128", NULL };
	bool wants_name = true;

	MT_TRY(take_qualifiers(parser, qualifiers));
	*certain = *qualifiers || is_one_of(parser, tags) || is_one_of(parser, parts);
	while (is_one_of(parser, parts)) {
		MT_TRY(take_word(parser, words));
		MT_TRY(take_qualifiers(parser, qualifiers));
		wants_name = false;
	}
	if (is_one_of(parser, tags))
		MT_TRY(take_word(parser, words));
	if (wants_name && parser->token.kind == MT_TOKEN_NAME) {
		MT_TRY(take_word(parser, words));
		MT_TRY(take_qualifiers(parser, qualifiers));
	}
	return NULL;
}

/* ---- Declarators without a name (C11 6.7.7) */

/* The steps from the named type on, in their order. */
struct chain {
	struct mt_ast_derived *first, *last;
};

static struct mt_error *new_step(struct mt_parser *parser, struct mt_ast_derived step,
                                 struct chain *chain)
{
	struct mt_ast_derived *copy = mt_arena_alloc(parser->arena, sizeof(*copy));

	if (!copy)
		return mt_error_nomem();
	*copy = step;
	*chain = (struct chain){ copy, copy };
	return NULL;
}

static void append(struct chain *chain, struct chain more)
{
	if (!more.first)
		return;
	if (chain->first)
		chain->last->next = more.first;
	else
		chain->first = more.first;
	chain->last = more.last;
}

static bool is_reference_mark(const struct mt_parser *parser)
{
	return parser->names &&
	       (parser->token.kind == MT_TOKEN_AND || parser->token.kind == MT_TOKEN_LAND);
}

static struct mt_error *take_pointers(struct mt_parser *parser, struct chain *chain)
{
	while (parser->token.kind == MT_TOKEN_STAR || is_reference_mark(parser)) {
		struct mt_ast_derived step = { .kind = is_reference_mark(parser)
			                                   ? MT_DERIVED_REFERENCE
			                                   : MT_DERIVED_POINTER };
		struct chain made;

		MT_TRY(mt_parser_advance(parser));
		MT_TRY(take_qualifiers(parser, &step.qualifiers));
		MT_TRY(new_step(parser, step, &made));
		append(chain, made);
	}
	return NULL;
}

/* [8] or []: constants only, since an expression could hold casts, and those be tried again. */
static struct mt_error *take_array(struct mt_parser *parser, struct chain *made)
{
	struct mt_ast_derived step = { .kind = MT_DERIVED_ARRAY };
	const struct mt_token *token = &parser->token;
	size_t open_at = token->at;
	struct mt_literal number;

	MT_TRY(mt_parser_advance(parser));
	if (token->kind == MT_TOKEN_NUMBER) {
		MT_TRY(mt_literal_number(parser->lexer.text, token->at, token->len, &number));
		if (number.type.is_float)
			return mt_parser_junk(parser);
		step.count = number.integer;
		MT_TRY(mt_parser_advance(parser));
	}
	MT_TRY(mt_parser_close(parser, MT_TOKEN_INDEX_CLOSE, open_at));
	return new_step(parser, step, made);
}

enum { MAX_PARAMS = 64 };

static struct mt_error *take_params(struct mt_parser *parser, struct mt_ast_type *params,
                                    struct mt_ast_derived *step)
{
	while (parser->token.kind != MT_TOKEN_CLOSE) {
		bool certain;

		if (parser->token.kind == MT_TOKEN_RANGE) { /* ... is read as .. and . */
			MT_TRY(mt_parser_advance(parser));
			if (parser->token.kind != MT_TOKEN_DOT)
				return mt_parser_junk(parser);
			step->is_varargs = true;
			return mt_parser_advance(parser);
		}
		if (step->param_count == MAX_PARAMS)
			return mt_error_at((long)parser->token.at,
			                   "a function type of more than %d parameters",
			                   MAX_PARAMS);
		MT_TRY(mt_parser_type(parser, &certain, &params[step->param_count]));
		if (!params[step->param_count].name)
			return mt_parser_no_operand(parser);
		step->param_count++;
		if (parser->token.kind != MT_TOKEN_COMMA)
			return NULL;
		MT_TRY(mt_parser_advance(parser));
	}
	return NULL;
}

static bool is_void(const struct mt_ast_derived *step, const struct mt_ast_type *params)
{
	return step->param_count == 1 && !params[0].derived && !strcmp(params[0].name, "void");
}

static struct mt_error *take_function(struct mt_parser *parser, struct chain *made)
{
	struct mt_ast_derived step = { .kind = MT_DERIVED_FUNCTION };
	struct mt_ast_type params[MAX_PARAMS] = { 0 };
	size_t open_at = parser->token.at;

	MT_TRY(mt_parser_advance(parser));
	MT_TRY(take_params(parser, params, &step));
	MT_TRY(mt_parser_close(parser, MT_TOKEN_CLOSE, open_at));
	if (is_void(&step, params))
		step.param_count = 0;
	struct mt_ast_type *copy = mt_arena_alloc(parser->arena, step.param_count * sizeof(*copy));
	if (!copy)
		return mt_error_nomem();
	memcpy(copy, params, step.param_count * sizeof(*copy));
	step.params = copy;
	return new_step(parser, step, made);
}

/* What stands behind: of `[2][3]` the last one is nearest to the type. */
static struct mt_error *take_suffixes(struct mt_parser *parser, struct chain *chain)
{
	while (parser->token.kind == MT_TOKEN_INDEX_OPEN || parser->token.kind == MT_TOKEN_OPEN) {
		struct chain made;

		if (parser->token.kind == MT_TOKEN_OPEN)
			MT_TRY(take_function(parser, &made));
		else
			MT_TRY(take_array(parser, &made));
		append(&made, *chain);
		*chain = made;
	}
	return NULL;
}

/* Whether the bracket here is one around a declarator, as in (*)(int). */
static struct mt_error *is_nested(const struct mt_parser *parser, bool *nested)
{
	struct mt_parser ahead = *parser;

	*nested = false;
	if (parser->token.kind != MT_TOKEN_OPEN)
		return NULL;
	MT_TRY(mt_parser_advance(&ahead));
	*nested = ahead.token.kind == MT_TOKEN_STAR || is_reference_mark(&ahead) ||
	          ahead.token.kind == MT_TOKEN_OPEN || ahead.token.kind == MT_TOKEN_INDEX_OPEN;
	return NULL;
}

static struct mt_error *take_declarator(struct mt_parser *parser, struct chain *chain)
{
	struct chain inner = { 0 }, suffixes = { 0 };
	size_t open_at;
	bool nested;

	MT_TRY(mt_parser_enter(parser));
	MT_TRY(take_pointers(parser, chain));
	if (parser->names) {
		MT_TRY(is_nested(parser, &nested));
		open_at = parser->token.at;
		if (nested) {
			MT_TRY(mt_parser_advance(parser));
			MT_TRY(take_declarator(parser, &inner));
			MT_TRY(mt_parser_close(parser, MT_TOKEN_CLOSE, open_at));
		}
		MT_TRY(take_suffixes(parser, &suffixes));
	}
	append(chain, suffixes);
	append(chain, inner);
	parser->depth--;
	return NULL;
}

struct mt_error *mt_parser_type(struct mt_parser *parser, bool *certain, struct mt_ast_type *type)
{
	struct mt_buf words MT_AUTO_BUF = { 0 };
	struct chain chain = { 0 };

	*type = (struct mt_ast_type){ 0 };
	MT_TRY(take_words(parser, &words, certain, &type->qualifiers));
	if (!words.len)
		return NULL;
	MT_TRY(take_declarator(parser, &chain));
	if (!mt_buf_ok(&words))
		return mt_error_nomem();
	type->derived = chain.first;
	type->name = mt_arena_text(parser->arena, words.data, words.len);
	if (!type->name)
		return mt_error_nomem();
	*certain = *certain || mt_type_base(type->name);
	return NULL;
}

/* ---- Casts */

/* Without calls, no operand can follow a parenthesised one: `(conn) x` must be a cast. What may be
 * an operator as well, as in `(n) - 1`, is one. */
static bool begins_operand(enum mt_token_kind kind)
{
	return kind == MT_TOKEN_NAME || kind == MT_TOKEN_NUMBER || kind == MT_TOKEN_CHAR ||
	       kind == MT_TOKEN_REGISTER || kind == MT_TOKEN_OPEN || kind == MT_TOKEN_NOT ||
	       kind == MT_TOKEN_LNOT;
}

/* Whether (type), up to which nothing was certain, is one; `after` is what follows it. */
static bool is_type(const struct mt_parser *parser, const struct mt_ast_type *type,
                    const struct mt_parser *after)
{
	if (parser->names)
		return parser->names->is_type(parser->names->arg, type->name);
	return type->derived || begins_operand(after->token.kind);
}

static struct mt_error *try_cast(struct mt_parser *parser, bool *certain, bool *is_cast,
                                 struct mt_ast_type *type)
{
	struct mt_ast_type found;

	MT_TRY(mt_parser_advance(parser));
	MT_TRY(mt_parser_type(parser, certain, &found));
	if (!found.name || parser->token.kind != MT_TOKEN_CLOSE)
		return NULL;
	/* What follows is an operand, though a closing bracket stands before it. */
	struct mt_parser at_close = *parser;
	MT_TRY(mt_parser_advance(parser));
	if (!*certain && !is_type(parser, &found, parser))
		return NULL;
	at_close.lexer.after_operand = false;
	*parser = at_close;
	MT_TRY(mt_parser_advance(parser));
	*type = found;
	*is_cast = true;
	return NULL;
}

struct mt_error *mt_parser_cast(struct mt_parser *parser, bool *is_cast, struct mt_ast_type *type)
{
	struct mt_parser before = *parser;
	bool certain = false;

	*is_cast = false;
	struct mt_error *error = try_cast(parser, &certain, is_cast, type);
	/* What began like a type may still be something else. */
	if (error && (certain || !parser->names || mt_error_kind(error) != MT_ERR_SYNTAX))
		return error;
	mt_error_free(error);
	if (!*is_cast)
		*parser = before;
	return NULL;
}

struct mt_error *mt_parse_type(const char *text, const struct mt_parse_names *names,
                               struct mt_arena *arena, bool *is_one, struct mt_ast_type *type)
{
	struct mt_parser parser;
	struct mt_ast_type found = { 0 };
	bool certain = false;

	MT_TRY(mt_parser_init(&parser, text, names, arena));
	struct mt_error *error = mt_parser_type(&parser, &certain, &found);
	if (error && (certain || mt_error_kind(error) != MT_ERR_SYNTAX))
		return error;
	*is_one = !error && found.name && parser.token.kind == MT_TOKEN_END &&
	          (certain || is_type(&parser, &found, &parser));
	mt_error_free(error);
	if (*is_one)
		*type = found;
	return NULL;
}
