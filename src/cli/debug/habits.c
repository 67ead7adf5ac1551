/* SPDX-License-Identifier: MIT */
/* Commands of gdb's whose work is a setting's here, so that habits go on working. */
#include <string.h>

#include "base/cleanup.h"
#include "cli/debug/shell.h"

static struct mt_error *set_to(struct mt_shell *shell, const char *setting, const char *value)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };
	bool known;

	mt_buf_printf(&text, "%s %s", setting, value);
	return mt_buf_ok(&text) ? mt_setting_set(shell, text.data, &known) : mt_error_nomem();
}

static struct mt_error *tty(struct mt_shell *shell, const char *args)
{
	if (!*args)
		return mt_error_new(MT_ERR_USAGE, "tty takes the program's terminal, as in: tty "
		                                  "/dev/pts/4; 'tty' there tells its name");
	return set_to(shell, "inferior-tty", args);
}

/* The new folders come first, as in gdb. */
static struct mt_error *directory(struct mt_shell *shell, const char *args)
{
	const char *before = shell->settings.directories;
	struct mt_buf value MT_AUTO_BUF = { 0 };

	if (!*args) {
		if (!mt_shell_confirm(shell, "Forget all source directories?"))
			return NULL;
		return set_to(shell, "directories", "");
	}
	mt_buf_text(&value, args);
	if (before && *before)
		mt_buf_printf(&value, ":%s", before);
	MT_TRY(mt_buf_ok(&value) ? set_to(shell, "directories", value.data) : mt_error_nomem());
	mt_say(shell, "Source directories searched: %s\n", shell->settings.directories);
	return NULL;
}

static struct mt_error *layout(struct mt_shell *shell, const char *args)
{
	static const struct {
		const char *name, *view;
	} layouts[] = {
		{ "src", "source" },           { "asm", "asm regs" }, { "split", "source asm" },
		{ "regs", "source asm regs" }, { "next", "auto" },    { "prev", "auto" },
	};

	for (size_t i = 0; i < sizeof(layouts) / sizeof(*layouts); i++)
		if (!strcmp(args, layouts[i].name))
			return set_to(shell, "view", layouts[i].view);
	return mt_error_new(MT_ERR_USAGE, "layout takes src, asm, split or regs, not '%.40s'",
	                    args);
}

static struct mt_error *tui(struct mt_shell *shell, const char *args)
{
	mt_say(shell, "There are no windows: each stop shows source, code and registers, as 'set "
	              "view' and 'layout' choose.\n");
	return NULL;
}

static const struct mt_verb verbs[] = {
	{ .name = "tty",
	  .run = tty,
	  .usage = "TERMINAL",
	  .summary = "the program's terminal from its next run on, as 'set inferior-tty'",
	  .topic = MT_TOPIC_RUNNING,
	  .completes = MT_COMPLETE_FILE },
	{ .name = "directory",
	  .aliases = "dir",
	  .run = directory,
	  .usage = "[FOLDER:FOLDER...]",
	  .summary = "adds folders in which sources are looked for, or forgets them all",
	  .help = "'show directories' tells them. A source is found there by the last parts of its "
	          "path.",
	  .topic = MT_TOPIC_SOURCE,
	  .completes = MT_COMPLETE_FILE },
	{ .name = "layout",
	  .run = layout,
	  .usage = "src|asm|split|regs",
	  .summary = "what a stop shows, as 'set view'",
	  .help = "There are no windows: the view is shown at each stop, and stays on the terminal "
	          "to be\n"
	          "scrolled back to. 'set view auto' is what it was at the start.",
	  .topic = MT_TOPIC_SETTINGS },
	{ .name = "tui",
	  .run = tui,
	  .usage = "",
	  .summary = "tells what there is instead of gdb's windows",
	  .topic = MT_TOPIC_SETTINGS },
};

MT_VERB_LIST(mt_verbs_habits, verbs);
