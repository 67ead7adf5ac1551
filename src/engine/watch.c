/* SPDX-License-Identifier: MIT */
/* Watchpoints: setting them, arming them, taking them away. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "engine/engine_private.h"

#define MAX_STEPPED_BYTES (64u << 10)

/* ---- Making and unmaking ------------------------------------------------- */

struct mt_error *mt_watchpoint_create(const struct mt_break_spec *spec,
                                      struct mt_watchpoint **watch)
{
	struct mt_watchpoint *made;

	if (spec->watch.port_count)
		MT_TRY(mt_watch_check_ports());
	made = mt_alloc(sizeof(*made));
	if (!made)
		return mt_error_nomem();
	made->kind = spec->watch;
	*watch = made;
	return NULL;
}

static void watched_destroy(struct mt_watched *watched)
{
	if (!watched)
		return;
	mt_watched_free_parts(watched);
	mt_watch_content_free(&watched->now);
	mt_watched_forget_needs(watched);
	free(watched);
}

MT_DEFINE_CLEANUP(watched, struct mt_watched, watched_destroy)

void mt_watchpoint_destroy(struct mt_watchpoint *watch)
{
	if (!watch)
		return;
	for (size_t i = 0; i < watch->in.len; i++)
		watched_destroy(watch->in.data[i]);
	mt_vec_deinit(&watch->in);
	mt_cond_destroy(watch->cond);
	free(watch->why_stepping);
	free(watch);
}

struct mt_watched *mt_watch_in(const struct mt_break *breakpoint, const struct mt_proc *proc)
{
	for (size_t i = 0; i < breakpoint->watch->in.len; i++)
		if (breakpoint->watch->in.data[i]->proc == proc)
			return breakpoint->watch->in.data[i];
	return NULL;
}

/* ---- Arming -------------------------------------------------------------- */

/* What is on the way matters when it is written; what is waited for, as it is asked for. */
struct mt_trap mt_watch_trap(const struct mt_break *breakpoint, const struct mt_watch_part *part)
{
	enum mt_watch_access access = breakpoint->watch->kind.access;
	bool reads = !part->on_the_way && (access == MT_WATCH_READ || access == MT_WATCH_ACCESS);

	return (struct mt_trap){ .owner = breakpoint->number,
		                 .kind = reads ? MT_DR_ACCESS : MT_DR_WRITE,
		                 .addr = part->addr,
		                 .len = part->len };
}

static void disarm(struct mt_break *breakpoint, struct mt_watched *watched, bool forget)
{
	for (size_t i = 0; i < watched->parts.len; i++) {
		struct mt_watch_part *part = &watched->parts.data[i];
		const struct mt_trap trap = mt_watch_trap(breakpoint, part);

		if (part->by == &mt_by_filter)
			breakpoint->unmet += mt_filtered_unmet(watched->proc, &trap);
		if (part->by && (!forget || part->by == &mt_by_filter))
			part->by->disarm(watched->proc, &trap);
		part->by = NULL;
	}
	if (watched->steps && !forget)
		mt_by_stepping.disarm(watched->proc, NULL);
	watched->steps = watched->armed = watched->decided = false;
}

static struct mt_error *arm_by(const struct mt_mechanism *mechanism, struct mt_break *breakpoint,
                               struct mt_watched *watched)
{
	for (size_t i = 0; i < watched->parts.len; i++) {
		struct mt_watch_part *part = &watched->parts.data[i];
		const struct mt_trap trap = mt_watch_trap(breakpoint, part);
		struct mt_error *error = mechanism->arm(watched->proc, &trap);

		if (error) {
			disarm(breakpoint, watched, false);
			return error;
		}
		part->by = mechanism;
	}
	watched->armed = true;
	return NULL;
}

/* Each step reads all of it. */
static struct mt_error *arm_by_stepping(struct mt_break *breakpoint, struct mt_watched *watched)
{
	uint64_t total = 0;

	for (size_t i = 0; i < watched->parts.len; i++)
		total += watched->parts.data[i].len;
	if (total > MAX_STEPPED_BYTES)
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "%.80s has more than the %u bytes that single steps can watch",
		                    breakpoint->location, MAX_STEPPED_BYTES);
	MT_TRY(arm_by(&mt_by_stepping, breakpoint, watched));
	if (!watched->in_registers)
		return NULL;
	watched->steps = true;
	return mt_by_stepping.arm(watched->proc, NULL);
}

