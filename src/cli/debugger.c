/* SPDX-License-Identifier: MIT */
/* The debugger's session from its start to its exit status. */
#include "cli/debugger.h"

#include <elf.h>
#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/debug/editor.h"
#include "cli/debug/formatters.h"
#include "cli/debug/paths.h"
#include "cli/debug/process.h"
#include "cli/debug/script.h"
#include "record/json_debug.h"

/* ---- What is debugged ------------------------------------------------------ */

static bool is_core(const char *path)
{
	int fd MT_AUTO_FD = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	Elf64_Ehdr head;

	return fd >= 0 && pread(fd, &head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
	       !memcmp(head.e_ident, ELFMAG, SELFMAG) && head.e_type == ET_CORE;
}

/* As `set args` would have them: read back word by word. */
static struct mt_error *keep_arguments(struct mt_shell *shell, char *const *words, int count)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };

	mt_buf_text(&text, "");
	for (int i = 0; i < count; i++) {
		if (i)
			mt_buf_char(&text, ' ');
		mt_text_quote(&text, words[i]);
	}
	shell->settings.args = mt_buf_take(&text);
	return shell->settings.args ? NULL : mt_error_nomem();
}

static struct mt_error *copy_setting(const char *text, char **place)
{
	if (!text)
		return NULL;
	*place = mt_strdup(text);
	return *place ? NULL : mt_error_nomem();
}

static struct mt_error *name_all(struct mt_shell *shell, const struct mt_debugger_start *start)
{
	struct mt_shell_options *options = &shell->options;

	MT_TRY(copy_setting(options->cwd, &shell->settings.cwd));
	MT_TRY(copy_setting(options->tty, &shell->settings.tty));
	if (start->word_count) {
		options->program = start->words[0];
		if (start->word_count == 2 && !options->args && is_core(start->words[1]))
			options->core = start->words[1];
		else
			MT_TRY(keep_arguments(shell, start->words + 1, start->word_count - 1));
		MT_TRY(mt_debug_file(shell->debug, options->program));
	}
	if (options->core)
		return mt_process_core(shell, options->core);
	if (options->pid)
		return mt_process_attach(shell, options->pid);
	return start->begin ? start->begin(shell, start->arg) : NULL;
}

/* ---- The session ----------------------------------------------------------- */

/* Each is a line; what follows `commands` or `if` is the lines up to `end` among them. */
static struct mt_error *list_early(const struct mt_debugger_start *start, struct mt_block *lines)
{
	for (size_t i = 0; i < start->early.len; i++) {
		const struct mt_early *early = &start->early.data[i];
		struct mt_buf text MT_AUTO_BUF = { 0 };
		char *line;

		mt_buf_printf(&text, "%s%s", early->is_file ? "source " : "", early->text);
		line = mt_buf_take(&text);
		if (!line || !mt_vec_push(&lines->lines, line)) {
			free(line);
			return mt_error_nomem();
		}
	}
	return NULL;
}

/* *well is false when one failed. */
static struct mt_error *do_early(struct mt_shell *shell, const struct mt_debugger_start *start,
                                 bool *well)
{
	struct mt_block block MT_CLEANUP(mt_block_deinit) = { 0 };
	struct mt_input input = { .block = &block };

	MT_TRY(list_early(start, &block));
	input.end = block.lines.len;
	while (input.next < input.end && !mt_shell_is_over(shell)) {
		struct mt_error *error = mt_shell_do_input(shell, &input);

		if (error) {
			mt_shell_complain(shell, error);
			*well = false;
		}
	}
	return NULL;
}

/* A person's own settings and commands: done before the program is named, as gdb does. */
static void do_init_file(struct mt_shell *shell)
{
	char *path MT_AUTO_FREE = mt_path_of_xdg("XDG_CONFIG_HOME", ".config", "init");
	struct mt_buf line MT_AUTO_BUF = { 0 };
	struct mt_error *error;

	if (!path || access(path, R_OK) < 0)
		return;
	mt_buf_printf(&line, "source %s", path);
	error = mt_buf_ok(&line) ? mt_shell_do(shell, line.data) : mt_error_nomem();
	if (error)
		mt_shell_complain(shell, error);
	mt_shell_flush(shell);
}

