/* SPDX-License-Identifier: MIT */
/* A frame's variables, as they are shown with it. */
#ifndef MT_CLI_DEBUG_LOCALS_H
#define MT_CLI_DEBUG_LOCALS_H

#include "cli/debug/shell.h"

enum mt_variables { MT_VARIABLES_LOCALS, MT_VARIABLES_ARGUMENTS };

/* Says a line for each variable of frame `level`, behind `indent` blanks; "No locals." for none.
 * Why nothing is known is an error. */
struct mt_error *mt_variables_say(struct mt_shell *shell, unsigned level, enum mt_variables which,
                                  unsigned indent);

/* Says "a=1, text=0x404010 \"x\"": the arguments of a frame as its line has them; nothing where
 * they are not known. */
void mt_arguments_say(struct mt_shell *shell, const struct mt_frame *frame);

/* What the function at `addr` returns: remembered when it is run to its end, so that its result can
 * be shown then. NULL: not known. */
const struct mt_type *mt_result_type(struct mt_shell *shell, uint64_t addr);

/* Says "Value returned is $1 = …", which it keeps; nothing for void. */
struct mt_error *mt_result_say(struct mt_shell *shell, const struct mt_type *type);

#endif
