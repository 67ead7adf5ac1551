/* SPDX-License-Identifier: MIT */
#include "cli/debug/verb.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/near.h"
#include "cli/debug/text.h"

static const struct mt_verb_list *const lists[] = {
	&mt_verbs_run,        &mt_verbs_step,        &mt_verbs_process,     &mt_verbs_breaks,
	&mt_verbs_catch,      &mt_verbs_signals,     &mt_verbs_stack,       &mt_verbs_locals,
	&mt_verbs_formatters, &mt_verbs_registers,   &mt_verbs_print,       &mt_verbs_memory,
	&mt_verbs_source,     &mt_verbs_disassemble, &mt_verbs_symbols,     &mt_verbs_macro,
	&mt_verbs_index,      &mt_verbs_threads,     &mt_verbs_proc,        &mt_verbs_settings,
	&mt_verbs_script,     &mt_verbs_flow,        &mt_verbs_define,      &mt_verbs_outside,
	&mt_verbs_help,       &mt_verbs_rbreak,      &mt_verbs_environment, &mt_verbs_habits,
	&mt_verbs_search,     &mt_verbs_files,       &mt_verbs_printf,      &mt_verbs_display,
	&mt_verbs_objects,    &mt_verbs_watch,
};

const char *const mt_topic_names[MT_TOPIC_COUNT] = {
	[MT_TOPIC_RUNNING] = "running",
	[MT_TOPIC_BREAKPOINTS] = "breakpoints",
	[MT_TOPIC_STACK] = "stack",
	[MT_TOPIC_DATA] = "data",
	[MT_TOPIC_SOURCE] = "source and code",
	[MT_TOPIC_THREADS] = "threads and processes",
	[MT_TOPIC_STATUS] = "status",
	[MT_TOPIC_SETTINGS] = "settings",
	[MT_TOPIC_SCRIPTS] = "scripts and help",
};

/* They are asked for one after the other: from where the last one was found it is not far. */
const struct mt_verb *mt_verb_at(size_t i)
{
	static size_t list, before;

	if (i < before)
		list = before = 0;
	for (; list < sizeof(lists) / sizeof(*lists); list++) {
		if (i - before < lists[list]->count)
			return &lists[list]->verbs[i - before];
		before += lists[list]->count;
	}
	list = before = 0;
	return NULL;
}

/* A word as it was typed, and the words before it as they are called. */
struct typed {
	const char *parent; /* the first bytes of a name; none: the first word is looked for */
	size_t parent_len;
	const char *word;
	size_t len;
};

/* The word of `verb` that stands behind the parent; NULL when the verb is no child of it. */
static const char *child_word(const struct mt_verb *verb, const struct typed *typed)
{
	if (!typed->parent_len)
		return verb->name;
	if (strncmp(verb->name, typed->parent, typed->parent_len) != 0 ||
	    verb->name[typed->parent_len] != ' ')
		return NULL;
	return verb->name + typed->parent_len + 1;
}

static bool is_word_of(const char *list, const char *word, size_t len)
{
	for (const char *at = list; *at; at = mt_text_skip(at + mt_text_word(at)))
		if (mt_text_word(at) == len && !memcmp(at, word, len))
			return true;
	return false;
}

struct match {
	const struct mt_verb *verb;
	size_t name_len; /* of the verb's name up to the word that was typed */
	bool exact;
	struct mt_buf others; /* names of all, for the message */
	size_t count;
};

static void note_match(struct match *match, const struct mt_verb *verb, size_t name_len, bool exact)
{
	if (exact || !match->exact) {
		match->verb = verb;
		match->name_len = name_len;
	}
	match->exact = match->exact || exact;
	mt_buf_printf(&match->others, "%s%.*s", match->count ? ", " : "", (int)name_len,
	              verb->name);
	match->count++;
}

/* A name that several verbs share as a part ("info") counts once: at the first of them. */
static bool is_first_of(const struct mt_verb *verb, size_t name_len)
{
	const struct mt_verb *other;

	for (size_t i = 0; (other = mt_verb_at(i)) != verb; i++)
		if (!strncmp(other->name, verb->name, name_len) &&
		    (!other->name[name_len] || other->name[name_len] == ' '))
			return false;
	return true;
}

