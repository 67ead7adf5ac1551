/* SPDX-License-Identifier: MIT */
/*
 * ptrace's debug registers, the same in all threads of a process. What they are to hold is in the
 * process's mirror; each thread's are made so when it is resumed, and only if the mirror has
 * changed since.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "engine/engine_private.h"

#define DR6 6
#define DR7 7

/* ---- A thread's registers ------------------------------------------------ */

/* An address is only taken while its register is disabled. */
static bool write_registers(const struct mt_thread *thread, const struct mt_dr_mirror *mirror)
{
	bool written = mt_tracee_set_debugreg(thread->tid, DR7, 0);

	for (unsigned i = 0; i < MT_DR_COUNT; i++)
		if (mirror->slots[i].len)
			written = mt_tracee_set_debugreg(thread->tid, i, mirror->slots[i].addr) &&
			          written;
	return mt_tracee_set_debugreg(thread->tid, DR7, mt_dr_mirror_dr7(mirror, 0)) && written;
}

/* What the registers are to hold. Those that ptrace has had once perf gets no more: where it may be
 * wanted they are left alone. */
static struct mt_dr_mirror with_twins(const struct mt_proc *memory)
{
	struct mt_dr_mirror mirror = memory->registers;

	if (!memory->twinless && memory->debug->no_probe)
		mt_dr_add_twins(&mirror);
	return mirror;
}

bool mt_hw_true_up(struct mt_thread *thread)
{
	struct mt_proc *memory = mt_proc_memory(thread->proc);
	struct mt_dr_mirror mirror = with_twins(memory);

	if (thread->registers_turn == memory->registers_turn)
		return true;
	if (thread->state != MT_THREAD_STOPPED)
		return false;
	thread->registers_turn = memory->registers_turn;
	if (write_registers(thread, &mirror))
		return true;
	if (memory->twinless)
		return false;
	memory->twinless = true; /* somebody else has some */
	memory->registers_turn++;
	return mt_hw_true_up(thread);
}

void mt_hw_clear_thread(struct mt_thread *thread)
{
	if (thread->registers_turn)
		mt_tracee_set_debugreg(thread->tid, DR7, 0);
	thread->registers_turn = 0;
}

void mt_hw_forget(struct mt_proc *proc)
{
	mt_dr_mirror_init(&proc->registers);
	proc->twinless = false;
	proc->registers_turn = 0;
	for (size_t i = 0; i < proc->threads.len; i++)
		proc->threads.data[i]->registers_turn = 0;
}

void mt_hw_note_status(struct mt_thread *thread)
{
	if (!thread->registers_turn || !mt_tracee_debugreg(thread->tid, DR6, &thread->status))
		thread->status = 0;
}

/* ---- Who has them -------------------------------------------------------- */

struct holder {
	struct mt_debug *debug;
	const struct mt_trap *wanted; /* whose owner is not known by its number yet */
	char text[32];
};

static const char *describe(mt_dr_owner owner, void *arg)
{
	struct holder *holder = arg;
	const struct mt_break *breakpoint = mt_break_find(holder->debug, (int)owner);
	bool watches = breakpoint ? breakpoint->watch != NULL : holder->wanted->kind != MT_DR_EXEC;

	snprintf(holder->text, sizeof(holder->text), "%s %u", watches ? "watchpoint" : "breakpoint",
	         (unsigned)owner);
	return holder->text;
}

static struct mt_error *refused(const struct mt_proc *proc, const struct mt_trap *trap)
{
	struct mt_buf holders MT_AUTO_BUF = { 0 };

	mt_buf_text(&holders, "");
	mt_ways_name_registers(proc, &holders);
	if (!mt_buf_ok(&holders))
		return mt_error_nomem();
	return mt_error_new(MT_ERR_NO_REGISTER,
	                    "the kernel has no debug register left for %" PRIu64
	                    " bytes at 0x%" PRIx64 ": %s",
	                    trap->len, trap->addr,
	                    *holders.data ? holders.data : "perf or another tool holds some");
}

/* ---- The mirror ---------------------------------------------------------- */

/* Whether the kernel gives the registers is asked at once, of one thread; another one's are no
 * different unless somebody else has taken some of that thread alone. */
static bool try_one(struct mt_proc *proc)
{
	struct mt_thread *thread = mt_thread_in_memory(proc);

	proc->registers_turn++;
	return !thread || mt_hw_true_up(thread);
}

struct mt_error *mt_hw_book(struct mt_proc *proc, struct mt_dr_mirror *mirror,
                            const struct mt_trap *trap)
{
	struct holder holder = { .debug = proc->debug, .wanted = trap };

	return mt_dr_insert(mirror, (mt_dr_owner)trap->owner, trap->kind, trap->addr, trap->len,
	                    describe, &holder);
}

