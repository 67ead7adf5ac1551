/* SPDX-License-Identifier: MIT */
/* The current thread's frames as those see them who look for variables and evaluate expressions. */
#ifndef MT_ENGINE_WORLD_H
#define MT_ENGINE_WORLD_H

#include "engine/debug.h"
#include "expr/value.h"

/*
 * Frame `level` of the current thread: its registers as far as they are known, vector registers in
 * the innermost one, the thread's memory and thread-local variables, its callers. `scope` is
 * where it stands, among the functions that are inlined there too. Valid until the program goes on
 * or a register is written. NOT_FOUND: there is no such frame.
 */
struct mt_error *mt_debug_where_frame(struct mt_debug *debug, unsigned level,
                                      struct mt_where_frame *frame, struct mt_scope_place *scope);

/* The $names that are the front end's: history and variables, as own_find and own_set of struct
 * mt_world have them. For all expressions of the session, conditions too. */
struct mt_debug_names {
	bool (*find)(void *arg, const char *name, struct mt_value *value);
	struct mt_error *(*set)(void *arg, const char *name, const struct mt_value *value);
	void *arg;
};
void mt_debug_set_names(struct mt_debug *debug, const struct mt_debug_names *names);

/*
 * What expressions see of the session: memory, registers, the selected frame of the current thread,
 * $names; functions can be called. Before the program runs, what its file has. Nothing may be
 * changed unless the caller sets may_write. Valid as the frame is; `made` is not to be moved.
 */
struct mt_debug_world {
	struct mt_debug *debug;
	struct mt_world world;
	struct mt_where_frame frame;
};
void mt_debug_world(struct mt_debug *debug, struct mt_debug_world *made);
/* Names are what they are in that scope of the frame's function, wherever the frame stands. */
void mt_debug_world_keep_scope(struct mt_debug_world *made, const struct mt_scope_place *scope);

/*
 * Keeps a moment, for loops over expressions: from now on what was read, and what names came to, is
 * taken to be as it was, until the session changes anything, the clock ticks (after some ms), or
 * the moment is ended. Who keeps one ends it whenever somebody outside hears or says something:
 * output was written, a line was read, another command was done. Each keep takes a letting go.
 */
void mt_debug_moment_keep(struct mt_debug *debug);
void mt_debug_moment_let_go(struct mt_debug *debug);
void mt_debug_moment_end(struct mt_debug *debug);

/* Memory as the program has it, or, before it runs, as its file has it. */
struct mt_error *mt_debug_peek(struct mt_debug *debug, uint64_t addr, void *out, size_t len);

#endif
