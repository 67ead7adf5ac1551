/* SPDX-License-Identifier: MIT */
#include "expr/preprocess.h"

#include <string.h>

#include "base/cleanup.h"
#include "expr/lexer.h"

enum {
	NESTED_MAX = 64, /* macros in macros */
	PARAMS_MAX = 64,
	STEPS_MAX = 1 << 16, /* tokens that are looked at, in all */
};

/* Stands before a name that is not to be expanded any more, as long as there are macros around. */
#define PAINT '\1'

/* A piece of text that is read: the person's, or what a macro comes to. */
struct source {
	const char *text;
	size_t len, at;
	const char *macro; /* its name, which is not expanded in it; NULL: none */
	size_t macro_len;
	struct mt_buf made; /* what holds the text, if it was made */
};

/* One text that is expanded, with what is put before the rest of it. An argument is one inside of
 * the macro's. */
struct expansion {
	const struct mt_macro_source *macros;
	struct expansion *outer;
	struct source stack[NESTED_MAX];
	size_t depth;
	unsigned *steps;
	struct mt_buf *out;
	bool *any;
};

struct token {
	const char *text;
	size_t len;
	bool is_name;
};

struct macro {
	const char *name, *params, *body; /* params: behind "("; NULL: it has none */
	size_t name_len;
};

struct args {
	struct mt_buf data[PARAMS_MAX]; /* as they were written */
	size_t count;
};

static struct mt_error *expand(struct expansion *outer, const struct mt_macro_source *macros,
                               const char *text, size_t len, unsigned *steps, bool *any,
                               struct mt_buf *out);

/* ---- Tokens ---------------------------------------------------------------- */

static bool begins_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (unsigned char)c >= 128;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t name_end(const char *text, size_t len, size_t at)
{
	while (at < len && (begins_name(text[at]) || is_digit(text[at])))
		at++;
	return at;
}

static size_t number_end(const char *text, size_t len, size_t at)
{
	while (at < len && (begins_name(text[at]) || is_digit(text[at]) || text[at] == '.' ||
	                    (strchr("+-", text[at]) && strchr("eEpP", text[at - 1]))))
		at++;
	return at;
}

static size_t quote_end(const char *text, size_t len, size_t at)
{
	char quote = text[at++];

	while (at < len && text[at] != quote)
		at += text[at] == '\\' && at + 1 < len ? 2 : 1;
	return at < len ? at + 1 : len;
}

/* Whether the name stands beside `::`. */
static bool is_qualified(const char *text, size_t len, size_t start, size_t end)
{
	return (start >= 2 && !memcmp(text + start - 2, "::", 2)) ||
	       (end + 2 <= len && !memcmp(text + end, "::", 2));
}

/* The token at `at` of a text; false at its end. */
static bool token_at(const char *text, size_t len, size_t at, struct token *token)
{
	size_t end = at + 1;
	bool is_name = false;

	if (at >= len)
		return false;
	if (text[at] == '$' || text[at] == PAINT) {
		end = name_end(text, len, at + 1);
	} else if (begins_name(text[at])) {
		end = name_end(text, len, at);
		is_name = !is_qualified(text, len, at, end);
	} else if (is_digit(text[at]) ||
	           (text[at] == '.' && at + 1 < len && is_digit(text[at + 1]))) {
		end = number_end(text, len, at + 1);
	} else if (text[at] == '"' || text[at] == '\'') {
		end = quote_end(text, len, at);
	}
	*token = (struct token){ text + at, end - at, is_name };
	return true;
}

/* ---- Definitions ----------------------------------------------------------- */

static size_t skip_blanks(const char *text, size_t at)
{
	while (text[at] == ' ' || text[at] == '\t')
		at++;
	return at;
}

static bool find_macro(const struct expansion *expansion, const struct token *token,
                       struct macro *macro)
{
	const char *definition;

