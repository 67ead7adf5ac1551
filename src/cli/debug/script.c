/* SPDX-License-Identifier: MIT */
/* Lines of commands that are kept: of breakpoints, and a person's own. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/breaks.h"

/* ---- Keeping --------------------------------------------------------------- */

static void script_deinit(struct mt_script *script)
{
	free(script->name);
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
	script_deinit(script);
	*script = shell->scripts.data[--shell->scripts.len];
}

const struct mt_block *mt_script_of_break(const struct mt_shell *shell, int number)
{
	const struct mt_script *script = find_script(shell, NULL, number);

	return script ? &script->block : NULL;
}

/* Takes `name` and the block over, whatever comes. */
static struct mt_error *keep_script(struct mt_shell *shell, char *name, int number,
                                    struct mt_block *block)
{
	struct mt_script made = { .name = name, .breakpoint = number, .block = *block };
	struct mt_script *old = find_script(shell, name, number);

	if (old) {
		script_deinit(old);
		*old = made;
		return NULL;
	}
	if (mt_vec_push(&shell->scripts, made))
		return NULL;
	script_deinit(&made);
	return mt_error_nomem();
}

/* ---- Doing ----------------------------------------------------------------- */

/* $argc and $arg0 … are replaced in the text: they may stand for parts of expressions. */
static char *with_arguments(const char *line, char *const *words, size_t count)
{
	struct mt_buf out MT_AUTO_BUF = { 0 };

	mt_buf_text(&out, "");
	while (*line) {
		unsigned long number;
		char *end;

		if (!strncmp(line, "$argc", 5)) {
			mt_buf_dec(&out, count);
			line += 5;
			continue;
		}
		if (strncmp(line, "$arg", 4) != 0 || line[4] < '0' || line[4] > '9') {
			mt_buf_char(&out, *line++);
			continue;
		}
		number = strtoul(line + 4, &end, 10);
		mt_buf_text(&out, number < count ? words[number] : "");
		line = end;
	}
	return mt_buf_take(&out);
}

/* The lines are copied: a script may define itself anew. */
static struct mt_error *copy_block(const struct mt_block *block, const struct mt_run_text *args,
                                   struct mt_block *copy)
{
	for (size_t i = 0; i < block->lines.len; i++) {
		char *line =
		    with_arguments(block->lines.data[i], args->words.data, args->words.len);

		if (!line || !mt_vec_push(&copy->lines, line)) {
			free(line);
			return mt_error_nomem();
		}
	}
	return NULL;
}

struct mt_error *mt_script_run(struct mt_shell *shell, const struct mt_block *block,
                               const char *args)
{
	struct mt_block copy MT_CLEANUP(mt_block_deinit) = { 0 };
	struct mt_run_text words MT_CLEANUP(mt_run_text_deinit) = { 0 };
	struct mt_input input = { .block = &copy };

	MT_TRY(mt_run_parse(args, &words));
	MT_TRY(copy_block(block, &words, &copy));
	return mt_shell_do_input(shell, &input);
}

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

/* They may let the program go on, to a stop with commands again. */
struct mt_error *mt_shell_after_stop(struct mt_shell *shell)
{
	while (shell->has_stop && !mt_shell_is_over(shell)) {
		struct mt_stop stop = shell->stop;

		shell->has_stop = false;
		for (size_t i = 0; i < stop.number_count; i++) {
			const struct mt_block *block = mt_script_of_break(shell, stop.numbers[i]);

			if (!block)
				continue;
			MT_TRY(mt_script_run(shell, block, ""));
			if (shell->has_stop)
				break; /* the stop that the others were for is past */
		}
	}
	return NULL;
}

static struct mt_error *silent(struct mt_shell *shell, const char *args)
{
	return mt_text_end(args, "silent"); /* it has done its work at the stop */
}

/* ---- commands, define ------------------------------------------------------ */

static struct mt_error *last_number(struct mt_shell *shell, struct mt_number_list *numbers)
{
	struct mt_number_range range;
	int64_t number;

	MT_TRY(mt_error_context(mt_eval_integer(shell, "$bpnum", &number),
	                        "there is no breakpoint to have commands"));
	range = (struct mt_number_range){ (int)number, (int)number };
	return mt_vec_push(&numbers->ranges, range) ? NULL : mt_error_nomem();
}

static struct mt_error *commands(struct mt_shell *shell, const char *args)
{
	struct mt_break_list list MT_CLEANUP(mt_break_list_deinit) = { 0 };
	struct mt_number_list numbers MT_CLEANUP(mt_number_list_deinit) = { 0 };
	struct mt_block block MT_CLEANUP(mt_block_deinit) = { 0 };
	struct mt_run_text none = { 0 };

