/* SPDX-License-Identifier: MIT */
/*
 * The commands of `memtrap debug`. Each file of a topic has its own as a list of rows, verb.c holds
 * the lists together and finds a row by what was typed.
 */
#ifndef MT_CLI_DEBUG_VERB_H
#define MT_CLI_DEBUG_VERB_H

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

struct mt_shell;

enum mt_topic {
	MT_TOPIC_RUNNING,
	MT_TOPIC_BREAKPOINTS,
	MT_TOPIC_STACK,
	MT_TOPIC_DATA,
	MT_TOPIC_SOURCE,
	MT_TOPIC_THREADS,
	MT_TOPIC_STATUS,
	MT_TOPIC_SETTINGS,
	MT_TOPIC_SCRIPTS,
	MT_TOPIC_COUNT,
};

/* What the Tab key offers as an argument. */
enum mt_completes {
	MT_COMPLETE_NOTHING,
	MT_COMPLETE_COMMAND,
	MT_COMPLETE_PLACE, /* functions and source files */
	MT_COMPLETE_VALUE, /* variables, functions, registers */
	MT_COMPLETE_REGISTER,
	MT_COMPLETE_FILE,
	MT_COMPLETE_BREAKPOINT,
	MT_COMPLETE_SIGNAL,
	MT_COMPLETE_SYSCALL,
	MT_COMPLETE_SETTING,
	MT_COMPLETE_THREAD,
};

/* What has to be there for a command to make sense. */
enum mt_needs {
	MT_NEEDS_NOTHING,
	MT_NEEDS_IMAGE,   /* a program that is named, so that there are symbols */
	MT_NEEDS_STATE,   /* registers and memory: of a stopped process or of a core file */
	MT_NEEDS_PROCESS, /* a stopped process */
};

/* What an empty line does after the command. */
enum mt_repeat {
	MT_REPEAT_NOT,
	MT_REPEAT_SAME, /* it again, with its arguments */
	MT_REPEAT_ON,   /* it without its arguments: goes on where it ended (list, x) */
};

/* What follows the command's line, up to an `end`. */
enum mt_block_kind {
	MT_BLOCK_NONE,
	MT_BLOCK_COMMANDS,
	MT_BLOCK_TEXT, /* words for people: an "if" among them opens nothing */
};

struct mt_verb {
	const char *name;    /* "info breakpoints" */
	const char *aliases; /* short forms of its last word, with blanks between; or NULL */
	struct mt_error *(*run)(struct mt_shell *shell, const char *args);
	const char *usage;   /* its arguments; "" for none */
	const char *summary; /* a line */
	const char *help;    /* more lines, or NULL */
	enum mt_topic topic;
	enum mt_completes completes;
	enum mt_needs needs;
	enum mt_repeat repeat;
	enum mt_block_kind block;
	bool only_looks; /* but for what an expression does: the program's moment goes on (world.h)
	                  */
};

struct mt_verb_list {
	const struct mt_verb *verbs;
	size_t count;
};

/* Defines the list of a topic's file from its array of rows. */
#define MT_VERB_LIST(list, rows)                                                                   \
	const struct mt_verb_list list = { rows, sizeof(rows) / sizeof(*(rows)) }

extern const struct mt_verb_list mt_verbs_run, mt_verbs_step, mt_verbs_process, mt_verbs_breaks,
    mt_verbs_catch, mt_verbs_signals, mt_verbs_threads, mt_verbs_stack, mt_verbs_registers,
    mt_verbs_print, mt_verbs_printf, mt_verbs_display, mt_verbs_memory, mt_verbs_source,
    mt_verbs_disassemble, mt_verbs_symbols, mt_verbs_macro, mt_verbs_index, mt_verbs_proc,
    mt_verbs_settings, mt_verbs_script, mt_verbs_flow, mt_verbs_define, mt_verbs_outside,
    mt_verbs_rbreak, mt_verbs_environment, mt_verbs_habits, mt_verbs_search, mt_verbs_files,
    mt_verbs_locals, mt_verbs_formatters, mt_verbs_objects, mt_verbs_watch, mt_verbs_help;

/* Every verb, list by list; NULL past the last. */
const struct mt_verb *mt_verb_at(size_t i);

/*
 * The verb that `line` begins with, and in *args what follows. Each word may be an alias or the
 * unambiguous beginning of a name, exact names win. NOT_FOUND: there is none. AMBIGUOUS: there are
 * several, named in the text. "info" alone: the row of that name.
 */
struct mt_error *mt_verb_find(const char *line, const struct mt_verb **verb, const char **args);

/* That nothing stands behind `parent` ("info") which begins as `word`: the error says what may. */
struct mt_error *mt_verb_no_child(const char *parent, const char *word)
    __attribute__((warn_unused_result, returns_nonnull));

/* Whether another verb's name goes on after `verb`'s name: "info" has "info line". */
bool mt_verb_has_more(const struct mt_verb *verb);

extern const char *const mt_topic_names[MT_TOPIC_COUNT];

#endif
