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

/* ---- The table ------------------------------------------------------------- */

enum kind {
	KIND_TEXT,
	KIND_BOOL,
	KIND_NUMBER,
	KIND_CHOICE, /* an enum; `choices` in its order */
	KIND_VIEW,   /* words, ORed */
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

#define OURS(field) .offset = offsetof(struct mt_settings, field)
#define ENGINES(field) .engine = true, .offset = offsetof(struct mt_debug_settings, field)

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
	{ "print elements", KIND_NUMBER, OURS(string_size),
	  .what = "how many characters of a text are shown" },
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
	{ "backtrace past-main", KIND_BOOL, OURS(past_main),
	  .what = "whether backtrace goes on to what called main" },
	{ "history save", KIND_BOOL, OURS(history_save), .what = "whether lines typed are kept" },
	{ "follow-fork-mode", KIND_CHOICE, ENGINES(follow_fork), forks,
	  .what = "which process is followed after a fork" },
	{ "detach-on-fork", KIND_BOOL, ENGINES(detach_on_fork),
	  .what = "whether the process that is not followed runs free" },
	{ "scheduler-locking", KIND_BOOL, ENGINES(lock_scheduler),
	  .what = "whether the other threads stay stopped while one goes on" },
	{ "step-mode", KIND_BOOL, ENGINES(step_into_unknown),
	  .what = "whether step enters functions without lines" },
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

static void say_view(struct mt_shell *shell, unsigned bits)
{
	if (!bits)
		mt_say(shell, "none");
	for (size_t i = 0, any = 0; i < sizeof(views) / sizeof(*views); i++)
		if (bits & views[i].bits)
			mt_say(shell, "%s%s", any++ ? " " : "", views[i].name);
}

static void show(struct mt_shell *shell, const struct setting *setting)
{
	void *place = place_of(shell, setting);

	mt_say(shell, "%s: ", setting->name);
	switch (setting->kind) {
	case KIND_TEXT:
		mt_say(shell, "\"%s\"", *(char **)place ? *(char **)place : "");
		break;
	case KIND_BOOL:
		mt_say(shell, "%s", *(bool *)place ? "on" : "off");
		break;
	case KIND_NUMBER:
		if (*(unsigned *)place == INT_MAX)
			mt_say(shell, "unlimited");
		else
			mt_say(shell, "%u", *(unsigned *)place);
		break;
	case KIND_CHOICE:
		mt_say(shell, "%s", setting->choices[*(unsigned *)place]);
		break;
	case KIND_VIEW:
		say_view(shell, *(unsigned *)place);
		break;
	}
	mt_say(shell, "  (%s)\n", setting->what);
}

static struct mt_error *show_setting(struct mt_shell *shell, const char *args)
{
	const struct setting *setting;
	const char *rest;

	if (!*args) {
		/* A second name follows the first. */
		for (size_t i = 0; i < SETTING_COUNT; i++)
			if (!i || place_of(shell, &table[i]) != place_of(shell, &table[i - 1]))
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
	struct mt_value value;
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
	return mt_eval(shell, args, &value);
}

/* ---- The program's environment --------------------------------------------- */

static char **find_variable(struct mt_settings *settings, const char *name, size_t len)
{
	for (size_t i = 0; i + 1 < settings->environment.len; i++) {
		char **entry = &settings->environment.data[i];

		if (!strncmp(*entry, name, len) && (*entry)[len] == '=')
			return entry;
	}
	return NULL;
}

/* The list ends in NULL, as execve(2) wants it. */
static struct mt_error *add_variable(struct mt_settings *settings, char *entry)
{
	if (!entry || !mt_vec_push(&settings->environment, (char *)NULL)) {
		free(entry);
		return mt_error_nomem();
	}
	settings->environment.data[settings->environment.len - 2] = entry;
	return NULL;
}

static struct mt_error *set_environment(struct mt_shell *shell, const char *args)
{
	size_t len = strcspn(args, "= \t");
	const char *value = mt_text_skip(args + len);
	struct mt_buf text MT_AUTO_BUF = { 0 };
	char **old, *entry;

