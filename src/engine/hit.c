/* SPDX-License-Identifier: MIT */
#include "engine/engine_private.h"
#include "target/process.h"

void mt_stop_add_number(struct mt_stop *stop, int number)
{
	if (stop->number_count < MT_STOP_MAX_NUMBERS)
		stop->numbers[stop->number_count++] = number;
}

static bool is_condition_met(struct mt_break *breakpoint, struct mt_thread *thread)
{
	char comm[MT_COMM_LEN];
	struct mt_regs regs;
	struct mt_cond_input input = {
		.tid = (uint32_t)thread->tid,
		.pid = (uint32_t)thread->proc->pid,
		.hits = ++breakpoint->evaluated,
		.comm = comm,
		.regs = &regs,
	};

	if (!breakpoint->cond)
		return true;
	mt_regs_from_user(&thread->regs, &regs);
	mt_process_comm(thread->tid, comm);
	return mt_cond_eval(breakpoint->cond, &input);
}

bool mt_break_asks(struct mt_break *breakpoint, struct mt_thread *thread, bool decided)
{
	if (!breakpoint->enabled || breakpoint->gone ||
	    (breakpoint->thread && breakpoint->thread != thread->number))
		return false;
	if (!decided && !is_condition_met(breakpoint, thread)) {
		breakpoint->unmet++;
		return false;
	}
	breakpoint->hits++;
	if (!breakpoint->ignore)
		return true;
	breakpoint->ignore--;
	return false;
}

static const struct mt_break_at *place_at(const struct mt_break *breakpoint,
                                          const struct mt_thread *thread)
{
	for (size_t i = 0; i < breakpoint->places.len; i++) {
		const struct mt_break_at *at = &breakpoint->places.data[i];

		if (at->place.inserted && at->proc == mt_proc_memory(thread->proc) &&
		    at->place.addr == thread->regs.rip)
			return at;
	}
	return NULL;
}

bool mt_breaks_hit(struct mt_thread *thread, struct mt_stop *stop)
{
	struct mt_debug *debug = thread->proc->debug;
	bool hit = false;

	for (size_t i = 0; i < debug->breaks.len; i++) {
		struct mt_break *breakpoint = debug->breaks.data[i];
		const struct mt_break_at *at = place_at(breakpoint, thread);

		if (!at || !mt_break_asks(breakpoint, thread, thread->decided && at->armed))
			continue;
		mt_stop_add_number(stop, breakpoint->number);
		hit = true;
	}
	thread->decided = false;
	return hit;
}
