/* SPDX-License-Identifier: MIT */
/*
 * `memtrap watch --in-process`: the program is not watched from outside, but traps its own memory
 * with libmemtrap, which it is made to preload, and a handler of the user's is called at each hit.
 */
#ifndef MT_CLI_IN_PROCESS_H
#define MT_CLI_IN_PROCESS_H

#include "cli/watch_options.h"
#include "x86/machine.h"

/*
 * Becomes the program (execve(2)); returns only with an error, before anything has run. The
 * expressions are resolved in the program's file and those of its libraries: what can only be known
 * while it runs is an error.
 */
struct mt_error *mt_in_process_run(const struct mt_watch_options *options);

/*
 * The shared library for programs of that machine: $MEMTRAP_LIBRARY; else beside memtrap, as in a
 * build directory; else where it is installed. Owned by the caller. MT_ERR_NOT_FOUND names where it
 * was looked for.
 */
struct mt_error *mt_in_process_library(enum mt_machine machine, char **path);

#endif
