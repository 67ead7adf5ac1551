/* SPDX-License-Identifier: MIT */
#include "target/libraries.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"

void mt_libraries_deinit(struct mt_libraries *libraries)
{
	for (size_t i = 0; i < libraries->paths.len; i++)
		free(libraries->paths.data[i]);
	mt_vec_deinit(&libraries->paths);
}

/* Starts "INTERPRETER --list PROGRAM" with its output going to `output`. */
static int spawn_list(const char *interpreter, const char *program, int output, pid_t *pid)
{
	/* execve(2) does not write to its arguments. */
	char *const argv[] = { (char *)(uintptr_t)interpreter, (char[]){ "--list" },
		               (char *)(uintptr_t)program, NULL };
	posix_spawn_file_actions_t actions;
	int err = posix_spawn_file_actions_init(&actions);

	if (err)
		return err;
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	err = posix_spawn(pid, interpreter, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return err;
}

static void read_to_end(int fd, struct mt_buf *text)
{
	char bytes[4096];
	ssize_t got;

	while ((got = read(fd, bytes, sizeof(bytes))) > 0 || (got < 0 && errno == EINTR))
		if (got > 0)
			mt_buf_bytes(text, bytes, (size_t)got);
}

/*
 * "\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f…)", or without the arrow where the name
 * is a path: the path, cut out of the line, or NULL.
 */
static char *path_of_line(char *line)
{
	static const char arrow[] = " => ";
	char *found = strstr(line, arrow);
	char *path = found ? found + strlen(arrow) : line + strspn(line, "\t ");
	char *end = NULL;

	if (*path != '/')
		return NULL;
	for (char *next = path; (next = strstr(next, " (0x")); next++)
		end = next;
	if (!end)
		return NULL;
	*end = '\0';
	return path;
}

static struct mt_error *add_lines(char *text, struct mt_libraries *libraries)
{
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n"))) {
		char *found = path_of_line(line);
		char *path = found ? mt_strdup(found) : NULL;

		if (!found)
			continue;
		if (!path || !mt_vec_push(&libraries->paths, path)) {
			free(path);
			return mt_error_nomem();
		}
	}
	return NULL;
}

struct mt_error *mt_libraries_list(const char *interpreter, const char *program,
                                   struct mt_libraries *libraries)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return mt_error_sys(errno, "cannot ask %s for libraries", interpreter);

	int input MT_AUTO_FD = ends[0];
	int err = spawn_list(interpreter, program, ends[1], &pid);

	close(ends[1]);
	if (err)
		return mt_error_sys(err, "cannot ask %s for libraries", interpreter);
	read_to_end(input, &text);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (!mt_buf_ok(&text))
		return mt_error_nomem();
	return text.data ? add_lines(text.data, libraries) : NULL;
}