/* Why the registers are out of the question; NULL: they are not. */
static const char *why_no_registers(const struct mt_break *breakpoint,
                                    const struct mt_watched *watched)
{
	if (breakpoint->watch->kind.port_count)
		return "the kernel leaves the processor's breakpoints for ports off";
	if (breakpoint->watch->kind.by_stepping)
		return "-force-software was asked for";
	if (!watched->proc->debug->settings.watch_registers)
		return "'set can-use-hw-watchpoints' is off";
	if (watched->now.gone)
		return "it has no value here, and is looked for after each instruction";
	if (watched->in_registers)
		return "it depends on registers, which no debug register can watch";
	return NULL;
}

static struct mt_error *note_why(struct mt_watchpoint *watch, const char *why)
{
	char *copy = why ? mt_strdup(why) : NULL;

	if (why && !copy)
		return mt_error_nomem();
	free(watch->why_stepping);
	watch->why_stepping = copy;
	return NULL;
}

/* A question that the kernel can decide is decided there: of what is plain, and in one piece. */
static bool arm_decided(const struct mt_break *breakpoint, struct mt_watched *watched)
{
	struct mt_debug *debug = watched->proc->debug;
	struct mt_watch_part *part = &watched->parts.data[0];
	struct mt_trap trap;
	struct mt_error *error;

	if (debug->no_probe || !watched->plain || !(breakpoint->condition || breakpoint->thread) ||
	    (breakpoint->condition && !mt_watch_cond(breakpoint)))
		return false;
	trap = mt_watch_trap(breakpoint, part);
	trap.condition = mt_watch_cond(breakpoint);
	trap.tid = mt_tid_of(watched->proc, breakpoint->thread);
	trap.evaluated = breakpoint->evaluated;
	error = mt_by_filter.arm(watched->proc, &trap);
	debug->no_probe = debug->no_probe || (error && mt_error_kind(error) == MT_ERR_PERMISSION);
	if (!error)
		part->by = &mt_by_filter;
	watched->armed = watched->decided = !error;
	mt_error_free(error);
	return watched->armed;
}

/*
 * Filters that hold whoever touches it see what the kernel does, too. NULL and not armed: they are
 * not to be had. A register that perf has not left for them ptrace has not either, unless it has
 * some already, which it does not give back.
 */
static struct mt_error *arm_by_filter(struct mt_break *breakpoint, struct mt_watched *watched)
{
	struct mt_proc *proc = watched->proc;
	struct mt_error *error;

	if (proc->debug->no_probe)
		return NULL;
	error = arm_by(&mt_by_filter, breakpoint, watched);
	if (!error || (mt_error_kind(error) == MT_ERR_NO_REGISTER && !proc->registers_turn))
		return error;
	proc->debug->no_probe = mt_error_kind(error) == MT_ERR_PERMISSION;
	mt_error_free(error);
	return NULL;
}

static struct mt_error *arm_in_one_way(struct mt_break *breakpoint, struct mt_watched *watched)
{
	const char *why = why_no_registers(breakpoint, watched);
	struct mt_error *error = NULL, *noted;

	/* The kernel has filters for a process's own threads, not for who shares its memory. */
	watched->lent = !why && mt_proc_lends(watched->proc);
	if (!why && !watched->lent && arm_decided(breakpoint, watched))
		return note_why(breakpoint->watch, NULL);
	if (!why) {
		if (!watched->lent)
			error = arm_by_filter(breakpoint, watched);
		if (!error && !watched->armed)
			error = arm_by(&mt_by_registers, breakpoint, watched);
		if (!error)
			return note_why(breakpoint->watch, NULL);
		if (mt_error_kind(error) != MT_ERR_NO_REGISTER)
			return error;
		why = mt_error_text(error);
	}
	if (!watched->proc->debug->settings.watch_stepping)
		return error ? error : mt_error_new(MT_ERR_USAGE, "%s", why);
	noted = note_why(breakpoint->watch, why);
	mt_error_free(error);
	return noted ? noted : arm_by_stepping(breakpoint, watched);
}

