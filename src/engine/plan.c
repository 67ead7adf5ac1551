/* SPDX-License-Identifier: MIT */
/*
 * What a go is to reach: a number of instructions, or a place by a certain frame. A plan steps its
 * thread, or lets it run to sites of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/engine_private.h"
#include "symbol/image.h"

/* ---- Places -------------------------------------------------------------- */

static struct mt_error *add_place(struct mt_debug *debug, uint64_t addr, uint64_t min_sp,
                                  uint64_t cfa)
{
	struct mt_plan *plan = &debug->plan;
	struct mt_site *site;

	if (plan->place_count == MT_PLAN_MAX_PLACES)
		return NULL;
	MT_TRY(mt_site_get(plan->thread->proc, addr, &site));
	plan->places[plan->place_count++] = (struct mt_plan_place){ site, min_sp, cfa };
	plan->running = true;
	return NULL;
}

static void drop_last_place(struct mt_plan *plan)
{
	mt_site_put(plan->proc, plan->places[--plan->place_count].site);
	plan->running = false;
}

void mt_plan_drop_places(struct mt_debug *debug)
{
	while (debug->plan.place_count)
		drop_last_place(&debug->plan);
	debug->plan.running = false;
	debug->plan.gone_sp = 0;
}

struct mt_error *mt_plan_run_to(struct mt_debug *debug, uint64_t addr, uint64_t min_sp)
{
	struct mt_thread *thread = debug->plan.thread;

	MT_TRY(add_place(debug, addr, min_sp, 0));
	debug->plan.gone_sp = min_sp;
	mt_leaps_watch(debug);
	if (mt_thread_regs(thread))
		mt_through_begin(debug, mt_leap_at(&debug->plan, thread->regs.rip));
	return NULL;
}

bool mt_plan_over_call(struct mt_debug *debug)
{
	struct mt_thread *thread = debug->plan.thread;
	struct mt_insn insn;
	struct mt_error *error;

	if (!mt_thread_regs(thread) || !mt_proc_decode(thread->proc, thread->regs.rip, &insn) ||
	    insn.klass != MT_INSN_CALL)
		return false;
	if (debug->plan.through)
		error = add_place(debug, insn.addr + insn.len, thread->regs.rsp, 0);
	else
		error = mt_plan_run_to(debug, insn.addr + insn.len, thread->regs.rsp);
	mt_error_free(error);
	return !error;
}

/* ---- Beginning ----------------------------------------------------------- */

static struct mt_error *run_to_caller(struct mt_debug *debug)
{
	struct mt_frame caller;

	MT_TRY(mt_frame_caller(debug, &caller));
	return mt_plan_run_to(debug, caller.pc, caller.regs.r[MT_REG_RSP]);
}

/* How many functions are inlined in the frame's function and outside of the frame. */
static size_t inlined_around(struct mt_debug *debug, const struct mt_frame *frame)
{
	struct mt_frame outer = *frame;
	size_t depth = 0;

	while (outer.is_inline && mt_debug_frames(debug, outer.level + 1, &outer, 1) == 1)
		depth++;
	return depth;
}

/* An inlined function is left by steps, after what it has called has returned. */
static struct mt_error *finish(struct mt_debug *debug)
{
	const struct mt_frame *frame = mt_frame_selected(debug);
	struct mt_frame selected, innermost;

	if (!frame || !frame->is_inline)
		return run_to_caller(debug);
	selected = *frame;
	mt_line_leave_inlined(debug, &selected, inlined_around(debug, &selected) - 1);
	if (mt_debug_frames(debug, 0, &innermost, 1) == 1 && innermost.cfa == selected.cfa) {
		mt_call_before(debug);
		return NULL;
	}
	return mt_plan_run_to(debug, selected.pc, selected.regs.r[MT_REG_RSP]);
}

/* `until` is for the selected frame alone, `advance` for any. */
static struct mt_error *advance(struct mt_debug *debug, const char *location, bool this_frame)
{
	const struct mt_frame *frame = mt_frame_selected(debug);
	uint64_t cfa = this_frame && frame ? frame->cfa : 0;
	struct mt_location *locations;
	struct mt_error *error;
	size_t count;

