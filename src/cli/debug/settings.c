/* SPDX-License-Identifier: MIT */
#include "cli/debug/settings.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/shell.h"
#include "insn/insn.h"
#include "symbol/index.h"

/* ---- The table ------------------------------------------------------------- */

enum kind {
	KIND_TEXT,
	KIND_BOOL,
	KIND_NUMBER,
	KIND_CHOICE, /* an enum; `choices` in its order */
	KIND_VIEW,   /* words, ORed */
	KIND_OTHERS, /* gdb has it, and here it changes nothing: any of `choices` (NULL: whatever)
	                may be set, so that scripts and habits go on working */
};

struct setting {
	const char *name;
	enum kind kind;
	bool engine; /* in struct mt_debug_settings, else in struct mt_settings */
	size_t offset;
	const char *const *choices;
	const char *what; /* it is, for show */
};

static const char *const flavors[] = { "att", "intel", NULL };
static const char *const autos[] = { "auto", "on", "off", NULL };
static const char *const forks[] = { "parent", "child", NULL };
static const char *const always_off[] = { "off", NULL };

#define OURS(field) .offset = offsetof(struct mt_settings, field)
#define ENGINES(field) .engine = true, .offset = offsetof(struct mt_debug_settings, field)

static const char *const entry_values[] = { "default",   "no",   "only",    "preferred",
	                                    "if-needed", "both", "compact", NULL };
static const char *const arguments[] = { "scalars", "all", "none", "presence", NULL };

