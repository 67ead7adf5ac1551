/* SPDX-License-Identifier: MIT */
/* Runs a program of symbol-data/ and keeps what it tells about itself: see symbol-data/truth.h. */
#ifndef MT_TESTS_FIXTURE_PROGRAM_H
#define MT_TESTS_FIXTURE_PROGRAM_H

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "symbol/image.h"
#include "unit.h"

enum { TRUTH_PARTS = 8 };

struct fixture {
	const char *name;
	pid_t pid;
	int input; /* ends the program when it is closed */
	struct mt_buf truth;
	struct mt_image *image;
};

/* One fact: its parts, the first being its kind. */
struct truth {
	char *parts[TRUTH_PARTS];
	size_t count;
};

static inline void fixture_path(const char *name, char path[PATH_MAX])
{
	char self[PATH_MAX] = { 0 };

	ck_assert_int_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
	snprintf(path, PATH_MAX, "%.2000s/symbol-data/%s", dirname(self), name);
}

static inline void fixture_run(const char *path, int input, int output)
{
	dup2(input, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	closefrom(STDERR_FILENO + 1);
	execl(path, path, (char *)NULL);
	_exit(127);
}

/* Up to the line "ready". */
static inline void fixture_read_truth(struct fixture *fixture, int output)
{
	FILE *stream = fdopen(output, "r");
	char line[1024];

	while (fgets(line, sizeof(line), stream) && strcmp(line, "ready\n") != 0)
		mt_buf_text(&fixture->truth, line);
	fclose(stream);
	ck_assert_msg(fixture->truth.len > 0, "%s: told nothing", fixture->name);
}

/* False when the compiler for it was not there when the tests were built; gcc always is. */
static inline bool fixture_start(struct fixture *fixture, const char *name)
{
	char path[PATH_MAX];
	int input[2], output[2];

	*fixture = (struct fixture){ .name = name };
	fixture_path(name, path);
	if (access(path, X_OK) != 0) {
		ck_assert_msg(strncmp(name, "gcc", 3) != 0, "%s was not built", path);
		return false;
	}
	ck_assert_int_eq(pipe(input), 0);
	ck_assert_int_eq(pipe(output), 0);
	fixture->pid = fork();
	if (!fixture->pid)
		fixture_run(path, input[0], output[1]);
	close(input[0]);
	close(output[1]);
	fixture->input = input[1];
	fixture_read_truth(fixture, output[0]);
	MT_CK_OK(mt_image_create(fixture->pid, &fixture->image));
	return true;
}

static inline void fixture_stop(struct fixture *fixture)
{
	mt_image_destroy(fixture->image);
	mt_buf_deinit(&fixture->truth);
	close(fixture->input);
	waitpid(fixture->pid, NULL, 0);
}

/* Calls `check` with every fact of that kind, of which there must be `least`. */
static inline void fixture_each(struct fixture *fixture, const char *kind, size_t least,
                                void (*check)(struct fixture *fixture, const struct truth *truth))
{
	char *copy = strdup(fixture->truth.data), *rest = copy, *line;
	size_t found = 0;

	while ((line = strsep(&rest, "\n"))) {
		struct truth truth = { .count = 0 };
		char *part;

		while (truth.count < TRUTH_PARTS && (part = strsep(&line, "\t")))
			truth.parts[truth.count++] = part;
		if (strcmp(truth.parts[0], kind) != 0)
			continue;
		check(fixture, &truth);
		found++;
	}
	free(copy);
	ck_assert_msg(found >= least, "%s tells only %zu times of \"%s\"", fixture->name, found,
	              kind);
}

#endif