	MT_TRY(mt_debug_locate(debug, location, &locations, &count));
	error = NULL;
	for (size_t i = 0; !error && i < count; i++)
		error = add_place(debug, locations[i].addr, 0, cfa);
	mt_locations_free(locations, count);
	MT_TRY(error);
	/* And no further than the end of the frame; the outermost has none. */
	mt_error_free(run_to_caller(debug));
	return NULL;
}

/* Its registers are otherwise as they are; a breakpoint there is hit. */
static struct mt_error *jump(struct mt_debug *debug, const char *location)
{
	struct mt_thread *thread = debug->thread;
	struct mt_location *locations;
	uint64_t addr;
	size_t count;

	MT_TRY(mt_debug_locate(debug, location, &locations, &count));
	addr = locations[0].addr;
	mt_locations_free(locations, count);
	if (count > 1)
		return mt_error_new(MT_ERR_AMBIGUOUS, "%s is at %zu addresses: name one, as *0x…",
		                    location, count);
	if (!mt_thread_regs(thread))
		return mt_error_new(MT_ERR_NOT_FOUND, "thread %d is ending", (int)thread->tid);
	mt_thread_set_pc(thread, addr);
	thread->told = false;
	return NULL;
}

static struct mt_error *begin(struct mt_debug *debug, const struct mt_go *go)
{
	switch (go->kind) {
	case MT_GO_NEXT_INSN:
		mt_plan_over_call(debug);
		return NULL;
	case MT_GO_FINISH:
		return finish(debug);
	case MT_GO_ADVANCE:
		return advance(debug, go->location ? go->location : "", false);
	case MT_GO_UNTIL:
		debug->plan.until_place = go->location != NULL;
		if (go->location)
			return advance(debug, go->location, true);
		return mt_line_begin(debug);
	case MT_GO_JUMP:
		return jump(debug, go->location ? go->location : "");
	case MT_GO_STEP:
	case MT_GO_NEXT:
		return mt_line_begin(debug);
	default:
		return NULL;
	}
}

struct mt_error *mt_plan_begin(struct mt_debug *debug, const struct mt_go *go)
{
	struct mt_error *error;

	debug->plan = (struct mt_plan){
		.active = true,
		.kind = go->kind,
		.proc = debug->proc,
		.thread = debug->thread,
		.left = go->count ? go->count : 1,
		.only_thread = go->only_thread || debug->settings.lock_scheduler,
	};
	error = begin(debug, go);
	if (error)
		mt_plan_end(debug);
	return error;
}

void mt_plan_end(struct mt_debug *debug)
{
	struct mt_plan *plan = &debug->plan;

	mt_plan_drop_places(debug);
	while (plan->leap_count)
		mt_site_put(plan->proc, plan->leaps[--plan->leap_count]);
	*plan = (struct mt_plan){ 0 };
}

/* All of them, or none. */
static bool move_places(struct mt_plan *plan, struct mt_proc *to)
{
	struct mt_site *sites[MT_PLAN_MAX_PLACES];
	struct mt_error *error = NULL;
	size_t count = 0;

	while (count < plan->place_count &&
	       !(error = mt_site_get(to, plan->places[count].site->addr, &sites[count])))
		count++;
	if (error) {
		mt_error_free(error);
		while (count)
			mt_site_put(to, sites[--count]);
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		mt_site_put(plan->proc, plan->places[i].site);
		plan->places[i].site = sites[i];
	}
	return true;
}

void mt_plan_move(struct mt_debug *debug, struct mt_thread *thread)
{
	struct mt_plan *plan = &debug->plan;
	const struct mt_thread *parent = plan->thread;
	bool watches = plan->leap_count > 0;

	while (plan->leap_count)
		mt_site_put(plan->proc, plan->leaps[--plan->leap_count]);
	if (!move_places(plan, thread->proc)) {
		mt_plan_end(debug); /* the child runs on */
		return;
	}
	plan->proc = thread->proc;
	plan->thread = thread;
	if (watches)
		mt_leaps_watch(debug);
	if (!mt_plan_wants_step(thread))
		return;
	/* The instruction that has forked is done. */
	thread->stepped_pc = parent->stepped_pc;
	thread->stepped_sp = parent->stepped_sp;
	memcpy(thread->stepped_code, parent->stepped_code, sizeof(thread->stepped_code));
	mt_pend(thread, MT_PENDING_STEP);
}