static struct mt_error *arm(struct mt_break *breakpoint, struct mt_watched *watched)
{
	MT_TRY(arm_in_one_way(breakpoint, watched));
	mt_watched_note_parts(watched);
	return NULL;
}

/* ---- In a process -------------------------------------------------------- */

/* A condition on variables that are the same everywhere, as a tree that the kernel can have. */
static void find_cond(struct mt_break *breakpoint, const struct mt_proc *proc)
{
	struct mt_watchpoint *watch = breakpoint->watch;
	uint64_t seen_from = watch->names.of == MT_NAMES_OF_PLACE ? watch->names.scope.pc : 0;

	mt_cond_destroy(watch->cond);
	watch->cond = NULL;
	if (breakpoint->condition && !breakpoint->cond && proc->image &&
	    watch->names.of != MT_NAMES_OF_FRAME)
		watch->cond = mt_break_compile(proc->image, breakpoint->condition, seen_from);
}

const struct mt_cond *mt_watch_cond(const struct mt_break *breakpoint)
{
	return breakpoint->cond ? breakpoint->cond : breakpoint->watch->cond;
}

/* In the selected frame of the current process; in another one, without a frame. */
static struct mt_error *make(struct mt_break *breakpoint, struct mt_proc *proc,
                             struct mt_watched *made)
{
	struct mt_debug *debug = proc->debug;

	made->proc = proc;
	MT_TRY(mt_watched_evaluate(debug, breakpoint, made));
	find_cond(breakpoint, proc);
	if (!breakpoint->watch->kind.port_count && mt_watched_needs_frame(debug, breakpoint, made))
		MT_TRY(mt_watched_tie(debug, made, !breakpoint->watch->kind.at_location));
	if (!breakpoint->watch->kind.port_count && debug->thread &&
	    (made->in_registers || made->frame.ends))
		made->tid = debug->thread->tid;
	return breakpoint->enabled ? arm(breakpoint, made) : NULL;
}

static void untie(struct mt_watched *watched)
{
	if (watched->frame.end)
		mt_site_put(watched->proc, watched->frame.end);
	if (watched->frame.entry)
		mt_site_put(watched->proc, watched->frame.entry);
	watched->frame.end = watched->frame.entry = NULL;
}

/* What is of a frame is of no other process, but of a child that has the frame too. */
static bool has_frame(const struct mt_break *breakpoint)
{
	for (size_t i = 0; i < breakpoint->watch->in.len; i++)
		if (breakpoint->watch->in.data[i]->frame.cfa)
			return true;
	return false;
}

struct mt_error *mt_watch_resolve(struct mt_break *breakpoint, struct mt_proc *proc)
{
	struct mt_watched *made MT_CLEANUP(watched_cleanup) = NULL;
	struct mt_thread *thread = mt_thread_in_memory(proc);
	struct mt_error *error;
	struct mt_look look;

	if (!thread || mt_watch_in(breakpoint, proc) || has_frame(breakpoint))
		return NULL;
	made = mt_alloc(sizeof(*made));
	if (!made)
		return mt_error_nomem();
	mt_look_begin(thread, proc->debug->thread == thread ? proc->debug->frame : 0, &look);
	error = make(breakpoint, proc, made);
	mt_look_end(&look);
	if (!error && !mt_vec_push(&breakpoint->watch->in, made)) {
		disarm(breakpoint, made, false);
		error = mt_error_nomem();
	}
	if (error) {
		untie(made);
		return error;
	}
	made = NULL;
	return NULL;
}

struct mt_error *mt_watch_check(struct mt_debug *debug, const struct mt_break *breakpoint)
{
	struct mt_watched watched = { 0 };
	struct mt_error *error;

	error = mt_watched_evaluate(debug, breakpoint, &watched);
	mt_watched_free_parts(&watched);
	mt_watch_content_free(&watched.now);
	return error;
}

