/* SPDX-License-Identifier: MIT */
/*
 * Watching by debug registers of perf's, with a filter in the kernel: a write that does not meet
 * the condition never stops the program. What system calls do is noticed too, without a stop at
 * each of them. Traps on the same bytes share their registers: what has which is in a mirror.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "engine/engine_private.h"
#include "probe/condgen.h"

static struct mt_filtered *find(struct mt_proc *proc, const struct mt_trap *trap)
{
	for (size_t i = 0; i < proc->filtered.len; i++)
		if (proc->filtered.data[i].trap.owner == trap->owner &&
		    proc->filtered.data[i].trap.kind == trap->kind &&
		    proc->filtered.data[i].trap.addr == trap->addr &&
		    proc->filtered.data[i].trap.len == trap->len)
			return &proc->filtered.data[i];
	return NULL;
}

/* ---- Arming ---------------------------------------------------------------- */

static bool has_question(const struct mt_trap *trap)
{
	return trap->condition || trap->tid;
}

/* Of the kernel's own writes the registers are others than the condition means. */
static bool can_decide(const struct mt_trap *trap)
{
	if (!trap->condition)
		return true;
	return trap->kind == MT_DR_WRITE && mt_dr_split(trap->addr, trap->len, NULL, 0) == 1 &&
	       mt_cond_fits_kernel(trap->condition) && !mt_cond_uses_regs(trap->condition);
}

/* Those of the process, of which a new one may share the registers. */
static struct mt_armed **list_armed(const struct mt_proc *proc)
{
	struct mt_armed **armed = mt_alloc_array(proc->filtered.len + 1, sizeof(struct mt_armed *));

	for (size_t i = 0; armed && i < proc->filtered.len; i++)
		armed[i] = proc->filtered.data[i].armed;
	return armed;
}

static struct mt_error *arm_filter(struct mt_proc *proc, const struct mt_trap *trap,
                                   struct mt_armed **armed)
{
	/* A program that we have launched ends with us (PTRACE_O_EXITKILL). */
	const struct mt_watch_spec spec = {
		.id = (uint32_t)trap->owner,
		.kind = trap->kind,
		.addr = trap->addr,
		.len = trap->len,
		.machine = mt_image_machine(proc->image),
		.condition = trap->condition,
		.tid = trap->tid,
		.hits = trap->evaluated,
		.traps = !proc->attached && mt_filter_may_trap(),
	};
	struct mt_armed **others MT_AUTO_FREE = list_armed(proc);
	uint64_t value[MT_RECORD_WORDS] = { 0 };

	if (!others)
		return mt_error_nomem();
	MT_TRY(mt_proc_read(proc, trap->addr, value, (size_t)trap->len));
	return mt_filter_arm(proc->debug->probe, proc->space, &spec, proc->pid, value, others,
	                     proc->filtered.len, armed);
}

/* In all threads, and in those of processes that share the memory, or in none. */
static struct mt_error *arm_everywhere(struct mt_proc *proc, const struct mt_trap *trap,
                                       struct mt_filtered *made)
{
	const struct mt_debug *debug = proc->debug;

	MT_TRY(arm_filter(proc, trap, &made->armed));
	if (mt_armed_coverage(made->armed).uncovered)
		return mt_error_new(MT_ERR_NO_REGISTER, "not every thread has a register free");
	if (!has_question(trap) && !mt_filter_sees_calls(made->armed))
		return mt_error_new(MT_ERR_UNSUPPORTED, "what system calls do is not seen");
	for (size_t i = 0; i < debug->procs.len; i++) {
		const struct mt_proc *other = debug->procs.data[i];

		for (size_t j = 0; other->lender == proc && j < other->threads.len; j++)
			MT_TRY(mt_filter_cover(made->armed, other->threads.data[j]->tid));
	}
	return NULL;
}

static struct mt_error *arm_booked(struct mt_proc *proc, const struct mt_trap *trap)
{
	struct mt_filtered made = { .trap = *trap };
	struct mt_error *error = arm_everywhere(proc, trap, &made);

	if (!error && !mt_vec_push(&proc->filtered, made))
		error = mt_error_nomem();
	if (error)
		mt_armed_destroy(made.armed);
	return error;
}

static struct mt_error *arm_once(struct mt_proc *proc, const struct mt_trap *trap)
{
	struct mt_error *error;

	MT_TRY(mt_hw_book(proc, &proc->filter_registers, trap));
	error = arm_booked(proc, trap);
	if (error)
		mt_hw_unbook(&proc->filter_registers, trap);
	return error;
}

static struct mt_error *arm(struct mt_proc *proc, const struct mt_trap *trap)
{
	struct mt_error *error;

	if (!proc->image || !can_decide(trap))
		return mt_error_new(MT_ERR_UNSUPPORTED, "no filter could decide that");
	MT_TRY(mt_way_need_probe(proc));
	error = arm_once(proc, trap);
	while (error && !has_question(trap) && mt_error_kind(error) == MT_ERR_NO_REGISTER &&
	       mt_ways_make_room(proc)) {
		mt_error_free(error);
		error = arm_once(proc, trap);
	}
	return error;
}

static void disarm(struct mt_proc *proc, const struct mt_trap *trap)
{
	struct mt_filtered *filtered = find(proc, trap);

	if (!filtered)
		return;
	mt_hw_unbook(&proc->filter_registers, trap);
	mt_armed_destroy(filtered->armed);
	*filtered = proc->filtered.data[--proc->filtered.len];
}

