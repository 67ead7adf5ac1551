/* SPDX-License-Identifier: MIT */
#include "cli/watch_core.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "engine/debug.h"

MT_DEFINE_CLEANUP(mt_debug, struct mt_debug, mt_debug_destroy)

/* The session lets the process go when it ends, as stopped as it was. */
static struct mt_error *write_core(pid_t pid, const char *path)
{
	static const struct mt_debug_config config;
	struct mt_debug *debug MT_CLEANUP(mt_debug_cleanup) = NULL;

	MT_TRY(mt_debug_create(&config, &debug));
	MT_TRY(mt_debug_attach(debug, pid));
	return mt_debug_write_core(debug, path);
}

struct mt_error *mt_watch_core(pid_t pid, const char *path, char **written)
{
	char *name = NULL;
	struct mt_error *error;

	if (path)
		name = mt_strdup(path);
	else if (asprintf(&name, "core.%d", (int)pid) < 0)
		name = NULL;
	error = name ? write_core(pid, name) : mt_error_nomem();
	kill(pid, SIGCONT);
	if (error) {
		free(name);
		return error;
	}
	*written = name;
	return NULL;
}
