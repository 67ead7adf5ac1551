/* SPDX-License-Identifier: MIT */
#include <sys/eventfd.h>

#include "engine/engine_private.h"

static void apply_signal(struct mt_debug *debug, const struct mt_go *go)
{
	if (go->signal < 0)
		return;
	debug->thread->signal = go->signal;
	debug->thread->deferred = 0;
}

/* The process that a person sees where the session looks at this one. */
static const struct mt_proc *shown(const struct mt_proc *proc)
{
	return proc && proc->quiet && proc->lender ? proc->lender : proc;
}

/* Those of the current process, or the one thread; and children that borrow its memory: it is in
 * vfork until they are done. */
static void choose_threads(struct mt_debug *debug)
{
	const struct mt_proc *current = shown(debug->proc);

	for (size_t i = 0; i < debug->procs.len; i++) {
		const struct mt_proc *proc = debug->procs.data[i];
		bool ours = proc == current || (current && proc->lender == current);

		for (size_t j = 0; j < proc->threads.len; j++) {
			struct mt_thread *thread = proc->threads.data[j];

			thread->runs =
			    proc->quiet ||
			    (ours && (!debug->plan.only_thread || thread == debug->thread));
		}
	}
}

/* What has happened already will not make mt_debug_fd() readable by itself. */
static void wake_who_polls(struct mt_debug *debug)
{
	if (debug->has_stop || debug->recheck || debug->held.len || debug->drained)
		eventfd_write(debug->wake, 1);
	debug->drained = false;
}

static void set_off(struct mt_debug *debug)
{
	choose_threads(debug);
	mt_watch_hits_forget(debug);
	debug->steps = debug->steps_told_ns = 0;
	mt_frames_forget(debug);
	debug->frame = 0;
	debug->interrupted = 0;
	debug->going = true;
	debug->has_stop = false;
	mt_terminal_to_program(debug->proc);
	mt_resume_all(debug);
	wake_who_polls(debug);
}

struct mt_error *mt_debug_go(struct mt_debug *debug, const struct mt_go *go)
{
	MT_TRY(mt_need_stopped(debug));
	/* Without a thread it is ending, or lends its memory: to go on is to hear of that. */
	if (debug->thread) {
		MT_TRY(mt_plan_begin(debug, go));
		apply_signal(debug, go);
	}
	set_off(debug);
	return NULL;
}

struct mt_error *mt_debug_go_back_to(struct mt_debug *debug, uint64_t addr, uint64_t min_sp)
{
	const struct mt_go go = { .kind = MT_GO_CONTINUE, .signal = -1 };
	struct mt_error *error;

	MT_TRY(mt_plan_begin(debug, &go));
	debug->plan.kind = MT_GO_FINISH;
	error = mt_plan_run_to(debug, addr, min_sp);
	if (error) {
		mt_plan_end(debug);
		return error;
	}
	set_off(debug);
	return NULL;
}
