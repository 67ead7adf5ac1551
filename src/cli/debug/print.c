/* SPDX-License-Identifier: MIT */
/* Values on demand: print, call, output, set var, and those that were printed. */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/shell.h"

/* ---- print ----------------------------------------------------------------- */

/* Shows the value and keeps it, with its arena. */
static struct mt_error *show_and_keep(struct mt_shell *shell, struct mt_arena *arena,
                                      const struct mt_value *value, const struct mt_format *format)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };
	size_t number;

	MT_TRY(mt_value_show(shell, value, format, &text));
	MT_TRY(mt_values_record(shell, arena, value, &number));
	mt_say(shell, "$%zu = %s\n", number, text.data ? text.data : "");
	return NULL;
}

static struct mt_error *print(struct mt_shell *shell, const char *args)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_format format;
	struct mt_value value;

	MT_TRY(mt_format_parse(&args, "print", &format));
	MT_TRY(mt_eval(shell, *args ? args : "$", &arena, &value));
	return show_and_keep(shell, &arena, &value, &format);
}

/* As print, but for what is of no value: functions are called for what they do. */
static struct mt_error *call(struct mt_shell *shell, const char *args)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_format format;
	struct mt_value value;

	MT_TRY(mt_format_parse(&args, "call", &format));
	if (!*args)
		return mt_error_new(MT_ERR_USAGE, "call takes an expression: call f(1)");
	MT_TRY(mt_eval(shell, args, &arena, &value));
	if (value.type->kind == MT_TYPE_VOID)
		return NULL;
	return show_and_keep(shell, &arena, &value, &format);
}

static struct mt_error *output(struct mt_shell *shell, const char *args)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_format format;
	struct mt_value value;

	MT_TRY(mt_format_parse(&args, "output", &format));
	if (!*args)
		return mt_error_new(MT_ERR_USAGE, "output takes an expression");
	MT_TRY(mt_eval(shell, args, &arena, &value));
	return mt_value_show(shell, &value, &format, &shell->out);
}

static struct mt_error *set_variable(struct mt_shell *shell, const char *args)
{
	if (!*args)
		return mt_error_new(MT_ERR_USAGE, "set variable takes an assignment: set variable "
		                                  "counter = 3");
	return mt_eval_effects(shell, args);
}

/* ---- Values that were printed ---------------------------------------------- */

static struct mt_error *show_kept(struct mt_shell *shell, const char *name)
{
	struct mt_format none = { 0 };
	struct mt_value value;

	if (!mt_values_find(&shell->values, name, &value))
		return mt_error_new(MT_ERR_NOT_FOUND, "there is no $%.60s any more", name);
	mt_say(shell, "$%s = ", name);
	MT_TRY(mt_value_show(shell, &value, &none, &shell->out));
	mt_say(shell, "\n");
	return NULL;
}

static struct mt_error *show_values(struct mt_shell *shell, const char *args)
{
	MT_TRY(mt_text_end(args, "show values"));
	for (size_t i = 0; i < shell->values.history.len; i++) {
		char name[24];

		snprintf(name, sizeof(name), "%zu", i + 1);
		mt_error_free(show_kept(shell, name)); /* one whose type has gone */
	}
	return NULL;
}

static struct mt_error *show_convenience(struct mt_shell *shell, const char *args)
{
	MT_TRY(mt_text_end(args, "show convenience"));
	for (size_t i = 0; i < shell->values.variables.len; i++)
		mt_error_free(show_kept(shell, shell->values.variables.data[i].name));
	return NULL;
}

#define EXPRESSION_HELP                                                                            \
	"EXPRESSION is C's: variables, $registers, $1 (the first value that was printed), $ "      \
	"(the\n"                                                                                   \
	"last), & and *, members, subscripts, casts, operators; 'help expressions' tells more.\n"  \
	"/FORMAT is a letter: x d u o t (binary) a (address) c f z s."

static const struct mt_verb verbs[] = {
	{ .name = "print",
	  .aliases = "p inspect",
	  .run = print,
	  .usage = "[/FORMAT] [EXPRESSION]",
	  .summary = "what an expression comes to; it is kept as $1, $2 ...",
	  .help = EXPRESSION_HELP,
	  .topic = MT_TOPIC_DATA,
	  .completes = MT_COMPLETE_VALUE,
	  .only_looks = true },
	{ .name = "call",
	  .run = call,
	  .usage = "[/FORMAT] EXPRESSION",
	  .summary = "calls a function in the program: call f(1)",
	  .help =
	      "As print, but a value of no type is not shown. The program stops where it was; a\n"
	      "text that is passed is put into its memory.",
	  .topic = MT_TOPIC_DATA,
	  .completes = MT_COMPLETE_VALUE },
	{ .name = "output",
	  .run = output,
	  .usage = "[/FORMAT] EXPRESSION",
	  .summary = "as print, without a name and a newline: for scripts",
	  .help = EXPRESSION_HELP,
	  .topic = MT_TOPIC_DATA,
	  .completes = MT_COMPLETE_VALUE,
	  .only_looks = true },
	{ .name = "set variable",
	  .aliases = "var v",
	  .run = set_variable,
	  .usage = "VARIABLE = EXPRESSION",
	  .summary = "changes a variable, a register or memory of the program",
	  .help =
	      "As in: set variable counter = 3, set variable $rax = 0, set variable *(int *)$rsp\n"
	      "= 7. 'set $name = ...' makes a variable of the debugger's own.",
	  .topic = MT_TOPIC_DATA,
	  .completes = MT_COMPLETE_VALUE,
	  .only_looks = true },
	{ .name = "show values",
	  .run = show_values,
	  .usage = "",
	  .summary = "the values that print has kept",
	  .topic = MT_TOPIC_DATA },
	{ .name = "show convenience",
	  .aliases = "conv",
	  .run = show_convenience,
	  .usage = "",
	  .summary = "the variables that 'set $name = ...' has made",
	  .topic = MT_TOPIC_DATA },
};

MT_VERB_LIST(mt_verbs_print, verbs);
