/* SPDX-License-Identifier: MIT */
#include "engine/engine_private.h"
#include "target/process.h"

void mt_stop_add_number(struct mt_stop *stop, int number)
{
	if (stop->number_count < MT_STOP_MAX_NUMBERS)
		stop->numbers[stop->number_count++] = number;
}

/* The number of the execution that is asked about. Where the kernel counts too, it goes on. */
static uint64_t next_number(struct mt_break *breakpoint, const struct mt_break_at *at)
{
	return at && at->armed ? mt_armed_take_hit(at->armed) : ++breakpoint->evaluated;
}

static struct mt_error *ask_here(const struct mt_break *breakpoint, struct mt_thread *thread,
                                 bool *holds)
{
	const struct mt_scope_place *scope = NULL;
	struct mt_thread *in = thread;
	unsigned level = 0;

	if (breakpoint->watch)
		in = mt_watch_level(breakpoint, thread, &level, &scope);
	if (!in)
		return mt_error_new(MT_ERR_NOT_FOUND,
		                    "the function whose variables it speaks of is not on thread "
		                    "%d's stack",
		                    (int)thread->tid);
	return mt_condition_holds(in, level, scope, breakpoint->condition, holds);
}

/* What can't be told stops the program, as in gdb: a person has to know. */
static bool is_true_here(const struct mt_break *breakpoint, struct mt_thread *thread)
{
	bool holds = true;
	struct mt_error *error = ask_here(breakpoint, thread, &holds);

	if (error)
		mt_warn(thread->proc->debug, thread->proc->pid,
		        "the condition of %s %d cannot be told: %s",
		        breakpoint->watch ? "watchpoint" : "breakpoint", breakpoint->number,
		        mt_error_text(error));
	mt_error_free(error);
	return holds;
}

static struct mt_error *read_memory(void *proc, uint64_t addr, void *out, size_t len)
{
	return mt_proc_read(proc, addr, out, len);
}

static void warn_unreadable(const struct mt_break *breakpoint, const struct mt_thread *thread)
{
	mt_warn(thread->proc->debug, thread->proc->pid,
	        "the condition of %s %d depends on memory that cannot be read: %s",
	        breakpoint->watch ? "watchpoint" : "breakpoint", breakpoint->number,
	        breakpoint->condition);
}

/* The tree's answer. Without one, since memory can't be read, a person has to know: true. */
static bool tree_holds(const struct mt_break *breakpoint, const struct mt_cond *cond,
                       struct mt_thread *thread, uint64_t number)
{
	char comm[MT_COMM_LEN];
	bool unreadable = false;
	struct mt_regs regs;
	const struct mt_cond_input input = {
		.tid = (uint32_t)thread->tid,
		.pid = (uint32_t)thread->proc->pid,
		.hits = number,
		.comm = comm,
		.regs = &regs,
		.read = read_memory,
		.arg = mt_proc_memory(thread->proc),
		.unreadable = &unreadable,
	};
	bool holds;

	mt_regs_from_user(&thread->regs, &regs);
	mt_process_comm(thread->tid, comm);
	holds = mt_cond_eval(cond, &input);
	if (unreadable)
		warn_unreadable(breakpoint, thread);
	return holds || unreadable;
}

/* NULL: it is none of the small kind. */
static const struct mt_cond *tree_of(const struct mt_break *breakpoint,
                                     const struct mt_break_at *at)
{
	return breakpoint->watch ? mt_watch_cond(breakpoint) : mt_break_cond(breakpoint, at);
}

static bool is_condition_met(struct mt_break *breakpoint, const struct mt_break_at *at,
                             struct mt_thread *thread)
{
	const struct mt_cond *cond = tree_of(breakpoint, at);
	uint64_t number = next_number(breakpoint, at);

	if (cond)
		return tree_holds(breakpoint, cond, thread, number);
	return !breakpoint->condition || is_true_here(breakpoint, thread);
}

/* Whether the kernel has found the condition true for the thread as it stands. Of one that it has
 * not been given it says nothing: it holds all. */
static bool was_decided(const struct mt_break *breakpoint, const struct mt_break_at *at,
                        const struct mt_thread *thread)
{
	if (breakpoint->watch)
		return thread->decided == MT_PENDING_WATCH &&
		       mt_watch_is_decided(breakpoint, thread);

	enum mt_pending_kind by = at && at->site ? MT_PENDING_SITE : MT_PENDING_DEBUGREG;

	return at && at->armed && thread->decided == by &&
	       (!breakpoint->condition || mt_break_cond(breakpoint, at));
}

/* The kernel holds a thread also where it could not read what the condition depends on. */
static void tell_if_unreadable(const struct mt_break *breakpoint, const struct mt_break_at *at,
                               struct mt_thread *thread)
{
	const struct mt_cond *cond = tree_of(breakpoint, at);

	if (cond && mt_cond_reads_memory(cond))
		tree_holds(breakpoint, cond, thread, breakpoint->evaluated);
}

bool mt_break_asks(struct mt_break *breakpoint, const struct mt_break_at *at,
                   struct mt_thread *thread)
{
	if (!breakpoint->enabled || breakpoint->gone ||
	    (breakpoint->thread && breakpoint->thread != thread->number))
		return false;
	if (was_decided(breakpoint, at, thread)) {
		tell_if_unreadable(breakpoint, at, thread);
	} else if (!is_condition_met(breakpoint, at, thread)) {
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

/* At an int3 the processor's own breakpoint has been passed already: its condition was false. */
static bool has_been_asked(const struct mt_break_at *at, enum mt_pending_kind kind)
{
	return kind == MT_PENDING_SITE && at->armed && !at->site;
}

bool mt_breaks_hit(struct mt_thread *thread, enum mt_pending_kind kind, struct mt_stop *stop)
{
	struct mt_debug *debug = thread->proc->debug;
	bool hit = false;

	for (size_t i = 0; i < debug->breaks.len; i++) {
		struct mt_break *breakpoint = debug->breaks.data[i];
		const struct mt_break_at *at = place_at(breakpoint, thread);

		if (!at || has_been_asked(at, kind) || !mt_break_asks(breakpoint, at, thread))
			continue;
		mt_stop_add_number(stop, breakpoint->number);
		mt_inlined_hide_for(thread, breakpoint->location, at->place.what);
		hit = true;
	}
	thread->decided = MT_PENDING_NONE;
	return hit;
}
