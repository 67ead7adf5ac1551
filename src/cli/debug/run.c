/* SPDX-License-Identifier: MIT */
/* Starting the program. */
#include <stdlib.h>
#include <string.h>
#include <wordexp.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/breaks.h"

/* ---- The program's arguments ----------------------------------------------- */

struct arguments {
	struct mt_run_text text;
	MT_VEC(char *) words; /* NULL-terminated */
	char *in, *out, *err;
};

static void arguments_deinit(struct arguments *arguments)
{
	for (size_t i = 0; i < arguments->words.len; i++)
		free(arguments->words.data[i]);
	mt_vec_deinit(&arguments->words);
	free(arguments->in);
	free(arguments->out);
	free(arguments->err);
	mt_run_text_deinit(&arguments->text);
}

static struct mt_error *expansion_error(int status, const char *word)
{
	switch (status) {
	case WRDE_NOSPACE:
		return mt_error_nomem();
	case WRDE_CMDSUB:
		return mt_error_new(MT_ERR_USAGE,
		                    "run starts the program without a shell: there is no command "
		                    "substitution as in '%.60s'",
		                    word);
	default:
		return mt_error_new(
		    MT_ERR_USAGE, "'%.60s' cannot be read as an argument; put it in quotes", word);
	}
}

/* What a shell makes of a word: quotes, ~, $VARIABLES and patterns (wordexp(3)). */
static struct mt_error *expand(const char *word, wordexp_t *expanded)
{
	int status = wordexp(word, expanded, WRDE_NOCMD);

	if (!status)
		return NULL;
	if (status == WRDE_NOSPACE)
		wordfree(expanded);
	return expansion_error(status, word);
}

static struct mt_error *expand_words(struct arguments *arguments)
{
	for (size_t i = 0; i < arguments->text.words.len; i++) {
		wordexp_t expanded;

		MT_TRY(expand(arguments->text.words.data[i], &expanded));
		for (size_t j = 0; j < expanded.we_wordc; j++) {
			char *copy = mt_strdup(expanded.we_wordv[j]);

			if (!copy || !mt_vec_push(&arguments->words, copy)) {
				free(copy);
				wordfree(&expanded);
				return mt_error_nomem();
			}
		}
		wordfree(&expanded);
	}
	return mt_vec_push(&arguments->words, (char *)NULL) ? NULL : mt_error_nomem();
}

/* A redirection names one file. */
static struct mt_error *expand_file(const char *word, char **file)
{
	wordexp_t expanded;

	if (!word)
		return NULL;
	MT_TRY(expand(word, &expanded));
	if (expanded.we_wordc == 1)
		*file = mt_strdup(expanded.we_wordv[0]);
	wordfree(&expanded);
	return *file ? NULL : mt_error_new(MT_ERR_USAGE, "'%.60s' does not name one file", word);
}

static struct mt_error *arguments_init(const char *text, struct arguments *arguments)
{
	MT_TRY(mt_run_parse(text ? text : "", &arguments->text));
	MT_TRY(expand_words(arguments));
	MT_TRY(expand_file(arguments->text.in, &arguments->in));
	MT_TRY(expand_file(arguments->text.out, &arguments->out));
	return expand_file(arguments->text.err, &arguments->err);
}

/* ---- Launching ------------------------------------------------------------- */

static const char *or_null(const char *text)
{
	return text && *text ? text : NULL;
}

/* That these breakpoints will find their places goes without saying. */
static struct mt_error *expect_places(struct mt_shell *shell)
{
	struct mt_break_list list MT_CLEANUP(mt_break_list_deinit) = { 0 };

	shell->expected.len = 0;
	MT_TRY(mt_breaks_list(shell, &list));
	for (size_t i = 0; i < list.count; i++) {
		struct mt_location *locations;
		size_t count;

		mt_break_expected(shell, &list.infos[i], &locations, &count);
		mt_locations_free(locations, count);
		if (count && !mt_vec_push(&shell->expected, list.infos[i].number))
			return mt_error_nomem();
	}
	return NULL;
}

static struct mt_error *launch_with(struct mt_shell *shell, const struct arguments *arguments)
{
	const struct mt_settings *settings = &shell->settings;
	struct mt_debug_launch launch = {
		.argv = arguments->words.data,
		.env = settings->environment.data,
		.cwd = or_null(settings->cwd),
		.in = arguments->in,
		.out = arguments->out,
		.err = arguments->err,
		.append = arguments->text.append,
		.tty = or_null(settings->tty),
		.randomize = !settings->disable_randomization,
	};