void mt_filtered_cover(struct mt_thread *thread)
{
	struct mt_proc *memory = mt_proc_memory(thread->proc);

	for (size_t i = 0; i < memory->filtered.len; i++) {
		struct mt_filtered *filtered = &memory->filtered.data[i];
		struct mt_error *error = mt_filter_cover(filtered->armed, thread->tid);

		if (error)
			mt_warn(memory->debug, thread->proc->pid,
			        "watchpoint %d does not see process %d, which shares the memory: "
			        "%s",
			        filtered->trap.owner, (int)thread->proc->pid, mt_error_text(error));
		mt_error_free(error);
	}
}

/* ---- Whom they hold -------------------------------------------------------- */

void mt_filtered_take(struct mt_thread *thread)
{
	struct mt_proc *memory = mt_proc_memory(thread->proc);

	for (size_t i = 0; i < memory->filtered.len; i++) {
		struct mt_filtered *filtered = &memory->filtered.data[i];

		filtered->holds =
		    mt_filter_take_held(filtered->armed, thread->tid, &filtered->held);
	}
}

/* By the first filter that has held both. What was found at the end of a call may be what another
 * thread has done, and has not told yet. */
static bool wrote_before(const struct mt_proc *memory, pid_t tid, pid_t other)
{
	uint32_t turn, others;
	unsigned why, others_why;

	for (size_t i = 0; i < memory->filtered.len; i++) {
		const struct mt_armed *armed = memory->filtered.data[i].armed;

		if (!mt_filter_held_turn(armed, tid, &turn, &why) ||
		    !mt_filter_held_turn(armed, other, &others, &others_why))
			continue;
		if ((why & MT_HOLD_EXIT) != (others_why & MT_HOLD_EXIT))
			return why & MT_HOLD_EXIT;
		return (int32_t)(others - turn) < 0;
	}
	return false;
}

bool mt_filtered_gives_way(struct mt_thread *thread)
{
	const struct mt_proc *memory = mt_proc_memory(thread->proc);

	for (size_t i = 0; i < thread->proc->threads.len; i++) {
		const struct mt_thread *other = thread->proc->threads.data[i];

		if (other != thread && other->runs && other->pending.kind == MT_PENDING_WATCH &&
		    wrote_before(memory, thread->tid, other->tid))
			return true;
	}
	return false;
}

static bool any_holds(const struct mt_proc *memory)
{
	for (size_t i = 0; i < memory->filtered.len; i++)
		if (memory->filtered.data[i].holds)
			return true;
	return false;
}

/* Where the kernel has other numbers for threads than we (pid_namespaces(7)), nobody says whose
 * hold it is: then it may be any's. */
static bool may_be_anybodys(const struct mt_thread *thread, const struct mt_filtered *filtered)
{
	return thread->decided == MT_PENDING_WATCH && !mt_filter_sees_calls(filtered->armed) &&
	       !any_holds(mt_proc_memory(thread->proc));
}

/* After a step the instruction is known, and says it. */
static bool may_be_hit(const struct mt_thread *thread, const struct mt_trap *trap)
{
	const struct mt_filtered *filtered = find(mt_proc_memory(thread->proc), trap);

	if (!filtered)
		return false;
	return thread->how == MT_RESUME_STEP || filtered->holds ||
	       may_be_anybodys(thread, filtered);
}

const struct mt_held_values *mt_filtered_held(struct mt_proc *proc, const struct mt_trap *trap)
{
	const struct mt_filtered *filtered = find(proc, trap);

	return filtered && filtered->holds ? &filtered->held : NULL;
}

/* ---- What they know -------------------------------------------------------- */

bool mt_filtered_learn(struct mt_proc *proc, const struct mt_trap *trap)
{
	const struct mt_filtered *filtered = find(proc, trap);
	uint64_t value[MT_RECORD_WORDS] = { 0 };
	struct mt_error *error;
	const void *now;
	bool news;

	if (!filtered)
		return false;
	error = mt_proc_read(proc, trap->addr, value, (size_t)trap->len);
	now = error ? NULL : value;
	mt_error_free(error);
	news = !mt_filter_knows(filtered->armed, now);
	if (news)
		mt_filter_teach(filtered->armed, now);
	return news;
}

void mt_filtered_rewritten(struct mt_proc *proc, uint64_t addr, uint64_t len)
{
	for (size_t i = 0; i < proc->filtered.len; i++) {
		const struct mt_trap *trap = &proc->filtered.data[i].trap;

		if (addr < trap->addr + trap->len && trap->addr < addr + len)
			mt_filtered_learn(proc, trap);
	}
}

uint64_t mt_filtered_unmet(struct mt_proc *proc, const struct mt_trap *trap)
{
	const struct mt_filtered *filtered = find(proc, trap);

	return filtered ? mt_armed_counts(filtered->armed).unmet : 0;
}

/* ---- As a mechanism -------------------------------------------------------- */

static struct mt_cost cost(struct mt_proc *proc)
{
	(void)proc;
	return (struct mt_cost){ .unit = MT_COST_PER_HIT };
}

const struct mt_mechanism mt_by_filter = {
	.name = "filter",
	.arm = arm,
	.disarm = disarm,
	.may_be_hit = may_be_hit,
	.cost = cost,
};

void mt_filtered_forget(struct mt_proc *proc)
{
	for (size_t i = 0; i < proc->filtered.len; i++)
		mt_armed_destroy(proc->filtered.data[i].armed);
	mt_vec_deinit(&proc->filtered);
	mt_dr_mirror_init(&proc->filter_registers);
}
