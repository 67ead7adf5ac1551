/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "engine/engine_private.h"
#include "target/process.h"

static void proc_destroy(struct mt_proc *proc)
{
	mt_filtered_forget(proc);
	mt_sites_forget(proc);
	mt_slots_forget(proc);
	mt_leaps_forget(proc);
	mt_detours_forget(proc);
	mt_image_destroy(proc->image);
	mt_core_destroy(proc->core);
	mt_space_destroy(proc->space);
	mt_vec_deinit(&proc->threads);
	free(proc->program);
	free(proc);
}

struct mt_error *mt_proc_add(struct mt_debug *debug, pid_t pid, struct mt_proc **proc)
{
	struct mt_proc *made = mt_alloc(sizeof(*made));

	if (!made || !mt_vec_push(&debug->procs, made)) {
		free(made);
		return mt_error_nomem();
	}
	made->debug = debug;
	made->pid = pid;
	*proc = made;
	return NULL;
}

/* The memory lives on with the borrower: without our int3, which only the lender knows. */
static void end_lending(struct mt_proc *lender, struct mt_proc *borrower)
{
	mt_sites_lift(lender, mt_proc_access(borrower));
	mt_proc_borrow(borrower, NULL);
}

void mt_proc_remove(struct mt_proc *proc)
{
	struct mt_debug *debug = proc->debug;

	mt_breaks_forget(proc);
	mt_dummies_forget_memory(proc);
	proc->ended = true;
	mt_proc_borrow(proc, NULL);
	for (size_t i = 0; i < proc->threads.len; i++)
		mt_thread_remove(proc->threads.data[i]);
	for (size_t i = 0; i < debug->procs.len; i++)
		if (debug->procs.data[i]->lender == proc)
			end_lending(proc, debug->procs.data[i]);
	if (debug->proc == proc)
		mt_proc_select(debug, NULL);
}

static void bury_threads(struct mt_proc *proc)
{
	size_t kept = 0;

	for (size_t i = 0; i < proc->threads.len; i++) {
		struct mt_thread *thread = proc->threads.data[i];

		if (thread->state == MT_THREAD_GONE)
			mt_thread_free(thread);
		else
			proc->threads.data[kept++] = thread;
	}
	proc->threads.len = kept;
}

void mt_debug_bury(struct mt_debug *debug)
{
	size_t kept = 0;

	mt_breaks_bury(debug);
	for (size_t i = 0; i < debug->procs.len; i++) {
		struct mt_proc *proc = debug->procs.data[i];

		bury_threads(proc);
		if (proc->ended)
			proc_destroy(proc);
		else
			debug->procs.data[kept++] = proc;
	}
	debug->procs.len = kept;
}

struct mt_proc *mt_proc_find(struct mt_debug *debug, pid_t pid)
{
	for (size_t i = 0; i < debug->procs.len; i++)
		if (debug->procs.data[i]->pid == pid && !debug->procs.data[i]->ended)
			return debug->procs.data[i];
	return NULL;
}

struct mt_proc *mt_proc_memory(struct mt_proc *proc)
{
	return proc->lender ? proc->lender : proc;
}

bool mt_proc_lends(const struct mt_proc *proc)
{
	for (size_t i = 0; i < proc->debug->procs.len; i++)
		if (proc->debug->procs.data[i]->lender == proc)
			return true;
	return false;
}

void mt_proc_borrow(struct mt_proc *proc, struct mt_proc *lender)
{
	struct mt_proc *changed = lender ? lender : proc->lender;

	if (!changed)
		return;
	for (size_t i = 0; !lender && i < proc->threads.len; i++)
		mt_watches_end_with(proc->threads.data[i]);
	proc->lender = lender;
	changed->lending_changed = true;
	proc->debug->recheck = true;
}

pid_t mt_proc_access(const struct mt_proc *proc)
{
	for (size_t i = 0; i < proc->threads.len; i++)
		if (proc->threads.data[i]->state == MT_THREAD_STOPPED ||
		    proc->threads.data[i]->state == MT_THREAD_RUNNING)
			return proc->threads.data[i]->tid;
	return proc->pid;
}

bool mt_proc_runs(const struct mt_proc *proc)
{
	for (size_t i = 0; i < proc->threads.len; i++)
		if (proc->threads.data[i]->state == MT_THREAD_RUNNING)
			return true;
	return false;
}

bool mt_proc_lives(const struct mt_proc *proc)
{
	for (size_t i = 0; i < proc->threads.len; i++)
		if (proc->threads.data[i]->state != MT_THREAD_GONE &&
		    proc->threads.data[i]->tid != proc->pid)
			return true;
	return false;
}

static bool is_shown(const struct mt_proc *proc)
{
	return !proc->quiet && !proc->ended;
}

/* NULL: the first that is shown, if any. */
void mt_proc_select(struct mt_debug *debug, struct mt_proc *proc)
{
	for (size_t i = 0; !proc && i < debug->procs.len; i++)
		if (is_shown(debug->procs.data[i]))
			proc = debug->procs.data[i];
	debug->proc = proc;
	mt_thread_select(debug, proc ? mt_thread_stopped(proc) : NULL);
}

