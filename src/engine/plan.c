/* SPDX-License-Identifier: MIT */
/*
 * What a go is to reach: a number of instructions, or a place by a certain frame. A plan steps its
 * thread, or lets it run to sites of its own.
 */
#include <stdlib.h>

#include "engine/engine_private.h"
#include "symbol/image.h"

/* ---- Places -------------------------------------------------------------- */

static struct mt_error *add_place(struct mt_debug *debug, uint64_t addr, uint64_t min_sp)
{
	struct mt_plan *plan = &debug->plan;
	struct mt_site *site;

	if (plan->place_count == MT_PLAN_MAX_PLACES)
		return NULL;
	MT_TRY(mt_site_get(plan->thread->proc, addr, &site));
	plan->places[plan->place_count++] = (struct mt_plan_place){ site, min_sp };
	return NULL;
}

static void drop_places(struct mt_plan *plan)
{
	for (size_t i = 0; i < plan->place_count; i++)
		mt_site_put(plan->proc, plan->places[i].site);
	plan->place_count = 0;
	plan->running = false;
}

struct mt_error *mt_plan_run_to(struct mt_debug *debug, uint64_t addr, uint64_t min_sp)
{
	struct mt_error *error = add_place(debug, addr, min_sp);

	if (error)
		drop_places(&debug->plan);
	debug->plan.running = !error;
	return error;
}

/* ---- Beginning ----------------------------------------------------------- */

/* A call is run to where it returns to; anything else is one step. */
static struct mt_error *next_insn(struct mt_debug *debug)
{
	struct mt_thread *thread = debug->plan.thread;
	struct mt_insn insn;

	if (!mt_thread_regs(thread) || !mt_proc_decode(thread->proc, thread->regs.rip, &insn) ||
	    insn.klass != MT_INSN_CALL)
		return NULL;
	return mt_plan_run_to(debug, insn.addr + insn.len, thread->regs.rsp);
}

static struct mt_error *finish(struct mt_debug *debug)
{
	const struct mt_frame *frame = mt_frame_selected(debug);
	struct mt_frame caller;
	unsigned level = debug->frame;
	uint64_t cfa;

	if (!frame)
		return mt_error_new(MT_ERR_USAGE, "the thread's frames are not known");
	cfa = frame->cfa;
	/* What is inlined returns with the function that it is inlined in. */
	do {
		if (mt_debug_frames(debug, ++level, &caller, 1) != 1)
			return mt_error_new(
			    MT_ERR_USAGE,
			    "frame %u is the outermost: there is nothing to return to",
			    debug->frame);
	} while (caller.cfa == cfa);
	return mt_plan_run_to(debug, caller.pc, caller.regs.r[MT_REG_RSP]);
}

static struct mt_error *advance(struct mt_debug *debug, const char *location)
{
	struct mt_location *locations;
	struct mt_error *error;
	size_t count;

	MT_TRY(mt_location_resolve(debug, location, &locations, &count));
	error = NULL;
	for (size_t i = 0; !error && i < count; i++)
		error = mt_plan_run_to(debug, locations[i].addr, 0);
	mt_locations_free(locations, count);
	if (error) {
		drop_places(&debug->plan);
		return error;
	}
	/* And no further than the end of the frame; the outermost has none. */
	mt_error_free(finish(debug));
	return NULL;
}

static struct mt_error *begin(struct mt_debug *debug, const struct mt_go *go)
{
	switch (go->kind) {
	case MT_GO_NEXT_INSN:
		return next_insn(debug);
	case MT_GO_FINISH:
		return finish(debug);
	case MT_GO_ADVANCE:
		return advance(debug, go->location ? go->location : "");
	case MT_GO_UNTIL:
		debug->plan.until_place = go->location != NULL;
		if (go->location)
			return advance(debug, go->location);
		return mt_line_begin(debug);
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
	drop_places(&debug->plan);
	debug->plan = (struct mt_plan){ 0 };
}

/* ---- On the way ---------------------------------------------------------- */

static bool steps(enum mt_go_kind kind)
{
	return kind == MT_GO_STEP_INSN || kind == MT_GO_NEXT_INSN || kind == MT_GO_STEP ||
	       kind == MT_GO_NEXT || kind == MT_GO_UNTIL;
}

bool mt_plan_wants_step(const struct mt_thread *thread)
{
	const struct mt_plan *plan = &thread->proc->debug->plan;

	return plan->active && plan->thread == thread && !plan->running && steps(plan->kind);
}

/* One of the steps is done; what the next one takes is set up. */
static enum mt_plan_answer next_step(struct mt_debug *debug)
{
	struct mt_plan *plan = &debug->plan;

	if (--plan->left == 0)
		return MT_PLAN_STEPPED;
	if (plan->kind == MT_GO_NEXT_INSN)
		mt_error_free(next_insn(debug));
	return MT_PLAN_GO_ON;
}

enum mt_plan_answer mt_plan_stepped(struct mt_debug *debug)
{
	enum mt_go_kind kind = debug->plan.kind;

	if (kind == MT_GO_STEP_INSN || kind == MT_GO_NEXT_INSN)
		return next_step(debug);
	return mt_line_stepped(debug);
}

static bool has_arrived(const struct mt_plan *plan, const struct mt_site *site, uint64_t sp)
{
	for (size_t i = 0; i < plan->place_count; i++)
		if (plan->places[i].site == site && sp >= plan->places[i].min_sp)
			return true;
	return false;
}

enum mt_plan_answer mt_plan_at_site(struct mt_thread *thread, struct mt_site *site)
{
	struct mt_debug *debug = thread->proc->debug;
	struct mt_plan *plan = &debug->plan;

	if (!plan->active || plan->thread != thread || !has_arrived(plan, site, thread->regs.rsp))
		return MT_PLAN_GO_ON;
	if (plan->kind == MT_GO_FINISH)
		return MT_PLAN_FINISHED;
	if (plan->kind == MT_GO_ADVANCE || plan->until_place)
		return MT_PLAN_STEPPED;
	drop_places(plan);
	return mt_plan_stepped(debug);
}
