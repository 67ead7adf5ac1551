/* SPDX-License-Identifier: MIT */
/* Commands of a person's own: define, document, alias. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/script.h"

/* All of `args` is a name. */
static struct mt_error *check_name(const char *args, const char *what)
{
	size_t len =
	    strspn(args, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	if (len && !args[len])
		return NULL;
	return mt_error_new(MT_ERR_USAGE,
	                    "%s takes a name of letters, digits, - and _, not '%.60s'", what, args);
}

/* Whether a command of ours is called so: not only begins so. */
static const struct mt_verb *find_built_in(const char *name)
{
	const struct mt_verb *verb;

	for (size_t i = 0; (verb = mt_verb_at(i)); i++)
		if (!strcmp(verb->name, name))
			return verb;
	return NULL;
}

/* ---- define ---------------------------------------------------------------- */

static struct mt_error *define(struct mt_shell *shell, const char *args)
{
	struct mt_script script = { 0 };
	struct mt_error *error;

	MT_TRY(check_name(args, "define"));
	if (find_built_in(args) &&
	    !mt_shell_confirm(shell, "'%s' is a command of memtrap. Define it anew?", args))
		return NULL;
	if (mt_shell_is_typed(shell))
		mt_say(shell, "Type the commands of '%s', one a line; 'end' ends them.\n", args);
	error = mt_shell_read_block(shell, MT_BLOCK_COMMANDS, &script.block);
	script.name = mt_strdup(args);
	if (!error && !script.name)
		error = mt_error_nomem();
	if (error) {
		mt_script_deinit(&script);
		return error;
	}
	return mt_script_keep(shell, &script);
}

static struct mt_error *find_own(struct mt_shell *shell, const char *name, struct mt_script **found)
{
	for (size_t i = 0; i < shell->scripts.len; i++) {
		struct mt_script *script = &shell->scripts.data[i];

		if (!script->name || strcmp(script->name, name) != 0)
			continue;
		*found = script;
		return NULL;
	}
	return mt_error_new(MT_ERR_NOT_FOUND, "no command '%.60s' was defined", name);
}

/* ---- document -------------------------------------------------------------- */

static char *joined(const struct mt_block *block)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };

	mt_buf_text(&text, "");
	for (size_t i = 0; i < block->lines.len; i++)
		mt_buf_printf(&text, "%s%s", i ? "\n" : "", block->lines.data[i]);
	return mt_buf_take(&text);
}

static struct mt_error *document(struct mt_shell *shell, const char *args)
{
	struct mt_block block MT_CLEANUP(mt_block_deinit) = { 0 };
	struct mt_script *script;
	char *help;

	if (mt_shell_is_typed(shell))
		mt_say(shell, "Type what 'help %s' is to show; 'end' ends it.\n", args);
	MT_TRY(mt_shell_read_block(shell, MT_BLOCK_TEXT, &block));
	MT_TRY(find_own(shell, args, &script));
	help = joined(&block);
	if (!help)
		return mt_error_nomem();
	free(script->help);
	script->help = help;
	return NULL;
}

/* ---- alias ----------------------------------------------------------------- */

static struct mt_error *alias(struct mt_shell *shell, const char *args)
{
	struct mt_script script = { 0 };
	const struct mt_verb *verb;
	const char *equals, *command, *rest;
	struct mt_error *error;

	mt_text_take(&args, "-a"); /* gdb's "not in lists": there is no such list here */
	mt_text_take(&args, "--");
	equals = mt_text_outside(args, '=');
	if (!equals)
		return mt_error_new(MT_ERR_USAGE, "alias takes NAME = COMMAND, as in: alias rr = "
		                                  "info registers");
	command = mt_text_skip(equals + 1);
	MT_TRY(mt_verb_find(command, &verb, &rest));
	script.name = mt_strndup(args, mt_text_word(args) < (size_t)(equals - args)
	                                   ? mt_text_word(args)
	                                   : (size_t)(equals - args));
	script.alias = mt_strdup(command);
	error = script.name && script.alias ? check_name(script.name, "alias") : mt_error_nomem();
	if (error) {
		mt_script_deinit(&script);
		return error;
	}
	return mt_script_keep(shell, &script);
}

/* ---- show user, dont-repeat ------------------------------------------------ */

static void say_script(struct mt_shell *shell, const struct mt_script *script)
{
	if (script->alias) {
		mt_say(shell, "alias %s = %s\n", script->name, script->alias);
		return;
	}
	mt_say(shell, "User command \"%s\":\n", script->name);
	mt_block_format(&script->block, 2, &shell->out);
}

static struct mt_error *show_user(struct mt_shell *shell, const char *args)
{
	struct mt_script *one = NULL;

	if (*args) {
		MT_TRY(find_own(shell, args, &one));
		say_script(shell, one);
		return NULL;
	}
	for (size_t i = 0; i < shell->scripts.len; i++)
		if (shell->scripts.data[i].name)
			say_script(shell, &shell->scripts.data[i]);
	return NULL;
}

static struct mt_error *do_not_repeat(struct mt_shell *shell, const char *args)
{
	MT_TRY(mt_text_end(args, "dont-repeat"));
	free(MT_TAKE(shell->again));
	return NULL;
}

static const struct mt_verb verbs[] = {
	{ .name = "define",
	  .run = define,
	  .usage = "NAME",
	  .summary = "makes a command of your own: the lines up to 'end'",
	  .help = "$arg0, $arg1 ... stand for its arguments, $argc for how many there are. As in\n"
	          "\n"
	          "  define pairs\n"
	          "    x/2gx $sp + 16 * $arg0\n"
	          "  end\n"
	          "\n"
	          "'document NAME' gives it a help text. One that is called hook-COMMAND is done "
	          "before\n"
	          "COMMAND, hookpost-COMMAND behind it, and hook-stop whenever the program has "
	          "stopped.",
	  .topic = MT_TOPIC_SCRIPTS,
	  .block = MT_BLOCK_COMMANDS },
	{ .name = "document",
	  .run = document,
	  .usage = "NAME",
	  .summary = "gives a command of your own a help text: the lines up to 'end'",
	  .topic = MT_TOPIC_SCRIPTS,
	  .block = MT_BLOCK_TEXT },
	{ .name = "alias",
	  .run = alias,
	  .usage = "NAME = COMMAND",
	  .summary = "gives a command, with arguments or without, another name",
	  .help = "As in\n"
	          "\n"
	          "  alias px = print/x\n"
	          "  alias rr = info registers",
	  .topic = MT_TOPIC_SCRIPTS },
	{ .name = "show user",
	  .run = show_user,
	  .usage = "[NAME]",
	  .summary = "the commands that 'define' and 'alias' have made",
	  .topic = MT_TOPIC_SCRIPTS },
	{ .name = "dont-repeat",
	  .run = do_not_repeat,
	  .usage = "",
	  .summary = "in a command of your own: an empty line does not do it again",
	  .topic = MT_TOPIC_SCRIPTS },
};

MT_VERB_LIST(mt_verbs_define, verbs);
