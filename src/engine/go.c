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

/* Those of the current process, or the one thread; and children that borrow its memory. */
static void choose_threads(struct mt_debug *debug)
{
	for (size_t i = 0; i < debug->procs.len; i++) {
		const struct mt_proc *proc = debug->procs.data[i];
		bool ours = proc == debug->proc;

		for (size_t j = 0; j < proc->threads.len; j++) {
			struct mt_thread *thread = proc->threads.data[j];

			thread->runs =
			    proc->quiet ||
			    (ours && (!debug->plan.only_thread || thread == debug->thread));
		}
	}
}

struct mt_error *mt_debug_go(struct mt_debug *debug, const struct mt_go *go)
{
	MT_TRY(mt_need_stopped(debug));
	if (!debug->thread)
		return mt_error_new(MT_ERR_USAGE, "process %d has no thread that could run",
		                    (int)debug->proc->pid);
	MT_TRY(mt_plan_begin(debug, go));
	apply_signal(debug, go);
	choose_threads(debug);
	mt_frames_forget(debug);
	debug->frame = 0;
	debug->interrupted = 0;
	debug->going = true;
	debug->has_stop = false;
	mt_terminal_to_program(debug->proc);
	mt_resume_all(debug);
	eventfd_write(debug->wake, 1); /* mt_debug_fd(): there may be a stop already */
	return NULL;
}