static const struct setting table[] = {
	{ "args", KIND_TEXT, OURS(args), .what = "the arguments of the program at its next run" },
	{ "cwd", KIND_TEXT, OURS(cwd), .what = "the folder in which the program is started" },
	{ "inferior-tty", KIND_TEXT, OURS(tty), .what = "the terminal of the program" },
	{ "tty", KIND_TEXT, OURS(tty), .what = "the terminal of the program" },
	{ "disable-randomization", KIND_BOOL, OURS(disable_randomization),
	  .what = "whether programs are started without address space layout randomisation" },
	{ "confirm", KIND_BOOL, OURS(confirm),
	  .what = "whether you are asked before anything is lost" },
	{ "prompt", KIND_TEXT, OURS(prompt), .what = "the prompt" },
	{ "listsize", KIND_NUMBER, OURS(list_size), .what = "how many lines list shows" },
	{ "print elements", KIND_NUMBER, OURS(print.elements),
	  .what = "how many elements of an array, or characters of a text, are shown" },
	{ "print characters", KIND_NUMBER, OURS(print.elements),
	  .what = "how many elements of an array, or characters of a text, are shown" },
	{ "print repeats", KIND_NUMBER, OURS(print.repeats),
	  .what = "how many equal elements in a row are shown one by one" },
	{ "print max-depth", KIND_NUMBER, OURS(print.max_depth),
	  .what = "how deep in each other structs are shown" },
	{ "print pretty", KIND_BOOL, OURS(print.pretty), .what = "whether each member has a line" },
	{ "print array", KIND_BOOL, OURS(print.array), .what = "whether each element has a line" },
	{ "print array-indexes", KIND_BOOL, OURS(print.array_indexes),
	  .what = "whether elements are shown with their indexes" },
	{ "print address", KIND_BOOL, OURS(print.address),
	  .what = "whether pointers are shown with their addresses" },
	{ "print symbol", KIND_BOOL, OURS(print.symbol),
	  .what = "whether pointers are shown with the names of what they point at" },
	{ "print union", KIND_BOOL, OURS(print.unions),
	  .what = "whether unions inside of structs are shown" },
	{ "print null-stop", KIND_BOOL, OURS(print.null_stop),
	  .what = "whether arrays of characters end at their first NUL" },
	{ "print static-members", KIND_BOOL, OURS(print.static_members),
	  .what = "whether static members of C++ classes are shown" },
	{ "print object", KIND_BOOL, OURS(print.object),
	  .what = "whether C++ objects are shown as what they are, behind pointers to bases" },
	{ "print vtbl", KIND_OTHERS,
	  .what = "vtables are shown by 'info vtbl OBJECT', and pointers to them by their names" },
	{ "print frame-arguments", KIND_CHOICE, OURS(frame_arguments), arguments,
	  .what = "which arguments a frame's line shows with their values" },
	{ "print entry-values", KIND_CHOICE, OURS(entry_values), entry_values,
	  .what = "whether a frame's line shows what arguments were when it was called" },
	{ "unwindonsignal", KIND_BOOL, ENGINES(unwind_on_signal),
	  .what = "whether a call of yours that gets a signal is undone" },
	{ "unwind-on-signal", KIND_BOOL, ENGINES(unwind_on_signal),
	  .what = "whether a call of yours that gets a signal is undone" },
	{ "directories", KIND_TEXT, OURS(directories),
	  .what = "where sources are looked for, folders with ':' between" },
	{ "disassembly-flavor", KIND_CHOICE, OURS(flavor), flavors,
	  .what = "the syntax of instructions" },
	{ "breakpoint pending", KIND_CHOICE, OURS(pending), autos,
	  .what = "whether a breakpoint on an unknown place waits for a library (auto: asks)" },
	{ "view", KIND_VIEW, OURS(view),
	  .what = "what a stop shows: any of source, asm, regs, line; or auto, or none" },
	{ "view-size", KIND_NUMBER, OURS(view_size), .what = "how many source lines a stop shows" },
	{ "colour", KIND_CHOICE, OURS(colour), autos, .what = "whether there are colours" },
	{ "color", KIND_CHOICE, OURS(colour), autos, .what = "whether there are colours" },
	{ "style enabled", KIND_CHOICE, OURS(colour), autos, .what = "whether there are colours" },
	{ "backtrace past-main", KIND_BOOL, OURS(past_main),
	  .what = "whether backtrace goes on to what called main" },
	{ "history save", KIND_BOOL, OURS(history_save), .what = "whether lines typed are kept" },
	{ "follow-fork-mode", KIND_CHOICE, ENGINES(follow_fork), forks,
	  .what = "which process is followed after a fork" },
	{ "detach-on-fork", KIND_BOOL, ENGINES(detach_on_fork),
	  .what = "whether the process that is not followed runs free" },
	{ "scheduler-locking", KIND_BOOL, ENGINES(lock_scheduler),
	  .what = "whether the other threads stay stopped while one goes on" },
	{ "can-use-hw-watchpoints", KIND_BOOL, ENGINES(watch_registers),
	  .what = "whether watchpoints may take the processor's debug registers" },
	{ "watch-stepping", KIND_BOOL, ENGINES(watch_stepping),
	  .what = "whether what debug registers can't watch is single-stepped, or refused" },
	{ "watch-ahead", KIND_BOOL, ENGINES(watch_ahead),
	  .what = "whether a software watchpoint steps only what registers don't foretell" },
	{ "step-mode", KIND_BOOL, ENGINES(step_into_unknown),
	  .what = "whether step enters functions without lines" },
	{ "backtrace limit", KIND_NUMBER, OURS(trace_limit),
	  .what = "how many frames backtrace shows at most" },
	{ "print thread-events", KIND_BOOL, OURS(thread_events),
	  .what = "whether threads that come and go are told" },
	{ "print inferior-events", KIND_BOOL, OURS(process_events),
	  .what = "whether processes that come and go are told" },
	{ "trace-commands", KIND_BOOL, OURS(trace_commands),
	  .what = "whether each command of a script is shown before it is done" },
	{ "index-cache", KIND_BOOL, OURS(index_cache),
	  .what = "whether indexes of names are kept in ~/.cache/memtrap, and taken from there" },
	{ "index-cache enabled", KIND_BOOL, OURS(index_cache),
	  .what = "whether indexes of names are kept in ~/.cache/memtrap, and taken from there" },
	{ "pagination", KIND_OTHERS, .what = "all is shown at once; 'pipe COMMAND | less' pages" },
	{ "height", KIND_OTHERS, .what = "all is shown at once; 'pipe COMMAND | less' pages" },
	{ "width", KIND_OTHERS, .what = "lines are as long as they are" },
	{ "verbose", KIND_OTHERS, .what = "there is no more to tell" },
	{ "debuginfod enabled", KIND_OTHERS, .choices = always_off,
	  .what = "no server is asked for symbols" },
	{ "auto-load", KIND_OTHERS, .what = "no script is loaded because a program has it" },
	{ "startup-with-shell", KIND_OTHERS, .choices = always_off,
	  .what = "programs are started without a shell; see 'help run'" },
	{ "non-stop", KIND_OTHERS, .choices = always_off,
	  .what = "all threads stop when one does" },
};

enum { SETTING_COUNT = sizeof(table) / sizeof(*table) };

static const struct {
	const char *name;
	unsigned bits;
} views[] = {
	{ "auto", MT_VIEW_AUTO }, { "source", MT_VIEW_SOURCE }, { "asm", MT_VIEW_ASM },
	{ "regs", MT_VIEW_REGS }, { "line", MT_VIEW_LINE },     { "none", 0 },
};

