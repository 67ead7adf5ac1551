/* SPDX-License-Identifier: MIT */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/engine_private.h"
#include "target/process.h"

struct mt_thread *mt_thread_add(struct mt_proc *proc, pid_t tid)
{
	struct mt_thread *thread = mt_alloc(sizeof(*thread));

	if (!thread || !mt_vec_push(&proc->threads, thread)) {
		free(thread);
		return NULL;
	}
	thread->tid = tid;
	thread->proc = proc;
	thread->number = ++proc->next_thread;
	thread->state = MT_THREAD_RUNNING;
	thread->new_born = true;
	atomic_signal_fence(memory_order_seq_cst);
	LIST_INSERT_HEAD(&proc->debug->traced, thread, traced);
	return thread;
}

void mt_thread_remove(struct mt_thread *thread)
{
	struct mt_debug *debug = thread->proc->debug;

	thread->state = MT_THREAD_GONE;
	thread->pending.kind = MT_PENDING_NONE;
	mt_dummies_forget(thread);
	if (debug->plan.thread == thread)
		debug->plan.thread = NULL;
	if (debug->stepper == thread)
		debug->stepper = NULL;
	if (debug->thread == thread)
		mt_thread_select(debug, mt_thread_stopped(thread->proc));
}

void mt_thread_free(struct mt_thread *thread)
{
	LIST_REMOVE(thread, traced);
	mt_vec_deinit(&thread->put_off);
	free(thread);
}

struct mt_thread *mt_thread_find(struct mt_debug *debug, pid_t tid)
{
	for (size_t i = 0; i < debug->procs.len; i++) {
		const struct mt_proc *proc = debug->procs.data[i];

		for (size_t j = 0; j < proc->threads.len; j++)
			if (proc->threads.data[j]->tid == tid &&
			    proc->threads.data[j]->state != MT_THREAD_GONE)
				return proc->threads.data[j];
	}
	return NULL;
}

struct mt_thread *mt_thread_stopped(struct mt_proc *proc)
{
	for (size_t i = 0; i < proc->threads.len; i++)
		if (proc->threads.data[i]->state == MT_THREAD_STOPPED)
			return proc->threads.data[i];
	return NULL;
}

struct mt_thread *mt_thread_beside(const struct mt_thread *thread, const struct mt_thread *other)
{
	const struct mt_proc *memory = mt_proc_memory(thread->proc);
	struct mt_thread *next =
	    other ? LIST_NEXT(other, traced) : LIST_FIRST(&thread->proc->debug->traced);

	while (next && (next == thread || next->state == MT_THREAD_GONE ||
	                mt_proc_memory(next->proc) != memory))
		next = LIST_NEXT(next, traced);
	return next;
}

struct mt_thread *mt_thread_in_memory(const struct mt_proc *memory)
{
	const struct mt_debug *debug = memory->debug;
	struct mt_thread *thread = debug->thread;

	if (thread && thread->state == MT_THREAD_STOPPED && mt_proc_memory(thread->proc) == memory)
		return thread;
	for (size_t i = 0; i < debug->procs.len; i++) {
		struct mt_proc *proc = debug->procs.data[i];

		thread = mt_proc_memory(proc) == memory ? mt_thread_stopped(proc) : NULL;
		if (thread)
			return thread;
	}
	return NULL;
}

void mt_thread_select(struct mt_debug *debug, struct mt_thread *thread)
{
	debug->thread = thread;
	debug->frame = 0;
	mt_frames_forget(debug);
}

/* ---- Registers ----------------------------------------------------------- */

bool mt_thread_regs(struct mt_thread *thread)
{
	if (thread->has_regs)
		return true;
	if (thread->state != MT_THREAD_STOPPED || !mt_tracee_user_regs(thread->tid, &thread->regs))
		return false;
	thread->has_regs = true;
	thread->regs_changed = false;
	mt_slot_translate(thread);
	mt_detour_translate(thread);
	return true;
}

void mt_thread_flush(struct mt_thread *thread)
{
	if (thread->has_regs && thread->regs_changed) {
		thread->settled_pc = thread->regs.rip;
		mt_tracee_set_user_regs(thread->tid, &thread->regs);
	}
	thread->regs_changed = false;
}

void mt_thread_set_pc(struct mt_thread *thread, uint64_t pc)
{
	thread->regs.rip = pc;
	thread->regs.orig_rax = UINT64_MAX;
	thread->hidden = 0;
	thread->regs_changed = true;
}

/* ---- What front ends ask ------------------------------------------------- */

static void describe(struct mt_debug *debug, struct mt_thread *thread, struct mt_thread_info *info)
{
	*info = (struct mt_thread_info){
		.number = thread->number,
		.tid = thread->tid,
		.pid = thread->proc->pid,
		.current = thread == debug->thread,
		.gone_zombie = thread->state == MT_THREAD_LEAVING,
	};
	if (thread->task)
		memcpy(info->name, thread->proc->core->name, sizeof(info->name));
	else
		mt_process_comm(thread->tid, info->name);
	if (mt_thread_regs(thread))
		info->pc = thread->regs.rip;
}

size_t mt_debug_threads(struct mt_debug *debug, struct mt_thread_info *infos, size_t max)
{
	const struct mt_proc *proc = debug->proc;
	size_t count = 0;

	if (!proc)
		return 0;
	for (size_t i = 0; i < proc->threads.len; i++) {
		if (proc->threads.data[i]->state == MT_THREAD_GONE)
			continue;
		if (count < max)
			describe(debug, proc->threads.data[i], &infos[count]);
		count++;
	}
	return count;
}

struct mt_error *mt_debug_select_thread(struct mt_debug *debug, int number)
{
	for (size_t i = 0; debug->proc && i < debug->proc->threads.len; i++) {
		struct mt_thread *thread = debug->proc->threads.data[i];

		if (thread->number != number || thread->state == MT_THREAD_GONE)
			continue;
		if (thread->state == MT_THREAD_LEAVING)
			return mt_error_new(MT_ERR_NOT_FOUND,
			                    "thread %d has ended; others of its process go on",
			                    number);
		mt_thread_select(debug, thread);
		return NULL;
	}
	return mt_error_new(MT_ERR_NOT_FOUND, "there is no thread number %d", number);
}

int mt_debug_thread_number(const struct mt_debug *debug)
{
	return debug->thread ? debug->thread->number : 0;
}

pid_t mt_debug_tid(const struct mt_debug *debug)
{
	return debug->thread ? debug->thread->tid : 0;
}
