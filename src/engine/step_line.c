/* SPDX-License-Identifier: MIT */
/*
 * Steps by source line: instructions are stepped as long as they belong to the line. What is
 * inlined counts as a function of its own, as gdb has it: `step` enters it, and `next` goes over
 * it.
 */
#include "engine/engine_private.h"
#include "symbol/lines.h"

#define STEPPED_INTO_HANDLER SIGTRAP /* siginfo's code then: see trap.c */

/* ---- Where the thread is ------------------------------------------------- */

struct here {
	uint64_t pc;
	bool has_range;
	struct mt_line_range range;
	struct mt_inlined inlined;
	size_t depth;  /* of those inlined, how many the thread is in */
	size_t common; /* how many of these the step is in, too */
};

static const struct mt_inline_frame *from_outside(const struct mt_inlined *inlined, size_t i)
{
	return &inlined->frames[inlined->count - 1 - i];
}

static void look(const struct mt_plan *plan, struct here *here)
{
	here->pc = plan->thread->regs.rip;
	here->has_range =
	    mt_line_range_at(mt_proc_memory(plan->proc)->image, here->pc, &here->range);
	mt_inlined_at(plan->proc, here->pc, &here->inlined);
	here->depth = here->inlined.count - here->inlined.begun;
	here->common = 0;
	while (here->common < here->depth && here->common < plan->depth &&
	       from_outside(&here->inlined, here->common)->start == plan->inlined[here->common])
		here->common++;
}

static uint64_t frame_of(struct mt_debug *debug)
{
	struct mt_frame frame;
	bool known = mt_debug_frames(debug, 0, &frame, 1) == 1;

	mt_frames_forget(debug);
	return known ? frame.cfa : 0;
}

static bool is_same_line(const struct mt_line *a, const struct mt_line *b)
{
	return a->line == b->line && a->file == b->file;
}

/* ---- What is to be left -------------------------------------------------- */

/* The activation, inlined ones included. */
static void stay_in(struct mt_plan *plan, const struct here *here)
{
	plan->depth = here->depth;
	for (size_t i = 0; i < here->depth; i++)
		plan->inlined[i] = from_outside(&here->inlined, i)->start;
}

/* Up to `range`, and as far as nothing else is inlined. */
static void pass_range(struct mt_plan *plan, const struct here *here, uint64_t start, uint64_t end)
{
	plan->start = start;
	plan->end = end;
	if (here->inlined.count > here->depth)
		plan->start = plan->end = 0;
	else
		mt_image_inline_span(mt_proc_memory(plan->proc)->image, here->pc, &plan->start,
		                     &plan->end);
}

/* Code without lines: the step ends with the function. */
static bool pass_function(struct mt_plan *plan, uint64_t pc)
{
	plan->line = (struct mt_line){ 0 };
	return mt_image_function_bounds(mt_proc_memory(plan->proc)->image, pc, &plan->start,
	                                &plan->end);
}

/* `until` does not go back, either: to where the function begins. */
static void pass_what_is_before(struct mt_plan *plan)
{
	uint64_t start = plan->depth ? plan->inlined[plan->depth - 1] : plan->function;

	if (plan->kind == MT_GO_UNTIL && plan->end && start && start < plan->start)
		plan->start = start;
}

/* A step into what is inlined moves nothing: it is told at once. */
static bool reveals(struct mt_plan *plan)
{
	struct mt_thread *thread = plan->thread;

	if (plan->kind != MT_GO_STEP || !thread->hidden || thread->pending.kind)
		return false;
	plan->reveals = true;
	mt_pend(thread, MT_PENDING_STEP);
	return true;
}

struct mt_error *mt_line_begin(struct mt_debug *debug)
{
	struct mt_plan *plan = &debug->plan;
	struct mt_thread *thread = plan->thread;
	struct here here;

	if (!mt_thread_regs(thread) || reveals(plan))
		return NULL;
	look(plan, &here);
	here.depth = here.inlined.count - thread->hidden;
	stay_in(plan, &here);
	plan->function = mt_function_of(plan->proc, here.pc);
	plan->frame = frame_of(debug);
	if (here.has_range) {
		plan->line =
		    thread->hidden ? here.inlined.frames[thread->hidden - 1].call : here.range.line;
		pass_range(plan, &here, here.range.start, here.range.end);
	} else if (!pass_function(plan, here.pc)) {
		return mt_error_new(
		    MT_ERR_NOT_FOUND,
		    "the bounds of the function at the current place are not known");
	}
	pass_what_is_before(plan);
	mt_call_before(debug);
	return NULL;
}

