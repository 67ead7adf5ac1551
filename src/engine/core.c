/* SPDX-License-Identifier: MIT */
/* A core file as a process that only answers; and a process as a core file. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "engine/core.h"
#include "engine/engine_private.h"
#include "symbol/dynamic.h"
#include "target/core.h"

/* ---- Reading ------------------------------------------------------------- */

/* What the core leaves out is in the files, since nobody had written to it. */
struct mt_error *mt_proc_core_read(const struct mt_proc *proc, uint64_t addr, void *out, size_t len)
{
	uint8_t *to = out;
	size_t done = 0;

	while (done < len) {
		size_t got = mt_core_read(proc->core, addr + done, to + done, len - done);

		if (!got)
			got =
			    mt_image_read_initial(proc->image, addr + done, to + done, len - done);
		if (!got)
			return mt_error_new(MT_ERR_UNREADABLE,
			                    "cannot read %zu bytes at 0x%lx: not in the core file",
			                    len, (unsigned long)addr);
		done += got;
	}
	return NULL;
}

static struct mt_error *add_tasks(struct mt_proc *proc)
{
	for (size_t i = 0; i < proc->core->tasks.len; i++) {
		const struct mt_core_task *task = &proc->core->tasks.data[i];
		struct mt_thread *thread = mt_thread_add(proc, task->tid);

		if (!thread)
			return mt_error_nomem();
		thread->state = MT_THREAD_STOPPED;
		thread->new_born = false;
		thread->regs = task->regs;
		thread->has_regs = true;
		thread->task = task;
	}
	return NULL;
}

/* The first file that was mapped is the program: the kernel maps it lowest, or NT_FILE has it so.
 */
static struct mt_error *load(struct mt_proc *proc)
{
	MT_TRY(mt_core_image(proc->core, &proc->image));
	MT_TRY(add_tasks(proc));
	proc->pid = proc->core->pid;
	proc->program = mt_strdup(mt_image_executable(proc->image)->path);
	return proc->program ? NULL : mt_error_nomem();
}

/* The first page of a program's file is in its core (core(5)), with the build-id. False also where
 * nobody can tell. */
static bool is_another_build(const struct mt_proc *proc, const struct mt_module *program)
{
	uint8_t page[4096];
	const uint8_t *id;
	size_t len = mt_module_build_id(program, &id);
	size_t got =
	    mt_core_read(proc->core, mt_image_executable(proc->image)->start, page, sizeof(page));

	return len && got == sizeof(page) && !memmem(page, got, id, len);
}

/* The program that was named, or what is now where the core's program was. */
static void check_build(struct mt_debug *debug, const struct mt_proc *proc, const char *path)
{
	const struct mt_module *program =
	    mt_image_executable(debug->file_image ? debug->file_image : proc->image);

	if (is_another_build(proc, program))
		mt_warn(debug, proc->pid,
		        "%s is another build than the one that %s is of: names, lines and values "
		        "may be wrong",
		        program->path, path);
}

static void describe_end(struct mt_debug *debug, const struct mt_proc *proc)
{
	const struct mt_core_task *task = &proc->core->tasks.data[0];

	debug->last_stop = (struct mt_stop){
		.pid = proc->pid, .tid = task->tid, .pc = task->regs.rip, .signal = task->signal
	};
	if (proc->core->has_info) {
		debug->last_stop.siginfo = proc->core->info;
		debug->last_stop.signal = proc->core->info.si_signo;
	}
	/* Written by a debugger, it shows a process that has not ended. */
	debug->last_stop.kind = debug->last_stop.signal ? MT_STOP_KILLED : MT_STOP_ATTACHED;
}

struct mt_error *mt_debug_core(struct mt_debug *debug, const char *path)
{
	struct mt_core *core;
	struct mt_proc *proc;
	struct mt_error *error;

	if (debug->going)
		return mt_error_new(MT_ERR_USAGE, "a process runs: interrupt it first");
	MT_TRY(mt_core_open(path, &core));
	error = mt_proc_add(debug, core->pid, &proc);
	if (error) {
		mt_core_destroy(core);
		return error;
	}
	mt_core_close(debug);
	proc->core = core;
	proc->number = ++debug->next_proc;
	error = load(proc);
	if (error) {
		mt_proc_remove(proc);
		mt_debug_bury(debug);
		return mt_error_context(error, "%s", path);
	}
	mt_proc_select(debug, proc);
	check_build(debug, proc, path);
	describe_end(debug, proc);
	return NULL;
}

void mt_core_close(struct mt_debug *debug)
{
	for (size_t i = 0; i < debug->procs.len; i++)
		if (debug->procs.data[i]->core)
			mt_proc_remove(debug->procs.data[i]);
	mt_debug_bury(debug);
}

/* ---- Writing ------------------------------------------------------------- */

static struct mt_error *read_for_core(void *arg, uint64_t addr, void *out, size_t len)
{
	return mt_proc_read(arg, addr, out, len);
}

static void describe_thread(struct mt_thread *thread, struct mt_core_thread *out)
{
	*out =
	    (struct mt_core_thread){ .tid = thread->tid,
		                     .regs = thread->regs,
		                     .has_info = thread->stop == MT_EVENT_SIGNAL && thread->signal,
		                     .info = thread->info };
}

struct mt_error *mt_debug_write_core(struct mt_debug *debug, const char *path)
{
	struct mt_core_thread *threads MT_AUTO_FREE = NULL;
	struct mt_core_request request = { .xsave_size = debug->layout.size,
		                           .read = read_for_core };
	struct mt_proc *proc = debug->proc;

	MT_TRY(mt_need_stopped(debug));
	threads = mt_alloc_array(proc->threads.len + 1, sizeof(*threads));
	if (!threads)
		return mt_error_nomem();
	if (debug->thread && mt_thread_regs(debug->thread))
		describe_thread(debug->thread, &threads[request.thread_count++]);
	for (size_t i = 0; i < proc->threads.len; i++)
		if (proc->threads.data[i] != debug->thread && mt_thread_regs(proc->threads.data[i]))
			describe_thread(proc->threads.data[i], &threads[request.thread_count++]);
	if (!request.thread_count)
		return mt_error_new(MT_ERR_NOT_FOUND, "process %d is ending", (int)proc->pid);
	request.pid = proc->pid;
	request.machine = mt_proc_machine(proc);
	request.threads = threads;
	request.arg = proc;
	return mt_core_write(&request, path);
}
