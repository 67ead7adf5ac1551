/* SPDX-License-Identifier: MIT */
/* The debugger, for the commands that open it. */
#ifndef MT_CLI_DEBUGGER_H
#define MT_CLI_DEBUGGER_H

#include "base/vec.h"
#include "cli/debug/shell.h"

/* -ex and -x, in their order. */
struct mt_early {
	bool is_file;
	const char *text;
};

/* What is done before the first prompt. */
struct mt_debugger_start {
	struct mt_shell_options options;
	bool no_init; /* the init file is not read */
	MT_VEC(struct mt_early) early;
	char *const *words; /* the program and what follows */
	int word_count;
	/* Where not NULL: called when the program is named, to take a process. */
	struct mt_error *(*begin)(struct mt_shell *shell, void *arg);
	void *arg;
};

/* Runs a session to its end; what fails is told. Returns the exit status. */
int mt_debugger_run(const struct mt_debugger_start *start);

#endif
