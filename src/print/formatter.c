/* SPDX-License-Identifier: MIT */
/* Reads formatters. */
#include "print/formatter.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "print/formatter_private.h"

/* ---- What a verb takes -------------------------------------------------------------- */

struct verb {
	const char *word;
	enum mt_formatter_verb verb;
	unsigned least, most; /* operands */
	bool has_name;        /* NAME = before them */
	bool has_text;        /* "text" before them */
	bool has_type;        /* may end in `as TYPE` */
};

static const struct verb verbs[] = {
	{ "let", MT_FORMATTER_LET, 1, 1, true, false, true },
	{ "when", MT_FORMATTER_WHEN, 1, 1, false, false, false },
	{ "header", MT_FORMATTER_HEADER, 0, 0, false, true, false },
	{ "only", MT_FORMATTER_ONLY, 1, 1, false, true, false },
	{ "text", MT_FORMATTER_TEXT, 1, 2, false, false, false },
	{ "array", MT_FORMATTER_ARRAY, 2, 2, false, false, true },
	{ "list", MT_FORMATTER_LIST, 2, 3, false, false, false },
	{ "tree", MT_FORMATTER_TREE, 3, 3, false, false, false },
	{ "btree", MT_FORMATTER_BTREE, 4, 4, false, false, false },
	{ "each", MT_FORMATTER_EACH, 2, 2, false, false, true },
	{ "where", MT_FORMATTER_WHERE, 1, 1, false, false, false },
	{ "bases", MT_FORMATTER_BASES, 1, 2, false, false, false },
	{ "item", MT_FORMATTER_ITEM, 1, 1, false, false, true },
	{ "pair", MT_FORMATTER_PAIR, 2, 2, false, false, false },
	{ "field", MT_FORMATTER_FIELD, 1, 1, true, false, true },
	{ "show", MT_FORMATTER_SHOW, 1, 1, false, false, true },
};

static const struct verb *find_verb(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strlen(verbs[i].word) == len && !strncmp(verbs[i].word, word, len))
			return &verbs[i];
	}
	return NULL;
}

/* ---- A line at a time ---------------------------------------------------------------- */

struct reader {
	const char *name;
	unsigned line;
	const char *at, *end; /* what is left of the line, without its comment */
};

static struct mt_error *complain(const struct reader *reader, const char *what)
{
	return mt_error_new(MT_ERR_SYNTAX, "%s:%u: %s", reader->name, reader->line, what);
}

static void skip_blanks(struct reader *reader)
{
	while (reader->at < reader->end && isspace((unsigned char)*reader->at))
		reader->at++;
	while (reader->end > reader->at && isspace((unsigned char)reader->end[-1]))
		reader->end--;
}

static size_t word_length(const struct reader *reader)
{
	size_t len = 0;

	while (reader->at + len < reader->end &&
	       (isalnum((unsigned char)reader->at[len]) || reader->at[len] == '_'))
		len++;
	return len;
}

/* Where `stop` stands outside of quotes and brackets, or the end. `as` needs blanks around it. */
static const char *find_outside(const struct reader *reader, bool comma)
{
	unsigned depth = 0;
	char quote = '\0';

	for (const char *at = reader->at; at < reader->end; at++) {
		if (quote) {
			if (*at == '\\' && at + 1 < reader->end)
				at++;
			else if (*at == quote)
				quote = '\0';
		} else if (*at == '"' || *at == '\'') {
			quote = *at;
		} else if (strchr("([{", *at)) {
			depth++;
		} else if (strchr(")]}", *at) && depth) {
			depth--;
		} else if (!depth && comma && *at == ',') {
			return at;
		} else if (!depth && !comma && reader->end - at > 4 && !strncmp(at, " as ", 4)) {
			return at;
		}
	}
	return reader->end;
}

static struct mt_error *copy(const char *from, const char *to, char **out)
{
	while (from < to && isspace((unsigned char)*from))
		from++;
	while (to > from && isspace((unsigned char)to[-1]))
		to--;
	*out = mt_strndup(from, (size_t)(to - from));
	return *out ? NULL : mt_error_nomem();
}

static struct mt_error *read_name(struct reader *reader, struct mt_formatter_step *step)
{
	const char *equals = memchr(reader->at, '=', (size_t)(reader->end - reader->at));

	if (!equals || equals == reader->at)
		return complain(reader, "a name and = belong here: NAME = EXPRESSION");
	MT_TRY(copy(reader->at, equals, &step->name));
	reader->at = equals + 1;
	return NULL;
}

