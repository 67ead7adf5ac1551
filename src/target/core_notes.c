/* SPDX-License-Identifier: MIT */
/* The notes of a core file, in the kernel's order (fs/binfmt_elf.c, fill_note_info()). Their heads
 * are the same in both classes. */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "target/core_private.h"
#include "target/process.h"
#include "target/siginfo.h"
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

/* pid, ppid, pgrp, sid. */
static void set_ids(uint8_t *at, pid_t pid)
{
	const int32_t ids[] = { pid, mt_process_parent(pid), getpgid(pid), getsid(pid) };

	memcpy(at, ids, sizeof(ids));
}

static void put_prpsinfo(struct mt_buf *notes, const struct mt_core_layout *layout, pid_t pid)
{
	uint8_t info[MT_CORE_STRUCT_MAX] = { 0 };
	char *arguments = (char *)info + layout->program.arguments;
	char comm[MT_COMM_LEN];
	size_t len = read_proc(pid, "cmdline", arguments, MT_CORE_ARGUMENTS - 1);

	for (size_t i = 0; i + 1 < len; i++)
		if (!arguments[i])
			arguments[i] = ' ';
	mt_process_comm(pid, comm);
	memcpy(info + layout->program.name, comm, MT_CORE_NAME);
	info[layout->program.state] = 't';
	set_ids(info + layout->program.ids, pid);
	put_note(notes, "CORE", NT_PRPSINFO, info, layout->program.size);
}

static void put_auxv(struct mt_buf *notes, pid_t pid)
{
	char auxv[4096];

	put_note(notes, "CORE", NT_AUXV, auxv, read_proc(pid, "auxv", auxv, sizeof(auxv)));
}

static void put_word(struct mt_buf *out, const struct mt_core_layout *layout, uint64_t word)
{
	mt_buf_bytes(out, &word, layout->word);
}

static bool is_file(const struct mt_core_area *area)
{
	return area->path[0] == '/';
}

/* Count, page size, the ranges, then the names. */
static struct mt_error *put_files(struct mt_buf *notes, const struct mt_core_layout *layout,
                                  const struct mt_core_areas *areas)
{
	struct mt_buf table MT_AUTO_BUF = { 0 };
	uint64_t count = 0;

	for (size_t i = 0; i < areas->list.len; i++)
		count += is_file(&areas->list.data[i]);
	put_word(&table, layout, count);
	put_word(&table, layout, MT_PAGE);
	for (size_t i = 0; i < areas->list.len; i++) {
		const struct mt_core_area *area = &areas->list.data[i];

		if (!is_file(area))
			continue;
		put_word(&table, layout, area->start);
		put_word(&table, layout, area->end);
		put_word(&table, layout, area->offset / MT_PAGE);
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

static void put_prstatus(struct mt_buf *notes, const struct mt_core_layout *layout,
                         const struct mt_core_thread *thread)
{
	uint8_t status[MT_CORE_STRUCT_MAX] = { 0 };
	const int32_t has_fp = 1;

	if (thread->has_info) {
		/* struct elf_siginfo, which has not siginfo_t's order. */
		const int32_t info[] = { thread->info.si_signo, thread->info.si_code };
		int16_t signal = (int16_t)thread->info.si_signo;

		memcpy(status, info, sizeof(info));
		memcpy(status + layout->status.signal, &signal, sizeof(signal));
	}
	set_ids(status + layout->status.ids, thread->tid);
	mt_core_put_registers(layout, &thread->regs, status + layout->status.registers);
	memcpy(status + layout->status.has_fp, &has_fp, sizeof(has_fp));
	put_note(notes, "CORE", NT_PRSTATUS, status, layout->status.size);
}

static void put_info(struct mt_buf *notes, const struct mt_core_layout *layout,
                     const siginfo_t *info)
{
	uint8_t narrow[MT_SIGINFO_SIZE];

	if (layout->machine == MT_MACHINE_I386)
		mt_siginfo_to_i386(info, narrow);
	else
		memcpy(narrow, info, sizeof(narrow));
	put_note(notes, "CORE", NT_SIGINFO, narrow, sizeof(narrow));
}

/* Those that the thread's machine has not, the kernel refuses (arch/x86/kernel/ptrace.c,
 * x86_64_regsets and x86_32_regsets). */
static struct mt_error *put_register_sets(struct mt_buf *notes, pid_t tid, size_t xsave_size)
{
	static const struct {
		const char *owner;
		uint32_t type;
	} sets[] = { { "CORE", NT_FPREGSET },
		     { "LINUX", NT_PRXFPREG },
		     { "LINUX", NT_X86_XSTATE },
		     { "LINUX", NT_386_TLS } };
	size_t size = xsave_size > MT_CORE_STRUCT_MAX ? xsave_size : MT_CORE_STRUCT_MAX, got;
	char *set MT_AUTO_FREE = mt_alloc(size);

	if (!set)
		return mt_error_nomem();
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
		if (mt_tracee_register_set(tid, sets[i].type, set, size, &got))
			put_note(notes, sets[i].owner, sets[i].type, set, got);
	return NULL;
}

struct mt_error *mt_core_notes(const struct mt_core_request *request,
                               const struct mt_core_areas *areas, struct mt_buf *notes)
{
	const struct mt_core_layout *layout = mt_core_layout_of(request->machine);

	for (size_t i = 0; i < request->thread_count; i++) {
		const struct mt_core_thread *thread = &request->threads[i];

		put_prstatus(notes, layout, thread);
		if (i == 0)
			put_prpsinfo(notes, layout, request->pid);
		if (thread->has_info)
			put_info(notes, layout, &thread->info);
		if (i == 0) {
			put_auxv(notes, request->pid);
			MT_TRY(put_files(notes, layout, areas));
		}
		MT_TRY(put_register_sets(notes, thread->tid, request->xsave_size));
	}
	return mt_buf_ok(notes) ? NULL : mt_error_nomem();
}
