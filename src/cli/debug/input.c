/* SPDX-License-Identifier: MIT */
/* Lines: where they come from, and doing them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/editor.h"
#include "cli/debug/shell.h"

/* Scripts that call themselves end here. */
enum { MAX_DEPTH = 64 };

#define PROMPT_OF_BLOCKS ">"

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

char *mt_shell_read_line(struct mt_shell *shell, const char *prompt)
{
	struct mt_input *input = shell->input;

	if (!input)
		return NULL;
	if (input->editor)
		return mt_editor_read(input->editor, prompt);
	if (input->file)
		return read_file_line(input->file);
	if (input->next < input->block->lines.len)
		return mt_strdup(input->block->lines.data[input->next++]);
	return NULL;
}

void mt_block_deinit(struct mt_block *block)
{
	for (size_t i = 0; i < block->lines.len; i++)
		free(block->lines.data[i]);
	mt_vec_deinit(&block->lines);
}

/* A line that has an `end` of its own further down. */
static bool opens_block(const char *line)
{
	return mt_text_take(&line, "commands") || mt_text_take(&line, "define") ||
	       mt_text_take(&line, "document") || mt_text_take(&line, "if") ||
	       mt_text_take(&line, "while");
}

static bool closes_block(const char *line)
{
	return mt_text_take(&line, "end") && !*line;
}

struct mt_error *mt_shell_read_block(struct mt_shell *shell, struct mt_block *block)
{
	struct mt_block read = { 0 };
	unsigned inner = 0;

	for (;;) {
		char *line = mt_shell_read_line(shell, PROMPT_OF_BLOCKS);

		if (!line || (closes_block(mt_text_skip(line)) && !inner)) {
			free(line);
			break;
		}
		if (opens_block(mt_text_skip(line)))
			inner++;
		else if (closes_block(mt_text_skip(line)))
			inner--;
		if (!mt_vec_push(&read.lines, line)) {
			free(line);
			mt_block_deinit(&read);
			return mt_error_nomem();
		}
	}
	*block = read;
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

/* What an empty line is to do next. Scripts leave it as it is. */
static void remember(struct mt_shell *shell, const struct mt_verb *verb, const char *line)
{
	if (!shell->input || shell->input->block)
		return;
	free(shell->again);
	shell->again = NULL;
	if (verb->repeat == MT_REPEAT_SAME)
		shell->again = mt_strdup(line);
	else if (verb->repeat == MT_REPEAT_ON)
		shell->again = mt_strdup(verb->name);
}

static const struct mt_script *find_script(const struct mt_shell *shell, const char *line,
                                           const char **args)
{
	for (size_t i = 0; i < shell->scripts.len; i++) {
		const struct mt_script *script = &shell->scripts.data[i];

		*args = line;
		if (script->name && mt_text_take(args, script->name))
			return script;
	}
	return NULL;
}

struct mt_error *mt_shell_do(struct mt_shell *shell, const char *line)
{
	char *trimmed MT_AUTO_FREE = mt_text_trimmed(mt_text_skip(line));
	const struct mt_script *script;
	const struct mt_verb *verb;
	const char *args;

	if (!trimmed)
		return mt_error_nomem();
	if (!*trimmed || *trimmed == '#')
		return NULL;
	script = find_script(shell, trimmed, &args);
	if (script)
		return mt_script_run(shell, &script->block, args);
	MT_TRY(mt_verb_find(trimmed, &verb, &args));
	MT_TRY(check_needs(shell, verb));
	remember(shell, verb, trimmed);
	free(MT_TAKE(shell->blamed));
	return verb->run(shell, args);
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
	shell->input = input;
	while (!error && !mt_shell_is_over(shell)) {
		char *line MT_AUTO_FREE = mt_shell_read_line(shell, "");

		if (!line)
			break;
		error = mt_shell_do(shell, line);
		mt_shell_flush(shell);
		if (!error && !input->block)
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