void mt_hw_unbook(struct mt_dr_mirror *mirror, const struct mt_trap *trap)
{
	mt_error_free(
	    mt_dr_remove(mirror, (mt_dr_owner)trap->owner, trap->kind, trap->addr, trap->len));
}

struct mt_error *mt_hw_get(struct mt_proc *proc, const struct mt_trap *trap)
{
	struct mt_dr_mirror before = proc->registers;

	MT_TRY(mt_hw_book(proc, &proc->registers, trap));
	if (try_one(proc))
		return NULL;
	proc->registers = before;
	try_one(proc);
	return refused(proc, trap);
}

void mt_hw_put(struct mt_proc *proc, const struct mt_trap *trap)
{
	mt_hw_unbook(&proc->registers, trap);
	proc->registers_turn++;
}

bool mt_hw_executes_at(const struct mt_proc *proc, uint64_t addr)
{
	for (size_t i = 0; i < MT_DR_COUNT; i++) {
		const struct mt_dr_slot *slot = &proc->registers.slots[i];

		if (slot->len && slot->kind == MT_DR_EXEC && slot->addr == addr)
			return true;
	}
	return false;
}

bool mt_debugreg_at(struct mt_proc *proc, uint64_t addr)
{
	return mt_hw_executes_at(proc, addr) || mt_armed_at(proc, addr);
}

/* ---- As a mechanism ------------------------------------------------------ */

static bool holds_data(const struct mt_proc *proc)
{
	for (size_t i = 0; i < MT_DR_COUNT; i++)
		if (proc->registers.slots[i].len && proc->registers.slots[i].kind != MT_DR_EXEC)
			return true;
	return false;
}

/* By DR6; without it (some hypervisors lose it now and then: docs/ARCHITECTURE.md) it may be any,
 * but of a hold, for which a filter stands. */
enum mt_hw_report mt_hw_report(const struct mt_thread *thread)
{
	const struct mt_proc *memory = mt_proc_memory(thread->proc);
	uint64_t addr;

	if (mt_dr_stopped_data_address(&memory->registers, thread->status, &addr))
		return MT_HW_DATA;
	if (mt_dr6_hits(thread->status))
		return MT_HW_CODE;
	if (mt_dr6_single_step(thread->status) || thread->decided == MT_PENDING_WATCH)
		return MT_HW_NOTHING;
	return holds_data(memory) ? MT_HW_UNTOLD : MT_HW_NOTHING;
}

enum mt_dr_written mt_hw_written(const struct mt_thread *thread, uint64_t addr, uint64_t len)
{
	const struct mt_proc *memory = mt_proc_memory(thread->proc);
	struct mt_dr_mirror mirror = with_twins(memory);

	/* What it ran with may have been others. */
	if (thread->registers_turn != memory->registers_turn || mt_hw_report(thread) != MT_HW_DATA)
		return MT_DR_MAYBE_WRITTEN;
	return mt_dr_written(&mirror, thread->status, addr, len);
}

/* The register may be that of another trap of the same owner. */
static bool is_of(const struct mt_dr_slot *slot, const struct mt_trap *trap)
{
	if (!slot->len || slot->kind == MT_DR_EXEC || slot->addr - trap->addr >= trap->len)
		return false;
	for (size_t i = 0; i < slot->refs; i++)
		if (slot->owners[i] == (mt_dr_owner)trap->owner)
			return true;
	return false;
}

static bool may_be_hit(const struct mt_thread *thread, const struct mt_trap *trap)
{
	const struct mt_proc *memory = mt_proc_memory(thread->proc);
	enum mt_hw_report report = mt_hw_report(thread);
	unsigned hits = mt_dr6_hits(thread->status);

	/* No register has seen what was done here. */
	if (thread->how == MT_RESUME_STEP && thread->emulated)
		return true;
	if (report != MT_HW_DATA)
		return report == MT_HW_UNTOLD;
	for (size_t i = 0; i < MT_DR_COUNT; i++)
		if (hits >> i & 1 && is_of(&memory->registers.slots[i], trap))
			return true;
	return false;
}

static struct mt_cost cost(struct mt_proc *proc)
{
	(void)proc;
	return (struct mt_cost){ .unit = MT_COST_PER_HIT };
}

static struct mt_error *arm(struct mt_proc *proc, const struct mt_trap *trap)
{
	struct mt_error *error = mt_hw_get(proc, trap);

	/* What a breakpoint can do without is not held back from what can't. */
	while (error && mt_error_kind(error) == MT_ERR_NO_REGISTER && mt_ways_make_room(proc)) {
		mt_error_free(error);
		error = mt_hw_get(proc, trap);
	}
	return error;
}

const struct mt_mechanism mt_by_registers = {
	.name = "registers",
	.arm = arm,
	.disarm = mt_hw_put,
	.may_be_hit = may_be_hit,
	.cost = cost,
};
