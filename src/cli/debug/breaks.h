/* SPDX-License-Identifier: MIT */
/* Breakpoints as a list, for the commands that look through them. */
#ifndef MT_CLI_DEBUG_BREAKS_H
#define MT_CLI_DEBUG_BREAKS_H

#include "cli/debug/shell.h"

/* As mt_debug_breaks(): valid until the next change. */
struct mt_break_list {
	struct mt_break_info *infos;
	size_t count;
};

struct mt_error *mt_breaks_list(struct mt_shell *shell, struct mt_break_list *list);
void mt_break_list_deinit(struct mt_break_list *list);

/* The number of a breakpoint at *text, which goes past it: "3", or "$bpnum". */
struct mt_error *mt_break_number(struct mt_shell *shell, const char **text, const char *what,
                                 int *number);

/* "1 3-5 $bpnum", as mt_text_numbers(). */
struct mt_error *mt_break_numbers(struct mt_shell *shell, const char *text, const char *what,
                                  struct mt_number_list *list);

/* Makes of "*EXPRESSION" what the engine takes: an address. Other locations stay as they are. */
struct mt_error *mt_location_evaluate(struct mt_shell *shell, char **location);

/* Sets a breakpoint as `break` does, and says it. */
struct mt_error *mt_break_set(struct mt_shell *shell, const char *text);

/* That breakpoint `number` was made: $bpnum is it, so that `commands` finds it. */
struct mt_error *mt_break_made(struct mt_shell *shell, int number);

/* NULL: there is none with that number. */
const struct mt_break_info *mt_break_list_find(const struct mt_break_list *list, int number);

/* Where a breakpoint will stand, by the program's file, while nothing runs: none otherwise. Free
 * with mt_locations_free(). */
void mt_break_expected(struct mt_shell *shell, const struct mt_break_info *info,
                       struct mt_location **locations, size_t *count);

/* Forgets the commands of a breakpoint that was deleted. (script.c) */
void mt_script_forget(struct mt_shell *shell, int number);

/* Its commands, or NULL. (script.c) */
const struct mt_block *mt_script_of_break(const struct mt_shell *shell, int number);

#endif