struct mt_error *mt_need_stopped(struct mt_debug *debug)
{
	if (!debug->proc)
		return mt_error_new(MT_ERR_USAGE, "no process is being debugged");
	if (debug->proc->core)
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "process %d is a core file: it can be looked at only",
		                    (int)debug->proc->pid);
	if (debug->going)
		return mt_error_new(MT_ERR_USAGE, "process %d runs: interrupt it first",
		                    (int)debug->proc->pid);
	return NULL;
}

struct mt_error *mt_proc_read_image(struct mt_proc *proc)
{
	struct mt_image *image;
	char link[64], path[PATH_MAX];

	MT_TRY(mt_image_create(mt_proc_access(proc), &image));
	mt_image_destroy(proc->image);
	proc->image = image;
	snprintf(link, sizeof(link), "/proc/%d/exe", (int)mt_proc_access(proc));

	ssize_t len = readlink(link, path, sizeof(path) - 1);

	free(proc->program);
	proc->program = mt_strndup(path, len > 0 ? (size_t)len : 0);
	return proc->program ? NULL : mt_error_nomem();
}

/* ---- What front ends ask ------------------------------------------------- */

static enum mt_process_state state_of(const struct mt_proc *proc)
{
	if (proc->core)
		return MT_PROCESS_CORE;
	return proc->debug->going && mt_proc_runs(proc) ? MT_PROCESS_RUNNING : MT_PROCESS_STOPPED;
}

size_t mt_debug_processes(struct mt_debug *debug, struct mt_process_info *infos, size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < debug->procs.len; i++) {
		const struct mt_proc *proc = debug->procs.data[i];

		if (!is_shown(proc))
			continue;
		if (count < max)
			infos[count] = (struct mt_process_info){ .number = proc->number,
				                                 .pid = proc->pid,
				                                 .state = state_of(proc),
				                                 .program = proc->program,
				                                 .current = proc == debug->proc,
				                                 .attached = proc->attached };
		count++;
	}
	return count;
}

struct mt_error *mt_debug_select_process(struct mt_debug *debug, int number)
{
	for (size_t i = 0; i < debug->procs.len; i++) {
		if (!is_shown(debug->procs.data[i]) || debug->procs.data[i]->number != number)
			continue;
		mt_proc_select(debug, debug->procs.data[i]);
		return NULL;
	}
	return mt_error_new(MT_ERR_NOT_FOUND, "there is no process number %d", number);
}

static struct mt_error *read_proc(struct mt_debug *debug, const char *name, struct mt_buf *bytes)
{
	char path[64], block[4096];
	ssize_t got;

	if (!debug->proc)
		return mt_error_new(MT_ERR_USAGE, "no process is being debugged");
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)mt_proc_access(debug->proc), name);

	int fd MT_AUTO_FD = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return mt_error_sys(errno, "cannot read %s", path);
	while ((got = read(fd, block, sizeof(block))) > 0)
		mt_buf_bytes(bytes, block, (size_t)got);
	if (got < 0)
		return mt_error_sys(errno, "cannot read %s", path);
	return mt_buf_ok(bytes) ? NULL : mt_error_nomem();
}

struct mt_error *mt_debug_auxv(struct mt_debug *debug, struct mt_buf *bytes)
{
	const struct mt_core *core = debug->proc ? debug->proc->core : NULL;

	if (!core)
		return read_proc(debug, "auxv", bytes);
	if (!core->auxv)
		return mt_error_new(MT_ERR_NOT_FOUND, "the core file has no auxiliary vector");
	mt_buf_bytes(bytes, core->auxv, core->auxv_size);
	return mt_buf_ok(bytes) ? NULL : mt_error_nomem();
}

struct mt_error *mt_debug_mappings(struct mt_debug *debug, struct mt_buf *text)
{
	const struct mt_core *core = debug->proc ? debug->proc->core : NULL;

	if (!core)
		return read_proc(debug, "maps", text);
	mt_core_maps(core, text);
	return mt_buf_ok(text) ? NULL : mt_error_nomem();
}

struct mt_error *mt_debug_command_line(struct mt_debug *debug, struct mt_buf *text)
{
	const struct mt_core *core = debug->proc ? debug->proc->core : NULL;

	if (core)
		mt_buf_text(text, core->arguments);
	else
		MT_TRY(read_proc(debug, "cmdline", text));
	if (!mt_buf_ok(text))
		return mt_error_nomem();
	for (size_t i = 0; i < text->len; i++)
		if (!text->data[i])
			text->data[i] = ' ';
	while (text->len && text->data[text->len - 1] == ' ')
		text->data[--text->len] = '\0';
	return NULL;
}

pid_t mt_debug_pid(const struct mt_debug *debug)
{
	return debug->proc ? debug->proc->pid : 0;
}

enum mt_process_state mt_debug_state(const struct mt_debug *debug)
{
	if (!debug->proc)
		return MT_PROCESS_NONE;
	if (debug->proc->core)
		return MT_PROCESS_CORE;
	return debug->going ? MT_PROCESS_RUNNING : MT_PROCESS_STOPPED;
}