	if (!expansion->macros->find(expansion->macros->arg, token->text, token->len, &definition))
		return false;
	*macro = (struct macro){ .name = definition, .name_len = strcspn(definition, " (") };
	macro->body = definition + macro->name_len;
	if (*macro->body == '(') {
		macro->params = macro->body + 1;
		macro->body = macro->params + strcspn(macro->params, ")");
		macro->body += *macro->body == ')';
	}
	macro->body += skip_blanks(macro->body, 0);
	return true;
}

/* Goes through "a, b, ...)": the parameter at *at. *rest: it stands for all that are left. False:
 * there are no more. */
static bool next_parameter(const char **at, struct token *param, bool *rest)
{
	const char *start = *at + skip_blanks(*at, 0);
	size_t size = strcspn(start, ",)");

	if (!size)
		return false;
	*param = (struct token){ .text = start, .len = strcspn(start, " \t,).") };
	*rest = memchr(start, '.', size);
	*at = start + size + (start[size] == ',');
	return true;
}

/* The number of the parameter called so, or -1. */
static int parameter_of(const struct macro *macro, const struct token *name)
{
	static const char rest_name[] = "__VA_ARGS__";
	const char *at = macro->params;
	struct token param;
	bool rest;

	for (int i = 0; at && next_parameter(&at, &param, &rest); i++) {
		if (rest && !param.len)
			param = (struct token){ .text = rest_name, .len = strlen(rest_name) };
		if (param.len == name->len && !memcmp(param.text, name->text, name->len))
			return i;
	}
	return -1;
}

static size_t parameter_count(const struct macro *macro, bool *rest)
{
	const char *at = macro->params;
	struct token param;
	size_t count = 0;

	*rest = false;
	while (next_parameter(&at, &param, rest))
		count++;
	return count;
}

/* ---- The text, source by source -------------------------------------------- */

static struct source *top_of(struct expansion *expansion)
{
	return &expansion->stack[expansion->depth - 1];
}

/* Ends the sources that are read to their end, but for the first one. */
static void drop_ended(struct expansion *expansion)
{
	while (expansion->depth > 1 && top_of(expansion)->at >= top_of(expansion)->len) {
		mt_buf_deinit(&top_of(expansion)->made);
		expansion->depth--;
	}
}

static bool take_token(struct expansion *expansion, struct token *token)
{
	struct source *source;

	drop_ended(expansion);
	source = top_of(expansion);
	if (!token_at(source->text, source->len, source->at, token))
		return false;
	source->at += token->len;
	return true;
}

/* Whether an open parenthesis comes next, which is taken then, and blanks before it. Sources above
 * it are at their end. */
static bool take_open(struct expansion *expansion)
{
	for (size_t i = expansion->depth; i > 0; i--) {
		struct source *source = &expansion->stack[i - 1];
		size_t at = source->at;

		while (at < source->len && strchr(" \t\n", source->text[at]))
			at++;
		if (at >= source->len)
			continue;
		if (source->text[at] != '(')
			return false;
		source->at = at + 1;
		while (expansion->depth > i)
			mt_buf_deinit(&expansion->stack[--expansion->depth].made);
		return true;
	}
	return false;
}

static bool is_active(const struct expansion *expansion, const struct token *token)
{
	for (; expansion; expansion = expansion->outer) {
		for (size_t i = 0; i < expansion->depth; i++) {
			const struct source *source = &expansion->stack[i];

			if (source->macro && source->macro_len == token->len &&
			    !memcmp(source->macro, token->text, token->len))
				return true;
		}
	}
	return false;
}

static struct mt_error *charge(struct expansion *expansion, const struct mt_buf *out)
{
	if (++*expansion->steps < STEPS_MAX && out->len < MT_EXPR_MAX_LEN)
		return NULL;
	return mt_error_new(MT_ERR_SYNTAX, "what the macros come to is too long");
}

/* Reads what a macro comes to before the rest; takes `made` over. */
static struct mt_error *put_before(struct expansion *expansion, const struct macro *macro,
                                   struct mt_buf *made)
{
	if (!mt_buf_ok(made))
		return mt_error_nomem();
	if (expansion->depth == NESTED_MAX)
		return mt_error_new(MT_ERR_SYNTAX, "the macros are nested too deep");
	expansion->stack[expansion->depth++] =
	    (struct source){ .text = made->data ? made->data : "",
		             .len = made->len,
		             .macro = macro->name,
		             .macro_len = macro->name_len,
		             .made = *made };
	*made = (struct mt_buf){ 0 };
	return NULL;
}