	if (!len)
		return mt_error_new(MT_ERR_USAGE, "set environment takes NAME=VALUE");
	if (*value == '=')
		value = mt_text_skip(value + 1);
	mt_buf_printf(&text, "%.*s=%s", (int)len, args, value);
	old = find_variable(&shell->settings, args, len);
	entry = mt_buf_take(&text);
	if (!old)
		return add_variable(&shell->settings, entry);
	if (!entry)
		return mt_error_nomem();
	free(*old);
	*old = entry;
	return NULL;
}

static struct mt_error *unset_environment(struct mt_shell *shell, const char *args)
{
	struct mt_settings *settings = &shell->settings;
	char **entry;

	if (!*args && !mt_shell_confirm(shell, "Delete all environment variables?"))
		return NULL;
	entry = *args ? find_variable(settings, args, strlen(args)) : NULL;
	if (*args && !entry)
		return mt_error_new(MT_ERR_NOT_FOUND, "%.60s is not in the environment", args);
	for (size_t i = settings->environment.len - 1; i-- > 0;) {
		if (entry && entry != &settings->environment.data[i])
			continue;
		free(settings->environment.data[i]);
		for (size_t j = i; j + 1 < settings->environment.len; j++)
			settings->environment.data[j] = settings->environment.data[j + 1];
		settings->environment.len--;
	}
	return NULL;
}

static struct mt_error *show_environment(struct mt_shell *shell, const char *args)
{
	char **entry;

	for (size_t i = 0; !*args && i + 1 < shell->settings.environment.len; i++)
		mt_say(shell, "%s\n", shell->settings.environment.data[i]);
	if (!*args)
		return NULL;
	entry = find_variable(&shell->settings, args, strlen(args));
	if (!entry)
		return mt_error_new(MT_ERR_NOT_FOUND, "%.60s is not in the environment", args);
	mt_say(shell, "%s\n", *entry);
	return NULL;
}

/* ---- The whole ------------------------------------------------------------- */

struct mt_error *mt_settings_init(struct mt_settings *settings)
{
	*settings = (struct mt_settings){ .confirm = true,
		                          .disable_randomization = true,
		                          .history_save = true,
		                          .view = MT_VIEW_AUTO,
		                          .list_size = 10,
		                          .view_size = 5,
		                          .string_size = 200 };
	MT_TRY(set_text(&settings->prompt, "(memtrap)"));
	if (!mt_vec_push(&settings->environment, (char *)NULL))
		return mt_error_nomem();
	for (char **entry = environ; *entry; entry++)
		MT_TRY(add_variable(settings, mt_strdup(*entry)));
	return NULL;
}

void mt_settings_deinit(struct mt_settings *settings)
{
	free(settings->args);
	free(settings->cwd);
	free(settings->tty);
	free(settings->directories);
	free(settings->prompt);
	for (size_t i = 0; i < settings->environment.len; i++)
		free(settings->environment.data[i]);
	mt_vec_deinit(&settings->environment);
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
}

static const struct mt_verb verbs[] = {
	{ .name = "set",
	  .run = set,
	  .usage = "SETTING VALUE | $NAME = EXPRESSION | VARIABLE = EXPRESSION",
	  .summary = "changes a setting, a register or a variable",
	  .help = "'show' lists the settings with what they do.",
	  .topic = MT_TOPIC_SETTINGS,
	  .completes = MT_COMPLETE_SETTING },
	{ .name = "show",
	  .run = show_setting,
	  .usage = "[SETTING]",
	  .summary = "tells a setting, or all of them",
	  .topic = MT_TOPIC_SETTINGS,
	  .completes = MT_COMPLETE_SETTING },
	{ .name = "set environment",
	  .aliases = "env",
	  .run = set_environment,
	  .usage = "NAME=VALUE",
	  .summary = "gives the program an environment variable, from its next run on",
	  .topic = MT_TOPIC_SETTINGS },
	{ .name = "unset environment",
	  .aliases = "env",
	  .run = unset_environment,
	  .usage = "[NAME]",
	  .summary = "takes an environment variable away, or all",
	  .topic = MT_TOPIC_SETTINGS },
	{ .name = "show environment",
	  .aliases = "env",
	  .run = show_environment,
	  .usage = "[NAME]",
	  .summary = "the program's environment",
	  .topic = MT_TOPIC_SETTINGS },
};

MT_VERB_LIST(mt_verbs_settings, verbs);