static void match_word(const struct typed *typed, struct match *match)
{
	const struct mt_verb *verb;

	for (size_t i = 0; (verb = mt_verb_at(i)); i++) {
		const char *word = child_word(verb, typed);
		size_t len = word ? mt_text_word(word) : 0;
		size_t name_len = word ? (size_t)(word - verb->name) + len : 0;

		/* A name's last word bears its aliases. */
		if (word && !word[len] && verb->aliases &&
		    is_word_of(verb->aliases, typed->word, typed->len))
			note_match(match, verb, name_len, true);
		else if (word && len >= typed->len && !memcmp(word, typed->word, typed->len) &&
		         is_first_of(verb, name_len))
			note_match(match, verb, name_len, len == typed->len);
	}
}

/* The row of exactly that name, or NULL. */
static const struct mt_verb *row_named(const char *name, size_t len)
{
	const struct mt_verb *verb;

	for (size_t i = 0; (verb = mt_verb_at(i)); i++)
		if (strlen(verb->name) == len && !memcmp(verb->name, name, len))
			return verb;
	return NULL;
}

/* A command's name ends where no letter goes on: "x/8x", "p$rax", "list-". */
static size_t typed_len(const char *line)
{
	size_t len = strspn(line, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	                          "_-");

	return len ? len : mt_text_word(line);
}

/* ---- What is not there ----------------------------------------------------- */

/* Commands of gdb's that nothing here is like. */
static const struct {
	const char *names, *why;
} absent[] = {
	{ "python py python-interactive pi guile gu guile-repl gr source-python",
	  "there is no Python and no Guile: scripts have 'define', 'if', 'while' and 'pipe'" },
	{ "target load monitor mon remote flash-erase",
	  "there are no remote targets: 'run', 'attach' and 'core-file' are what there is" },
	{ "record rec reverse-continue rc reverse-next rn reverse-step rs reverse-stepi rsi "
	  "reverse-nexti rni reverse-finish checkpoint restart",
	  "programs only run forward: a breakpoint further up and 'run' lead there again" },
	{ "compile", "no code is compiled into the program: 'print' evaluates C" },
};

/* The names that a misspelt word is near to. */
static void append_near(struct mt_buf *out, const struct typed *typed, const char *word)
{
	struct mt_near near = { .wanted = word };
	const struct mt_verb *verb;

	for (size_t i = 0; (verb = mt_verb_at(i)); i++) {
		const char *name = child_word(verb, typed);

		if (name)
			mt_near_offer_part(&near, name, mt_text_word(name));
	}
	mt_near_append(&near, out);
}

static struct mt_error *unknown(const char *line)
{
	size_t len = mt_text_word(line);
	struct mt_buf text MT_AUTO_BUF = { 0 };
	char word[64];

	for (size_t i = 0; i < sizeof(absent) / sizeof(*absent); i++)
		if (is_word_of(absent[i].names, line, len))
			return mt_error_new(MT_ERR_NOT_FOUND, "%s", absent[i].why);
	snprintf(word, sizeof(word), "%.*s", (int)(len < 60 ? len : 60), line);
	mt_buf_printf(&text, "there is no command '%s'", word);
	len = text.len;
	append_near(&text, &(struct typed){ 0 }, word);
	if (text.len == len)
		mt_buf_text(&text, "; 'help' shows what there is");
	return mt_buf_ok(&text) ? mt_error_new(MT_ERR_NOT_FOUND, "%s", text.data)
	                        : mt_error_nomem();
}

static struct mt_error *no_child(const char *parent, size_t parent_len, const char *rest)
{
	struct typed typed = { parent, parent_len, rest, typed_len(rest) };
	struct match match = { 0 };
	struct mt_error *error;
	char word[64];
	size_t len;

