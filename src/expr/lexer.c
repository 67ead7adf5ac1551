/* SPDX-License-Identifier: MIT */
#include "expr/lexer.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

static const struct {
	char text[4];
	enum mt_token_kind kind;
} puncts[] = {
	/* A longer one before those that it begins with. */
	{ "<<=", MT_TOKEN_ASSIGN },   { ">>=", MT_TOKEN_ASSIGN },    { "->", MT_TOKEN_ARROW },
	{ "++", MT_TOKEN_INCREMENT }, { "--", MT_TOKEN_INCREMENT },  { "<<", MT_TOKEN_SHL },
	{ ">>", MT_TOKEN_SHR },       { "<=", MT_TOKEN_LE },         { ">=", MT_TOKEN_GE },
	{ "==", MT_TOKEN_EQ },        { "!=", MT_TOKEN_NE },         { "&&", MT_TOKEN_LAND },
	{ "||", MT_TOKEN_LOR },       { "+=", MT_TOKEN_ASSIGN },     { "-=", MT_TOKEN_ASSIGN },
	{ "*=", MT_TOKEN_ASSIGN },    { "/=", MT_TOKEN_ASSIGN },     { "%=", MT_TOKEN_ASSIGN },
	{ "&=", MT_TOKEN_ASSIGN },    { "|=", MT_TOKEN_ASSIGN },     { "^=", MT_TOKEN_ASSIGN },
	{ "..", MT_TOKEN_RANGE },     { "(", MT_TOKEN_OPEN },        { ")", MT_TOKEN_CLOSE },
	{ "[", MT_TOKEN_INDEX_OPEN }, { "]", MT_TOKEN_INDEX_CLOSE }, { ".", MT_TOKEN_DOT },
	{ "?", MT_TOKEN_QUESTION },   { ":", MT_TOKEN_COLON },       { ",", MT_TOKEN_COMMA },
	{ "=", MT_TOKEN_ASSIGN },     { "~", MT_TOKEN_NOT },         { "!", MT_TOKEN_LNOT },
	{ "*", MT_TOKEN_STAR },       { "/", MT_TOKEN_SLASH },       { "%", MT_TOKEN_PERCENT },
	{ "+", MT_TOKEN_PLUS },       { "-", MT_TOKEN_MINUS },       { "<", MT_TOKEN_LT },
	{ ">", MT_TOKEN_GT },         { "&", MT_TOKEN_AND },         { "^", MT_TOKEN_XOR },
	{ "|", MT_TOKEN_OR },         { "{", MT_TOKEN_BRACE_OPEN },  { "}", MT_TOKEN_BRACE_CLOSE },
	{ "@", MT_TOKEN_AT },
};

/* Longer arguments of a template are not written by people. */
enum { TEMPLATE_MAX = 4096 };

void mt_lexer_init(struct mt_lexer *lexer, const char *text, size_t len)
{
	*lexer = (struct mt_lexer){ .text = text, .len = len };
}

/* The byte at `at`, or NUL past the end: NUL belongs to no token. */
static char peek(const struct mt_lexer *lexer, size_t at)
{
	return at < lexer->len ? lexer->text[at] : '\0';
}

