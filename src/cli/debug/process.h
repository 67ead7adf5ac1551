/* SPDX-License-Identifier: MIT */
/* What the command line of `memtrap debug` does before the first prompt. */
#ifndef MT_CLI_DEBUG_PROCESS_H
#define MT_CLI_DEBUG_PROCESS_H

#include <sys/types.h>

#include "base/error.h"

struct mt_shell;

/* Takes the process, and shows where it was. */
struct mt_error *mt_process_attach(struct mt_shell *shell, pid_t pid);

/* Opens the core file, and shows where the program was. */
struct mt_error *mt_process_core(struct mt_shell *shell, const char *path);

#endif