	mt_say(shell, "Starting program: %s %s\n", mt_debug_program(shell->debug),
	       settings->args ? settings->args : "");
	mt_shell_flush(shell);
	MT_TRY(expect_places(shell));
	mt_shell_forget_image(shell);
	MT_TRY(mt_debug_launch(shell->debug, &launch));
	shell->stop = *mt_debug_last_stop(shell->debug);
	return NULL;
}

static struct mt_error *end_the_old(struct mt_shell *shell, bool *go_on)
{
	enum mt_process_state state = mt_debug_state(shell->debug);

	*go_on = true;
	if (state == MT_PROCESS_NONE || state == MT_PROCESS_CORE)
		return NULL;
	*go_on = mt_shell_confirm(shell, "The program runs already. Start it from the beginning?");
	if (!*go_on)
		return NULL;
	mt_shell_forget_image(shell);
	return mt_debug_kill(shell->debug);
}

/* Leaves the program at its first instruction; *launched is false when a person said no. */
static struct mt_error *launch(struct mt_shell *shell, const char *args, bool *launched)
{
	struct arguments arguments = { 0 };
	struct mt_error *error;

	if (!mt_debug_program(shell->debug))
		return mt_error_new(MT_ERR_USAGE,
		                    "there is no program to run; 'file PROGRAM' names one");
	if (*args) {
		char *copy = mt_strdup(args);

		if (!copy)
			return mt_error_nomem();
		free(shell->settings.args);
		shell->settings.args = copy;
	}
	MT_TRY(end_the_old(shell, launched));
	if (!*launched)
		return NULL;
	error = arguments_init(shell->settings.args, &arguments);
	if (!error)
		error = launch_with(shell, &arguments);
	arguments_deinit(&arguments);
	return error;
}

static struct mt_error *run(struct mt_shell *shell, const char *args)
{
	struct mt_go go = { .kind = MT_GO_CONTINUE, .signal = -1 };
	bool launched;

	MT_TRY(launch(shell, args, &launched));
	return launched ? mt_shell_go(shell, &go) : NULL;
}

static struct mt_error *start(struct mt_shell *shell, const char *args)
{
	struct mt_break_spec spec = { .location = "main", .temporary = true };
	int number;

	MT_TRY(mt_error_context(mt_debug_break(shell->debug, &spec, &number),
	                        "start stops at main ('starti' at the first instruction)"));
	mt_say(shell, "Temporary breakpoint %d at main\n", number);
	return run(shell, args);
}

static struct mt_error *starti(struct mt_shell *shell, const char *args)
{
	bool launched;

	MT_TRY(launch(shell, args, &launched));
	if (!launched)
		return NULL;
	mt_say(shell, "Program stopped.\n");
	mt_stop_show(shell, mt_debug_last_stop(shell->debug));
	return NULL;
}

#define RUN_HELP                                                                                   \
	"ARGS are those of 'set args'; given here they replace them, and stay. They are read as "  \
	"a\n"                                                                                      \
	"shell does (quotes, $VARIABLES, ~, patterns, <FILE, >FILE, >>FILE, 2>FILE), without "     \
	"one.\n"                                                                                   \
	"Address space layout randomisation is off, so that addresses are the same in every "      \
	"run;\n"                                                                                   \
	"'set disable-randomization off' keeps it."

static const struct mt_verb verbs[] = {
	{ .name = "run",
	  .aliases = "r",
	  .run = run,
	  .usage = "[ARGS...]",
	  .summary = "starts the program, or starts it again",
	  .help = RUN_HELP,
	  .topic = MT_TOPIC_RUNNING,
	  .completes = MT_COMPLETE_FILE },
	{ .name = "start",
	  .run = start,
	  .usage = "[ARGS...]",
	  .summary = "starts the program and stops it in main",
	  .help = RUN_HELP,
	  .topic = MT_TOPIC_RUNNING,
	  .completes = MT_COMPLETE_FILE,
	  .needs = MT_NEEDS_IMAGE },
	{ .name = "starti",
	  .run = starti,
	  .usage = "[ARGS...]",
	  .summary = "starts the program and stops it at its very first instruction",
	  .help = RUN_HELP,
	  .topic = MT_TOPIC_RUNNING,
	  .completes = MT_COMPLETE_FILE },
};

MT_VERB_LIST(mt_verbs_run, verbs);
