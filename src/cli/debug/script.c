/* SPDX-License-Identifier: MIT */
/* Lines of commands that are kept, and doing them. */
#include "cli/debug/script.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/breaks.h"

/* ---- Keeping --------------------------------------------------------------- */

void mt_script_deinit(struct mt_script *script)
{
	free(script->name);
	free(script->help);
	free(script->alias);
	mt_block_deinit(&script->block);
}

static struct mt_script *find_script(const struct mt_shell *shell, const char *name, int number)
{
	for (size_t i = 0; i < shell->scripts.len; i++) {
		struct mt_script *script = &shell->scripts.data[i];

		if (name ? script->name && !strcmp(script->name, name)
		         : !script->name && script->breakpoint == number)
			return script;
	}
	return NULL;
}

void mt_script_forget(struct mt_shell *shell, int number)
{
	struct mt_script *script = find_script(shell, NULL, number);

	if (!script)
		return;
	mt_script_deinit(script);
	*script = shell->scripts.data[--shell->scripts.len];
}

const struct mt_block *mt_script_of_break(const struct mt_shell *shell, int number)
{
	const struct mt_script *script = find_script(shell, NULL, number);

	return script ? &script->block : NULL;
}

struct mt_error *mt_script_keep(struct mt_shell *shell, struct mt_script *script)
{
	struct mt_script *old = find_script(shell, script->name, script->breakpoint);

	if (old) {
		mt_script_deinit(old);
		*old = *script;
		return NULL;
	}
	if (mt_vec_push(&shell->scripts, *script))
		return NULL;
	mt_script_deinit(script);
	return mt_error_nomem();
}

const struct mt_script *mt_script_named(const struct mt_shell *shell, const char *line, bool whole,
                                        const char **args)
{
	const struct mt_script *found = NULL;
	size_t len = mt_text_word(line);

	*args = mt_text_skip(line + len);
	for (size_t i = 0; len && i < shell->scripts.len; i++) {
		const struct mt_script *script = &shell->scripts.data[i];

		if (!script->name || strncmp(script->name, line, len) != 0)
			continue;
		if (!script->name[len])
			return script;
		if (!whole && found)
			return NULL;
		if (!whole)
			found = script;
	}
	return found;
}

/* ---- Doing ----------------------------------------------------------------- */

/* $argc and $arg0 … are replaced in the text: they may stand for parts of expressions. */
static char *with_arguments(const char *line, const struct mt_run_text *words)
{
	struct mt_buf out MT_AUTO_BUF = { 0 };

	mt_buf_text(&out, "");
	while (*line) {
		unsigned long number;
		char *end;

		if (!strncmp(line, "$argc", 5)) {
			mt_buf_dec(&out, words->words.len);
			line += 5;
			continue;
		}
		if (strncmp(line, "$arg", 4) != 0 || line[4] < '0' || line[4] > '9') {
			mt_buf_char(&out, *line++);
			continue;
		}
		number = strtoul(line + 4, &end, 10);
		mt_buf_text(&out, number < words->words.len ? words->words.data[number] : "");
		line = end;
	}
	return mt_buf_take(&out);
}

/* The lines are copied: a script may define itself anew. `words` NULL: as they are. */
static struct mt_error *copy_block(const struct mt_block *block, const struct mt_run_text *words,
                                   struct mt_block *copy)
{
	for (size_t i = 0; i < block->lines.len; i++) {
		const char *text = block->lines.data[i];
		char *line = words ? with_arguments(text, words) : mt_strdup(text);

		if (!line || !mt_vec_push(&copy->lines, line)) {
			free(line);
			return mt_error_nomem();
		}
	}
	return NULL;
}

/* A person's own command has words to fill in; a breakpoint's commands have none, and end where one
 * of them lets the program go on. Loops end with the script that they stand in: its loop_break
 * leaves none around it. */
static struct mt_error *do_block(struct mt_shell *shell, const struct mt_block *block,
                                 const struct mt_run_text *words)
{
	struct mt_block copy MT_CLEANUP(mt_block_deinit) = { 0 };
	struct mt_input input = { .block = &copy, .until_stop = !words };
	unsigned loops = shell->loops;
	struct mt_error *error;

	MT_TRY(copy_block(block, words, &copy));
	input.end = copy.lines.len;
	shell->loops = 0;
	error = mt_shell_do_input(shell, &input);
	shell->loops = loops;
	return error;
}

struct mt_error *mt_script_do(struct mt_shell *shell, const struct mt_script *script,
                              const char *args)
{
	struct mt_run_text words MT_CLEANUP(mt_run_text_deinit) = { 0 };
	struct mt_buf line MT_AUTO_BUF = { 0 };

	if (script->alias) {
		mt_buf_printf(&line, "%s %s", script->alias, args);
		return mt_buf_ok(&line) ? mt_shell_do(shell, line.data) : mt_error_nomem();
	}
	MT_TRY(mt_run_parse(args, &words));
	return do_block(shell, &script->block, &words);
}