static struct mt_error *read_text(struct reader *reader, struct mt_formatter_step *step)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };
	const char *at = reader->at;

	if (at == reader->end || *at != '"')
		return complain(reader, "a text in double quotes belongs here");
	for (at++; at < reader->end && *at != '"'; at++) {
		if (*at == '\\' && at + 1 < reader->end)
			at++;
		mt_buf_char(&text, *at);
	}
	if (at == reader->end)
		return complain(reader, "the text has no closing quote");
	reader->at = at + 1;
	mt_buf_text(&text, "");
	step->text = mt_buf_take(&text);
	return step->text ? NULL : mt_error_nomem();
}

static struct mt_error *read_operands(struct reader *reader, const struct verb *verb,
                                      struct mt_formatter_step *step)
{
	unsigned count = 0;

	skip_blanks(reader);
	while (reader->at < reader->end) {
		const char *comma = find_outside(reader, true);

		if (count == verb->most)
			return complain(reader, "the line goes on where it should end");
		MT_TRY(copy(reader->at, comma, &step->operands[count]));
		if (!*step->operands[count++])
			return complain(reader, "an expression is missing beside the comma");
		reader->at = comma < reader->end ? comma + 1 : comma;
	}
	return count < verb->least ? complain(reader, "an expression is missing") : NULL;
}

static struct mt_error *read_type(struct reader *reader, struct mt_formatter_step *step)
{
	const char *as = find_outside(reader, false);

	if (as == reader->end)
		return NULL;
	MT_TRY(copy(as + 4, reader->end, &step->type));
	if (!*step->type)
		return complain(reader, "a type belongs behind `as`");
	reader->end = as;
	return NULL;
}

static void step_deinit(struct mt_formatter_step *step)
{
	free(step->name);
	free(step->text);
	free(step->type);
	for (size_t i = 0; i < MT_FORMATTER_OPERANDS; i++)
		free(step->operands[i]);
}

static struct mt_error *read_step(struct reader *reader, struct mt_formatter_step *step)
{
	size_t len = word_length(reader);
	const struct verb *verb = find_verb(reader->at, len);

	if (!verb)
		return complain(reader,
		                "a line begins with format, let, when, header, only, text, "
		                "array, list, tree, btree, each, where, bases, item, pair, field, "
		                "show or short");
	step->verb = verb->verb;
	reader->at += len;
	skip_blanks(reader);
	if (verb->has_name)
		MT_TRY(read_name(reader, step));
	if (verb->has_text)
		MT_TRY(read_text(reader, step));
	if (verb->has_type)
		MT_TRY(read_type(reader, step));
	return read_operands(reader, verb, step);
}

/* ---- Blocks ---------------------------------------------------------------------------- */

static void formatter_deinit(struct mt_formatter *formatter)
{
	for (size_t i = 0; i < formatter->steps.len; i++)
		step_deinit(&formatter->steps.data[i]);
	free(formatter->steps.data);
	free(formatter->pattern);
	free(formatter->source);
}

static struct mt_error *begin_block(struct reader *reader, struct mt_formatters *made)
{
	struct mt_formatter block = { .line = reader->line, .enabled = true };

	reader->at += strlen("format");
	skip_blanks(reader);
	if (reader->at == reader->end)
		return complain(reader, "format takes the name of a type, with * for any text");
	block.pattern = mt_strndup(reader->at, (size_t)(reader->end - reader->at));
	block.source = mt_strdup(reader->name);
	if (!block.pattern || !block.source || !mt_vec_push(&made->blocks, block)) {
		formatter_deinit(&block);
		return mt_error_nomem();
	}
	return NULL;
}

static void short_name_deinit(struct mt_short_name *name)
{
	free(name->short_name);
	free(name->long_name);
}

/* short NAME = LONG NAME */
static struct mt_error *read_short_name(struct reader *reader, struct mt_formatters *made)
{
	struct mt_formatter_step halves = { 0 };
	struct mt_short_name name = { 0 };
	struct mt_error *error;

	reader->at += strlen("short");
	skip_blanks(reader);
	error = read_name(reader, &halves);
	name.short_name = halves.name;
	if (!error)
		error = copy(reader->at, reader->end, &name.long_name);
	if (!error && !*name.long_name)
		error = complain(reader, "the long name belongs behind the =");
	if (!error && !mt_vec_push(&made->shorts, name))
		error = mt_error_nomem();
	if (error)
		short_name_deinit(&name);
	return error;
}

static struct mt_error *read_line(struct reader *reader, struct mt_formatters *made)
{
	struct mt_formatter_step step = { 0 };
	struct mt_formatter *block;
	struct mt_error *error;

