/* SPDX-License-Identifier: MIT */
/* The notes of a core file, in the kernel's order (fs/binfmt_elf.c, fill_note_info()). */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "target/core_private.h"
#include "target/process.h"
#include "target/tracee.h"

static void put_padding(struct mt_buf *notes)
{
	while (notes->len % 4 && mt_buf_ok(notes))
		mt_buf_char(notes, '\0');
}

static void put_note(struct mt_buf *notes, const char *owner, uint32_t type, const void *bytes,
                     size_t len)
{
	const Elf64_Nhdr head = { .n_namesz = (uint32_t)strlen(owner) + 1,
		                  .n_descsz = (uint32_t)len,
		                  .n_type = type };

	mt_buf_bytes(notes, &head, sizeof(head));
	mt_buf_bytes(notes, owner, head.n_namesz);
	put_padding(notes);
	mt_buf_bytes(notes, bytes, len);
	put_padding(notes);
}

static int open_proc(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static size_t read_proc(pid_t pid, const char *name, void *out, size_t size)
{
	int fd MT_AUTO_FD = open_proc(pid, name);
	ssize_t len = fd < 0 ? 0 : read(fd, out, size);

	return len < 0 ? 0 : (size_t)len;
}

/* ---- The process --------------------------------------------------------- */

static void put_prpsinfo(struct mt_buf *notes, pid_t pid)
{
	struct elf_prpsinfo info = { .pr_sname = 't', .pr_pid = pid };
	char comm[MT_COMM_LEN];
	size_t len = read_proc(pid, "cmdline", info.pr_psargs, sizeof(info.pr_psargs) - 1);

	for (size_t i = 0; i + 1 < len; i++)
		if (!info.pr_psargs[i])
			info.pr_psargs[i] = ' ';
	mt_process_comm(pid, comm);
	memcpy(info.pr_fname, comm, sizeof(info.pr_fname));
	info.pr_ppid = mt_process_parent(pid);
	info.pr_pgrp = getpgid(pid);
	info.pr_sid = getsid(pid);
	put_note(notes, "CORE", NT_PRPSINFO, &info, sizeof(info));
}

static void put_auxv(struct mt_buf *notes, pid_t pid)
{
	char auxv[4096];

	put_note(notes, "CORE", NT_AUXV, auxv, read_proc(pid, "auxv", auxv, sizeof(auxv)));
}

static void put_word(struct mt_buf *out, uint64_t word)
{
	mt_buf_bytes(out, &word, sizeof(word));
}

static bool is_file(const struct mt_core_area *area)
{
	return area->path[0] == '/';
}

/* Count, page size, the ranges, then the names. */
static struct mt_error *put_files(struct mt_buf *notes, const struct mt_core_areas *areas)
{
	struct mt_buf table MT_AUTO_BUF = { 0 };
	uint64_t count = 0;

	for (size_t i = 0; i < areas->list.len; i++)
		count += is_file(&areas->list.data[i]);
	put_word(&table, count);
	put_word(&table, MT_PAGE);
	for (size_t i = 0; i < areas->list.len; i++) {
		const struct mt_core_area *area = &areas->list.data[i];

		if (!is_file(area))
			continue;
		put_word(&table, area->start);
		put_word(&table, area->end);
		put_word(&table, area->offset / MT_PAGE);
	}
	for (size_t i = 0; i < areas->list.len; i++)
		if (is_file(&areas->list.data[i]))
			mt_buf_bytes(&table, areas->list.data[i].path,
			             strlen(areas->list.data[i].path) + 1);
	if (!mt_buf_ok(&table))
		return mt_error_nomem();
	put_note(notes, "CORE", NT_FILE, table.data, table.len);
	return NULL;
}

/* ---- Threads ------------------------------------------------------------- */

static void put_prstatus(struct mt_buf *notes, const struct mt_core_thread *thread)
{
	struct elf_prstatus status = {
		.pr_pid = thread->tid,
		.pr_ppid = mt_process_parent(thread->tid),
		.pr_pgrp = getpgid(thread->tid),
		.pr_sid = getsid(thread->tid),
		.pr_fpvalid = 1,
	};

	if (thread->has_info) {
		status.pr_info.si_signo = thread->info.si_signo;
		status.pr_info.si_code = thread->info.si_code;
		status.pr_cursig = (short)thread->info.si_signo;
	}
	memcpy(status.pr_reg, &thread->regs, sizeof(status.pr_reg));
	put_note(notes, "CORE", NT_PRSTATUS, &status, sizeof(status));
}

static struct mt_error *put_vectors(struct mt_buf *notes, pid_t tid, size_t xsave_size)
{
	struct user_fpregs_struct fp;
	char *xsave MT_AUTO_FREE = xsave_size ? mt_alloc(xsave_size) : NULL;
	size_t got;

	if (ptrace(PTRACE_GETFPREGS, tid, NULL, &fp) == 0)
		put_note(notes, "CORE", NT_FPREGSET, &fp, sizeof(fp));
	if (!xsave_size)
		return NULL;
	if (!xsave)
		return mt_error_nomem();
	if (mt_tracee_xstate(tid, xsave, xsave_size, &got))
		put_note(notes, "LINUX", NT_X86_XSTATE, xsave, got);
	return NULL;
}

struct mt_error *mt_core_notes(const struct mt_core_request *request,
                               const struct mt_core_areas *areas, struct mt_buf *notes)
{
	for (size_t i = 0; i < request->thread_count; i++) {
		const struct mt_core_thread *thread = &request->threads[i];

		put_prstatus(notes, thread);
		if (i == 0)
			put_prpsinfo(notes, request->pid);
		if (thread->has_info)
			put_note(notes, "CORE", NT_SIGINFO, &thread->info, sizeof(thread->info));
		if (i == 0) {
			put_auxv(notes, request->pid);
			MT_TRY(put_files(notes, areas));
		}
		MT_TRY(put_vectors(notes, thread->tid, request->xsave_size));
	}
	return mt_buf_ok(notes) ? NULL : mt_error_nomem();
}