struct mt_error *mt_script_hook(struct mt_shell *shell, const char *prefix, const char *name)
{
	const char *outer = shell->hooked;
	const struct mt_script *script;
	struct mt_buf text MT_AUTO_BUF = { 0 };
	struct mt_error *error;

	if (!shell->scripts.len || (outer && !strcmp(outer, name)))
		return NULL;
	mt_buf_printf(&text, "%s-%s", prefix, name);
	if (!mt_buf_ok(&text))
		return mt_error_nomem();
	script = find_script(shell, text.data, 0);
	if (!script)
		return NULL;
	shell->hooked = name;
	error = mt_script_do(shell, script, "");
	shell->hooked = outer;
	return mt_error_context(error, "in %s", text.data);
}

/* ---- commands of breakpoints ----------------------------------------------- */

static bool begins_silent(const struct mt_block *block)
{
	const char *line = block && block->lines.len ? mt_text_skip(block->lines.data[0]) : "";

	return mt_text_take(&line, "silent");
}

bool mt_script_is_silent(struct mt_shell *shell, const struct mt_stop *stop)
{
	for (size_t i = 0; i < stop->number_count; i++)
		if (begins_silent(mt_script_of_break(shell, stop->numbers[i])))
			return true;
	return false;
}

static struct mt_error *do_commands(struct mt_shell *shell, const struct mt_stop *stop)
{
	for (size_t i = 0; i < stop->number_count; i++) {
		const struct mt_block *block = mt_script_of_break(shell, stop->numbers[i]);

		if (!block)
			continue;
		MT_TRY(do_block(shell, block, NULL));
		if (shell->has_stop)
			break; /* the stop that the others were for is past */
	}
	return NULL;
}

/* They may let the program go on, to a stop with commands again. */
struct mt_error *mt_shell_after_stop(struct mt_shell *shell)
{
	struct mt_error *error = NULL;

	if (shell->in_commands)
		return NULL;
	shell->in_commands = true;
	while (!error && shell->has_stop && !mt_shell_is_over(shell)) {
		struct mt_stop stop = shell->stop;

		shell->has_stop = false;
		error = do_commands(shell, &stop);
	}
	shell->in_commands = false;
	return error;
}

static struct mt_error *silent(struct mt_shell *shell, const char *args)
{
	/* It has done its work at the stop. */
	return mt_text_end(args, "silent");
}

static struct mt_error *keep_commands(struct mt_shell *shell, int number,
                                      const struct mt_block *block)
{
	struct mt_script script = { .breakpoint = number };
	struct mt_error *error = copy_block(block, NULL, &script.block);

	if (error) {
		mt_script_deinit(&script);
		return error;
	}
	return mt_script_keep(shell, &script);
}

static struct mt_error *commands(struct mt_shell *shell, const char *args)
{
	struct mt_break_list list MT_CLEANUP(mt_break_list_deinit) = { 0 };
	struct mt_number_list numbers MT_CLEANUP(mt_number_list_deinit) = { 0 };
	struct mt_block block MT_CLEANUP(mt_block_deinit) = { 0 };

	MT_TRY(mt_break_numbers(shell, *args ? args : "$bpnum", "commands", &numbers));
	if (mt_shell_is_typed(shell))
		mt_say(shell, "Type commands for when it is hit, one a line; 'end' ends them.\n");
	MT_TRY(mt_shell_read_block(shell, MT_BLOCK_COMMANDS, &block));
	MT_TRY(mt_breaks_list(shell, &list));
	if (!mt_break_list_find(&list, numbers.ranges.data[0].first))
		return mt_error_new(MT_ERR_NOT_FOUND, "there is no breakpoint %d",
		                    numbers.ranges.data[0].first);
	for (size_t i = 0; i < list.count; i++)
		if (mt_number_list_has(&numbers, list.infos[i].number))
			MT_TRY(keep_commands(shell, list.infos[i].number, &block));
	return NULL;
}

static const struct mt_verb verbs[] = {
	{ .name = "commands",
	  .run = commands,
	  .usage = "[N...]",
	  .summary = "what to do when breakpoint N is hit: the lines up to 'end'",
	  .help =
	      "'silent' as the first keeps the stop from being shown. The commands may let the\n"
	      "program go on with 'continue'; those behind it are then left out. As in\n"
	      "\n"
	      "  commands 1\n"
	      "    silent\n"
	      "    printf \"counter is %d\\n\", counter\n"
	      "    continue\n"
	      "  end",
	  .topic = MT_TOPIC_BREAKPOINTS,
	  .completes = MT_COMPLETE_BREAKPOINT,
	  .block = MT_BLOCK_COMMANDS },
	{ .name = "silent",
	  .run = silent,
	  .usage = "",
	  .summary = "first of a breakpoint's commands: the stop is not shown",
	  .topic = MT_TOPIC_BREAKPOINTS },
};

MT_VERB_LIST(mt_verbs_script, verbs);
