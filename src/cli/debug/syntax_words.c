/* SPDX-License-Identifier: MIT */
/* The arguments of run and of printf. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/syntax.h"

/* ---- run ------------------------------------------------------------------- */

void mt_run_text_deinit(struct mt_run_text *parsed)
{
	for (size_t i = 0; i < parsed->words.len; i++)
		free(parsed->words.data[i]);
	mt_vec_deinit(&parsed->words);
	free(parsed->in);
	free(parsed->out);
	free(parsed->err);
}

/* How long a shell's word is: up to a blank or a redirection outside of quotes. */
static struct mt_error *shell_word(const char *text, size_t *len)
{
	const char *at = text;

	while (*at && !strchr(" \t\n\r<>|&;", *at)) {
		const char *mate = *at == '\\' ? (at[1] ? at + 1 : at) : at;

		if (*at == '"' || *at == '\'') {
			mate = strchr(at + 1, *at);
			while (mate && *at == '"' && mate[-1] == '\\')
				mate = strchr(mate + 1, *at);
			if (!mate)
				return mt_error_new(MT_ERR_USAGE, "a quote without its mate: %.60s",
				                    at);
		}
		at = mate + 1;
	}
	if (*at && strchr("|&;", *at))
		return mt_error_new(MT_ERR_USAGE,
		                    "run starts the program without a shell, so there is no '%c'; "
		                    "put it in quotes, or attach to what a shell has started",
		                    *at);
	*len = (size_t)(at - text);
	return NULL;
}

/* "<", ">", ">>", "2>" at *text: where its file's name goes. */
static char **take_redirection(const char **text, struct mt_run_text *parsed)
{
	const char *at = *text;
	bool is_err = at[0] == '2' && at[1] == '>';
	char **place;

	at += is_err;
	if (*at != '<' && *at != '>')
		return NULL;
	place = *at == '<' ? &parsed->in : is_err ? &parsed->err : &parsed->out;
	if (at[0] == '>' && at[1] == '>') {
		parsed->append = true;
		at++;
	}
	*text = mt_text_skip(at + 1);
	return place;
}

static struct mt_error *parse_run_words(const char *text, struct mt_run_text *made)
{
	for (text = mt_text_skip(text); *text; text = mt_text_skip(text)) {
		char **place = take_redirection(&text, made);
		char *word MT_AUTO_FREE = NULL;
		size_t len;

		MT_TRY(shell_word(text, &len));
		if (place && !len)
			return mt_error_new(MT_ERR_USAGE, "a file's name is missing after < or >");
		if (!len) /* no redirection begins here, as 3> would */
			return mt_error_new(MT_ERR_USAGE, "'%.20s' is no redirection that run has",
			                    text);
		word = mt_strndup(text, len);
		if (!word)
			return mt_error_nomem();
		text += len;
		if (place) {
			free(*place);
			*place = MT_TAKE(word);
			continue;
		}
		if (!mt_vec_push(&made->words, word))
			return mt_error_nomem();
		word = NULL;
	}
	return NULL;
}

struct mt_error *mt_run_parse(const char *text, struct mt_run_text *parsed)
{
	struct mt_run_text made = { 0 };
	struct mt_error *error = parse_run_words(text, &made);

	if (error)
		mt_run_text_deinit(&made);
	else
		*parsed = made;
	return error;
}

/* ---- printf ---------------------------------------------------------------- */

void mt_printf_text_deinit(struct mt_printf_text *parsed)
{
	for (size_t i = 0; i < parsed->values.len; i++)
		free(parsed->values.data[i]);
	mt_vec_deinit(&parsed->values);
	free(parsed->format);
}

static struct mt_error *take_format(const char **text, char **format)
{
	struct mt_buf out MT_AUTO_BUF = { 0 };
	const char *at = *text;
	size_t len = 0;

	if (*at != '"')
		return mt_error_new(MT_ERR_USAGE, "printf begins with a format in quotes: printf "
		                                  "\"%%d\\n\", counter");
	for (at++; at[len] && at[len] != '"'; len++)
		if (at[len] == '\\' && at[len + 1])
			len++;
	if (!at[len])
		return mt_error_new(MT_ERR_USAGE, "the format of printf lacks its closing quote");
	mt_buf_text(&out, "");
	mt_text_unescape(&out, at, len);
	*format = mt_buf_take(&out);
	*text = mt_text_skip(at + len + 1);
	return *format ? NULL : mt_error_nomem();
}

static struct mt_error *take_values(const char *text, struct mt_printf_text *made)
{
	while (*text == ',') {
		const char *comma = mt_text_outside(++text, ',');
		char *value MT_AUTO_FREE = NULL;

		text = mt_text_skip(text);
		value = comma ? mt_strndup(text, (size_t)(comma - text)) : mt_text_trimmed(text);
		if (!value || !mt_vec_push(&made->values, value))
			return mt_error_nomem();
		if (!*mt_text_skip(value)) {
			value = NULL; /* the list has it */
			return mt_error_new(MT_ERR_USAGE, "a value is missing after a comma");
		}
		value = NULL;
		text = comma ? comma : text + strlen(text);
	}
	return mt_text_end(text, "printf, between its values,");
}

struct mt_error *mt_printf_parse(const char *text, struct mt_printf_text *parsed)
{
	struct mt_printf_text made = { 0 };
	const char *at = mt_text_skip(text);
	struct mt_error *error = take_format(&at, &made.format);

	if (!error)
		error = take_values(at, &made);
	if (error)
		mt_printf_text_deinit(&made);
	else
		*parsed = made;
	return error;
}

struct mt_error *mt_conversion_next(const char **format, struct mt_conversion *conversion)
{
	struct mt_conversion next = { .text_len = strcspn(*format, "%") };
	const char *at = *format + next.text_len;
	size_t len;

	if (*at) {
		len = 1 + strspn(at + 1, "-+ #0123456789.");
		if (len >= sizeof(next.spec))
			return mt_error_new(MT_ERR_USAGE, "a conversion of printf is too long");
		memcpy(next.spec, at, len);
		at += len;
		at += strspn(at, "hljzt");
		next.letter = *at;
		if (!*at || !strchr("diuoxXcspfega%", *at))
			return mt_error_new(MT_ERR_USAGE,
			                    "printf knows %%d %%i %%u %%o %%x %%X %%c %%s %%p %%f "
			                    "%%e %%g %%a and %%%%, not '%.10s'",
			                    at - len);
		at++;
	}
	*format = at;
	*conversion = next;
	return NULL;
}