/* ---- Macros with parameters ------------------------------------------------ */

static struct mt_error *wrong_count(const struct macro *macro, size_t wanted, size_t count)
{
	return mt_error_new(MT_ERR_SYNTAX, "the macro %.*s takes %zu argument%s, not %zu",
	                    (int)(macro->name_len < 80 ? macro->name_len : 80), macro->name, wanted,
	                    wanted == 1 ? "" : "s", count);
}

/* Takes the arguments, behind the open parenthesis; those of "..." are one. */
static struct mt_error *take_args(struct expansion *expansion, const struct macro *macro,
                                  struct args *args)
{
	size_t wanted, depth = 0;
	struct token token;
	bool rest, more = false;

	wanted = parameter_count(macro, &rest);
	if (wanted > PARAMS_MAX)
		return wrong_count(macro, wanted, 0);
	args->count = 1;
	while (take_token(expansion, &token)) {
		char c = *token.text;
		bool is_last = rest && args->count == wanted;

		MT_TRY(charge(expansion, &args->data[args->count - 1]));
		depth += c == '(';
		if (c == ')' && !depth--) {
			if (args->count == 1 && !wanted && !more)
				args->count = 0;
			if (rest && args->count + 1 == wanted)
				args->count++;
			return args->count == wanted ? NULL
			                             : wrong_count(macro, wanted, args->count);
		}
		if (c == ',' && !depth && !is_last) {
			if (args->count == PARAMS_MAX)
				return wrong_count(macro, wanted, args->count + 1);
			args->count++;
			continue;
		}
		more |= c != ' ';
		mt_buf_bytes(&args->data[args->count - 1], token.text, token.len);
	}
	return mt_error_new(MT_ERR_SYNTAX, "the arguments of the macro %.*s do not end",
	                    (int)(macro->name_len < 80 ? macro->name_len : 80), macro->name);
}

static void write_plain(const char *text, size_t len, struct mt_buf *out)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] != PAINT)
			mt_buf_char(out, text[i]);
}

static void trim(const struct mt_buf *buf, const char **text, size_t *len)
{
	*text = buf->data ? buf->data : "";
	*len = buf->len;
	while (*len && **text == ' ')
		++*text, --*len;
	while (*len && (*text)[*len - 1] == ' ')
		--*len;
}

/* #parameter */
static void write_string(const struct mt_buf *arg, struct mt_buf *out)
{
	const char *text;
	size_t len;

	trim(arg, &text, &len);
	mt_buf_char(out, '"');
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"' || text[i] == '\\')
			mt_buf_char(out, '\\');
		write_plain(text + i, 1, out);
	}
	mt_buf_char(out, '"');
}

static bool is_paste(const char *text)
{
	return text[0] == '#' && text[1] == '#';
}

/* An argument in the place of its parameter: as it was written beside ##, expanded elsewhere. */
static struct mt_error *write_arg(struct expansion *expansion, const struct mt_buf *arg,
                                  bool pasted, struct mt_buf *out)
{
	const char *text;
	size_t len;

	trim(arg, &text, &len);
	if (!pasted)
		return expand(expansion, expansion->macros, text, len, expansion->steps,
		              expansion->any, out);
	write_plain(text, len, out);
	return NULL;
}

/* The body with the arguments in it, from *at on, token by token. */
static struct mt_error *write_body_token(struct expansion *expansion, const struct macro *macro,
                                         const struct args *args, size_t *at, bool *pastes,
                                         struct mt_buf *out)
{
	const char *body = macro->body;
	size_t len = strlen(body), next;
	struct token token;
	int number = -1;
	bool is_string;

