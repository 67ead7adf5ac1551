/* SPDX-License-Identifier: MIT */
/* How long a watchpoint on what a frame has lasts: until that frame is left, however it is left. */
#include "engine/engine_private.h"
#include "engine/world.h"

uint64_t mt_function_start(struct mt_image *image, uint64_t pc)
{
	uint64_t start, end;

	return mt_image_function_bounds(image, pc, &start, &end) ? start : 0;
}

/* Where the frame's function begins, which tells it from another one's at the same place. */
static uint64_t function_of(struct mt_proc *proc, uint64_t pc)
{
	return mt_function_start(mt_proc_memory(proc)->image, pc);
}

/* Where it is left by a return, and where one comes by who has its place after it was left in
 * another way: by an exception, by longjmp(). */
static struct mt_error *guard(struct mt_debug *debug, struct mt_watched *watched)
{
	struct mt_frame caller;
	struct mt_error *error;

	error = mt_frame_caller(debug, &caller);
	if (!error)
		error = mt_site_get(debug->proc, caller.pc, &watched->frame.end);
	/* The outermost frame is left with the program. */
	if (error && mt_error_kind(error) == MT_ERR_USAGE) {
		mt_error_free(error);
		return NULL;
	}
	if (!error && watched->frame.function)
		error = mt_site_get(debug->proc, watched->frame.function, &watched->frame.entry);
	return error;
}

struct mt_error *mt_watched_tie(struct mt_debug *debug, struct mt_watched *watched, bool ends)
{
	const struct mt_frame *frame = mt_frame_selected(debug);
	struct mt_where_frame where;

	if (!frame)
		return mt_error_new(MT_ERR_USAGE, "the thread's frames are not known");
	watched->frame = (struct mt_watch_frame){
		.cfa = frame->cfa,
		.function = function_of(debug->proc, frame->lookup_pc),
		.tid = debug->thread->tid,
		.ends = ends,
	};
	MT_TRY(mt_debug_where_frame(debug, debug->frame, &where, &watched->frame.scope));
	return ends ? guard(debug, watched) : NULL;
}

/* Two frames further apart are on different stacks. */
#define FRAME_MAX (1u << 20)

/* Whether its place lies between these two, of one stack: then it would have been met. */
static bool passes(uint64_t below, uint64_t cfa, uint64_t above)
{
	return below < cfa && cfa <= above && above - below <= FRAME_MAX;
}

enum mt_watch_found mt_watched_find_frame(struct mt_debug *debug, const struct mt_watched *watched,
                                          unsigned *level)
{
	uint64_t rsp = debug->thread->regs.rsp, cfa = watched->frame.cfa, below = rsp;
	struct mt_frame frame;
	bool passed = cfa <= rsp && rsp - cfa <= FRAME_MAX;

	for (unsigned i = 0; mt_debug_frames(debug, i, &frame, 1) == 1; below = frame.cfa, i++) {
		bool here = frame.cfa == cfa &&
		            function_of(watched->proc, frame.lookup_pc) == watched->frame.function;

		if (here) {
			*level = i;
			return MT_WATCH_FRAME_FOUND;
		}
		/* A handler's stack may lie above it, and lead to it. */
		passed = passed || (passes(below, cfa, frame.cfa) && !frame.is_guess);
	}
	return passed ? MT_WATCH_FRAME_GONE : MT_WATCH_FRAME_UNKNOWN;
}

static bool has_frame_of(struct mt_thread *thread, const struct mt_watched *watched,
                         unsigned *level)
{
	struct mt_look look;
	bool found;

	mt_look_begin(thread, 0, &look);
	found = mt_watched_find_frame(thread->proc->debug, watched, level) == MT_WATCH_FRAME_FOUND;
	mt_look_end(&look);
	return found;
}

/* NULL: it is gone, or does not stop. */
static struct mt_thread *stopped(struct mt_debug *debug, pid_t tid)
{
	struct mt_thread *thread = mt_thread_find(debug, tid);

