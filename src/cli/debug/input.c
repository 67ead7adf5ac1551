/* SPDX-License-Identifier: MIT */
/* Lines: where they come from, and doing them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/editor.h"
#include "cli/debug/script.h"

/* Scripts that call themselves end here. */
enum { MAX_DEPTH = 64 };

/* ---- Reading --------------------------------------------------------------- */

static char *read_file_line(FILE *file)
{
	char *line MT_AUTO_FREE = NULL;
	size_t cap = 0;
	ssize_t len;

	do {
		len = getline(&line, &cap, file);
	} while (len < 0 && errno == EINTR && !mt_shell_end_signal() && (clearerr(file), true));
	if (len < 0)
		return NULL;
	while (len && (line[len - 1] == '\n' || line[len - 1] == '\r'))
		line[--len] = '\0';
	return mt_strdup(line);
}

/* For a person, or for who writes into a pipe. */
static bool may_wait(const struct mt_input *input)
{
	struct stat status;

	return input->editor || (input->file && (fstat(fileno(input->file), &status) < 0 ||
	                                         !S_ISREG(status.st_mode)));
}

char *mt_shell_read_line(struct mt_shell *shell, const char *prompt)
{
	struct mt_input *input = shell->input;

	if (!input)
		return NULL;
	if (!input->block)
		mt_debug_moment_end(shell->debug);
	if (may_wait(input))
		mt_debug_rest(shell->debug);
	if (input->editor)
		return mt_editor_read(input->editor, prompt);
	if (input->file)
		return read_file_line(input->file);
	if (input->next < input->end)
		return mt_strdup(input->block->lines.data[input->next++]);
	return NULL;
}

/* ---- Doing ----------------------------------------------------------------- */

static struct mt_error *check_needs(struct mt_shell *shell, const struct mt_verb *verb)
{
	enum mt_process_state state = mt_debug_state(shell->debug);
	struct mt_image *image;

	if (verb->needs == MT_NEEDS_IMAGE)
		return mt_shell_image(shell, &image);
	if (verb->needs == MT_NEEDS_NOTHING)
		return NULL;
	if (state == MT_PROCESS_NONE)
		return mt_error_new(MT_ERR_USAGE,
		                    "%s needs a program that runs; 'run' or 'start' starts it, "
		                    "'attach PID' takes one that runs already",
		                    verb->name);
	if (state == MT_PROCESS_RUNNING)
		return mt_error_new(MT_ERR_USAGE,
		                    "%s needs the program to be stopped; 'wait' waits for that, "
		                    "'interrupt' asks it to",
		                    verb->name);
	if (state == MT_PROCESS_CORE && verb->needs == MT_NEEDS_PROCESS)
		return mt_error_new(MT_ERR_USAGE,
		                    "a core file only shows what was: %s needs a program that runs",
		                    verb->name);
	return NULL;
}

/* What an empty line is to do next: NULL for nothing. Scripts leave it as it is. */
static void remember(struct mt_shell *shell, const char *line)
{
	if (!shell->input || shell->input->block)
		return;
	free(shell->again);
	shell->again = line ? mt_strdup(line) : NULL;
}

static const char *repeated(const struct mt_verb *verb, const char *line)
{
	switch (verb->repeat) {
	case MT_REPEAT_SAME:
		return line;
	case MT_REPEAT_ON:
		return verb->name;
	default:
		return NULL;
	}
}

static struct mt_error *do_verb(struct mt_shell *shell, const struct mt_verb *verb,
                                const char *line, const char *args)
{
	struct mt_error *error;

	MT_TRY(check_needs(shell, verb));
	remember(shell, repeated(verb, line));
	free(MT_TAKE(shell->blamed));
	MT_TRY(mt_script_hook(shell, "hook", verb->name));
	error = verb->run(shell, args);
	if (!verb->only_looks)
		mt_debug_moment_end(shell->debug);
	MT_TRY(error);
	return mt_script_hook(shell, "hookpost", verb->name);
}

static struct mt_error *do_script(struct mt_shell *shell, const struct mt_script *script,
                                  const char *line, const char *args)
{
	remember(shell, line);
	return mt_script_do(shell, script, args);
}

struct mt_error *mt_shell_do(struct mt_shell *shell, const char *line)
{
	char *trimmed MT_AUTO_FREE = mt_text_trimmed(mt_text_skip(line));
	const struct mt_script *script;
	const struct mt_verb *verb;
	struct mt_error *error;
	const char *args;

	if (!trimmed)
		return mt_error_nomem();
	if (!*trimmed || *trimmed == '#')
		return NULL;
	if (shell->settings.trace_commands && !mt_shell_is_typed(shell))
		mt_say(shell, "%*s%s\n", (int)shell->depth, "+", trimmed);
	script = mt_script_named(shell, trimmed, true, &args);
	if (script)
		return do_script(shell, script, trimmed, args);
	error = mt_verb_find(trimmed, &verb, &args);
	if (!error)
		return do_verb(shell, verb, trimmed, args);
	script = mt_script_named(shell, trimmed, false, &args);
	if (!script || mt_error_kind(error) != MT_ERR_NOT_FOUND)
		return error;
	mt_error_free(error);
	return do_script(shell, script, trimmed, args);
}

struct mt_error *mt_shell_do_input(struct mt_shell *shell, struct mt_input *input)
{
	struct mt_error *error = NULL;

	if (shell->depth >= MAX_DEPTH)
		return mt_error_new(MT_ERR_USAGE,
		                    "commands call each other %d deep: they seem to "
		                    "never end",
		                    MAX_DEPTH);
	shell->depth++;
	input->outer = shell->input;
	input->until_stop = input->until_stop || (input->outer && input->outer->until_stop);
	shell->input = input;
	while (!error && !mt_shell_is_over(shell) && !shell->leaving) {
		char *line MT_AUTO_FREE = NULL;

		if (input->until_stop && shell->has_stop)
			break;
		line = mt_shell_read_line(shell, "");
		if (!line)
			break;
		error = mt_shell_do(shell, line);
		mt_shell_flush(shell);
		if (!error)
			error = mt_shell_after_stop(shell);
	}
	shell->input = input->outer;
	shell->depth--;
	return error;
}

/* One line of a person's: an empty one does the last again. */
static void do_line(struct mt_shell *shell, const char *line)
{
	char *again MT_AUTO_FREE = NULL;
	struct mt_error *error;

	if (!*mt_text_skip(line)) {
		if (!shell->again || !shell->input->editor)
			return;
		again = mt_strdup(shell->again);
		line = again ? again : "";
	}
	error = mt_shell_do(shell, line);
	if (!error)
		error = mt_shell_after_stop(shell);
	if (error)
		mt_shell_complain(shell, error);
	mt_shell_flush(shell);
}

void mt_shell_interact(struct mt_shell *shell)
{
	while (!mt_shell_is_over(shell)) {
		char *line MT_AUTO_FREE = mt_shell_read_line(shell, shell->settings.prompt);

		mt_shell_interrupts(); /* those at the prompt have done their work */
		if (mt_shell_end_signal())
			break;
		if (line) {
			do_line(shell, line);
			continue;
		}
		/* Ctrl-D, or the end of a file of commands. */
		if (shell->input->editor) {
			puts("quit");
			do_line(shell, "quit");
			continue;
		}
		shell->quit = true;
	}
}
