/* SPDX-License-Identifier: MIT */
/* How long a watchpoint on what a frame has lasts: until that frame is left, however it is left. */
#include "engine/engine_private.h"
#include "engine/world.h"

/* Where the frame's function begins, which tells it from another one's at the same place. */
static uint64_t function_of(struct mt_proc *proc, uint64_t pc)
{
	uint64_t start, end;
	const struct mt_proc *memory = mt_proc_memory(proc);

	return mt_image_function_bounds(memory->image, pc, &start, &end) ? start : 0;
}

struct mt_error *mt_watched_tie(struct mt_debug *debug, struct mt_watched *watched, bool ends)
{
	const struct mt_frame *frame = mt_frame_selected(debug);
	struct mt_where_frame where;
	struct mt_frame caller;
	struct mt_error *error;

	if (!frame)
		return mt_error_new(MT_ERR_USAGE, "the thread's frames are not known");
	watched->frame = (struct mt_watch_frame){
		.cfa = frame->cfa,
		.function = function_of(debug->proc, frame->lookup_pc),
		.tid = debug->thread->tid,
		.ends = ends,
	};
	MT_TRY(mt_debug_where_frame(debug, debug->frame, &where, &watched->frame.scope));
	if (!ends)
		return NULL;
	error = mt_frame_caller(debug, &caller);
	if (!error)
		error = mt_site_get(debug->proc, caller.pc, &watched->frame.end);
	/* The outermost frame is left with the program. */
	if (error && mt_error_kind(error) == MT_ERR_USAGE) {
		mt_error_free(error);
		return NULL;
	}
	return error;
}

bool mt_watched_find_frame(struct mt_debug *debug, const struct mt_watched *watched,
                           unsigned *level)
{
	struct mt_frame frame;

	for (unsigned i = 0; mt_debug_frames(debug, i, &frame, 1) == 1; i++) {
		if (frame.cfa > watched->frame.cfa)
			return false;
		if (frame.cfa < watched->frame.cfa)
			continue;
		*level = i;
		return function_of(watched->proc, frame.lookup_pc) == watched->frame.function;
	}
	return false;
}

unsigned mt_watch_level(const struct mt_break *breakpoint, struct mt_thread *thread,
                        const struct mt_scope_place **scope)
{
	const struct mt_watched *watched = mt_watch_in(breakpoint, mt_proc_memory(thread->proc));
	struct mt_look look;
	unsigned level = 0;

	*scope = NULL;
	if (!watched || !watched->frame.cfa)
		return 0;
	mt_look_begin(thread, 0, &look);
	if (mt_watched_find_frame(thread->proc->debug, watched, &level))
		*scope = &watched->frame.scope;
	else
		level = 0;
	mt_look_end(&look);
	return level;
}

static bool is_in_frame_of(const struct mt_break *breakpoint, const struct mt_thread *thread)
{
	const struct mt_watched *watched =
	    breakpoint->watch && !breakpoint->gone
	        ? mt_watch_in(breakpoint, mt_proc_memory(thread->proc))
	        : NULL;

	return watched && watched->frame.ends && watched->frame.tid == thread->tid;
}

void mt_watches_end_with(struct mt_thread *thread)
{
	struct mt_debug *debug = thread->proc->debug;

	for (size_t i = 0; i < debug->breaks.len; i++) {
		struct mt_break *breakpoint = debug->breaks.data[i];

		if (!is_in_frame_of(breakpoint, thread))
			continue;
		mt_stop_all(debug);
		debug->recheck = true; /* they are to go on */
		mt_watch_lift(breakpoint, mt_proc_memory(thread->proc));
		mt_warn(debug, thread->proc->pid,
		        "watchpoint %d is deleted: the frame that its expression needs has gone "
		        "with thread %d",
		        breakpoint->number, (int)thread->tid);
	}
}

/* In a recursion others return to the same place, from deeper. */
static bool ends(const struct mt_watched *watched, const struct mt_thread *thread,
                 const struct mt_site *site)
{
	return watched->frame.end == site && watched->frame.tid == thread->tid &&
	       thread->regs.rsp >= watched->frame.cfa;
}

bool mt_watches_end_at(struct mt_thread *thread, const struct mt_site *site, struct mt_stop *stop)
{
	const struct mt_debug *debug = thread->proc->debug;
	bool any = false;

	for (size_t i = 0; i < debug->breaks.len; i++) {
		const struct mt_break *breakpoint = debug->breaks.data[i];
		const struct mt_watched *watched =
		    breakpoint->watch && !breakpoint->gone
		        ? mt_watch_in(breakpoint, mt_proc_memory(thread->proc))
		        : NULL;

		if (!watched || !watched->frame.ends || !ends(watched, thread, site))
			continue;
		mt_stop_add_number(stop, breakpoint->number);
		any = true;
	}
	if (any)
		stop->kind = MT_STOP_SCOPE;
	return any;
}