	if (thread && thread->state == MT_THREAD_RUNNING) {
		mt_stop_all(debug);
		debug->recheck = true; /* they are to go on */
	}
	return thread && thread->state == MT_THREAD_STOPPED ? thread : NULL;
}

struct mt_thread *mt_watched_thread(const struct mt_watched *watched, struct mt_thread *thread,
                                    unsigned *level)
{
	bool has_frame = watched->frame.cfa;
	struct mt_thread *owner;

	*level = 0;
	if (has_frame ? has_frame_of(thread, watched, level)
	              : !watched->tid || watched->tid == thread->tid)
		return thread;
	owner = watched->tid == thread->tid ? NULL : stopped(thread->proc->debug, watched->tid);
	return owner && has_frame && !has_frame_of(owner, watched, level) ? NULL : owner;
}

/* ---- Conditions ------------------------------------------------------------ */

struct name_finder {
	struct mt_debug_world made; /* first: the world's functions are given its address */
	bool found_local;
};

static void note_name(void *arg, const struct mt_local *local)
{
	struct name_finder *finder = arg;

	finder->found_local = finder->found_local || !local->is_static;
}

static enum mt_watch_names_of names_of(struct mt_debug *debug, const char *condition)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct name_finder finder = { 0 };
	const struct mt_type *type;
	struct mt_error *error;
	bool is_name;

	mt_debug_world(debug, &finder.made);
	finder.made.world.named = note_name;
	error = mt_eval_type(&finder.made.world, condition, &arena, &type, &is_name);
	mt_error_free(error);
	if (error)
		return MT_NAMES_OF_WHO_TOUCHES;
	return finder.found_local ? MT_NAMES_OF_FRAME : MT_NAMES_OF_PLACE;
}

void mt_watch_note_names(struct mt_debug *debug, struct mt_break *breakpoint)
{
	struct mt_watch_names *names = &breakpoint->watch->names;
	const struct mt_frame *frame;
	struct mt_where_frame where;
	struct mt_error *error;

	*names = (struct mt_watch_names){ 0 };
	frame = breakpoint->condition && debug->thread ? mt_frame_selected(debug) : NULL;
	if (!frame)
		return;
	error = mt_debug_where_frame(debug, debug->frame, &where, &names->scope);
	mt_error_free(error);
	if (error)
		return;
	names->tid = debug->thread->tid;
	names->cfa = frame->cfa;
	names->function = function_of(debug->proc, frame->lookup_pc);
	names->of = names_of(debug, breakpoint->condition);
}

/* The very frame; else the innermost one of its function, as a name is understood. */
static bool find_frame_of_names(struct mt_thread *thread, const struct mt_watch_names *names,
                                unsigned *level)
{
	struct mt_debug *debug = thread->proc->debug;
	struct mt_frame frame;
	bool found = false;

	for (unsigned i = 0; mt_debug_frames(debug, i, &frame, 1) == 1; i++) {
		if (function_of(thread->proc, frame.lookup_pc) != names->function)
			continue;
		if (!found || frame.cfa == names->cfa)
			*level = i;
		found = true;
		if (frame.cfa >= names->cfa)
			break;
	}
	return found;
}

static void find_frame_of_watched(struct mt_thread *thread, const struct mt_watched *watched,
                                  unsigned *level, const struct mt_scope_place **scope)
{
	if (mt_watched_find_frame(thread->proc->debug, watched, level) == MT_WATCH_FRAME_FOUND)
		*scope = &watched->frame.scope;
	else
		*level = 0;
}

static bool has_frame_of_names(struct mt_thread *thread, const struct mt_watch_names *names,
                               unsigned *level)
{
	struct mt_look look;
	bool found;

	mt_look_begin(thread, 0, &look);
	found = find_frame_of_names(thread, names, level);
	mt_look_end(&look);
	return found;
}