const char *mt_setting_name(size_t i)
{
	return i < SETTING_COUNT ? table[i].name : NULL;
}

static void *place_of(struct mt_shell *shell, const struct setting *setting)
{
	char *base =
	    setting->engine ? (char *)mt_debug_settings(shell->debug) : (char *)&shell->settings;

	return base + setting->offset;
}

/* ---- Changing -------------------------------------------------------------- */

static struct mt_error *set_text(char **place, const char *value)
{
	char *copy = mt_strdup(value);

	if (!copy)
		return mt_error_nomem();
	free(*place);
	*place = copy;
	return NULL;
}

static struct mt_error *set_bool(const struct setting *setting, bool *place, const char *value)
{
	static const char *const yes[] = { "", "on", "1", "yes", "enable" };
	static const char *const no[] = { "off", "0", "no", "disable" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		if (!strcmp(value, yes[i])) {
			*place = true;
			return NULL;
		}
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		if (!strcmp(value, no[i])) {
			*place = false;
			return NULL;
		}
	return mt_error_new(MT_ERR_USAGE, "%s is on or off, not '%.60s'", setting->name, value);
}

static struct mt_error *set_number(const struct setting *setting, unsigned *place,
                                   const char *value)
{
	uint64_t number;

	if (!strcmp(value, "unlimited")) {
		*place = INT_MAX;
		return NULL;
	}
	MT_TRY(mt_text_number(&value, setting->name, INT_MAX, &number));
	MT_TRY(mt_text_end(value, setting->name));
	*place = (unsigned)number;
	return NULL;
}

static struct mt_error *set_choice(const struct setting *setting, unsigned *place,
                                   const char *value)
{
	struct mt_buf all MT_AUTO_BUF = { 0 };

	for (unsigned i = 0; setting->choices[i]; i++) {
		if (!strcmp(value, setting->choices[i])) {
			*place = i;
			return NULL;
		}
		mt_buf_printf(&all, "%s%s", i ? ", " : "", setting->choices[i]);
	}
	return mt_error_new(MT_ERR_USAGE, "%s is one of %s, not '%.60s'", setting->name,
	                    all.data ? all.data : "", value);
}

static struct mt_error *set_view(unsigned *place, const char *value)
{
	unsigned bits = 0;

	for (value = mt_text_skip(value); *value; value = mt_text_skip(value)) {
		size_t len = strcspn(value, " \t,"), i = 0;

		while (i < sizeof(views) / sizeof(*views) &&
		       (strlen(views[i].name) != len || memcmp(views[i].name, value, len) != 0))
			i++;
		if (i == sizeof(views) / sizeof(*views))
			return mt_error_new(
			    MT_ERR_USAGE,
			    "a view is made of source, asm, regs and line, or it is "
			    "auto or none; not '%.*s'",
			    (int)(len < 60 ? len : 60), value);
		bits |= views[i].bits;
		value += len + (value[len] == ',');
	}
	*place = bits;
	return NULL;
}

static struct mt_error *accept(const struct setting *setting, const char *value)
{
	for (size_t i = 0; setting->choices && strcmp(value, setting->choices[i]) != 0; i++)
		if (!setting->choices[i + 1])
			return mt_error_new(MT_ERR_USAGE, "%s is always %s here: %s", setting->name,
			                    setting->choices[0], setting->what);
	return NULL;
}

static struct mt_error *change(struct mt_shell *shell, const struct setting *setting,
                               const char *value)
{
	void *place = place_of(shell, setting);

	switch (setting->kind) {
	case KIND_TEXT:
		MT_TRY(set_text(place, value));
		break;
	case KIND_BOOL:
		MT_TRY(set_bool(setting, place, value));
		break;
	case KIND_NUMBER:
		MT_TRY(set_number(setting, place, value));
		break;
	case KIND_CHOICE:
		MT_TRY(set_choice(setting, place, value));
		break;
	case KIND_VIEW:
		MT_TRY(set_view(place, value));
		break;
	case KIND_OTHERS:
		return accept(setting, value);
	}
	mt_settings_apply(shell);
	return NULL;
}

/* ---- By name --------------------------------------------------------------- */

/* How much of `text` is the setting's name, or an abbreviation of its words; 0: it is another. */
static size_t name_length(const char *text, const char *name, bool *exact)
{
	const char *at = text;

	*exact = true;
	for (;;) {
		size_t typed = mt_text_word(at), word = mt_text_word(name);

		if (!typed || typed > word || memcmp(at, name, typed) != 0)
			return 0;
		*exact = *exact && typed == word;
		at += typed;
		name = mt_text_skip(name + word);
		if (!*name)
			return (size_t)(at - text);
		at = mt_text_skip(at);
	}
}

/* NULL, without an error, when there is none. */
static struct mt_error *find_setting(const char *text, const struct setting **found,
                                     const char **value)
{
	struct mt_buf names MT_AUTO_BUF = { 0 };
	const struct setting *match = NULL;
	size_t count = 0, match_len = 0;

	for (size_t i = 0; i < SETTING_COUNT; i++) {
		bool exact;
		size_t len = name_length(text, table[i].name, &exact);

		if (!len)
			continue;
		mt_buf_printf(&names, "%s%s", count ? ", " : "", table[i].name);
		match = &table[i];
		match_len = len;
		if (exact) {
			count = 1;
			break;
		}
		count++;
	}
	if (count > 1)
		return mt_error_new(MT_ERR_AMBIGUOUS, "'%.40s' may mean any of: %s", text,
		                    names.data ? names.data : "");
	*found = match;
	*value = mt_text_skip(text + match_len);
	return NULL;
}

struct mt_error *mt_setting_set(struct mt_shell *shell, const char *text, bool *known)
{
	const struct setting *setting;
	const char *value;