void mt_line_leave_inlined(struct mt_debug *debug, const struct mt_frame *frame, size_t depth)
{
	struct mt_plan *plan = &debug->plan;
	struct here here = { .depth = depth };

	mt_inlined_at(plan->proc, frame->lookup_pc, &here.inlined);
	if (here.depth > here.inlined.count)
		here.depth = here.inlined.count;
	stay_in(plan, &here);
	plan->frame = frame->cfa;
	plan->leaves_inlined = true;
}

/* ---- On the way ---------------------------------------------------------- */

static enum mt_plan_answer go_on(struct mt_debug *debug)
{
	mt_call_before(debug);
	return MT_PLAN_GO_ON;
}

enum mt_plan_answer mt_line_reached(struct mt_debug *debug)
{
	mt_inlined_hide(debug->plan.thread);
	return mt_plan_next_step(debug);
}

/* What was hidden is entered. */
static enum mt_plan_answer revealed(struct mt_debug *debug)
{
	debug->plan.reveals = false;
	debug->plan.thread->hidden--;
	return mt_plan_next_step(debug);
}

/* At a call of what is inlined: another line's is reached; this line's is entered or gone over. */
static enum mt_plan_answer at_inlined_call(struct mt_debug *debug, const struct here *here)
{
	struct mt_plan *plan = &debug->plan;

	if (!is_same_line(&from_outside(&here->inlined, here->depth)->call, &plan->line))
		return mt_line_reached(debug);
	if (plan->kind != MT_GO_STEP)
		return go_on(debug);
	mt_inlined_hide(plan->thread);
	return revealed(debug);
}

/* In the middle of a line, or in one more piece of it: that is left behind, too. */
static enum mt_plan_answer pass(struct mt_debug *debug, const struct here *here,
                                struct mt_line line)
{
	struct mt_plan *plan = &debug->plan;

	stay_in(plan, here);
	plan->line = line;
	pass_range(plan, here, here->range.start, here->range.end);
	pass_what_is_before(plan);
	return go_on(debug);
}

static enum mt_plan_answer in_the_frame(struct mt_debug *debug, bool returned)
{
	struct mt_plan *plan = &debug->plan;
	struct here here;
	bool same, deeper;

	look(plan, &here);
	same = !returned && here.depth == plan->depth && here.common == here.depth;
	deeper = !returned && here.depth > plan->depth && here.common == plan->depth;
	if (same && here.inlined.begun && !plan->leaves_inlined)
		return at_inlined_call(debug, &here);
	if (deeper && plan->kind == MT_GO_STEP && here.has_range && here.range.line.file)
		return mt_line_reached(debug);
	if (deeper) {
		pass_range(plan, &here, 0, UINT64_MAX);
		return go_on(debug);
	}
	if (plan->leaves_inlined || (!here.has_range && returned))
		return mt_line_reached(debug);
	if (!here.has_range)
		return go_on(debug);
	if (!here.range.line.file)
		return pass(debug, &here, plan->line);
	if (here.pc != here.range.row || is_same_line(&here.range.line, &plan->line))
		return pass(debug, &here, here.range.line);
	if (here.range.begins)
		return mt_line_reached(debug);
	/* A piece of a line that begins elsewhere. */
	return same ? go_on(debug) : pass(debug, &here, (struct mt_line){ 0 });
}

/* Back in the caller, in the middle of the line that has called. */
static void note_return(struct mt_debug *debug)
{
	struct mt_plan *plan = &debug->plan;

	plan->frame = frame_of(debug);
	plan->function = mt_function_of(plan->proc, plan->thread->regs.rip);
	plan->line = (struct mt_line){ 0 };
}

static bool entered_handler(const struct mt_thread *thread)
{
	return thread->how == MT_RESUME_STEP && thread->info.si_code == STEPPED_INTO_HANDLER;
}

enum mt_plan_answer mt_line_stepped(struct mt_debug *debug)
{
	struct mt_plan *plan = &debug->plan;
	const struct mt_thread *thread = plan->thread;
	uint64_t pc = thread->regs.rip;
	bool returned = plan->frame && thread->regs.rsp >= plan->frame;

	if (plan->reveals)
		return revealed(debug);
	if (plan->arrives) {
		plan->arrives = false;
		return mt_line_reached(debug);
	}
	if (entered_handler(thread)) {
		mt_error_free(mt_plan_run_to(debug, thread->stepped_pc, thread->stepped_sp));
		return MT_PLAN_GO_ON;
	}
	if (returned)
		note_return(debug);
	else if (plan->entered)
		return mt_call_entered(debug);
	else if (pc >= plan->start && pc < plan->end)
		return go_on(debug);
	else if (mt_function_of(plan->proc, pc) == pc)
		return mt_call_entered(debug);
	return in_the_frame(debug, returned);
}
