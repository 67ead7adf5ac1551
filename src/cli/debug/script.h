/* SPDX-License-Identifier: MIT */
/* Lines of commands that are kept and done: of breakpoints, of a person's own commands, of loops.
 */
#ifndef MT_CLI_DEBUG_SCRIPT_H
#define MT_CLI_DEBUG_SCRIPT_H

#include "cli/debug/shell.h"

/* ---- Blocks (block.c) ------------------------------------------------------ */

/* How many blocks are open where one reads through lines. Begins as { 0 }. */
struct mt_nesting {
	unsigned depth;
	bool in_text; /* of `document`: only its `end` counts */
};

/* Whether a line here belongs to the block that is read, and to none within it. */
bool mt_nesting_is_outer(const struct mt_nesting *nesting);

/* Goes past a line, which may open a block (if, define) or end one. */
void mt_nesting_pass(struct mt_nesting *nesting, const char *line);

/* Appends the lines, each as far to the right as it is nested, the outermost by `indent`. */
void mt_block_format(const struct mt_block *block, unsigned indent, struct mt_buf *out);

/* ---- Commands of a person's own (script.c) ----------------------------------- */

/* The one that `line` begins with, and in *args what follows; NULL: there is none. `whole`: only by
 * its whole name, else also by the beginning of one that no other shares. */
const struct mt_script *mt_script_named(const struct mt_shell *shell, const char *line, bool whole,
                                        const char **args);

/* Does it, with the arguments. */
struct mt_error *mt_script_do(struct mt_shell *shell, const struct mt_script *script,
                              const char *args);

/* Does the command "PREFIX-NAME", if it was defined: "hook-stop", "hookpost-run". One that is being
 * done is not done again. */
struct mt_error *mt_script_hook(struct mt_shell *shell, const char *prefix, const char *name);

/* Keeps it instead of one of the same name, or of the same breakpoint. Takes over what it holds,
 * whatever comes. */
struct mt_error *mt_script_keep(struct mt_shell *shell, struct mt_script *script);

void mt_script_deinit(struct mt_script *script);

#endif
