/* SPDX-License-Identifier: MIT */
/* What is outside of the session: files of commands, other programs, the working folder. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/paths.h"
#include "cli/debug/shell.h"

/* ---- Files of commands ----------------------------------------------------- */

static struct mt_error *source(struct mt_shell *shell, const char *args)
{
	char *path MT_AUTO_FREE = NULL;
	FILE *file MT_AUTO_FILE = NULL;
	struct mt_input input = { 0 };

	if (!*args)
		return mt_error_new(MT_ERR_USAGE, "source takes a file of commands");
	path = mt_path_of_person(args);
	if (!path)
		return mt_error_nomem();
	file = fopen(path, "re");
	if (!file)
		return mt_error_sys(errno, "cannot read %s", path);
	input.file = file;
	return mt_error_context(mt_shell_do_input(shell, &input), "in %s", path);
}

/* ---- Other programs -------------------------------------------------------- */

static struct mt_error *start_shell(const char *command, pid_t *child)
{
	const char *program = getenv("SHELL");
	pid_t pid;

	if (!program || !*program)
		program = "/bin/sh";
	if (access(program, X_OK) < 0)
		return mt_error_sys(errno, "cannot run %s", program);
	pid = fork();
	if (pid < 0)
		return mt_error_sys(errno, "cannot start %s", program);
	if (!pid) {
		if (*command)
			execl(program, program, "-c", command, (char *)NULL);
		else
			execl(program, program, (char *)NULL);
		_exit(127);
	}
	*child = pid;
	return NULL;
}

/* Its status is left in $_shell_exitcode, as in gdb. */
static struct mt_error *wait_for_shell(struct mt_shell *shell, pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return mt_error_sys(errno, "cannot wait for process %d", (int)child);
	return mt_values_set_integer(shell, "_shell_exitcode",
	                             WIFEXITED(status) ? WEXITSTATUS(status)
	                                               : 128 + WTERMSIG(status));
}

static struct mt_error *run_shell(struct mt_shell *shell, const char *args)
{
	pid_t child;

	mt_shell_flush(shell);
	mt_debug_rest(shell->debug);
	MT_TRY(start_shell(args, &child));
	return wait_for_shell(shell, child);
}

static struct mt_error *make(struct mt_shell *shell, const char *args)
{
	struct mt_buf command MT_AUTO_BUF = { 0 };

	mt_buf_printf(&command, "make %s", args);
	return mt_buf_ok(&command) ? run_shell(shell, command.data) : mt_error_nomem();
}

/* ---- pipe ------------------------------------------------------------------ */

/* A descriptor with another in its place for a while. */
struct redirected {
	int fd, saved;
};

static bool redirect(struct redirected *redirected, int fd, int to)
{
	redirected->fd = fd;
	redirected->saved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return redirected->saved >= 0 && dup2(to, fd) >= 0;
}

static void put_back(const struct redirected *redirected)
{
	if (redirected->saved < 0)
		return;
	dup2(redirected->saved, redirected->fd);
	close(redirected->saved);
}

/* What the command says goes to `fd` instead: no terminal, so no colours. */
static struct mt_error *do_into(struct mt_shell *shell, const char *command, int fd)
{
	bool terminal = shell->terminal, colour = shell->colour;
	struct redirected out;
	struct mt_error *error;

	if (redirect(&out, STDOUT_FILENO, fd)) {
		shell->terminal = shell->colour = false;
		error = mt_shell_do(shell, command);
		mt_shell_flush(shell);
		shell->terminal = terminal;
		shell->colour = colour;
	} else {
		error = mt_error_sys(errno, "cannot redirect the output of '%.60s'", command);
	}
	put_back(&out);
	return error;
}

static struct mt_error *pipe_parsed(struct mt_shell *shell, const char *command,
                                    const char *program)
{
	struct redirected in;
	struct mt_error *error, *failed;
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return mt_error_sys(errno, "cannot make a pipe");
	mt_shell_flush(shell);
	error = redirect(&in, STDIN_FILENO, ends[0])
	            ? start_shell(program, &child)
	            : mt_error_sys(errno, "cannot make a pipe to '%.60s'", program);
	put_back(&in);
	close(ends[0]);
	if (error) {
		close(ends[1]);
		return error;
	}
	error = do_into(shell, command, ends[1]);
	close(ends[1]);
	failed = wait_for_shell(shell, child);
	if (!error)
		return failed;
	mt_error_free(failed);
	return error;
}

static struct mt_error *pipe_command(struct mt_shell *shell, const char *args)
{
	const char *bar = mt_text_outside(args, '|');
	char *command MT_AUTO_FREE = NULL;

	if (!bar || bar == args || !*mt_text_skip(bar + 1))
		return mt_error_new(MT_ERR_USAGE, "pipe takes COMMAND | PROGRAM, as in: pipe info "
		                                  "functions | grep open");
	command = mt_strndup(args, (size_t)(bar - args));
	return command ? pipe_parsed(shell, command, mt_text_skip(bar + 1)) : mt_error_nomem();
}

/* ---- The working folder ---------------------------------------------------- */

static struct mt_error *pwd(struct mt_shell *shell, const char *args)
{
	char *folder MT_AUTO_FREE = NULL;

	MT_TRY(mt_text_end(args, "pwd"));
	folder = getcwd(NULL, 0);
	if (!folder)
		return mt_error_sys(errno, "cannot tell the working folder");
	mt_say(shell, "Working directory %s.\n", folder);
	return NULL;
}

static struct mt_error *change_folder(struct mt_shell *shell, const char *args)
{
	char *folder MT_AUTO_FREE = mt_path_of_person(*args ? args : "~");

	if (!folder)
		return mt_error_nomem();
	if (chdir(folder) < 0)
		return mt_error_sys(errno, "cannot go to %s", folder);
	return pwd(shell, "");
}

static const struct mt_verb verbs[] = {
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
	  .help = "$_shell_exitcode is its exit status.",
	  .topic = MT_TOPIC_SCRIPTS,
	  .completes = MT_COMPLETE_FILE },
	{ .name = "make",
	  .run = make,
	  .usage = "[ARGUMENT...]",
	  .summary = "does 'make' in the working folder",
	  .help = "The next 'run' takes what it has made.",
	  .topic = MT_TOPIC_SCRIPTS,
	  .completes = MT_COMPLETE_FILE },
	{ .name = "pipe",
	  .aliases = "|",
	  .run = pipe_command,
	  .usage = "COMMAND | PROGRAM",
	  .summary = "hands what a command says to a command of the system's shell",
	  .help = "As in\n"
	          "\n"
	          "  pipe info functions | grep open\n"
	          "  | backtrace | less",
	  .topic = MT_TOPIC_SCRIPTS,
	  .completes = MT_COMPLETE_COMMAND },
	{ .name = "pwd",
	  .run = pwd,
	  .usage = "",
	  .summary = "the working folder: where 'source', 'dump' and 'file' look for files",
	  .topic = MT_TOPIC_STATUS },
	{ .name = "cd",
	  .run = change_folder,
	  .usage = "[FOLDER]",
	  .summary = "changes the working folder; programs are started there, without 'set cwd'",
	  .topic = MT_TOPIC_STATUS,
	  .completes = MT_COMPLETE_FILE },
};

MT_VERB_LIST(mt_verbs_outside, verbs);
