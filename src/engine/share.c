/* SPDX-License-Identifier: MIT */
/*
 * A tracee that stops again and again, each time soon after it has been resumed, shares our
 * processor meanwhile (target/processor.h). Nothing shows it that: before a system call it has its
 * processors back, and so it has when it runs for longer, since another program may need ours.
 */
#include "base/clock.h"
#include "engine/engine_private.h"

/* A stop that comes so soon after the thread was resumed, and not from a system call, is a quick
 * one. So many in a row make it share. */
#define QUICK_NS 500000u
#define QUICK_FIRST 16u
/* To begin and to end it costs as much as so many stops gain. Where it ends before, twice as many
 * quick stops pass as the last time before it is tried again, up to the most. */
#define WORTHWHILE 8u
#define SKIPPED_AT_FIRST 16u
#define SKIPPED_AT_MOST 1024u

static bool is_alone(const struct mt_thread *thread)
{
	return thread->proc->debug->procs.len == 1 && thread->proc->threads.len == 1;
}

/* Steps stop behind a system call, whatever else before it. */
static bool can_stop_before_call(const struct mt_thread *thread, int signal)
{
	return thread->how != MT_RESUME_STEP || (!signal && !mt_trap_stepped_call(thread));
}

static struct mt_pace *pace_of(const struct mt_thread *thread)
{
	struct mt_pace *pace = &thread->proc->debug->pace;

	if (pace->tid != thread->tid)
		*pace = (struct mt_pace){ .tid = thread->tid };
	return pace;
}

/* ---- Beginning and end --------------------------------------------------- */

void mt_share(struct mt_thread *thread)
{
	struct mt_debug *debug = thread->proc->debug;

	if (debug->shared.is_shared || thread->proc->attached)
		return;
	mt_processor_share(thread->tid, &debug->shared);
	*pace_of(thread) = (struct mt_pace){ .tid = thread->tid,
		                             .quick = QUICK_FIRST,
		                             .skipped = debug->pace.skipped };
}

static uint32_t more_to_skip(uint32_t skipped)
{
	if (!skipped)
		return SKIPPED_AT_FIRST;
	return skipped < SKIPPED_AT_MOST ? 2 * skipped : skipped;
}

void mt_share_end(struct mt_debug *debug)
{
	struct mt_pace *pace = &debug->pace;

	if (!debug->shared.is_shared)
		return;
	mt_processor_unshare(&debug->shared);
	pace->skipped = pace->gained < WORTHWHILE ? more_to_skip(pace->skipped) : 0;
	pace->to_skip = pace->skipped;
	pace->quick = 0;
}

void mt_debug_rest(struct mt_debug *debug)
{
	mt_share_end(debug);
}

/* ---- As it goes on and stops --------------------------------------------- */

void mt_share_note_resume(struct mt_thread *thread, int signal)
{
	struct mt_debug *debug = thread->proc->debug;
	struct mt_pace *pace = pace_of(thread);

	if (pace->quick < QUICK_FIRST || pace->to_skip || thread->runs_call || !is_alone(thread) ||
	    !can_stop_before_call(thread, signal))
		mt_share_end(debug);
	else
		mt_share(thread);
	if (debug->shared.is_shared && thread->how == MT_RESUME_CONTINUE)
		thread->how = MT_RESUME_SYSCALL;
	pace->resumed_ns = mt_now_ns();
}

static void note_quick(struct mt_debug *debug)
{
	struct mt_pace *pace = &debug->pace;

	pace->quick++;
	if (debug->shared.is_shared)
		pace->gained++;
	else if (pace->to_skip)
		pace->to_skip--;
}

void mt_share_note_stop(const struct mt_thread *thread)
{
	struct mt_debug *debug = thread->proc->debug;
	struct mt_pace *pace = &debug->pace;

	if (pace->tid != thread->tid)
		return;
	if (thread->stop == MT_EVENT_SIGNAL && mt_now_ns() - pace->resumed_ns < QUICK_NS)
		note_quick(debug);
	else
		pace->quick = 0;
}
