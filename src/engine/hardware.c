/* SPDX-License-Identifier: MIT */
/* Hardware breakpoints: ptrace's debug registers, the same in all threads of a process. */
#include <inttypes.h>

#include "engine/engine_private.h"

#define DR7 7

static uint64_t dr7_of(const struct mt_proc *proc)
{
	uint64_t dr7 = 0;

	for (unsigned i = 0; i < MT_DR_COUNT; i++)
		if (proc->hw[i].refs)
			dr7 = mt_dr7_enable(dr7, i, MT_DR_EXEC, 1);
	return dr7;
}

/* An address is only taken while its register is disabled. */
static bool write_registers(const struct mt_thread *thread, uint64_t dr7)
{
	bool written = mt_tracee_set_debugreg(thread->tid, DR7, 0);

	for (unsigned i = 0; i < MT_DR_COUNT; i++)
		if (thread->proc->hw[i].refs)
			written =
			    mt_tracee_set_debugreg(thread->tid, i, thread->proc->hw[i].addr) &&
			    written;
	return mt_tracee_set_debugreg(thread->tid, DR7, dr7) && written;
}

static bool write_all(const struct mt_proc *proc)
{
	uint64_t dr7 = dr7_of(proc);
	bool written = true;

	for (size_t i = 0; i < proc->threads.len; i++)
		if (proc->threads.data[i]->state == MT_THREAD_STOPPED)
			written = write_registers(proc->threads.data[i], dr7) && written;
	return written;
}

void mt_hw_arm_thread(struct mt_thread *thread)
{
	uint64_t dr7 = dr7_of(thread->proc);

	if (dr7)
		write_registers(thread, dr7);
}

void mt_hw_clear_thread(struct mt_thread *thread)
{
	if (dr7_of(thread->proc))
		mt_tracee_set_debugreg(thread->tid, DR7, 0);
}

static struct mt_hw_slot *find(struct mt_proc *proc, uint64_t addr)
{
	for (size_t i = 0; i < MT_DR_COUNT; i++)
		if (proc->hw[i].refs && proc->hw[i].addr == addr)
			return &proc->hw[i];
	return NULL;
}

static struct mt_hw_slot *find_free(struct mt_proc *proc)
{
	for (size_t i = 0; i < MT_DR_COUNT; i++)
		if (!proc->hw[i].refs)
			return &proc->hw[i];
	return NULL;
}

struct mt_error *mt_hw_get(struct mt_proc *proc, uint64_t addr)
{
	struct mt_hw_slot *slot = find(proc, addr);

	if (slot) {
		slot->refs++;
		return NULL;
	}
	slot = find_free(proc);
	if (slot) {
		*slot = (struct mt_hw_slot){ .addr = addr, .refs = 1 };
		if (write_all(proc))
			return NULL;
		slot->refs = 0;
		write_all(proc);
	}
	return mt_error_new(MT_ERR_NO_REGISTER,
	                    "no debug register is free for a hardware breakpoint at 0x%" PRIx64,
	                    addr);
}

void mt_hw_put(struct mt_proc *proc, uint64_t addr)
{
	struct mt_hw_slot *slot = find(proc, addr);

	if (slot && --slot->refs == 0)
		write_all(proc);
}

bool mt_debugreg_at(struct mt_proc *proc, uint64_t addr)
{
	for (size_t i = 0; i < MT_DR_COUNT; i++)
		if (proc->hw[i].refs && proc->hw[i].addr == addr)
			return true;
	return mt_armed_at(proc, addr);
}
