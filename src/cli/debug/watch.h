/* SPDX-License-Identifier: MIT */
/* How watchpoints look: in the table, at a hit, and to tools. */
#ifndef MT_CLI_DEBUG_WATCH_H
#define MT_CLI_DEBUG_WATCH_H

#include "cli/debug/breaks.h"
#include "record/json_debug.h"

/* "hw watchpoint", as `info breakpoints` calls it. */
const char *mt_watch_type_name(const struct mt_break_info *info);

/* "rwatch -location": the command that makes such a one. */
const char *mt_watch_command(const struct mt_break_info *info);

/* What stands before its expression: "-location ", "-port ", or nothing. */
const char *mt_watch_option(const struct mt_break_info *info);

/* That watchpoint `number` was made, and by what. */
void mt_watch_say_set(struct mt_shell *shell, int number);

/* How it does its work, after a tab. */
void mt_watch_say_way(struct mt_shell *shell, const struct mt_break_info *info);

/* All hits of the stop: what was touched, from what to what, and by whom. */
void mt_watch_say_hits(struct mt_shell *shell, const struct mt_stop *stop);

/* The watchpoints that have ended with their frame; and one of them. */
void mt_watch_say_ended(struct mt_shell *shell, const struct mt_stop *stop);
void mt_watch_say_end(struct mt_shell *shell, int number);

/* The hits for tools; texts live in `arena`. Returns how many there are. */
size_t mt_watch_json(struct mt_shell *shell, const struct mt_stop *stop, struct mt_arena *arena,
                     struct mt_json_watch *hits, size_t max);

#endif
