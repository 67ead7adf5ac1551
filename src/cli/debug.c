/* SPDX-License-Identifier: MIT */
/* `memtrap debug`: its command line. */
#include <argp.h>
#include <errno.h>
#include <limits.h>

#include "cli/command.h"
#include "cli/debug/text.h"
#include "cli/debugger.h"

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

static error_t add_early(struct mt_debugger_start *start, bool is_file, const char *text)
{
	struct mt_early early = { is_file, text };

	return mt_vec_push(&start->early, early) ? 0 : ENOMEM;
}

/* The program ends the options: what follows is its own. */
static error_t take_words(struct argp_state *state, struct mt_debugger_start *start)
{
	start->words = state->argv + state->next - 1;
	start->word_count = state->argc - state->next + 1;
	state->next = state->argc;
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct mt_debugger_start *start = state->input;

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

static struct mt_error *parse_command_line(int argc, char **argv, struct mt_debugger_start *start)
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

static int run_debug(int argc, char **argv)
{
	struct mt_debugger_start start = { .word_count = 0 };
	struct mt_error *error = parse_command_line(argc, argv, &start);
	int status = MT_EXIT_FAILED;

	if (error)
		mt_cli_complain(error, NULL);
	else
		status = mt_debugger_run(&start);
	mt_vec_deinit(&start.early);
	return status;
}

const struct mt_command mt_command_debug = {
	.name = "debug",
	.summary = "runs a program step by step, or looks at one that runs",
	.run = run_debug,
};
