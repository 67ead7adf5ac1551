/* SPDX-License-Identifier: MIT */
/* if and while: which of a script's lines are done, and how often. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/debug/script.h"

/* ---- Asking ---------------------------------------------------------------- */

static struct mt_error *is_true(struct mt_shell *shell, const char *condition, const char *what,
                                bool *yes)
{
	int64_t number;

	if (!*condition)
		return mt_error_new(MT_ERR_USAGE, "%s takes a condition: %s $i < 10", what, what);
	MT_TRY(mt_eval_integer(shell, condition, &number));
	*yes = number != 0;
	return NULL;
}

/* ---- if -------------------------------------------------------------------- */

/* Where the block's own `else` stands; its length when it has none. */
static size_t find_else(const struct mt_block *block)
{
	struct mt_nesting nesting = { 0 };

	for (size_t i = 0; i < block->lines.len; i++) {
		const char *line = mt_text_skip(block->lines.data[i]);

		if (mt_nesting_is_outer(&nesting) && mt_text_take(&line, "else") && !*line)
			return i;
		mt_nesting_pass(&nesting, block->lines.data[i]);
	}
	return block->lines.len;
}

static struct mt_error *do_if(struct mt_shell *shell, const char *args)
{
	struct mt_block block MT_CLEANUP(mt_block_deinit) = { 0 };
	struct mt_input input = { .block = &block };
	size_t otherwise;
	bool yes;

	/* The lines are read first: those of a condition that fails are not to be done either. */
	MT_TRY(mt_shell_read_block(shell, MT_BLOCK_COMMANDS, &block));
	MT_TRY(is_true(shell, args, "if", &yes));
	otherwise = find_else(&block);
	input.next = yes ? 0 : otherwise + 1;
	input.end = yes ? otherwise : block.lines.len;
	return mt_shell_do_input(shell, &input);
}

/* ---- while ----------------------------------------------------------------- */

/* Whether a person has had enough: Ctrl-C came to us, or stopped the program. */
static bool is_interrupted(struct mt_shell *shell, unsigned stops_before)
{
	if (mt_shell_interrupts())
		return true;
	return shell->stop_count != stops_before &&
	       (shell->stop.kind == MT_STOP_INTERRUPTED ||
	        (shell->stop.kind == MT_STOP_SIGNAL && shell->stop.signal == SIGINT));
}

static struct mt_error *do_rounds(struct mt_shell *shell, const char *condition,
                                  const struct mt_block *block)
{
	while (!mt_shell_is_over(shell)) {
		struct mt_input input = { .block = block, .end = block->lines.len };
		unsigned stops = shell->stop_count;
		bool yes, leave;

		MT_TRY(is_true(shell, condition, "while", &yes));
		if (!yes)
			break;
		MT_TRY(mt_shell_do_input(shell, &input));
		leave = shell->leaving == MT_LEAVE_LOOP;
		shell->leaving = MT_LEAVE_NOTHING;
		if (leave || (input.until_stop && shell->has_stop))
			break;
		if (is_interrupted(shell, stops))
			return mt_error_new(MT_ERR_USAGE, "the loop was left: Ctrl-C");
	}
	return NULL;
}

static struct mt_error *do_while(struct mt_shell *shell, const char *args)
{
	struct mt_block block MT_CLEANUP(mt_block_deinit) = { 0 };
	struct mt_error *error;

	MT_TRY(mt_shell_read_block(shell, MT_BLOCK_COMMANDS, &block));
	shell->loops++;
	mt_debug_moment_keep(shell->debug);
	error = do_rounds(shell, args, &block);
	mt_debug_moment_let_go(shell->debug);
	shell->loops--;
	return error;
}

static struct mt_error *leave(struct mt_shell *shell, const char *args, const char *name,
                              enum mt_leaving how)
{
	MT_TRY(mt_text_end(args, name));
	if (!shell->loops)
		return mt_error_new(MT_ERR_USAGE, "%s stands between 'while' and its 'end'", name);
	shell->leaving = how;
	return NULL;
}

static struct mt_error *loop_break(struct mt_shell *shell, const char *args)
{
	return leave(shell, args, "loop_break", MT_LEAVE_LOOP);
}

static struct mt_error *loop_continue(struct mt_shell *shell, const char *args)
{
	return leave(shell, args, "loop_continue", MT_LEAVE_ROUND);
}

static struct mt_error *stray(struct mt_shell *shell, const char *args)
{
	return mt_error_new(MT_ERR_USAGE, "'else' and 'end' stand alone on a line, behind the "
	                                  "lines of 'if', 'while', 'define' or 'commands'");
}

static const struct mt_verb verbs[] = {
	{ .name = "if",
	  .run = do_if,
	  .usage = "CONDITION",
	  .summary =
	      "does the lines up to 'end' where CONDITION is not 0, else those behind 'else'",
	  .help = "As in\n"
	          "\n"
	          "  if counter > 3\n"
	          "    print counter\n"
	          "  else\n"
	          "    next\n"
	          "  end",
	  .topic = MT_TOPIC_SCRIPTS,
	  .completes = MT_COMPLETE_VALUE,
	  .block = MT_BLOCK_COMMANDS,
	  .only_looks = true },
	{ .name = "while",
	  .run = do_while,
	  .usage = "CONDITION",
	  .summary = "does the lines up to 'end' as long as CONDITION is not 0",
	  .help =
	      "As in\n"
	      "\n"
	      "  set $i = 0\n"
	      "  while $i < 8\n"
	      "    x/gx $sp + 8 * $i\n"
	      "    set $i = $i + 1\n"
	      "  end\n"
	      "\n"
	      "'loop_break' leaves it, 'loop_continue' begins its next round, and so does Ctrl-C "
	      "leave it.",
	  .topic = MT_TOPIC_SCRIPTS,
	  .completes = MT_COMPLETE_VALUE,
	  .block = MT_BLOCK_COMMANDS,
	  .only_looks = true },
	{ .name = "loop_break",
	  .run = loop_break,
	  .usage = "",
	  .summary = "leaves the innermost 'while'",
	  .topic = MT_TOPIC_SCRIPTS,
	  .only_looks = true },
	{ .name = "loop_continue",
	  .run = loop_continue,
	  .usage = "",
	  .summary = "begins the next round of the innermost 'while'",
	  .topic = MT_TOPIC_SCRIPTS,
	  .only_looks = true },
	{ .name = "else",
	  .run = stray,
	  .usage = "",
	  .summary = "parts the lines of 'if' in two",
	  .topic = MT_TOPIC_SCRIPTS },
	{ .name = "end",
	  .run = stray,
	  .usage = "",
	  .summary = "ends the lines of 'if', 'while', 'define', 'document' or 'commands'",
	  .topic = MT_TOPIC_SCRIPTS },
};

MT_VERB_LIST(mt_verbs_flow, verbs);
