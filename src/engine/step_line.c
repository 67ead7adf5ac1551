/* SPDX-License-Identifier: MIT */
/*
 * Steps by source line: instructions are stepped as long as they belong to the line. A call is
 * stepped over by running to where it returns to, unless it is to be entered.
 */
#include "engine/engine_private.h"
#include "symbol/lines.h"

#define STEPPED_INTO_HANDLER SIGTRAP /* siginfo's code then: see trap.c */

/* ---- Where the thread is ------------------------------------------------- */

static uint64_t function_of(struct mt_proc *proc, uint64_t pc)
{
	uint64_t start, end;

	return mt_image_function_bounds(proc->image, pc, &start, &end) ? start : 0;
}

static uint64_t frame_of(struct mt_debug *debug)
{
	struct mt_frame frame;
	bool known = mt_debug_frames(debug, 0, &frame, 1) == 1;

	mt_frames_forget(debug);
	return known ? frame.cfa : 0;
}

/* The instructions that the step is to leave behind. */
static void set_range(struct mt_debug *debug, const struct mt_line_range *range)
{
	struct mt_plan *plan = &debug->plan;

	plan->start = range->start;
	plan->end = range->end;
	plan->line = range->line;
}

static bool same_line(const struct mt_line *a, const struct mt_line *b)
{
	return a->line == b->line && a->file == b->file;
}

/* Code without lines: the step ends with the function. */
static bool whole_function(struct mt_proc *proc, uint64_t pc, struct mt_line_range *range)
{
	*range = (struct mt_line_range){ 0 };
	return mt_image_function_bounds(proc->image, pc, &range->start, &range->end);
}

struct mt_error *mt_line_begin(struct mt_debug *debug)
{
	struct mt_plan *plan = &debug->plan;
	struct mt_line_range range;
	uint64_t pc;

	if (!mt_thread_regs(plan->thread))
		return NULL;
	pc = plan->thread->regs.rip;
	if (!mt_line_range_at(plan->proc->image, pc, &range) &&
	    !whole_function(plan->proc, pc, &range))
		return mt_error_new(
		    MT_ERR_NOT_FOUND,
		    "the bounds of the function at the current place are not known");
	set_range(debug, &range);
	plan->function = function_of(plan->proc, pc);
	plan->frame = frame_of(debug);
	if (plan->kind == MT_GO_UNTIL && plan->function)
		plan->start = plan->function;
	mt_line_next_insn(debug);
	return NULL;
}

/* ---- Calls --------------------------------------------------------------- */

/* Before an instruction is stepped: a call that is not to be entered is run through. */
void mt_line_next_insn(struct mt_debug *debug)
{
	struct mt_plan *plan = &debug->plan;
	struct mt_thread *thread = plan->thread;
	struct mt_insn insn;

	plan->entered = false;
	if (!mt_proc_decode(thread->proc, thread->regs.rip, &insn) || insn.klass != MT_INSN_CALL)
		return;
	plan->entered = plan->kind == MT_GO_STEP;
	if (!plan->entered)
		mt_error_free(mt_plan_run_to(debug, insn.addr + insn.len, thread->regs.rsp));
}

/* Where the function at pc begins its work: behind its first line, which sets up its frame. */
struct second_range {
	uint64_t first;
	uint64_t addr;
};

static bool is_second(const struct mt_line_range *range, void *arg)
{
	struct second_range *second = arg;

	if (range->start == second->first || !range->begins || !range->line.file)
		return true;
	second->addr = range->start;
	return false;
}

static uint64_t behind_prologue(struct mt_proc *proc, uint64_t pc)
{
	struct second_range second = { .first = pc, .addr = pc };
	uint64_t start, end;

	if (mt_image_function_bounds(proc->image, pc, &start, &end) && start == pc)
		mt_line_ranges_each(proc->image, start, end, is_second, &second);
	return second.addr;
}

