/* SPDX-License-Identifier: MIT */
/* What of a thread is to be looked at for watchpoints. */
#include "engine/engine_private.h"

struct mt_watched *mt_watched_of(const struct mt_break *breakpoint, const struct mt_thread *thread)
{
	struct mt_watched *watched;

	if (!breakpoint->watch || breakpoint->gone)
		return NULL;
	watched = mt_watch_in(breakpoint, mt_proc_memory(thread->proc));
	return watched && watched->armed ? watched : NULL;
}

bool mt_watched_is_filtered(const struct mt_watched *watched)
{
	return watched->parts.len && watched->parts.data[0].by == &mt_by_filter;
}

bool mt_watch_is_decided(const struct mt_break *breakpoint, const struct mt_thread *thread)
{
	const struct mt_watched *watched = mt_watched_of(breakpoint, thread);

	return watched && watched->decided;
}

bool mt_watches_any(const struct mt_thread *thread)
{
	const struct mt_debug *debug = thread->proc->debug;

	for (size_t i = 0; i < debug->breaks.len; i++)
		if (mt_watched_of(debug->breaks.data[i], thread))
			return true;
	return false;
}

/* ---- After a write of our own ---------------------------------------------- */

static bool lies_in(const struct mt_watched *watched, uint64_t addr, uint64_t len)
{
	for (size_t i = 0; i < watched->parts.len; i++)
		if (addr < watched->parts.data[i].addr + watched->parts.data[i].len &&
		    watched->parts.data[i].addr < addr + len)
			return true;
	return false;
}

static void read_again(struct mt_watched *watched)
{
	struct mt_watch_content now = { 0 };
	struct mt_error *error;

	mt_watched_note_parts(watched);
	if (!watched->plain)
		return;
	error = mt_watched_read(watched, &now);
	if (!error) {
		mt_watch_content_free(&watched->now);
		watched->now = now;
	}
	mt_error_free(error);
}

void mt_watches_rewritten(struct mt_proc *memory, uint64_t addr, uint64_t len)
{
	const struct mt_debug *debug = memory->debug;

	for (size_t i = 0; i < debug->breaks.len; i++) {
		const struct mt_break *breakpoint = debug->breaks.data[i];
		struct mt_watched *watched =
		    breakpoint->watch ? mt_watch_in(breakpoint, memory) : NULL;

		if (watched && watched->armed && lies_in(watched, addr, len))
			read_again(watched);
	}
	mt_filtered_rewritten(memory, addr, len);
}

/* ---- After a system call ---------------------------------------------------- */

static bool any_changed(const struct mt_thread *thread)
{
	const struct mt_debug *debug = thread->proc->debug;

	for (size_t i = 0; i < debug->breaks.len; i++) {
		const struct mt_watched *watched = mt_watched_of(debug->breaks.data[i], thread);

		if (watched && !mt_watched_is_filtered(watched) &&
		    mt_watched_parts_changed(watched))
			return true;
	}
	return false;
}

/* By the instruction that it has stepped, and that was not looked at yet. */
static bool has_written(struct mt_thread *thread)
{
	const struct mt_debug *debug = thread->proc->debug;

	if (thread->pending.kind != MT_PENDING_STEP || !mt_thread_regs(thread))
		return false;
	for (size_t i = 0; i < debug->breaks.len; i++) {
		const struct mt_watched *watched = mt_watched_of(debug->breaks.data[i], thread);

		for (size_t j = 0; watched && j < watched->parts.len; j++) {
			const struct mt_watch_part *part = &watched->parts.data[j];
			struct mt_watch_doer doer;

			mt_watch_find_doer(thread, part->addr, part->len, MT_DR_WRITE, &doer);
			if (doer.did & MT_INSN_WRITE)
				return true;
		}
	}
	return false;
}

static bool others_have_hits(const struct mt_thread *thread)
{
	for (struct mt_thread *other = NULL; (other = mt_thread_beside(thread, other));)
		if (other->runs && (other->pending.kind == MT_PENDING_WATCH || has_written(other)))
			return true;
	return false;
}

enum mt_watch_written mt_watches_look(struct mt_thread *thread)
{
	if (!any_changed(thread))
		return MT_WATCH_NOT_WRITTEN;
	if (!mt_thread_beside(thread, NULL))
		return MT_WATCH_WRITTEN;
	mt_stop_all(thread->proc->debug);
	thread->proc->debug->recheck = true; /* they are to go on */
	return others_have_hits(thread) ? MT_WATCH_ASK_OTHERS : MT_WATCH_WRITTEN;
}

/* ---- What is to be looked at --------------------------------------------- */

bool mt_watches_see_step(const struct mt_thread *thread)
{
	const struct mt_proc *memory = mt_proc_memory(thread->proc);
	enum mt_hw_report report = mt_hw_report(thread);

	/* A filter's trap is lost behind the step's, which came first: one SIGTRAP can wait. */
	return mt_stepping_on(memory) || memory->filtered.len || report == MT_HW_DATA ||
	       report == MT_HW_UNTOLD;
}

bool mt_watches_see_syscalls(const struct mt_thread *thread)
{
	const struct mt_debug *debug = thread->proc->debug;

	for (size_t i = 0; i < debug->breaks.len; i++) {
		const struct mt_watched *watched = mt_watched_of(debug->breaks.data[i], thread);

		if (watched && !mt_watched_is_filtered(watched))
			return true;
	}
	return false;
}

static bool cares(const struct mt_watched *watched, const struct mt_insn *insn,
                  const struct mt_regs *before)
{
	for (size_t i = 0; i < watched->parts.len; i++)
		if (mt_insn_will_touch(insn, before, NULL, watched->parts.data[i].addr,
		                       (size_t)watched->parts.data[i].len))
			return true;
	return false;
}

bool mt_watches_care(struct mt_thread *thread, const struct mt_insn *insn)
{
	const struct mt_debug *debug = thread->proc->debug;
	struct mt_regs before;

	if (!insn->mem_count || !mt_watches_any(thread))
		return false;
	mt_regs_from_user(&thread->regs, &before);
	for (size_t i = 0; i < debug->breaks.len; i++) {
		const struct mt_watched *watched = mt_watched_of(debug->breaks.data[i], thread);

		if (watched && cares(watched, insn, &before))
			return true;
	}
	return false;
}
