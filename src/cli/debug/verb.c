/* SPDX-License-Identifier: MIT */
#include "cli/debug/verb.h"

#include <stdbool.h>
#include <string.h>

#include "cli/debug/text.h"

static const struct mt_verb_list *const lists[] = {
	&mt_verbs_run,     &mt_verbs_step,    &mt_verbs_process, &mt_verbs_breaks,
	&mt_verbs_catch,   &mt_verbs_signals, &mt_verbs_stack,   &mt_verbs_registers,
	&mt_verbs_print,   &mt_verbs_memory,  &mt_verbs_source,  &mt_verbs_disassemble,
	&mt_verbs_symbols, &mt_verbs_threads, &mt_verbs_proc,    &mt_verbs_settings,
	&mt_verbs_script,  &mt_verbs_help,
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

const struct mt_verb *mt_verb_at(size_t i)
{
	for (size_t list = 0; list < sizeof(lists) / sizeof(*lists); list++) {
		if (i < lists[list]->count)
			return &lists[list]->verbs[i];
		i -= lists[list]->count;
	}
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

static bool is_alias(const struct mt_verb *verb, const char *word, size_t len)
{
	for (const char *at = verb->aliases; at && *at; at = mt_text_skip(at + mt_text_word(at)))
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
		if (word && !word[len] && is_alias(verb, typed->word, typed->len))
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

struct mt_error *mt_verb_find(const char *line, const struct mt_verb **verb, const char **args)
{
	struct typed typed = { .word = mt_text_skip(line) };
	const struct mt_verb *found = NULL;
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
	if (found)
		found = row_named(typed.parent, typed.parent_len);
	if (!found)
		return mt_error_new(MT_ERR_NOT_FOUND,
		                    "there is no command '%.*s'; 'help' shows what there is",
		                    (int)(mt_text_word(line) < 60 ? mt_text_word(line) : 60), line);
	*verb = found;
	*args = rest;
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
