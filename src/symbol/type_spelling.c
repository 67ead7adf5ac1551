/* SPDX-License-Identifier: MIT */
#include "symbol/type_spelling.h"

#include <ctype.h>
#include <string.h>

#include "symbol/type.h"

/* Templates of templates are shallower; what is deeper is copied. */
#define DEPTH_MAX 64

struct speller {
	const char *at;
	enum mt_spelling spelling;
	struct mt_buf *out;
	int depth;
};

static void spell_arguments(struct speller *speller);

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$';
}

static char last_written(const struct speller *speller)
{
	return speller->out->len ? speller->out->data[speller->out->len - 1] : '\0';
}

static void skip_spaces(struct speller *speller)
{
	speller->at += strspn(speller->at, " ");
}

static void copy(struct speller *speller, size_t len)
{
	mt_buf_bytes(speller->out, speller->at, len);
	speller->at += len;
}

/* ---- Qualifiers --------------------------------------------------------------- */

enum { IS_CONST = 1, IS_VOLATILE = 2 };

static bool take_word(struct speller *speller, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(speller->at, word, len) != 0 || is_word(speller->at[len]))
		return false;
	speller->at += len;
	skip_spaces(speller);
	return true;
}

static unsigned take_qualifiers(struct speller *speller)
{
	unsigned taken = 0;

	skip_spaces(speller);
	for (;;) {
		if (take_word(speller, "const"))
			taken |= IS_CONST;
		else if (take_word(speller, "volatile"))
			taken |= IS_VOLATILE;
		else
			return taken;
	}
}

/* Behind the type, but for clang. */
static void write_before(struct speller *speller, unsigned qualifiers)
{
	if (speller->spelling != MT_SPELLING_CLANG)
		return;
	mt_buf_text(speller->out, qualifiers & IS_CONST ? "const " : "");
	mt_buf_text(speller->out, qualifiers & IS_VOLATILE ? "volatile " : "");
}

static void write_after(struct speller *speller, unsigned qualifiers)
{
	if (speller->spelling == MT_SPELLING_CLANG)
		return;
	mt_buf_text(speller->out, qualifiers & IS_CONST ? " const" : "");
	mt_buf_text(speller->out, qualifiers & IS_VOLATILE ? " volatile" : "");
}

/* ---- Names --------------------------------------------------------------------- */

/* As gcc names the integers of C (DW_AT_name). */
static const char *gcc_name(const char *name)
{
	static const struct {
		const char *name, *gcc;
	} names[] = {
		{ "short", "short int" },
		{ "unsigned short", "short unsigned int" },
		{ "long", "long int" },
		{ "unsigned long", "long unsigned int" },
		{ "long long", "long long int" },
		{ "unsigned long long", "long long unsigned int" },
		{ "unsigned __int128", "__int128 unsigned" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i].name, name))
			return names[i].gcc;
	return name;
}

/* The words at the start, as far as they are those of a base type; 0: they are not. */
static size_t base_length(const char *at, const struct mt_type **base)
{
	char words[64];
	size_t len = 0;

	while (is_word(at[len]) || (at[len] == ' ' && is_word(at[len + 1])))
		len++;
	for (; len > 0; len--) {
		if (is_word(at[len]) || at[len] == ':' || at[len] == '<' || !is_word(at[len - 1]))
			continue;
		if (len >= sizeof(words))
			continue;
		memcpy(words, at, len);
		words[len] = '\0';
		*base = mt_type_base(words);
		if (*base && !(*base)->alias_of)
			return len;
	}
	return 0;
}

static bool spell_base(struct speller *speller)
{
	const struct mt_type *base;
	size_t len = base_length(speller->at, &base);

	if (!len)
		return false;
	mt_buf_text(speller->out,
	            speller->spelling == MT_SPELLING_GCC ? gcc_name(base->name) : base->name);
	speller->at += len;
	return true;
}

/* "3UL" */
static void spell_number(struct speller *speller)
{
	while (isdigit((unsigned char)*speller->at))
		copy(speller, 1);
	for (; is_word(*speller->at); speller->at++) {
		int c = (unsigned char)*speller->at;

		mt_buf_char(
		    speller->out,
		    (char)(speller->spelling == MT_SPELLING_CLANG ? toupper(c) : tolower(c)));
	}
}

