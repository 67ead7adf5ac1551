/* SPDX-License-Identifier: MIT */
#ifndef MT_CLI_WATCH_CORE_H
#define MT_CLI_WATCH_CORE_H

#include <sys/types.h>

#include "base/error.h"

/*
 * --then core: writes the process, which a hit has stopped and nobody traces, as a core file, and
 * lets it go on, also where that fails. `path` NULL: core.PID. *written is the file's name, owned
 * by the caller.
 */
struct mt_error *mt_watch_core(pid_t pid, const char *path, char **written);

#endif
