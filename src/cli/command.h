/* SPDX-License-Identifier: MIT */
/*
 * Commands: one file each, found through the table in main.c. What they share stands there too.
 */
#ifndef MT_CLI_COMMAND_H
#define MT_CLI_COMMAND_H

#include "base/error.h"

/* Exit statuses of memtrap itself; a launched program's own status is passed on as it is. */
enum mt_exit {
	MT_EXIT_OK = 0,
	MT_EXIT_INCOMPLETE = 123, /* the watch saw less than it was asked to see */
	MT_EXIT_FAILED = 125,     /* memtrap failed: usage, no such variable, no permission … */
	MT_EXIT_CANNOT_RUN = 126, /* the program is there and cannot be executed */
	MT_EXIT_NO_PROGRAM = 127, /* there is no such program */
};

struct mt_command {
	const char *name;
	const char *summary;               /* one line */
	int (*run)(int argc, char **argv); /* argv[0] is the command's name */
};

extern const struct mt_command mt_command_watch;
extern const struct mt_command mt_command_debug;
extern const struct mt_command mt_command_doctor;

/* "memtrap: cannot …" to standard error, with a caret under the place in `source` (may be NULL).
 * Frees it. */
void mt_cli_complain(struct mt_error *error, const char *source);

#endif