	snprintf(word, sizeof(word), "%.*s", (int)(typed.len < 60 ? typed.len : 60), rest);
	match_word(&typed, &match);
	if (match.count) {
		error = typed.len
		            ? mt_error_new(MT_ERR_AMBIGUOUS, "'%.*s %s' may mean any of: %s",
		                           (int)parent_len, parent, word,
		                           match.others.data ? match.others.data : "")
		            : mt_error_new(MT_ERR_USAGE, "more follows '%.*s': %s", (int)parent_len,
		                           parent, match.others.data ? match.others.data : "");
		mt_buf_deinit(&match.others);
		return error;
	}
	mt_buf_printf(&match.others, "there is no '%.*s %s'", (int)parent_len, parent, word);
	len = match.others.len;
	append_near(&match.others, &typed, word);
	if (match.others.len == len)
		mt_buf_printf(&match.others, "; 'help %.*s' lists what there is", (int)parent_len,
		              parent);
	error = mt_buf_ok(&match.others) ? mt_error_new(MT_ERR_NOT_FOUND, "%s", match.others.data)
	                                 : mt_error_nomem();
	mt_buf_deinit(&match.others);
	return error;
}

struct mt_error *mt_verb_no_child(const char *parent, const char *word)
{
	return no_child(parent, strlen(parent), word);
}

/* Looks through all names. `line` begins with a word. */
static struct mt_error *search(const char *line, const struct mt_verb **verb, const char **args)
{
	struct typed typed = { .word = line };
	const struct mt_verb *found = NULL, *row;
	const char *rest = typed.word;

	while ((typed.len = typed_len(typed.word)) > 0) {
		struct match match = { 0 };
		bool ambiguous;

		match_word(&typed, &match);
		ambiguous = match.count > 1 && !match.exact;
		if (ambiguous && !found) {
			struct mt_error *error = mt_error_new(
			    MT_ERR_AMBIGUOUS, "'%.*s' may mean any of: %s", (int)typed.len,
			    typed.word, match.others.data ? match.others.data : "");

			mt_buf_deinit(&match.others);
			return error;
		}
		mt_buf_deinit(&match.others);
		if (!match.count || ambiguous)
			break;
		found = match.verb;
		typed.parent = found->name;
		typed.parent_len = match.name_len;
		rest = mt_text_skip(typed.word + typed.len);
		typed.word = rest;
	}
	if (!found)
		return unknown(line);
	row = row_named(typed.parent, typed.parent_len);
	if (!row)
		return no_child(typed.parent, typed.parent_len, rest);
	*verb = row;
	*args = rest;
	return NULL;
}

/* ---- What was found lately ------------------------------------------------- */

/* A breakpoint's commands, and scripts, say the same few words thousands of times. */
struct known {
	char word[16]; /* "": none */
	const struct mt_verb *verb;
};

static struct known *known_at(const char *word, size_t len)
{
	static struct known known[32];

	return &known[((unsigned char)word[0] * 7u + (unsigned char)word[len - 1] * 3u + len) %
	              (sizeof(known) / sizeof(*known))];
}

struct mt_error *mt_verb_find(const char *line, const struct mt_verb **verb, const char **args)
{
	const char *word = mt_text_skip(line);
	size_t len = typed_len(word);
	bool is_short = len && len < sizeof(((struct known *)0)->word);
	struct known *known = is_short ? known_at(word, len) : NULL;

	if (known && !known->word[len] && !memcmp(known->word, word, len)) {
		*verb = known->verb;
		*args = mt_text_skip(word + len);
		return NULL;
	}
	MT_TRY(search(word, verb, args));
	/* What follows a command that is but one word is no part of its name. */
	if (known && !mt_verb_has_more(*verb) && *args == mt_text_skip(word + len)) {
		memcpy(known->word, word, len);
		known->word[len] = '\0';
		known->verb = *verb;
	}
	return NULL;
}

bool mt_verb_has_more(const struct mt_verb *verb)
{
	struct typed typed = { .parent = verb->name, .parent_len = strlen(verb->name) };
	const struct mt_verb *other;

	for (size_t i = 0; (other = mt_verb_at(i)); i++)
		if (child_word(other, &typed))
			return true;
	return false;
}
