/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "engine/engine_private.h"

/* The program's name before its arguments, as execve(2) takes them. */
static struct mt_error *full_argv(const struct mt_debug *debug, char *const *arguments,
                                  char ***argv)
{
	size_t count = 0;

	while (arguments && arguments[count])
		count++;
	*argv = mt_alloc_array(count + 2, sizeof(**argv));
	if (!*argv)
		return mt_error_nomem();
	(*argv)[0] = debug->program;
	for (size_t i = 0; i < count; i++)
		(*argv)[i + 1] = arguments[i];
	return NULL;
}

static struct mt_error *start(struct mt_debug *debug, const struct mt_debug_launch *launch,
                              pid_t *pid)
{
	char **argv MT_AUTO_FREE = NULL;
	struct mt_launch request = {
		.path = debug->program,
		.signal_mask = debug->old_mask,
		.env = launch->env,
		.cwd = launch->cwd,
		.in = launch->in,
		.out = launch->out,
		.err = launch->err,
		.append = launch->append,
		.tty = launch->tty,
		.own_group = true,
		.fixed_addresses = !launch->randomize,
	};

	MT_TRY(full_argv(debug, launch->argv, &argv));
	request.argv = argv;
	getrlimit(RLIMIT_NOFILE, &request.open_files);
	return mt_tracee_launch(&request, MT_DEBUG_TRACE | MT_TRACE_END_WITH_US, pid);
}

/* Counts are of one run. */
static void count_anew(struct mt_debug *debug)
{
	for (size_t i = 0; i < debug->breaks.len; i++)
		debug->breaks.data[i]->hits = debug->breaks.data[i]->unmet =
		    debug->breaks.data[i]->unchanged = 0;
}

struct mt_error *mt_debug_launch(struct mt_debug *debug, const struct mt_debug_launch *launch)
{
	struct mt_proc *proc;
	struct mt_thread *thread;
	struct mt_error *error;
	pid_t pid;

	if (debug->going)
		return mt_error_new(MT_ERR_USAGE, "a process runs: interrupt it first");
	if (!debug->program)
		return mt_error_new(MT_ERR_USAGE, "no program is named");
	mt_core_close(debug);
	MT_TRY(start(debug, launch, &pid));
	count_anew(debug);
	MT_TRY(mt_proc_add(debug, pid, &proc));
	proc->number = ++debug->next_proc;
	proc->own_terminal = launch->tty != NULL;
	thread = mt_thread_add(proc, pid);
	if (!thread)
		return mt_error_nomem();
	thread->state = MT_THREAD_STOPPED;
	thread->stop = MT_EVENT_EXEC;
	thread->new_born = false;
	error = mt_proc_begin(proc);
	if (error) {
		mt_proc_kill(proc);
		mt_debug_bury(debug);
		return error;
	}
	mt_proc_select(debug, proc);
	debug->last_stop = (struct mt_stop){ .kind = MT_STOP_LAUNCHED, .pid = pid, .tid = pid };
	mt_stop_tell(debug);
	return NULL;
}
