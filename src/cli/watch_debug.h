/* SPDX-License-Identifier: MIT */
/* --then debug: the debugger in the program as the watch has left it, with what it has seen. */
#ifndef MT_CLI_WATCH_DEBUG_H
#define MT_CLI_WATCH_DEBUG_H

#include "cli/watch_options.h"
#include "engine/watchpoint.h"

/* Of one expression: where it was, and the last hits. Nothing of the session's is kept. */
struct mt_watch_seen {
	char *expr, *type; /* type NULL: not known */
	enum mt_dr_kind kind;
	uint64_t addr, len; /* where the debugger opens, was hit last, or armed */
	bool is_last;       /* the hit at which the debugger opens has come */
	bool per_call, per_thread, deep, of_values; /* the condition is */
	struct mt_watch_past past[MT_WATCH_PAST_COUNT];
	uint64_t past_count; /* ever */
};

struct mt_watch_memory {
	MT_VEC(struct mt_watch_seen) seen; /* by the expressions on the command line */
};

/* What the listener of a session is told; without memory it is not kept. */
void mt_watch_remember_armed(struct mt_watch_memory *memory, const struct mt_armed_info *info,
                             bool deep);
/* `wanted`: the number of the hit at which the debugger opens. */
void mt_watch_remember_hit(struct mt_watch_memory *memory, const struct mt_hit *hit,
                           uint64_t wanted);
void mt_watch_memory_deinit(struct mt_watch_memory *memory);

/* Runs the debugger; its exit status. */
int mt_watch_debug(const struct mt_watch_options *options, const struct mt_handover *handover,
                   const struct mt_watch_memory *memory);

#endif