	skip_blanks(reader);
	if (reader->at == reader->end || *reader->at == '#')
		return NULL;
	if (word_length(reader) == strlen("format") && !strncmp(reader->at, "format", 6))
		return begin_block(reader, made);
	if (word_length(reader) == strlen("short") && !strncmp(reader->at, "short", 5))
		return read_short_name(reader, made);
	if (!made->blocks.len)
		return complain(reader, "a block begins with `format TYPE`");
	block = &made->blocks.data[made->blocks.len - 1];
	error = read_step(reader, &step);
	if (!error && !mt_vec_push(&block->steps, step))
		error = mt_error_nomem();
	if (error)
		step_deinit(&step);
	return error;
}

static void blocks_deinit(struct mt_formatters *formatters)
{
	for (size_t i = 0; i < formatters->blocks.len; i++)
		formatter_deinit(&formatters->blocks.data[i]);
	free(formatters->blocks.data);
	for (size_t i = 0; i < formatters->shorts.len; i++)
		short_name_deinit(&formatters->shorts.data[i]);
	free(formatters->shorts.data);
}

static struct mt_error *read_all(const char *name, const char *text, struct mt_formatters *made)
{
	struct reader reader = { .name = name };

	for (const char *next = text; *next;) {
		size_t len = strcspn(next, "\n");

		reader.line++;
		reader.at = next;
		reader.end = next + len;
		MT_TRY(read_line(&reader, made));
		next += len + (next[len] == '\n');
	}
	return NULL;
}

/* The first block of a text is tried first, so they are put in from the last one on. */
static struct mt_error *take_over(struct mt_formatters *formatters, struct mt_formatters *made)
{
	if (!mt_vec_reserve(&formatters->blocks, formatters->blocks.len + made->blocks.len) ||
	    !mt_vec_reserve(&formatters->shorts, formatters->shorts.len + made->shorts.len))
		return mt_error_nomem();
	while (made->shorts.len)
		formatters->shorts.data[formatters->shorts.len++] =
		    made->shorts.data[--made->shorts.len];
	while (made->blocks.len)
		formatters->blocks.data[formatters->blocks.len++] =
		    made->blocks.data[--made->blocks.len];
	return NULL;
}

struct mt_error *mt_formatters_add(struct mt_formatters *formatters, const char *name,
                                   const char *text)
{
	struct mt_formatters made = { 0 };
	struct mt_error *error = read_all(name, text, &made);

	if (!error)
		error = take_over(formatters, &made);
	blocks_deinit(&made);
	return error;
}

struct mt_error *mt_formatters_add_file(struct mt_formatters *formatters, const char *path)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };
	FILE *file = fopen(path, "re");
	char bytes[4096];
	size_t len;

	if (!file)
		return mt_error_sys(errno, "%s", path);
	while ((len = fread(bytes, 1, sizeof(bytes), file)) > 0)
		mt_buf_bytes(&text, bytes, len);
	fclose(file);
	if (!mt_buf_ok(&text))
		return mt_error_nomem();
	return mt_formatters_add(formatters, path, text.data ? text.data : "");
}

struct mt_error *mt_formatters_create(struct mt_formatters **formatters)
{
	struct mt_formatters *made = mt_alloc(sizeof(*made));

	if (!made)
		return mt_error_nomem();
	*formatters = made;
	return NULL;
}

void mt_formatters_destroy(struct mt_formatters *formatters)
{
	if (!formatters)
		return;
	blocks_deinit(formatters);
	free(formatters);
}

/* ---- Asking ------------------------------------------------------------------------------ */

bool mt_formatters_at(const struct mt_formatters *formatters, size_t i,
                      struct mt_formatter_info *info)
{
	const struct mt_formatter *block;

	if (i >= formatters->blocks.len)
		return false;
	block = &formatters->blocks.data[formatters->blocks.len - 1 - i];
	*info = (struct mt_formatter_info){ block->pattern, block->source, block->line,
		                            block->enabled };
	return true;
}

size_t mt_formatters_enable(struct mt_formatters *formatters, const char *pattern, bool enable)
{
	size_t count = 0;

	for (size_t i = 0; i < formatters->blocks.len; i++) {
		struct mt_formatter *block = &formatters->blocks.data[i];

		if (*pattern && strcmp(block->pattern, pattern) != 0)
			continue;
		block->enabled = enable;
		count++;
	}
	return count;
}

static const char *skip_spaces(const char *text)
{
	while (*text == ' ')
		text++;
	return text;
}

bool mt_formatter_matches(const char *pattern, const char *name)
{
	const char *star = NULL, *again = NULL;

	for (;;) {
		pattern = skip_spaces(pattern);
		name = skip_spaces(name);
		if (*pattern == '*') {
			star = ++pattern;
			again = name;
		} else if (*pattern && *pattern == *name) {
			pattern++;
			name++;
		} else if (!*pattern && !*name) {
			return true;
		} else if (star && *again) {
			pattern = star;
			name = ++again;
		} else {
			return false;
		}
	}
}