/* Up to where the argument ends, or what is behind its name begins. */
static void spell_name(struct speller *speller)
{
	while (*speller->at && !strchr(",>*& ([", *speller->at)) {
		if (*speller->at == '<')
			spell_arguments(speller);
		else
			copy(speller, 1);
	}
}

/* A function's parameters, an enumerator's type: to the closing bracket as they are. */
static void spell_brackets(struct speller *speller)
{
	size_t nesting = 0;

	do {
		if (*speller->at == '(' || *speller->at == '[')
			nesting++;
		else if (*speller->at == ')' || *speller->at == ']')
			nesting--;
		copy(speller, 1);
	} while (nesting && *speller->at);
}

/* ---- Arguments ------------------------------------------------------------------- */

static bool is_behind_pointer(const struct speller *speller)
{
	return last_written(speller) == '*' || last_written(speller) == '&';
}

static void spell_pointer(struct speller *speller)
{
	if (speller->spelling == MT_SPELLING_CLANG && !is_behind_pointer(speller))
		mt_buf_char(speller->out, ' ');
	copy(speller, 1);
}

/* Those of a pointer. */
static void write_behind(struct speller *speller, unsigned qualifiers)
{
	bool is_close = speller->spelling == MT_SPELLING_CLANG && is_behind_pointer(speller);

	mt_buf_text(speller->out, is_close ? "" : " ");
	mt_buf_text(speller->out, qualifiers & IS_CONST ? "const" : "");
	mt_buf_text(speller->out, qualifiers == (IS_CONST | IS_VOLATILE) ? " " : "");
	mt_buf_text(speller->out, qualifiers & IS_VOLATILE ? "volatile" : "");
}

/* Pointers and what else stands behind the name. */
static void spell_rest(struct speller *speller)
{
	while (*speller->at && *speller->at != ',' && *speller->at != '>') {
		unsigned qualifiers = take_qualifiers(speller);

		if (qualifiers) {
			write_behind(speller, qualifiers);
		} else if (*speller->at == '*' || *speller->at == '&') {
			spell_pointer(speller);
		} else if (*speller->at == '(' || *speller->at == '[') {
			spell_brackets(speller);
		} else if (*speller->at && *speller->at != ',' && *speller->at != '>') {
			mt_buf_char(speller->out, ' ');
			copy(speller, 1);
			spell_name(speller);
		}
	}
}

/* What qualifies the name may stand before or behind it. */
static void spell_argument(struct speller *speller)
{
	struct mt_buf name MT_AUTO_BUF = { 0 };
	struct mt_buf *out = speller->out;
	unsigned qualifiers = take_qualifiers(speller);

	speller->out = &name;
	if (*speller->at == '(')
		spell_brackets(speller);
	if (isdigit((unsigned char)*speller->at))
		spell_number(speller);
	else if (!spell_base(speller))
		spell_name(speller);
	speller->out = out;
	qualifiers |= take_qualifiers(speller);
	write_before(speller, qualifiers);
	mt_buf_bytes(out, name.data, name.len);
	write_after(speller, qualifiers);
	out->failed |= name.failed;
	spell_rest(speller);
}

/* From < to >. */
static void spell_arguments(struct speller *speller)
{
	copy(speller, 1);
	if (speller->depth++ >= DEPTH_MAX) {
		copy(speller, strlen(speller->at));
		return;
	}
	while (*speller->at && *speller->at != '>') {
		spell_argument(speller);
		if (*speller->at == ',') {
			mt_buf_text(speller->out, ", ");
			speller->at++;
			skip_spaces(speller);
		}
	}
	if (last_written(speller) == '>' && speller->spelling != MT_SPELLING_RUST)
		mt_buf_char(speller->out, ' ');
	if (*speller->at)
		copy(speller, 1);
	speller->depth--;
}

void mt_type_spell(const char *name, enum mt_spelling spelling, struct mt_buf *out)
{
	struct speller speller = { .at = name, .spelling = spelling, .out = out };

	while (*speller.at) {
		if (*speller.at == '<')
			spell_arguments(&speller);
		else
			copy(&speller, 1);
	}
}

bool mt_same_spelling(const char *a, size_t a_len, const char *b)
{
	const char *end = a + a_len;

	for (;; a++, b++) {
		while (a < end && *a == ' ')
			a++;
		while (*b == ' ')
			b++;
		if (a == end || !*b)
			return a == end && !*b;
		if (*a != *b)
			return false;
	}
}