struct mt_thread *mt_watch_level(const struct mt_break *breakpoint, struct mt_thread *thread,
                                 unsigned *level, const struct mt_scope_place **scope)
{
	const struct mt_watched *watched = mt_watch_in(breakpoint, mt_proc_memory(thread->proc));
	const struct mt_watch_names *names = &breakpoint->watch->names;
	struct mt_thread *owner;
	struct mt_look look;

	*level = 0;
	*scope = names->of == MT_NAMES_OF_WHO_TOUCHES ? NULL : &names->scope;
	if (names->of == MT_NAMES_OF_FRAME) {
		owner = stopped(thread->proc->debug, names->tid);
		if (owner && has_frame_of_names(owner, names, level))
			return owner;
		return has_frame_of_names(thread, names, level) ? thread : NULL;
	}
	if (names->of == MT_NAMES_OF_PLACE || !watched || !watched->frame.cfa)
		return thread;
	mt_look_begin(thread, 0, &look);
	find_frame_of_watched(thread, watched, level, scope);
	mt_look_end(&look);
	return thread;
}

/* ---- Its end ------------------------------------------------------------- */

static bool is_in_frame_of(const struct mt_break *breakpoint, const struct mt_thread *thread)
{
	const struct mt_watched *watched =
	    breakpoint->watch && !breakpoint->gone
	        ? mt_watch_in(breakpoint, mt_proc_memory(thread->proc))
	        : NULL;

	return watched && watched->tid == thread->tid;
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
		breakpoint->gone = breakpoint->end_told =
		    breakpoint->gone || !breakpoint->watch->in.len;
		mt_warn(debug, thread->proc->pid,
		        "watchpoint %d is deleted: what its expression needs has gone with "
		        "thread %d",
		        breakpoint->number, (int)thread->tid);
	}
}

bool mt_watched_has_ended(struct mt_debug *debug, const struct mt_watched *watched)
{
	struct mt_thread *thread = mt_thread_find(debug, watched->frame.tid);
	enum mt_watch_found found;
	struct mt_look look;
	unsigned level;

	if (!watched->frame.ends || !thread || !mt_thread_regs(thread))
		return false;
	mt_look_begin(thread, 0, &look);
	found = mt_watched_find_frame(debug, watched, &level);
	mt_look_end(&look);
	return found == MT_WATCH_FRAME_GONE;
}

/* In a recursion others return to the same place, and come by the entry, from deeper. The return
 * address of who comes by is still on the stack. */
static bool ends(const struct mt_watched *watched, const struct mt_thread *thread,
                 const struct mt_site *site)
{
	size_t word = mt_machine_word(mt_image_machine(mt_proc_memory(thread->proc)->image));

	if (watched->frame.tid != thread->tid)
		return false;
	return (watched->frame.end == site && thread->regs.rsp >= watched->frame.cfa) ||
	       (watched->frame.entry == site && thread->regs.rsp + word >= watched->frame.cfa);
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

/* ---- When the program has stopped ------------------------------------------ */

static bool is_over(struct mt_debug *debug, const struct mt_break *breakpoint)
{
	if (!breakpoint->watch || breakpoint->gone)
		return false;
	for (size_t i = 0; i < breakpoint->watch->in.len; i++)
		if (!mt_watched_has_ended(debug, breakpoint->watch->in.data[i]))
			return false;
	return breakpoint->watch->in.len > 0;
}

void mt_watches_end_unseen(struct mt_debug *debug)
{
	for (size_t i = debug->breaks.len; i-- > 0;) {
		struct mt_break *breakpoint = debug->breaks.data[i];

		if (!is_over(debug, breakpoint))
			continue;
		mt_notify(debug, &(struct mt_notice){ .kind = MT_NOTICE_SCOPE,
		                                      .pid = mt_debug_pid(debug),
		                                      .number = breakpoint->number });
		mt_break_destroy(debug, breakpoint);
	}
}