void mt_plan_forget(struct mt_debug *debug, const struct mt_proc *proc)
{
	if (debug->plan.proc != proc)
		return;
	if (proc->lender) {
		debug->plan.proc = proc->lender;
		mt_plan_end(debug);
	}
	debug->plan = (struct mt_plan){ 0 };
}

/* ---- On the way ---------------------------------------------------------- */

static bool steps(const struct mt_plan *plan)
{
	switch (plan->kind) {
	case MT_GO_STEP_INSN:
	case MT_GO_NEXT_INSN:
	case MT_GO_STEP:
	case MT_GO_NEXT:
	case MT_GO_UNTIL:
		return true;
	default:
		return plan->through || plan->leaves_inlined;
	}
}

bool mt_plan_wants_step(const struct mt_thread *thread)
{
	const struct mt_plan *plan = &thread->proc->debug->plan;

	return plan->active && plan->thread == thread && !plan->running && steps(plan);
}

static bool by_instructions(const struct mt_plan *plan)
{
	return plan->kind == MT_GO_STEP_INSN || plan->kind == MT_GO_NEXT_INSN;
}

enum mt_plan_answer mt_plan_next_step(struct mt_debug *debug)
{
	struct mt_plan *plan = &debug->plan;

	if (--plan->left == 0)
		return MT_PLAN_STEPPED;
	if (plan->kind == MT_GO_NEXT_INSN)
		mt_plan_over_call(debug);
	else if (!by_instructions(plan))
		mt_error_free(mt_line_begin(debug));
	return MT_PLAN_GO_ON;
}

enum mt_plan_answer mt_plan_stepped(struct mt_debug *debug)
{
	if (debug->plan.through)
		return mt_through_stepped(debug);
	return by_instructions(&debug->plan) ? mt_plan_next_step(debug) : mt_line_stepped(debug);
}

/* The frame that the thread is in now. */
static uint64_t current_cfa(struct mt_debug *debug)
{
	struct mt_frame frame;
	bool known = mt_debug_frames(debug, 0, &frame, 1) == 1;

	mt_frames_forget(debug);
	return known ? frame.cfa : 0;
}

static bool has_arrived(struct mt_debug *debug, const struct mt_site *site, uint64_t sp)
{
	const struct mt_plan *plan = &debug->plan;

	for (size_t i = 0; i < plan->place_count; i++) {
		const struct mt_plan_place *place = &plan->places[i];

		if (place->site == site && sp >= place->min_sp &&
		    (!place->cfa || place->cfa == current_cfa(debug)))
			return true;
	}
	return false;
}

static enum mt_plan_answer arrived(struct mt_thread *thread)
{
	struct mt_debug *debug = thread->proc->debug;
	struct mt_plan *plan = &debug->plan;

	if (plan->through) {
		drop_last_place(plan);
		return mt_through_stepped(debug);
	}
	if (plan->kind == MT_GO_ADVANCE || plan->until_place ||
	    (plan->kind == MT_GO_FINISH && !plan->leaves_inlined)) {
		mt_inlined_hide(thread);
		return plan->kind == MT_GO_FINISH ? MT_PLAN_FINISHED : MT_PLAN_STEPPED;
	}
	mt_plan_drop_places(debug);
	return mt_plan_stepped(debug);
}

enum mt_plan_answer mt_plan_at_site(struct mt_thread *thread, struct mt_site *site)
{
	struct mt_debug *debug = thread->proc->debug;
	struct mt_plan *plan = &debug->plan;

	if (!plan->active || plan->thread != thread || !plan->running)
		return MT_PLAN_GO_ON;
	if (has_arrived(debug, site, thread->regs.rsp))
		return arrived(thread);
	if (!plan->through)
		mt_through_begin(debug, mt_leap_at(plan, site->addr));
	return MT_PLAN_GO_ON;
}
