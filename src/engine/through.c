/* SPDX-License-Identifier: MIT */
/*
 * Code that nobody means to step through, and that does not return to where it was called from: it
 * is stepped by instructions until the thread has come out of it.
 *
 * longjmp() and the unwinder of exceptions take frames away. Where they lead cannot be read: the
 * C library hides the pointers in a jmp_buf (glibc, PTR_MANGLE), and the unwinder asks each
 * language. What they do is certain: they end with another stack pointer than they began with.
 */
#include <string.h>

#include "engine/engine_private.h"
#include "symbol/dynamic.h"

/* More than the frame of any of these functions has. */
#define OWN_STACK 0x10000u

/* ---- Where leaps begin --------------------------------------------------- */

static const struct {
	const char *name;
	enum mt_through what;
} leapers[] = {
	/* setjmp(3) of glibc and musl; and what _FORTIFY_SOURCE makes of them */
	{ "longjmp", MT_THROUGH_LONGJMP },
	{ "_longjmp", MT_THROUGH_LONGJMP },
	{ "siglongjmp", MT_THROUGH_LONGJMP },
	{ "__longjmp_chk", MT_THROUGH_LONGJMP },
	/* Itanium C++ ABI: Exception Handling, 1.3; Rust's panics too */
	{ "_Unwind_RaiseException", MT_THROUGH_UNWINDER },
	{ "_Unwind_Resume", MT_THROUGH_UNWINDER },
	{ "_Unwind_Resume_or_Rethrow", MT_THROUGH_UNWINDER },
	{ "_Unwind_ForcedUnwind", MT_THROUGH_UNWINDER },
};

/* Looking through the symbols of every library would take long in large programs. */
static bool may_have_leapers(const struct mt_proc *proc, const struct mt_module *module)
{
	static const char *const names[] = { "libc.", "libgcc_s", "ld-musl", "libunwind" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strncmp(module->name, names[i], strlen(names[i])))
			return true;
	return module == mt_image_executable(proc->image);
}

static bool is_known(const struct mt_proc *proc, uint64_t addr)
{
	for (size_t i = 0; i < proc->leaps.len; i++)
		if (proc->leaps.data[i].addr == addr)
			return true;
	return false;
}

static void find_leaps_in(struct mt_proc *proc, const struct mt_module *module)
{
	for (size_t i = 0; i < sizeof(leapers) / sizeof(*leapers); i++) {
		struct mt_leap leap = { .what = leapers[i].what };

		if (mt_module_symbol(module, leapers[i].name, &leap.addr) &&
		    !is_known(proc, leap.addr) && !mt_vec_push(&proc->leaps, leap))
			return;
	}
}

static void find_leaps(struct mt_proc *proc)
{
	if (proc->knows_leaps)
		return;
	for (size_t i = 0; i < mt_image_module_count(proc->image); i++)
		if (may_have_leapers(proc, mt_image_module(proc->image, i)))
			find_leaps_in(proc, mt_image_module(proc->image, i));
	proc->knows_leaps = true;
}

void mt_leaps_forget(struct mt_proc *proc)
{
	proc->knows_leaps = false;
	mt_vec_deinit(&proc->leaps);
}

static bool is_watched(const struct mt_plan *plan, uint64_t addr)
{
	for (size_t i = 0; i < plan->leap_count; i++)
		if (plan->leaps[i]->addr == addr)
			return true;
	return false;
}

void mt_leaps_watch(struct mt_debug *debug)
{
	struct mt_plan *plan = &debug->plan;
	struct mt_proc *memory = mt_proc_memory(plan->proc);

	find_leaps(memory);
	for (size_t i = 0; i < memory->leaps.len && plan->leap_count < MT_PLAN_MAX_LEAPS; i++) {
		struct mt_error *error;

		if (is_watched(plan, memory->leaps.data[i].addr))
			continue;
		error = mt_site_get(plan->proc, memory->leaps.data[i].addr,
		                    &plan->leaps[plan->leap_count]);
		plan->leap_count += !error;
		mt_error_free(error);
	}
}

void mt_leaps_renew(struct mt_proc *proc)
{
	struct mt_plan *plan = &proc->debug->plan;

	mt_leaps_forget(proc);
	if (plan->leap_count && plan->proc == proc)
		mt_leaps_watch(proc->debug);
}

enum mt_through mt_leap_at(const struct mt_plan *plan, uint64_t addr)
{
	const struct mt_proc *memory = mt_proc_memory(plan->proc);

	for (size_t i = 0; plan->leap_count && i < memory->leaps.len; i++)
		if (memory->leaps.data[i].addr == addr)
			return memory->leaps.data[i].what;
	return MT_THROUGH_NOTHING;
}

/* ---- On the way ---------------------------------------------------------- */

void mt_through_begin(struct mt_debug *debug, enum mt_through what)
{
	struct mt_plan *plan = &debug->plan;

	if (what == MT_THROUGH_NOTHING)
		return;
	plan->through = what;
	plan->through_sp = plan->thread->regs.rsp;
	plan->running = false;
}

/* The resolver ends at a function, with the stack that it found; a leap by a jump out of its own
 * function, with another stack. */
static bool has_come_out(const struct mt_plan *plan)
{
	const struct mt_thread *thread = plan->thread;
	uint64_t sp = thread->regs.rsp, pc = thread->regs.rip;

	if (plan->through == MT_THROUGH_RESOLVER)
		return sp == plan->through_sp && mt_function_of(plan->proc, pc) == pc;
	return plan->through_sp - sp > OWN_STACK &&
	       mt_function_of(plan->proc, pc) != mt_function_of(plan->proc, thread->stepped_pc);
}

static enum mt_plan_answer landed(struct mt_debug *debug)
{
	struct mt_plan *plan = &debug->plan;

	if (!plan->gone_sp || plan->thread->regs.rsp < plan->gone_sp) {
		plan->running = true; /* it was a matter of the callees */
		return MT_PLAN_GO_ON;
	}
	mt_plan_drop_places(debug);
	if (plan->kind == MT_GO_NEXT_INSN)
		return mt_plan_next_step(debug);
	return mt_line_reached(debug);
}

enum mt_plan_answer mt_through_stepped(struct mt_debug *debug)
{
	struct mt_plan *plan = &debug->plan;
	enum mt_through what = plan->through;

	if (!has_come_out(plan)) {
		if (what != MT_THROUGH_LONGJMP)
			mt_plan_over_call(debug);
		return MT_PLAN_GO_ON;
	}
	plan->through = MT_THROUGH_NOTHING;
	return what == MT_THROUGH_RESOLVER ? mt_call_entered(debug) : landed(debug);
}