/* An import stub jumps on through a pointer: what it leads to is the function that is meant. */
static uint64_t through_stub(struct mt_proc *proc, uint64_t pc)
{
	struct mt_insn insn;
	uint64_t target;
	struct mt_error *error;

	if (!mt_proc_decode(proc, pc, &insn))
		return pc;
	if (insn.klass == MT_INSN_OTHER && !mt_proc_decode(proc, pc + insn.len, &insn))
		return pc; /* behind endbr64 */
	if (insn.klass != MT_INSN_JUMP || insn.direct || insn.mem_count != 1 ||
	    insn.mem[0].base != MT_REG_RIP || insn.mem[0].index != MT_REG_NONE)
		return pc;
	error = mt_proc_read(proc, insn.addr + insn.len + (uint64_t)insn.mem[0].disp, &target,
	                     sizeof(target));
	mt_error_free(error);
	return error ? pc : target;
}

static enum mt_plan_answer run_back(struct mt_debug *debug)
{
	struct mt_thread *thread = debug->plan.thread;
	uint64_t return_to;
	struct mt_error *error =
	    mt_proc_read(thread->proc, thread->regs.rsp, &return_to, sizeof(return_to));

	if (!error)
		error = mt_plan_run_to(debug, return_to, thread->regs.rsp + sizeof(return_to));
	mt_error_free(error);
	return error ? MT_PLAN_STEPPED : MT_PLAN_GO_ON;
}

/* At the first instruction of a function that a call, or a jump in its place, has led to. */
static enum mt_plan_answer function_entered(struct mt_debug *debug)
{
	struct mt_plan *plan = &debug->plan;
	struct mt_proc *proc = plan->proc;
	uint64_t pc = plan->thread->regs.rip, target = through_stub(proc, pc), work;
	struct mt_line_range range;

	plan->entered = false;
	if (plan->kind != MT_GO_STEP ||
	    (!debug->settings.step_into_unknown && !mt_line_range_at(proc->image, target, &range)))
		return run_back(debug);
	work = behind_prologue(proc, target);
	if (work == pc)
		return MT_PLAN_STEPPED;
	plan->arrives = true;
	mt_error_free(mt_plan_run_to(debug, work, 0));
	return plan->running ? MT_PLAN_GO_ON : MT_PLAN_STEPPED;
}

/* ---- On the way ---------------------------------------------------------- */

static enum mt_plan_answer go_on(struct mt_debug *debug)
{
	mt_line_next_insn(debug);
	return MT_PLAN_GO_ON;
}

/* One more of several: from the line that was reached. */
static enum mt_plan_answer line_reached(struct mt_debug *debug)
{
	if (--debug->plan.left == 0)
		return MT_PLAN_STEPPED;
	mt_error_free(mt_line_begin(debug));
	return MT_PLAN_GO_ON;
}

/* Back in the caller, in the middle of the line that has called. */
static void returned(struct mt_debug *debug)
{
	debug->plan.frame = frame_of(debug);
	debug->plan.function = function_of(debug->plan.proc, debug->plan.thread->regs.rip);
	debug->plan.line = (struct mt_line){ 0 };
}

static enum mt_plan_answer outside_of_line(struct mt_debug *debug)
{
	struct mt_plan *plan = &debug->plan;
	uint64_t pc = plan->thread->regs.rip;
	bool out = plan->frame && plan->thread->regs.rsp >= plan->frame;
	struct mt_line_range range;

	if (out)
		returned(debug);
	else if (plan->entered || function_of(plan->proc, pc) == pc)
		return function_entered(debug);
	if (!mt_line_range_at(plan->proc->image, pc, &range))
		return out ? line_reached(debug) : go_on(debug);
	if (pc == range.start && range.begins && range.line.file &&
	    !same_line(&range.line, &plan->line))
		return line_reached(debug);
	set_range(debug, &range);
	return go_on(debug);
}

enum mt_plan_answer mt_line_stepped(struct mt_debug *debug)
{
	struct mt_plan *plan = &debug->plan;
	const struct mt_thread *thread = plan->thread;
	uint64_t pc = thread->regs.rip;

	if (plan->arrives) {
		plan->arrives = false;
		return line_reached(debug);
	}
	if (thread->how == MT_RESUME_STEP && thread->info.si_code == STEPPED_INTO_HANDLER) {
		mt_error_free(mt_plan_run_to(debug, thread->stepped_pc, thread->stepped_sp));
		return MT_PLAN_GO_ON;
	}
	if (pc >= plan->start && pc < plan->end && !plan->entered)
		return go_on(debug);
	return outside_of_line(debug);
}
