/* SPDX-License-Identifier: MIT */
/* The preprocessor's macros: macro expand, info macro. */
#include <string.h>

#include "base/cleanup.h"
#include "cli/debug/show.h"
#include "cli/debug/text.h"
#include "cli/debug/value.h"
#include "symbol/macro.h"

static struct mt_error *no_macros(void)
{
	return mt_error_new(MT_ERR_NOT_FOUND,
	                    "no macros are known here: they are where a frame's file was compiled "
	                    "with -g3");
}

static struct mt_error *macro_expand(struct mt_shell *shell, const char *args)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_debug_world made;
	const char *expanded;

	if (!*args)
		return mt_error_new(MT_ERR_USAGE, "macro expand takes an expression");
	mt_shell_world(shell, &made);
	if (!made.world.frame || !mt_macros_at(made.world.image, made.world.frame->pc))
		return no_macros();
	MT_TRY(mt_eval_macros(&made.world, args, &arena, &expanded));
	mt_say(shell, "expands to: %s\n", expanded);
	return NULL;
}

/* "NAME 40" as it was written, "NAME=1" as the compiler had it. */
static void say_definition(struct mt_shell *shell, const char *definition, const char *file,
                           unsigned line)
{
	if (line && file) {
		mt_say(shell, "Defined at %s:%u\n#define %s\n", file, line, definition);
		return;
	}
	int len = (int)strcspn(definition, " ");

	mt_say(shell, "Defined by the compiler or on its command line\n-D%.*s=%s\n", len,
	       definition, definition[len] ? definition + len + 1 : "");
}

static struct mt_error *info_macro(struct mt_shell *shell, const char *args)
{
	struct mt_debug_world made;
	const char *definition, *file;
	unsigned line;

	if (!*args)
		return mt_error_new(MT_ERR_USAGE, "info macro takes the name of a macro");
	mt_shell_world(shell, &made);
	if (!made.world.frame || !mt_macros_at(made.world.image, made.world.frame->pc))
		return no_macros();
	if (mt_macro_find(made.world.image, made.world.frame->pc, args, strcspn(args, " \t"),
	                  &definition, &file, &line))
		say_definition(shell, definition, file, line);
	else
		mt_say(shell,
		       "The symbol `%s' has no definition as a C/C++ preprocessor macro here\n",
		       args);
	return NULL;
}

static const struct mt_verb verbs[] = {
	{ .name = "macro expand",
	  .aliases = "exp",
	  .run = macro_expand,
	  .usage = "EXPRESSION",
	  .summary = "what the preprocessor makes of an expression",
	  .help =
	      "As at the selected frame's line. Macros are known where the program was compiled "
	      "with -g3\n(with clang -fdebug-macro), and are expanded wherever an expression is "
	      "taken.\n",
	  .topic = MT_TOPIC_DATA,
	  .completes = MT_COMPLETE_VALUE,
	  .needs = MT_NEEDS_STATE },
	{ .name = "info macro",
	  .run = info_macro,
	  .usage = "NAME",
	  .summary = "a macro's definition at the selected frame's line, and where it stands",
	  .topic = MT_TOPIC_DATA,
	  .needs = MT_NEEDS_STATE },
};

MT_VERB_LIST(mt_verbs_macro, verbs);
