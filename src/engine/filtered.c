/* SPDX-License-Identifier: MIT */
/*
 * Watching by debug registers of perf's, with a filter in the kernel: a write that does not meet
 * the condition never stops the program. Writes by system calls are noticed too.
 */
#include "engine/engine_private.h"
#include "probe/condgen.h"

static struct mt_filtered *find(struct mt_proc *proc, const struct mt_trap *trap)
{
	for (size_t i = 0; i < proc->filtered.len; i++)
		if (proc->filtered.data[i].trap.owner == trap->owner &&
		    proc->filtered.data[i].trap.addr == trap->addr &&
		    proc->filtered.data[i].trap.len == trap->len)
			return &proc->filtered.data[i];
	return NULL;
}

/* Of the kernel's own writes the registers are others than the condition means. */
static struct mt_error *check(const struct mt_proc *proc, const struct mt_trap *trap)
{
	if (trap->kind == MT_DR_WRITE && (trap->condition || trap->tid) &&
	    mt_dr_split(trap->addr, trap->len, NULL, 0) == 1 && proc->image &&
	    (!trap->condition ||
	     (mt_cond_fits_kernel(trap->condition) && !mt_cond_uses_regs(trap->condition))))
		return NULL;
	return mt_error_new(MT_ERR_UNSUPPORTED, "there is nothing that a filter could decide");
}

static struct mt_error *arm(struct mt_proc *proc, const struct mt_trap *trap)
{
	const struct mt_watch_spec spec = {
		.id = (uint32_t)trap->owner,
		.kind = trap->kind,
		.addr = trap->addr,
		.len = trap->len,
		.machine = mt_image_machine(proc->image),
		.condition = trap->condition,
		.tid = trap->tid,
		.hits = trap->evaluated,
		.kernel = true,
		.silent = true,
		.action = MT_ACTION_HOLD,
	};
	struct mt_filtered made = { .trap = *trap };
	uint64_t value = 0;

	MT_TRY(check(proc, trap));
	MT_TRY(mt_way_need_probe(proc));
	MT_TRY(mt_proc_read(proc, trap->addr, &value, (size_t)trap->len));
	MT_TRY(mt_watch_arm(proc->debug->probe, proc->space, &spec, proc->pid,
	                    (const uint8_t *)&value, NULL, 0, &made.armed));
	if (!mt_armed_coverage(made.armed).uncovered && mt_vec_push(&proc->filtered, made))
		return NULL;
	mt_armed_destroy(made.armed);
	return mt_error_new(MT_ERR_NO_REGISTER, "not every thread has a register free");
}

static void disarm(struct mt_proc *proc, const struct mt_trap *trap)
{
	struct mt_filtered *filtered = find(proc, trap);

	if (!filtered)
		return;
	mt_armed_destroy(filtered->armed);
	*filtered = proc->filtered.data[--proc->filtered.len];
}

void mt_filtered_take(struct mt_thread *thread)
{
	struct mt_proc *memory = mt_proc_memory(thread->proc);

	for (size_t i = 0; i < memory->filtered.len; i++) {
		struct mt_filtered *filtered = &memory->filtered.data[i];

		filtered->holds = mt_armed_take_held(filtered->armed, thread->tid, &filtered->held);
	}
}

/* By the first filter that has held both. */
static bool wrote_before(const struct mt_proc *memory, pid_t tid, pid_t other)
{
	uint32_t turn, others;

	for (size_t i = 0; i < memory->filtered.len; i++)
		if (mt_armed_held_turn(memory->filtered.data[i].armed, tid, &turn) &&
		    mt_armed_held_turn(memory->filtered.data[i].armed, other, &others))
			return (int32_t)(others - turn) < 0;
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

/* After a step the instruction is known, and says it. Where the kernel has other numbers for
 * threads than we (pid_namespaces(7)), nobody says whose hold it is: then it may be any's. */
static bool may_be_hit(const struct mt_thread *thread, const struct mt_trap *trap)
{
	struct mt_proc *memory = mt_proc_memory(thread->proc);
	const struct mt_filtered *filtered = find(memory, trap);

	return thread->how == MT_RESUME_STEP || (filtered && filtered->holds) ||
	       (thread->decided == MT_PENDING_WATCH && !any_holds(memory));
}

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
}

const struct mt_held_values *mt_filtered_held(struct mt_proc *proc, const struct mt_trap *trap)
{
	const struct mt_filtered *filtered = find(proc, trap);

	return filtered && filtered->holds ? &filtered->held : NULL;
}

uint64_t mt_filtered_unmet(struct mt_proc *proc, const struct mt_trap *trap)
{
	const struct mt_filtered *filtered = find(proc, trap);

	return filtered ? mt_armed_counts(filtered->armed).unmet : 0;
}