	MT_TRY(*args ? mt_text_numbers(args, "commands", &numbers) : last_number(shell, &numbers));
	if (shell->input && shell->input->editor)
		mt_say(shell, "Type commands for when it is hit, one a line; 'end' ends them.\n");
	mt_shell_flush(shell);
	MT_TRY(mt_shell_read_block(shell, &block));
	MT_TRY(mt_breaks_list(shell, &list));
	if (!mt_break_list_find(&list, numbers.ranges.data[0].first))
		return mt_error_new(MT_ERR_NOT_FOUND, "there is no breakpoint %d",
		                    numbers.ranges.data[0].first);
	for (size_t i = 0; i < list.count; i++) {
		struct mt_block copy = { 0 };
		struct mt_error *error;

		if (!mt_number_list_has(&numbers, list.infos[i].number))
			continue;
		error = copy_block(&block, &none, &copy);
		if (error) {
			mt_block_deinit(&copy);
			return error;
		}
		MT_TRY(keep_script(shell, NULL, list.infos[i].number, &copy));
	}
	return NULL;
}

static struct mt_error *define(struct mt_shell *shell, const char *args)
{
	size_t len =
	    strspn(args, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
	char *name = mt_strndup(args, len);
	struct mt_block block = { 0 };
	struct mt_error *error;

	if (!name)
		return mt_error_nomem();
	if (!len || args[len]) {
		free(name);
		return mt_error_new(MT_ERR_USAGE,
		                    "define takes a name of letters, digits, - and _, not '%.60s'",
		                    args);
	}
	if (shell->input && shell->input->editor)
		mt_say(shell, "Type the commands of '%s', one a line; 'end' ends them.\n", name);
	mt_shell_flush(shell);
	error = mt_shell_read_block(shell, &block);
	if (error) {
		free(name);
		return error;
	}
	return keep_script(shell, name, 0, &block);
}

static struct mt_error *show_user(struct mt_shell *shell, const char *args)
{
	bool any = false;

	for (size_t i = 0; i < shell->scripts.len; i++) {
		const struct mt_script *script = &shell->scripts.data[i];

		if (!script->name || (*args && strcmp(args, script->name) != 0))
			continue;
		any = true;
		mt_say(shell, "User command \"%s\":\n", script->name);
		for (size_t j = 0; j < script->block.lines.len; j++)
			mt_say(shell, "  %s\n", mt_text_skip(script->block.lines.data[j]));
	}
	if (!any && *args)
		return mt_error_new(MT_ERR_NOT_FOUND, "no command '%.60s' was defined", args);
	return NULL;
}

/* ---- source, shell --------------------------------------------------------- */

static struct mt_error *source(struct mt_shell *shell, const char *args)
{
	char *path MT_AUTO_FREE = mt_text_trimmed(args);
	FILE *file MT_AUTO_FILE = NULL;
	struct mt_input input = { 0 };

	if (!path)
		return mt_error_nomem();
	if (!*path)
		return mt_error_new(MT_ERR_USAGE, "source takes a file of commands");
	file = fopen(path, "re");
	if (!file)
		return mt_error_sys(errno, "cannot read %s", path);
	input.file = file;
	return mt_error_context(mt_shell_do_input(shell, &input), "in %s", path);
}

static struct mt_error *run_shell(struct mt_shell *shell, const char *args)
{
	const char *program = getenv("SHELL");
	int status;
	pid_t pid;

	if (!program || !*program)
		program = "/bin/sh";
	mt_shell_flush(shell);
	pid = fork();
	if (pid < 0)
		return mt_error_sys(errno, "cannot start %s", program);
	if (!pid) {
		if (*args)
			execl(program, program, "-c", args, (char *)NULL);
		else
			execl(program, program, (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return mt_error_sys(errno, "cannot wait for %s", program);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127 && access(program, X_OK) < 0)
		return mt_error_sys(errno, "cannot run %s", program);
	return NULL;
}

static const struct mt_verb verbs[] = {
	{ .name = "commands",
	  .run = commands,
	  .usage = "[N...]",
	  .summary = "what to do when breakpoint N is hit: the lines up to 'end'",
	  .help =
	      "'silent' as the first keeps the stop from being shown. The commands may let the\n"
	      "program go on with 'continue'.",
	  .topic = MT_TOPIC_BREAKPOINTS,
	  .completes = MT_COMPLETE_BREAKPOINT },
	{ .name = "silent",
	  .run = silent,
	  .usage = "",
	  .summary = "first of a breakpoint's commands: the stop is not shown",
	  .topic = MT_TOPIC_BREAKPOINTS },
	{ .name = "define",
	  .run = define,
	  .usage = "NAME",
	  .summary = "makes a command of your own: the lines up to 'end'",
	  .help = "$arg0, $arg1 ... stand for its arguments, $argc for how many there are.",
	  .topic = MT_TOPIC_SCRIPTS },
	{ .name = "show user",
	  .run = show_user,
	  .usage = "[NAME]",
	  .summary = "the commands that 'define' has made",
	  .topic = MT_TOPIC_SCRIPTS },
	{ .name = "source",
	  .run = source,
	  .usage = "FILE",
	  .summary = "does the commands of a file; ends at the first that fails",
	  .topic = MT_TOPIC_SCRIPTS,
	  .completes = MT_COMPLETE_FILE },
	{ .name = "shell",
	  .aliases = "!",
	  .run = run_shell,
	  .usage = "[COMMAND]",
	  .summary = "does a command of the system's shell, or starts one",
	  .topic = MT_TOPIC_SCRIPTS,
	  .completes = MT_COMPLETE_FILE },
};

MT_VERB_LIST(mt_verbs_script, verbs);