	MT_TRY(charge(expansion, out));
	if (is_paste(body + *at)) {
		*at += 2 + skip_blanks(body + *at + 2, 0);
		while (out->len && out->data[out->len - 1] == ' ')
			out->len--;
		*pastes = true;
		return NULL;
	}
	is_string = macro->params && body[*at] == '#';
	if (is_string)
		*at += 1 + skip_blanks(body + *at + 1, 0);
	if (!token_at(body, len, *at, &token)) {
		mt_buf_text(out, is_string ? "#" : "");
		return NULL;
	}
	next = *at + token.len;
	if (begins_name(*token.text))
		number = parameter_of(macro, &token);
	if (number < 0 || (size_t)number >= args->count)
		mt_buf_bytes(out, token.text, token.len);
	else if (is_string)
		write_string(&args->data[number], out);
	else
		MT_TRY(write_arg(expansion, &args->data[number],
		                 *pastes || is_paste(body + skip_blanks(body, next)), out));
	*pastes = false;
	*at = next;
	return NULL;
}

static struct mt_error *write_body(struct expansion *expansion, const struct macro *macro,
                                   const struct args *args, struct mt_buf *out)
{
	size_t len = strlen(macro->body);
	bool pastes = false;

	for (size_t at = 0; at < len;)
		MT_TRY(write_body_token(expansion, macro, args, &at, &pastes, out));
	return NULL;
}

/* ---- Expanding ------------------------------------------------------------- */

static struct mt_error *expand_macro(struct expansion *expansion, const struct macro *macro,
                                     struct args *args)
{
	struct mt_buf made MT_AUTO_BUF = { 0 };

	if (macro->params)
		MT_TRY(take_args(expansion, macro, args));
	MT_TRY(write_body(expansion, macro, args, &made));
	*expansion->any = true;
	return put_before(expansion, macro, &made);
}

static struct mt_error *expand_name(struct expansion *expansion, const struct token *token)
{
	struct args args = { 0 };
	struct macro macro;
	struct mt_error *error;

	bool is_painted = is_active(expansion, token);

	if (is_painted || !find_macro(expansion, token, &macro) ||
	    (macro.params && !take_open(expansion))) {
		if (is_painted)
			mt_buf_char(expansion->out, PAINT);
		mt_buf_bytes(expansion->out, token->text, token->len);
		return NULL;
	}
	error = expand_macro(expansion, &macro, &args);
	for (size_t i = 0; i < PARAMS_MAX; i++)
		mt_buf_deinit(&args.data[i]);
	return error;
}

static struct mt_error *run(struct expansion *expansion)
{
	struct token token;

	while (take_token(expansion, &token)) {
		MT_TRY(charge(expansion, expansion->out));
		if (token.is_name)
			MT_TRY(expand_name(expansion, &token));
		else
			mt_buf_bytes(expansion->out, token.text, token.len);
	}
	return NULL;
}

static unsigned nested(const struct expansion *expansion)
{
	unsigned depth = 0;

	for (; expansion; expansion = expansion->outer)
		depth++;
	return depth;
}

static struct mt_error *expand(struct expansion *outer, const struct mt_macro_source *macros,
                               const char *text, size_t len, unsigned *steps, bool *any,
                               struct mt_buf *out)
{
	struct expansion expansion = { .macros = macros,
		                       .outer = outer,
		                       .stack = { { .text = text, .len = len } },
		                       .depth = 1,
		                       .steps = steps,
		                       .out = out,
		                       .any = any };
	struct mt_error *error;

	if (nested(outer) >= NESTED_MAX)
		return mt_error_new(MT_ERR_SYNTAX, "the macros are nested too deep");
	error = run(&expansion);
	for (size_t i = 0; i < expansion.depth; i++)
		mt_buf_deinit(&expansion.stack[i].made);
	return error;
}

struct mt_error *mt_preprocess(const struct mt_macro_source *source, const char *text,
                               struct mt_buf *out, bool *any)
{
	struct mt_buf painted MT_AUTO_BUF = { 0 };
	unsigned steps = 0;

	*any = false;
	MT_TRY(expand(NULL, source, text, strlen(text), &steps, any, &painted));
	if (!mt_buf_ok(&painted))
		return mt_error_nomem();
	write_plain(painted.data ? painted.data : "", painted.len, out);
	return NULL;
}
