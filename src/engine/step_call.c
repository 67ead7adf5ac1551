/* SPDX-License-Identifier: MIT */
/*
 * Calls on the way of a step by lines: they are run through to where they return to, or entered,
 * through the stubs and the dynamic linker's lazy binding to the function that is meant, and past
 * what sets up its frame.
 */
#include <string.h>

#include "engine/engine_private.h"
#include "symbol/lines.h"

uint64_t mt_function_of(struct mt_proc *proc, uint64_t pc)
{
	uint64_t start, end;

	return mt_image_function_bounds(mt_proc_memory(proc)->image, pc, &start, &end) ? start : 0;
}

void mt_call_before(struct mt_debug *debug)
{
	struct mt_plan *plan = &debug->plan;
	struct mt_thread *thread = plan->thread;
	uint64_t pc = thread->regs.rip, sp = thread->regs.rsp;
	struct mt_insn insn;
	bool calls;

	plan->entered = false;
	if (!mt_straight_end(thread->proc, pc, plan->end, &insn))
		return;
	calls = insn.klass == MT_INSN_CALL && (insn.addr == pc || insn.addr < plan->end);
	if (calls && plan->kind != MT_GO_STEP)
		mt_error_free(mt_plan_run_to(debug, insn.addr + insn.len, sp));
	else if (insn.addr != pc)
		mt_error_free(mt_plan_run_to(debug, insn.addr, sp));
	else
		plan->entered = calls;
}

/* ---- What was meant ------------------------------------------------------ */

/* Decodes the instruction at pc, or the one behind an endbr. */
static bool decode_behind_endbr(struct mt_proc *proc, uint64_t pc, struct mt_insn *insn)
{
	static const uint8_t endbr[] = { 0xf3, 0x0f, 0x1e }; /* endbr64, endbr32: Intel SDM 2 */

	if (!mt_proc_decode(proc, pc, insn))
		return false;
	return insn->len != 4 || memcmp(insn->bytes, endbr, sizeof(endbr)) != 0 ||
	       mt_proc_decode(proc, pc + insn->len, insn);
}

/* The place that a jump takes its target from; i386 code has it relative to ebx, or absolute. */
static bool pointer_of(struct mt_thread *thread, const struct mt_insn *insn, uint64_t *place)
{
	struct mt_regs regs;

	if (insn->klass != MT_INSN_JUMP || insn->direct || insn->mem_count != 1 ||
	    insn->mem[0].index != MT_REG_NONE)
		return false;
	mt_regs_from_user(&thread->regs, &regs);
	return mt_insn_mem_addr_before(insn, 0, &regs, place);
}

/* An import stub jumps on through a pointer: what it leads to is the function that is meant. */
static uint64_t through_stub(struct mt_thread *thread, uint64_t pc)
{
	struct mt_proc *proc = thread->proc;
	uint64_t place, target = 0;
	struct mt_insn insn;
	struct mt_error *error;

	if (!decode_behind_endbr(proc, pc, &insn) || !pointer_of(thread, &insn, &place))
		return pc;
	error = mt_proc_read(proc, place, &target,
	                     mt_machine_word(mt_image_machine(mt_proc_memory(proc)->image)));
	mt_error_free(error);
	return error ? pc : target;
}

/* Until the dynamic linker has bound it, the pointer leads to `push $index; jmp` to what asks the
 * linker (System V ABI x86-64, 5.2, and i386 likewise). */
static bool is_unbound(struct mt_proc *proc, uint64_t target)
{
	const uint8_t push_imm32 = 0x68;
	struct mt_insn insn;

	return decode_behind_endbr(proc, target, &insn) && insn.bytes[0] == push_imm32 &&
	       mt_proc_decode(proc, insn.addr + insn.len, &insn) && insn.klass == MT_INSN_JUMP &&
	       insn.direct;
}

/* ---- Where it begins its work -------------------------------------------- */

/* push %rbp; mov %rsp, %rbp: what comes after may still belong to the function's first line.
 * Functions without it are optimised, and have no such place. */
static bool has_frame_pointer(struct mt_proc *proc, uint64_t pc)
{
	const uint8_t push_rbp = 0x55;
	struct mt_insn insn;

	return decode_behind_endbr(proc, pc, &insn) && insn.bytes[0] == push_rbp &&
	       mt_proc_decode(proc, insn.addr + insn.len, &insn) &&
	       (insn.bytes[insn.len - 2] == 0x89 || insn.bytes[insn.len - 2] == 0x8b) &&
	       (insn.bytes[insn.len - 1] == 0xe5 || insn.bytes[insn.len - 1] == 0xec);
}

/* Behind the first row of its lines, which sets up its frame. */
static uint64_t behind_prologue(struct mt_proc *proc, uint64_t pc)
{
	struct mt_image *image = mt_proc_memory(proc)->image;
	struct mt_line_range range;
	uint64_t start, end;

	if (!mt_image_function_bounds(image, pc, &start, &end) || start != pc ||
	    !mt_line_range_at(image, pc, &range) || range.row_end >= end ||
	    !has_frame_pointer(proc, pc))
		return pc;
	return range.row_end;
}

/* ---- Entering ------------------------------------------------------------ */

static enum mt_plan_answer run_back(struct mt_debug *debug)
{
	struct mt_thread *thread = debug->plan.thread;
	size_t word = mt_machine_word(mt_image_machine(mt_proc_memory(thread->proc)->image));
	uint64_t return_to = 0;
	struct mt_error *error = mt_proc_read(thread->proc, thread->regs.rsp, &return_to, word);

	if (!error)
		error = mt_plan_run_to(debug, return_to, thread->regs.rsp + word);
	mt_error_free(error);
	return error ? MT_PLAN_STEPPED : MT_PLAN_GO_ON;
}

static bool has_lines(struct mt_debug *debug, uint64_t pc)
{
	struct mt_line_range range;

	return debug->settings.step_into_unknown ||
	       mt_line_range_at(mt_proc_memory(debug->plan.proc)->image, pc, &range);
}

enum mt_plan_answer mt_call_entered(struct mt_debug *debug)
{
	struct mt_plan *plan = &debug->plan;
	struct mt_proc *proc = plan->proc;
	uint64_t pc = plan->thread->regs.rip, target, work;

	plan->entered = false;
	if (plan->kind != MT_GO_STEP)
		return run_back(debug);
	target = through_stub(plan->thread, pc);
	if (is_unbound(proc, target)) {
		mt_through_begin(debug, MT_THROUGH_RESOLVER);
		return MT_PLAN_GO_ON;
	}
	if (!has_lines(debug, target))
		return run_back(debug);
	work = behind_prologue(proc, target);
	if (work == pc)
		return mt_line_reached(debug);
	plan->arrives = true;
	mt_error_free(mt_plan_run_to(debug, work, 0));
	return plan->running ? MT_PLAN_GO_ON : mt_line_reached(debug);
}
