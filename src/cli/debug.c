/* SPDX-License-Identifier: MIT */
/* `memtrap debug`: its command line, and the session from its start to its exit status. */
#include <argp.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
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

enum long_option {
	OPTION_EX = 0x100,

	OPTION_BATCH,
	OPTION_JSON,
	OPTION_ARGS,
	OPTION_CD,
	OPTION_TTY,
	OPTION_CHILD_RESULT,
};

static const struct argp_option option_table[] = {
	{ "pid", 'p', "PID", 0, "take a process that runs already", 1 },
	{ "args", OPTION_ARGS, NULL, 0, "what follows is the program and its arguments", 1 },
	{ "core", 'c', "FILE", 0, "look at a core file", 1 },
	{ "cd", OPTION_CD, "FOLDER", 0, "where the program is started", 1 },
	{ "tty", OPTION_TTY, "TERMINAL", 0, "the program's terminal", 1 },
	{ NULL, 0, NULL, 0, "Commands, done in the order given:", 2 },
	{ "command", 'x', "FILE", 0, "do the commands of FILE", 2 },
	{ "ex", OPTION_EX, "COMMAND", 0, "do COMMAND", 2 },
	{ "eval-command", OPTION_EX, "COMMAND", OPTION_ALIAS, NULL, 2 },
	{ "nx", 'n', NULL, 0, "do not read the init file, ~/.config/memtrap/init", 2 },
	{ "batch", OPTION_BATCH, NULL, 0, "do these commands, ask nothing, and end", 2 },
	{ "return-child-result", OPTION_CHILD_RESULT, NULL, 0, "the exit status is the program's",
	  2 },
	{ NULL, 0, NULL, 0, "Output:", 3 },
	{ "json", OPTION_JSON, NULL, 0, "one JSON object a line", 3 },
	{ "quiet", 'q', NULL, 0, "no greeting", 3 },
	{ 0 },
};

static const char documentation[] =
    "Runs a program step by step, and shows what it does: breakpoints, stepping, stacks, memory."
    "\vLong options may begin with one '-' as in gdb: -batch -ex 'break main' -ex run. Inside, "
    "'help tour' shows a first session.\n\n"
    "Exit status: 0; with --batch 1 when a command failed; with --return-child-result the "
    "program's own. 125: memtrap failed.\n\n"
    "Examples:\n"
    "  memtrap debug ./server --port 8080\n"
    "  memtrap debug -p 4242\n"
    "  memtrap debug ./server core\n"
    "  memtrap debug -batch -ex 'break cache.c:57' -ex run -ex bt ./server\n";

/* -ex and -x, in their order. */
struct early {
	bool is_file;
	const char *text;
};

struct start {
	struct mt_shell_options options;
	bool no_init;
	MT_VEC(struct early) early;
	char **words; /* the program and what follows */
	int word_count;
};

/* ---- The command line ------------------------------------------------------ */

static pid_t parse_pid(struct argp_state *state, const char *text)
{
	const char *at = text;
	uint64_t pid;
	struct mt_error *error = mt_text_number(&at, "-p", INT_MAX, &pid);

	if (error || *at || !pid)
		argp_error(state, "-p takes the number of a process, not '%s'", text);
	mt_error_free(error);
	return (pid_t)pid;
}

static error_t add_early(struct start *start, bool is_file, const char *text)
{
	struct early early = { is_file, text };

	return mt_vec_push(&start->early, early) ? 0 : ENOMEM;
}

/* The program ends the options: what follows is its own. */
static error_t take_words(struct argp_state *state, struct start *start)
{
	start->words = state->argv + state->next - 1;
	start->word_count = state->argc - state->next + 1;
	state->next = state->argc;
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct start *start = state->input;

	switch (key) {
	case 'p':
		start->options.pid = parse_pid(state, arg);
		return 0;
	case 'c':
		start->options.core = arg;
		return 0;
	case 'x':
		return add_early(start, true, arg);
	case 'n':
		start->no_init = true;
		return 0;
	case 'q':
		start->options.quiet = true;
		return 0;
	case OPTION_EX:
		return add_early(start, false, arg);
	case OPTION_BATCH:
		start->options.batch = start->options.quiet = true;
		return 0;
	case OPTION_JSON:
		start->options.json = start->options.quiet = true;
		return 0;
	case OPTION_ARGS:
		start->options.args = true;
		return 0;
	case OPTION_CD:
		start->options.cwd = arg;
		return 0;
	case OPTION_TTY:
		start->options.tty = arg;
		return 0;
	case OPTION_CHILD_RESULT:
		start->options.child_result = true;
		return 0;
	case ARGP_KEY_ARG:
		return take_words(state, start);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static struct mt_error *parse_command_line(int argc, char **argv, struct start *start)
{
	static const struct argp argp = {
		.options = option_table,
		.parser = parse_option,
		.args_doc = "[PROGRAM [CORE | ARGUMENT...]]",
		.doc = documentation,
	};
	static char name[] = "memtrap debug"; /* argp shows it in usage and errors */
	error_t err;

	argv[0] = name;
	argp_err_exit_status = MT_EXIT_FAILED;
	err = argp_parse(&argp, argc, argv, ARGP_IN_ORDER | ARGP_LONG_ONLY, NULL, start);
	return err ? mt_error_sys(err, "cannot read the command line") : NULL;
}

/* ---- What is debugged ------------------------------------------------------ */

static bool is_core(const char *path)
{
	int fd MT_AUTO_FD = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	Elf64_Ehdr head;

	return fd >= 0 && pread(fd, &head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
	       !memcmp(head.e_ident, ELFMAG, SELFMAG) && head.e_type == ET_CORE;
}

/* As `set args` would have them: read back word by word. */
static struct mt_error *keep_arguments(struct mt_shell *shell, char **words, int count)
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

static struct mt_error *name_all(struct mt_shell *shell, const struct start *start)
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
	return NULL;
}

/* ---- The session ----------------------------------------------------------- */

/* Each is a line; what follows `commands` or `if` is the lines up to `end` among them. */
static struct mt_error *list_early(const struct start *start, struct mt_block *lines)
{
	for (size_t i = 0; i < start->early.len; i++) {
		const struct early *early = &start->early.data[i];
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
static struct mt_error *do_early(struct mt_shell *shell, const struct start *start, bool *well)
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

static struct mt_error *run_session(struct mt_shell *shell, const struct start *start, int *status)
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

static int run_debug(int argc, char **argv)
{
	struct start start = { .word_count = 0 };
	struct mt_shell shell = { .has_stop = false };
	int status = MT_EXIT_FAILED;
	struct mt_error *error = parse_command_line(argc, argv, &start);

	shell.options = start.options;
	setlocale(LC_CTYPE, ""); /* which characters the terminal shows */
	if (!error)
		error = shell_init(&shell);
	if (!error)
		error = run_session(&shell, &start, &status);
	if (error)
		mt_cli_complain(error, NULL);
	shell_deinit(&shell);
	say_end(&shell, status);
	mt_vec_deinit(&start.early);
	return status;
}

const struct mt_command mt_command_debug = {
	.name = "debug",
	.summary = "runs a program step by step, or looks at one that runs",
	.run = run_debug,
};