/* Bytes of UTF-8 sequences may stand in names, as compilers have it. */
static bool is_name_start(char c)
{
	return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_name_char(char c)
{
	return is_name_start(c) || isdigit((unsigned char)c);
}

bool mt_lexer_is_file_char(char c)
{
	return is_name_char(c) || (c && strchr(".-+/~@", c));
}

static bool is_scope_mark(const struct mt_lexer *lexer, size_t at)
{
	return peek(lexer, at) == ':' && peek(lexer, at + 1) == ':' &&
	       is_name_start(peek(lexer, at + 2));
}

static size_t end_of_identifier(const struct mt_lexer *lexer, size_t at)
{
	while (is_name_char(peek(lexer, at)))
		at++;
	return at;
}

static size_t skip_blanks(const struct mt_lexer *lexer, size_t at)
{
	while (isspace((unsigned char)peek(lexer, at)))
		at++;
	return at;
}

/* Past the > of the < at `at`, or `at` when it has none. */
static size_t end_of_angles(const struct mt_lexer *lexer, size_t at)
{
	size_t depth = 0;

	/* The bound keeps hostile text linear. */
	for (size_t end = at; end - at < TEMPLATE_MAX; end++) {
		char c = peek(lexer, end);

		if (!is_name_char(c) && (!c || !strchr("<>:,*&()[]- \t", c)))
			break;
		depth += c == '<';
		depth -= c == '>';
		if (!depth)
			return end + 1;
	}
	return at;
}

/* Whether a comparison's right side can't be at `at`: then the > before it ended a template. */
static bool ends_template(const struct mt_lexer *lexer, size_t at)
{
	at = skip_blanks(lexer, at);
	if (is_scope_mark(lexer, at))
		return true;
	while (peek(lexer, at) == '*' || peek(lexer, at) == '&')
		at = skip_blanks(lexer, at + 1);
	return !peek(lexer, at) || strchr("),>", peek(lexer, at));
}

/* Past the template's arguments at `at`, if any are there, of the name that begins at `start`. */
static size_t end_of_template(const struct mt_lexer *lexer, size_t start, size_t at)
{
	size_t end = peek(lexer, at) == '<' && is_name_char(peek(lexer, at + 1))
	                 ? end_of_angles(lexer, at)
	                 : at;

	if (end == at || ends_template(lexer, end))
		return end;
	if (peek(lexer, end) == '(' && lexer->is_function &&
	    lexer->is_function(lexer->arg, lexer->text + start, end - start))
		return end;
	return at;
}

/* Past the sign of `operator+` and the like, which stands at `at`. */
static size_t end_of_operator(const struct mt_lexer *lexer, size_t start, size_t at)
{
	static const char word[] = "operator";

	if (at - start != sizeof(word) - 1 || memcmp(lexer->text + start, word, at - start) != 0)
		return at;
	if (peek(lexer, at) == '(' || peek(lexer, at) == '[')
		return at + 2 <= lexer->len ? at + 2 : at;
	while (peek(lexer, at) && strchr("+-*/%^&|~!=<>", peek(lexer, at)))
		at++;
	return at;
}

/* One part of a qualified name, which begins at `whole`. */
static size_t end_of_part(const struct mt_lexer *lexer, size_t whole, size_t at)
{
	size_t end = end_of_identifier(lexer, at);

	if (!lexer->values)
		return end;
	return end_of_template(lexer, whole, end_of_operator(lexer, at, end));
}

/* The name from `at` on, which may be qualified itself; sets where its last `::` is, if any. */
static size_t end_of_qualified(const struct mt_lexer *lexer, size_t at, size_t *last_mark)
{
	size_t end = end_of_part(lexer, at, at);

	while (is_scope_mark(lexer, end)) {
		*last_mark = end;
		end = end_of_part(lexer, at, end + 2);
	}
	return end;
}

/* A name behind a scope that is already known; `mark` is the place of the `::` between them. */
static void finish_scoped(const struct mt_lexer *lexer, size_t mark, struct mt_token *token)
{
	size_t ignored;

	token->kind = MT_TOKEN_NAME;
	token->name_at = mark + 2;
	token->name_len = end_of_qualified(lexer, token->name_at, &ignored) - token->name_at;
	token->len = token->name_at + token->name_len - token->at;
}

/* name.ext::x, where the part before `::` has characters that no identifier has. */
static bool lex_file_scope(const struct mt_lexer *lexer, struct mt_token *token)
{
	size_t end = token->at;
	bool has_dot = false;

	/* No file name is longer than PATH_MAX; the bound keeps hostile text linear. */
	while (end - token->at < PATH_MAX && mt_lexer_is_file_char(peek(lexer, end)))
		has_dot |= peek(lexer, end++) == '.';
	if (!has_dot || !is_scope_mark(lexer, end))
		return false;
	token->scope_at = token->at;
	token->scope_len = end - token->at;
	finish_scoped(lexer, end, token);
	return true;
}

/* The name at `start`, which is the token's beginning, or behind its `::`. */
static void lex_name(const struct mt_lexer *lexer, size_t start, struct mt_token *token)
{
	size_t mark = 0;
	size_t end = end_of_qualified(lexer, start, &mark);

	token->kind = MT_TOKEN_NAME;
	token->len = end - token->at;
	token->name_at = start;
	token->is_global = start > token->at && !mark;
	if (mark) {
		token->scope_at = start;
		token->scope_len = mark - start;
		token->name_at = mark + 2;
	}
	token->name_len = end - token->name_at;
}

/* $rax; among values also $ and $$, the last ones of the history, and $$3. */
static struct mt_error *lex_register(const struct mt_lexer *lexer, struct mt_token *token)
{
	size_t end = token->name_at = token->at + 1;

	token->kind = MT_TOKEN_REGISTER;
	if (lexer->values && peek(lexer, end) == '$')
		for (end++; isdigit((unsigned char)peek(lexer, end));)
			end++;
	else
		end = end_of_identifier(lexer, end);
	token->name_len = end - token->name_at;
	token->len = token->name_len + 1;
	if (!token->name_len && !lexer->values)
		return mt_error_at((long)token->at, "a register's name is missing after $");
	return NULL;
}

/*
 * A preprocessing number (C11 6.4.8), so that a bad suffix is seen as part of the constant; but
 * `2..5` is 2, `..` and 5.
 */
static void lex_number(const struct mt_lexer *lexer, struct mt_token *token)
{
	size_t end = token->at;

	for (;; end++) {
		char c = peek(lexer, end);
		char before = end > token->at ? peek(lexer, end - 1) : '\0';
		bool hex = end > token->at + 1 && strchr("xX", peek(lexer, token->at + 1));
		bool sign = (c == '+' || c == '-') && strchr(hex ? "pP" : "eE", before);

		if (c == '.' && peek(lexer, end + 1) == '.')
			break;
		if (!is_name_char(c) && c != '.' && !(sign && before))
			break;
	}
	token->kind = MT_TOKEN_NUMBER;
	token->len = end - token->at;
}

/* How many bytes of a string's or a character's prefix stand at the token, before the quote. */
static size_t quote_prefix(const struct mt_lexer *lexer, const struct mt_token *token)
{
	static const char *const prefixes[] = { "L", "u8", "u", "U" };

	for (size_t i = 0; lexer->values && i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		size_t len = strlen(prefixes[i]);
		char quote = peek(lexer, token->at + len);

		if ((quote == '"' || quote == '\'') &&
		    !memcmp(lexer->text + token->at, prefixes[i], len))
			return len;
	}
	return 0;
}

/* Whether the text between the quotes is a name and no character. */
static bool is_quoted_name(const struct mt_lexer *lexer, size_t start, size_t end)
{
	return lexer->values && end - start > 1 && peek(lexer, start) != '\\';
}

static struct mt_error *lex_quoted(const struct mt_lexer *lexer, size_t prefix,
                                   struct mt_token *token)
{
	size_t start = token->at + prefix + 1, end = start;
	char quote = peek(lexer, start - 1);

	while (end < lexer->len && peek(lexer, end) != quote)
		end += peek(lexer, end) == '\\' ? 2 : 1;
	if (end >= lexer->len)
		return mt_error_at((long)start - 1, "this %c has no mate", quote);
	token->kind = quote == '"' ? MT_TOKEN_STRING : MT_TOKEN_CHAR;
	token->len = end + 1 - token->at;
	if (quote == '"' || prefix)
		return NULL;
	if (is_scope_mark(lexer, end + 1)) {
		token->scope_at = start;
		token->scope_len = end - start;
		if (!token->scope_len)
			return mt_error_at((long)token->at,
			                   "the name between the quotes is missing");
		finish_scoped(lexer, end + 1, token);
	} else if (is_quoted_name(lexer, start, end)) {
		token->kind = MT_TOKEN_NAME;
		token->name_at = start;
		token->name_len = end - start;
	}
	return NULL;
}

static struct mt_error *lex_punct(const struct mt_lexer *lexer, struct mt_token *token)
{
	const char *text = lexer->text + token->at;
	unsigned char c = (unsigned char)*text;

	for (size_t i = 0; i < sizeof(puncts) / sizeof(*puncts); i++) {
		size_t len = strlen(puncts[i].text);

		if (len <= lexer->len - token->at && !memcmp(text, puncts[i].text, len)) {
			token->kind = puncts[i].kind;
			token->len = len;
			return NULL;
		}
	}
	if (isprint(c))
		return mt_error_at((long)token->at, "'%c' has no meaning here", c);
	return mt_error_at((long)token->at, "the byte 0x%02x has no meaning here", c);
}

static struct mt_error *lex_token(const struct mt_lexer *lexer, struct mt_token *token)
{
	char c = peek(lexer, token->at);
	size_t prefix = quote_prefix(lexer, token);

	if (prefix)
		return lex_quoted(lexer, prefix, token);
	if (!lexer->after_operand && mt_lexer_is_file_char(c) && lex_file_scope(lexer, token))
		return NULL;
	if (is_name_start(c))
		lex_name(lexer, token->at, token);
	else if (lexer->values && !lexer->after_operand && is_scope_mark(lexer, token->at))
		lex_name(lexer, token->at + 2, token);
	else if (isdigit((unsigned char)c) ||
	         (c == '.' && isdigit((unsigned char)peek(lexer, token->at + 1))))
		lex_number(lexer, token);
	else if (c == '"' || c == '\'')
		return lex_quoted(lexer, 0, token);
	else if (c == '$')
		return lex_register(lexer, token);
	else
		return lex_punct(lexer, token);
	return NULL;
}

static bool ends_operand(enum mt_token_kind kind)
{
	switch (kind) {
	case MT_TOKEN_NAME:
	case MT_TOKEN_NUMBER:
	case MT_TOKEN_CHAR:
	case MT_TOKEN_STRING:
	case MT_TOKEN_REGISTER:
	case MT_TOKEN_CLOSE:
	case MT_TOKEN_INDEX_CLOSE:
		return true;
	default:
		return false;
	}
}

struct mt_error *mt_lexer_next(struct mt_lexer *lexer, struct mt_token *token)
{
	struct mt_token next = { .kind = MT_TOKEN_END };

	while (lexer->at < lexer->len && isspace((unsigned char)lexer->text[lexer->at]))
		lexer->at++;
	next.at = lexer->at;
	if (next.at < lexer->len)
		MT_TRY(lex_token(lexer, &next));
	lexer->at = next.at + next.len;
	lexer->after_operand = ends_operand(next.kind);
	*token = next;
	return NULL;
}