static void take_away(struct mt_break *breakpoint, const struct mt_proc *proc, bool forget)
{
	struct mt_watchpoint *watch = breakpoint->watch;

	for (size_t i = watch->in.len; i-- > 0;) {
		struct mt_watched *watched = watch->in.data[i];

		if (proc && watched->proc != proc)
			continue;
		disarm(breakpoint, watched, forget);
		if (!forget)
			untie(watched);
		breakpoint->gone = breakpoint->gone || (proc && watched->frame.ends);
		mt_vec_remove(&watch->in, i);
		watched_destroy(watched);
	}
	if (watch->in.len)
		breakpoint->gone = false;
}

void mt_watch_lift(struct mt_break *breakpoint, const struct mt_proc *proc)
{
	take_away(breakpoint, proc, false);
}

void mt_watch_forget(struct mt_break *breakpoint, const struct mt_proc *proc)
{
	take_away(breakpoint, proc, true);
}

/* ---- Changes ------------------------------------------------------------- */

void mt_watch_disarm(struct mt_break *breakpoint)
{
	for (size_t i = 0; i < breakpoint->watch->in.len; i++)
		disarm(breakpoint, breakpoint->watch->in.data[i], false);
}

/* Its value is what it is now: what came meanwhile was not waited for. */
static struct mt_error *arm_again(struct mt_break *breakpoint, struct mt_watched *watched)
{
	struct mt_watch_content now = { 0 };

	if (watched->plain) {
		MT_TRY(mt_watched_read(watched, &now));
		mt_watch_content_free(&watched->now);
		watched->now = now;
	}
	return arm(breakpoint, watched);
}

struct mt_error *mt_watch_renew(struct mt_break *breakpoint)
{
	struct mt_error *first = NULL;

	for (size_t i = 0; i < breakpoint->watch->in.len; i++) {
		struct mt_watched *watched = breakpoint->watch->in.data[i];
		struct mt_error *error = NULL;

		find_cond(breakpoint, watched->proc);
		if (breakpoint->enabled && !watched->armed)
			error = arm_again(breakpoint, watched);
		else if (!breakpoint->enabled && watched->armed)
			disarm(breakpoint, watched, false);
		if (first)
			mt_error_free(error);
		else
			first = error;
	}
	return first;
}

/* ---- Who shares the memory ------------------------------------------------- */

static void choose_again(struct mt_debug *debug, const struct mt_proc *memory)
{
	for (size_t i = 0; i < debug->breaks.len; i++) {
		struct mt_break *breakpoint = debug->breaks.data[i];
		struct mt_watched *watched =
		    breakpoint->watch ? mt_watch_in(breakpoint, memory) : NULL;
		struct mt_error *error;

		if (!watched || !watched->armed ||
		    !(watched->lent || mt_watched_is_filtered(watched)))
			continue;
		disarm(breakpoint, watched, false);
		error = arm_again(breakpoint, watched);
		if (error)
			mt_warn(debug, memory->pid, "watchpoint %d is not watched any more: %s",
			        breakpoint->number, mt_error_text(error));
		mt_error_free(error);
	}
}

static bool any_has_to_tell(const struct mt_proc *proc)
{
	for (size_t i = 0; i < proc->threads.len; i++)
		if (proc->threads.data[i]->runs && proc->threads.data[i]->pending.kind)
			return true;
	return false;
}

bool mt_watches_follow_lending(struct mt_debug *debug)
{
	for (size_t i = 0; i < debug->procs.len; i++) {
		struct mt_proc *proc = debug->procs.data[i];

		if (!proc->lending_changed)
			continue;
		mt_stop_all(debug);
		debug->recheck = true; /* they are to go on */
		if (any_has_to_tell(proc))
			return false;
		proc->lending_changed = false;
		if (!proc->ended)
			choose_again(debug, proc);
	}
	return true;
}

/* ---- Other parts ----------------------------------------------------------- */

static bool is_armed_for(const struct mt_watched *watched, const struct mt_watched *fresh)
{
	if (watched->parts.len != fresh->parts.len)
		return false;
	for (size_t i = 0; i < fresh->parts.len; i++)
		if (watched->parts.data[i].addr != fresh->parts.data[i].addr ||
		    watched->parts.data[i].len != fresh->parts.data[i].len ||
		    watched->parts.data[i].on_the_way != fresh->parts.data[i].on_the_way)
			return false;
	return true;
}