	MT_TRY(find_setting(text, &setting, &value));
	*known = setting != NULL;
	return setting ? change(shell, setting, value) : NULL;
}

/* ---- Showing --------------------------------------------------------------- */

static void format_view(unsigned bits, struct mt_buf *out)
{
	if (!bits)
		mt_buf_text(out, "none");
	for (size_t i = 0, any = 0; i < sizeof(views) / sizeof(*views); i++)
		if (bits & views[i].bits)
			mt_buf_printf(out, "%s%s", any++ ? " " : "", views[i].name);
}

/* Appends the value as `set` takes it. */
static void format_value(struct mt_shell *shell, const struct setting *setting, struct mt_buf *out)
{
	const void *place = place_of(shell, setting);

	switch (setting->kind) {
	case KIND_TEXT:
		mt_buf_text(out, *(char *const *)place ? *(char *const *)place : "");
		break;
	case KIND_BOOL:
		mt_buf_text(out, *(const bool *)place ? "on" : "off");
		break;
	case KIND_NUMBER:
		if (*(const unsigned *)place == INT_MAX)
			mt_buf_text(out, "unlimited");
		else
			mt_buf_dec(out, *(const unsigned *)place);
		break;
	case KIND_CHOICE:
		mt_buf_text(out, setting->choices[*(const unsigned *)place]);
		break;
	case KIND_VIEW:
		format_view(*(const unsigned *)place, out);
		break;
	case KIND_OTHERS:
		mt_buf_text(out, setting->choices ? setting->choices[0] : "of no effect");
		break;
	}
}

static void show(struct mt_shell *shell, const struct setting *setting)
{
	const char *quote = setting->kind == KIND_TEXT ? "\"" : "";

	mt_say(shell, "%s: %s", setting->name, quote);
	format_value(shell, setting, &shell->out);
	mt_say(shell, "%s  (%s)\n", quote, setting->what);
}

static struct mt_error *show_setting(struct mt_shell *shell, const char *args)
{
	const struct setting *setting;
	const char *rest;

	if (!*args) {
		/* A second name follows the first. */
		for (size_t i = 0; i < SETTING_COUNT; i++)
			if (!i || table[i].kind == KIND_OTHERS ||
			    place_of(shell, &table[i]) != place_of(shell, &table[i - 1]))
				show(shell, &table[i]);
		return NULL;
	}
	MT_TRY(find_setting(args, &setting, &rest));
	if (!setting)
		return mt_error_new(MT_ERR_NOT_FOUND,
		                    "there is no setting '%.60s'; 'show' lists them all", args);
	MT_TRY(mt_text_end(rest, "show"));
	show(shell, setting);
	return NULL;
}

static struct mt_error *set(struct mt_shell *shell, const char *args)
{
	bool known;

