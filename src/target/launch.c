/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "target/ptrace.h"
#include "target/tracee.h"

#define PERSONALITY_QUERY 0xffffffff

/* ---- Finding the program ------------------------------------------------- */

static struct mt_error *cannot_run(int err, const char *program)
{
	return mt_error_new(err == ENOENT ? MT_ERR_NO_PROGRAM : MT_ERR_CANNOT_RUN,
	                    "cannot run %s: %s", program, strerror(err));
}

/* The candidate for `name` in one folder of PATH; an empty folder is the current one. */
static char *join_path(const char *folder, size_t len, const char *name)
{
	char *path = NULL;

	if (asprintf(&path, "%.*s%s%s", (int)len, folder, len ? "/" : "./", name) < 0)
		return NULL;
	return path;
}

static bool is_program(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

static struct mt_error *find_in_path(const char *name, char **path)
{
	const char *folders = getenv("PATH");

	for (const char *at = folders ? folders : "/bin:/usr/bin"; at;) {
		const char *end = strchrnul(at, ':');
		char *candidate = join_path(at, (size_t)(end - at), name);

		if (!candidate)
			return mt_error_nomem();
		if (is_program(candidate)) {
			*path = candidate;
			return NULL;
		}
		free(candidate);
		at = *end ? end + 1 : NULL;
	}
	return cannot_run(ENOENT, name);
}

struct mt_error *mt_program_find(const char *name, char **path)
{
	char *copy;

	if (!strchr(name, '/'))
		return find_in_path(name, path);
	if (access(name, X_OK) < 0)
		return cannot_run(errno, name);
	copy = mt_strdup(name);
	if (!copy)
		return mt_error_nomem();
	*path = copy;
	return NULL;
}

/* ---- The child's half ---------------------------------------------------- */

/* What of the request failed in the child; `file` says which. */
struct failure {
	int err;          /* 0: nothing, the program runs */
	const char *file; /* of the request, so that it means the same in the parent */
};

static bool redirect(const char *path, int flags, int stream)
{
	int fd = open(path, flags, 0666);

	if (fd < 0)
		return false;
	dup2(fd, stream);
	if (fd != stream)
		close(fd);
	return true;
}

static const char *open_terminal(const char *path)
{
	setsid();

	int fd = open(path, O_RDWR);

	if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) < 0)
		return path;
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
	return NULL;
}

/* Returns the file that could not be opened, or NULL. */
static const char *set_up(const struct mt_launch *launch)
{
	int flags = O_WRONLY | O_CREAT | (launch->append ? O_APPEND : O_TRUNC);

	if (launch->cwd && chdir(launch->cwd) < 0)
		return launch->cwd;
	if (launch->own_group && !launch->tty)
		setpgid(0, 0);
	if (launch->tty && open_terminal(launch->tty))
		return launch->tty;
	if (launch->in && !redirect(launch->in, O_RDONLY, STDIN_FILENO))
		return launch->in;
	if (launch->out && !redirect(launch->out, flags, STDOUT_FILENO))
		return launch->out;
	if (launch->err && !redirect(launch->err, flags, STDERR_FILENO))
		return launch->err;
	return NULL;
}

static _Noreturn void give_up(const char *file, int report)
{
	struct failure failure = { .err = errno, .file = file };
	ssize_t told = write(report, &failure, sizeof(failure));

	_exit(told == sizeof(failure) ? 127 : 126);
}

/* Waits until it is seized, then becomes the program. */
static _Noreturn void run_program(const struct mt_launch *launch, int go, int report)
{
	const char *failed;
	char byte;

	while (read(go, &byte, 1) < 0 && errno == EINTR)
		;
	failed = set_up(launch);
	if (failed)
		give_up(failed, report);
	if (launch->fixed_addresses)
		personality((unsigned long)personality(PERSONALITY_QUERY) | ADDR_NO_RANDOMIZE);
	setrlimit(RLIMIT_NOFILE, &launch->open_files);
	sigprocmask(SIG_SETMASK, &launch->signal_mask, NULL);
	execve(launch->path, launch->argv, launch->env ? launch->env : environ);
	give_up(launch->path, report);
}

/* ---- Ours ---------------------------------------------------------------- */

/* What the child says it failed at. */
static struct mt_error *child_error(const struct mt_launch *launch, int report)
{
	struct failure failure;

	if (read(report, &failure, sizeof(failure)) != sizeof(failure))
		return cannot_run(ECHILD, launch->argv[0]);
	if (failure.file == launch->path)
		return cannot_run(failure.err, launch->argv[0]);
	return mt_error_sys(failure.err, "cannot open %s", failure.file);
}

/* Lets the seized child exec and waits for its exec stop. */
static struct mt_error *wait_for_exec(const struct mt_launch *launch, pid_t pid, int report)
{
	int status;

	for (;;) {
		if (waitpid(pid, &status, __WALL) < 0) {
			if (errno == EINTR)
				continue;
			return mt_error_sys(errno, "cannot wait for %s", launch->argv[0]);
		}

		struct mt_event event = mt_event_decode(pid, status);

		if (event.kind == MT_EVENT_EXEC)
			return NULL;
		if (mt_event_is_end(&event))
			return child_error(launch, report);
		mt_tracee_resume(pid, event.kind == MT_EVENT_SIGNAL ? event.signal : 0);
	}
}

struct mt_error *mt_tracee_launch(const struct mt_launch *launch, unsigned flags, pid_t *pid)
{
	int go[2], report[2];

	if (pipe2(go, O_CLOEXEC) < 0)
		return mt_error_sys(errno, "cannot create a pipe");

	int go_read MT_AUTO_FD = go[0], go_write MT_AUTO_FD = go[1];

	if (pipe2(report, O_CLOEXEC) < 0)
		return mt_error_sys(errno, "cannot create a pipe");

	int report_read MT_AUTO_FD = report[0], report_write MT_AUTO_FD = report[1];
	pid_t child = fork();

	if (child < 0)
		return mt_error_sys(errno, "cannot fork");
	if (child == 0) {
		close(go_write); /* else the end of file would never come */
		run_program(launch, go_read, report_write);
	}

	close(mt_take_fd(&report_write));
	if (ptrace(PTRACE_SEIZE, child, NULL,
	           mt_ptrace_number(mt_ptrace_options(flags | MT_TRACE_EXEC))) < 0) {
		int err = errno;

		kill(child, SIGKILL);
		waitpid(child, NULL, __WALL);
		return mt_error_sys(err, "cannot trace %s", launch->argv[0]);
	}
	close(mt_take_fd(&go_write)); /* end of file is the signal to go */
	MT_TRY(wait_for_exec(launch, child, report_read));
	*pid = child;
	return NULL;
}