struct mt_error *mt_watched_rearm(struct mt_break *breakpoint, struct mt_watched *watched,
                                  struct mt_watched *fresh)
{
	watched->place = fresh->place;
	watched->type = fresh->type ? fresh->type : watched->type;
	watched->plain = fresh->plain;
	if (is_armed_for(watched, fresh))
		return NULL;
	disarm(breakpoint, watched, false);
	mt_watched_free_parts(watched);
	watched->parts.data = fresh->parts.data;
	watched->parts.len = fresh->parts.len;
	watched->parts.cap = fresh->parts.cap;
	memset(&fresh->parts, 0, sizeof(fresh->parts));
	return arm(breakpoint, watched);
}

/* ---- A child that was forked --------------------------------------------- */

/* It has the same frames. */
static struct mt_error *find_in_child(struct mt_break *breakpoint, const struct mt_watched *from,
                                      struct mt_proc *child, struct mt_watched *made)
{
	unsigned level = 0;

	if (mt_watched_find_frame(child->debug, from, &level) != MT_WATCH_FRAME_FOUND)
		return mt_error_new(MT_ERR_NOT_FOUND, "its frame is not there");
	child->debug->frame = level;
	return make(breakpoint, child, made);
}

static struct mt_error *copy_to(struct mt_break *breakpoint, const struct mt_watched *from,
                                struct mt_proc *child)
{
	struct mt_watched *made MT_CLEANUP(watched_cleanup) = mt_alloc(sizeof(*made));
	struct mt_error *error;
	struct mt_look look;

	if (!made)
		return mt_error_nomem();
	mt_look_begin(child->threads.data[0], 0, &look);
	error = find_in_child(breakpoint, from, child, made);
	mt_look_end(&look);
	if (!error && !mt_vec_push(&breakpoint->watch->in, made)) {
		disarm(breakpoint, made, false);
		error = mt_error_nomem();
	}
	if (error) {
		untie(made);
		return error;
	}
	made = NULL;
	return NULL;
}

void mt_watches_inherit(const struct mt_proc *parent, struct mt_proc *child)
{
	struct mt_debug *debug = child->debug;

	for (size_t i = 0; i < debug->breaks.len; i++) {
		struct mt_break *breakpoint = debug->breaks.data[i];
		const struct mt_watched *from =
		    breakpoint->watch ? mt_watch_in(breakpoint, parent) : NULL;
		struct mt_error *error =
		    from && from->frame.cfa ? copy_to(breakpoint, from, child) : NULL;

		if (error)
			mt_warn(debug, child->pid, "watchpoint %d does not hold in process %d: %s",
			        breakpoint->number, (int)child->pid, mt_error_text(error));
		mt_error_free(error);
	}
}

/* ---- Looking ------------------------------------------------------------- */

void mt_watch_describe(struct mt_debug *debug, const struct mt_break *breakpoint,
                       struct mt_break_info *info)
{
	const struct mt_watchpoint *watch = breakpoint->watch;
	struct mt_proc *memory = debug->proc ? mt_proc_memory(debug->proc) : NULL;
	const struct mt_watched *watched = memory ? mt_watch_in(breakpoint, memory) : NULL;

	info->watch = watch->kind;
	info->pending = false;
	info->why_stepping = watch->why_stepping;
	info->way = watch->why_stepping ? MT_WAY_STEPPING : MT_WAY_REGISTER;
	if (watch->why_stepping && memory)
		info->step_ns = mt_by_stepping.cost(memory).ns;
	if (!watched)
		return;
	info->foresees = watch->why_stepping && !watched->proc->attached &&
	                 !watch->kind.port_count && debug->settings.watch_ahead;
	info->sees_kernel = mt_watched_is_filtered(watched);
	if (watched->decided) {
		const struct mt_trap trap = mt_watch_trap(breakpoint, &watched->parts.data[0]);

		info->way = MT_WAY_REGISTER_KERNEL;
		info->unmet += mt_filtered_unmet(memory, &trap);
	}
	info->type = watched->type;
	info->scoped = watched->frame.ends;
	info->moves = watched->moves && !watched->in_registers;
	if (watched->place.type) {
		info->addr = watched->place.addr;
		info->len = watched->type->size;
	}
}