static struct mt_error *interact(struct mt_shell *shell)
{
	struct mt_input input = { .file = stdin };
	struct mt_editor *editor = NULL;

	if (isatty(STDIN_FILENO) && shell->terminal && !shell->options.json) {
		MT_TRY(mt_editor_create(shell, &editor));
		input.editor = editor;
	}
	shell->input = &input;
	mt_shell_interact(shell);
	shell->input = NULL;
	mt_editor_destroy(editor);
	return NULL;
}

static void greet(const struct mt_shell *shell)
{
	if (!shell->options.quiet)
		puts("memtrap debug " MT_VERSION "; 'help' helps, 'quit' ends.");
}

static int exit_status(const struct mt_shell *shell, bool well)
{
	if (mt_shell_end_signal())
		return 128 + mt_shell_end_signal();
	if (shell->quit_status >= 0)
		return shell->quit_status;
	if (shell->options.child_result && shell->exit_status >= 0)
		return shell->exit_status;
	return shell->options.batch && !well ? 1 : MT_EXIT_OK;
}

static struct mt_error *run_session(struct mt_shell *shell, const struct mt_debugger_start *start,
                                    int *status)
{
	bool well = true;
	struct mt_error *error;

	greet(shell);
	if (!start->no_init)
		do_init_file(shell);
	error = name_all(shell, start);
	if (error) {
		/* A person may go on from here; a script may not. */
		if (shell->options.batch)
			return error;
		mt_shell_complain(shell, error);
	}
	mt_shell_flush(shell);
	MT_TRY(do_early(shell, start, &well));
	if (!mt_shell_is_over(shell) && !shell->options.batch)
		MT_TRY(interact(shell));
	*status = exit_status(shell, well);
	return NULL;
}

static void shell_deinit(struct mt_shell *shell)
{
	mt_debug_destroy(shell->debug);
	mt_error_free(mt_shell_catch_failures(NULL));
	mt_values_deinit(&shell->values);
	mt_formatters_destroy(shell->formatters);
	mt_sources_deinit(&shell->sources);
	for (size_t i = 0; i < shell->displays.len; i++)
		free(shell->displays.data[i].expression);
	mt_vec_deinit(&shell->displays);
	mt_vec_deinit(&shell->expected);
	for (size_t i = 0; i < shell->scripts.len; i++)
		mt_script_deinit(&shell->scripts.data[i]);
	mt_vec_deinit(&shell->scripts);
	mt_settings_deinit(&shell->settings);
	mt_buf_deinit(&shell->out);
	free(shell->listing.path);
	free(shell->again);
	free(shell->blamed);
}

static struct mt_error *shell_init(struct mt_shell *shell)
{
	struct mt_debug_config config = { .notice = mt_shell_notice, .arg = shell };
	struct mt_debug_names names;
	struct mt_error *error;

	shell->quit_status = shell->exit_status = -1;
	shell->terminal = isatty(STDOUT_FILENO);
	MT_TRY(mt_settings_init(&shell->settings));
	mt_settings_apply(shell);
	MT_TRY(mt_debug_create(&config, &shell->debug));
	names = mt_values_names(shell);
	mt_debug_set_names(shell->debug, &names);
	error = mt_formatters_load(shell);
	if (error)
		mt_shell_complain(shell, error);
	MT_TRY(mt_shell_catch_failures(shell->debug));
	return mt_shell_catch_signals(shell);
}

static void say_end(const struct mt_shell *shell, int status)
{
	struct mt_buf line MT_AUTO_BUF = { 0 };

	if (!shell->options.json)
		return;
	mt_json_debug_end(&line, status);
	fputs(line.len ? line.data : "", stdout);
	fflush(stdout);
}

int mt_debugger_run(const struct mt_debugger_start *start)
{
	struct mt_shell shell = { .has_stop = false };
	int status = MT_EXIT_FAILED;
	struct mt_error *error;

	shell.options = start->options;
	setlocale(LC_CTYPE, ""); /* which characters the terminal shows */
	error = shell_init(&shell);
	if (!error)
		error = run_session(&shell, start, &status);
	if (error)
		mt_cli_complain(error, NULL);
	shell_deinit(&shell);
	say_end(&shell, status);
	return status;
}