	if (!*args)
		return show_setting(shell, args);
	/* `set $rax = 1` and, where no setting is called so, `set counter = 1`. */
	if (*args != '$') {
		MT_TRY(mt_setting_set(shell, args, &known));
		if (known)
			return NULL;
	}
	if (!mt_text_outside(args, '='))
		return mt_error_new(MT_ERR_NOT_FOUND,
		                    "there is no setting '%.*s'; 'show' lists them all",
		                    (int)(mt_text_word(args) < 60 ? mt_text_word(args) : 60), args);
	return mt_eval_effects(shell, args);
}

/* ---- with ------------------------------------------------------------------ */

static struct mt_error *do_with(struct mt_shell *shell, const char *change_text,
                                const char *command)
{
	const struct setting *setting;
	const char *value;
	struct mt_buf before MT_AUTO_BUF = { 0 };
	struct mt_error *error, *failed;

	MT_TRY(find_setting(change_text, &setting, &value));
	if (!setting)
		return mt_error_new(MT_ERR_NOT_FOUND,
		                    "there is no setting '%.60s'; 'show' lists them all",
		                    change_text);
	mt_buf_text(&before, "");
	format_value(shell, setting, &before);
	if (!mt_buf_ok(&before))
		return mt_error_nomem();
	MT_TRY(change(shell, setting, value));
	error = mt_shell_do(shell, command);
	failed = change(shell, setting, before.data);
	if (!error)
		return failed;
	mt_error_free(failed);
	return error;
}

static struct mt_error *with(struct mt_shell *shell, const char *args)
{
	const char *dashes = mt_text_keyword(args, "--");
	char *setting MT_AUTO_FREE = NULL, *trimmed MT_AUTO_FREE = NULL;

	if (!dashes || !*mt_text_skip(dashes + 2))
		return mt_error_new(MT_ERR_USAGE,
		                    "with takes SETTING VALUE -- COMMAND, as in: with "
		                    "listsize 3 -- list main");
	setting = mt_strndup(args, (size_t)(dashes - args));
	trimmed = setting ? mt_text_trimmed(setting) : NULL;
	return trimmed ? do_with(shell, trimmed, mt_text_skip(dashes + 2)) : mt_error_nomem();
}

/* ---- The whole ------------------------------------------------------------- */

struct mt_error *mt_settings_init(struct mt_settings *settings)
{
	*settings = (struct mt_settings){ .confirm = true,
		                          .disable_randomization = true,
		                          .history_save = true,
		                          .thread_events = true,
		                          .process_events = true,
		                          .trace_limit = INT_MAX,
		                          .view = MT_VIEW_AUTO,
		                          .list_size = 10,
		                          .index_cache = mt_index_cache_wanted(),
		                          .view_size = 5,
		                          .print = mt_print_defaults() };
	MT_TRY(set_text(&settings->prompt, "(memtrap)"));
	return mt_environment_init(settings);
}

void mt_settings_deinit(struct mt_settings *settings)
{
	free(settings->args);
	free(settings->cwd);
	free(settings->tty);
	free(settings->directories);
	free(settings->prompt);
	mt_environment_deinit(settings);
}

void mt_settings_apply(struct mt_shell *shell)
{
	const struct mt_settings *settings = &shell->settings;
	const char *no_color = getenv("NO_COLOR"); /* no-color.org */
	const char *term = getenv("TERM");
	bool able =
	    shell->terminal && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;

	shell->colour = settings->colour == MT_ON || (settings->colour == MT_AUTO && able);
	mt_insn_set_syntax(settings->flavor == MT_FLAVOR_INTEL ? MT_INSN_INTEL : MT_INSN_ATT);
	mt_sources_forget(&shell->sources);
	mt_index_set_policy(&(struct mt_index_policy){
	    .make = true, .cache = settings->index_cache, .least = MT_INDEX_LEAST });
}

static const struct mt_verb verbs[] = {
	{ .name = "set",
	  .run = set,
	  .usage = "SETTING VALUE | $NAME = EXPRESSION | VARIABLE = EXPRESSION",
	  .summary = "changes a setting, a register or a variable",
	  .help = "'show' lists the settings with what they do.",
	  .topic = MT_TOPIC_SETTINGS,
	  .completes = MT_COMPLETE_SETTING,
	  .only_looks = true },
	{ .name = "show",
	  .run = show_setting,
	  .usage = "[SETTING]",
	  .summary = "tells a setting, or all of them",
	  .topic = MT_TOPIC_SETTINGS,
	  .completes = MT_COMPLETE_SETTING },
	{ .name = "with",
	  .aliases = "w",
	  .run = with,
	  .usage = "SETTING VALUE -- COMMAND",
	  .summary = "does a command with a setting changed, for this once",
	  .help = "As in\n"
	          "\n"
	          "  with view asm regs -- stepi\n"
	          "  with disassembly-flavor intel -- disassemble",
	  .topic = MT_TOPIC_SETTINGS,
	  .completes = MT_COMPLETE_SETTING },
};

MT_VERB_LIST(mt_verbs_settings, verbs);
