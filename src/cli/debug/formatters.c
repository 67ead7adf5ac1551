/* SPDX-License-Identifier: MIT */
/* Where formatters are found, and the commands about them. */
#include "cli/debug/formatters.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/debug/paths.h"
#include "cli/debug/shell.h"
#include "print/formatter.h"

/* From the folder that memtrap lies in: of an installation, then of a build directory. */
static const char *const places[] = { "../share/memtrap/containers", "../data/containers" };
static const char *const libraries[] = { "gnu", "llvm", "rust", "glib" };

static struct mt_error *add_if_there(struct mt_shell *shell, const char *path, bool *found)
{
	struct mt_error *error = mt_formatters_add_file(shell->formatters, path);

	*found = !error || mt_error_kind(error) != MT_ERR_NOT_FOUND;
	if (*found)
		return error;
	mt_error_free(error);
	return NULL;
}

/* What the folder has of them; *found: it has the first one. */
static struct mt_error *add_libraries(struct mt_shell *shell, const char *folder, bool *found)
{
	*found = true;
	for (size_t i = 0; *found && i < sizeof(libraries) / sizeof(*libraries); i++) {
		struct mt_buf path MT_AUTO_BUF = { 0 };
		bool any;

		mt_buf_printf(&path, "%s/%s", folder, libraries[i]);
		if (!mt_buf_ok(&path))
			return mt_error_nomem();
		MT_TRY(add_if_there(shell, path.data, &any));
		*found = any || i > 0;
	}
	return NULL;
}

static struct mt_error *add_own(struct mt_shell *shell)
{
	char folder[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
	bool found = false;

	if (len <= 0)
		return NULL;
	folder[len] = '\0';
	*strrchr(folder, '/') = '\0';
	for (size_t i = 0; !found && i < sizeof(places) / sizeof(*places); i++) {
		struct mt_buf path MT_AUTO_BUF = { 0 };

		mt_buf_printf(&path, "%s/%s", folder, places[i]);
		if (!mt_buf_ok(&path))
			return mt_error_nomem();
		MT_TRY(add_libraries(shell, path.data, &found));
	}
	return NULL;
}

struct mt_error *mt_formatters_load(struct mt_shell *shell)
{
	char *path MT_AUTO_FREE = mt_path_of_xdg("XDG_CONFIG_HOME", ".config", "formatters");
	bool found;

	MT_TRY(mt_formatters_create(&shell->formatters));
	MT_TRY(add_own(shell));
	return path ? add_if_there(shell, path, &found) : NULL;
}

/* ---- Commands ------------------------------------------------------------------------ */

static struct mt_error *info_formatters(struct mt_shell *shell, const char *args)
{
	struct mt_formatter_info info;
	size_t i = 0;

	MT_TRY(mt_text_end(args, "info formatters"));
	while (shell->formatters && mt_formatters_at(shell->formatters, i++, &info))
		mt_say(shell, "%-44s %s%s:%u\n", info.pattern, info.enabled ? "" : "[disabled] ",
		       info.source, info.line);
	if (i <= 1)
		mt_say(shell,
		       "There are no formatters; docs/FORMATTERS.md tells how to write some.\n");
	return NULL;
}

static struct mt_error *switch_formatter(struct mt_shell *shell, const char *args, bool enable)
{
	if (shell->formatters && mt_formatters_enable(shell->formatters, args, enable))
		return NULL;
	return mt_error_new(MT_ERR_NOT_FOUND,
	                    "there is no formatter for %s; 'info formatters' lists them", args);
}

static struct mt_error *enable_formatter(struct mt_shell *shell, const char *args)
{
	return switch_formatter(shell, args, true);
}

static struct mt_error *disable_formatter(struct mt_shell *shell, const char *args)
{
	return switch_formatter(shell, args, false);
}

static struct mt_error *load_formatters(struct mt_shell *shell, const char *args)
{
	char *path MT_AUTO_FREE = mt_path_of_person(args);

	if (!*args)
		return mt_error_new(MT_ERR_USAGE, "formatters takes a file; docs/FORMATTERS.md "
		                                  "tells what is in it");
	if (!path)
		return mt_error_nomem();
	return mt_formatters_add_file(shell->formatters, path);
}

static const struct mt_verb verbs[] = {
	{ .name = "info formatters",
	  .run = info_formatters,
	  .usage = "",
	  .summary = "how containers are shown as what they hold, and where that is told",
	  .topic = MT_TOPIC_DATA },
	{ .name = "formatters",
	  .run = load_formatters,
	  .usage = "FILE",
	  .summary = "reads formatters from a file; they come before those that are there",
	  .topic = MT_TOPIC_DATA,
	  .completes = MT_COMPLETE_FILE },
	{ .name = "enable formatter",
	  .run = enable_formatter,
	  .usage = "[TYPE]",
	  .summary = "shows values by the formatter for TYPE again, or by all",
	  .topic = MT_TOPIC_DATA },
	{ .name = "disable formatter",
	  .run = disable_formatter,
	  .usage = "[TYPE]",
	  .summary = "shows values without the formatter for TYPE, or without any",
	  .topic = MT_TOPIC_DATA },
};

MT_VERB_LIST(mt_verbs_formatters, verbs);
