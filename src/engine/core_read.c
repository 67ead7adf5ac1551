/* SPDX-License-Identifier: MIT */
/* Core files, read: every offset and length in them is foreign. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "engine/core.h"

MT_DEFINE_CLEANUP(core, struct mt_core, mt_core_destroy)

void mt_core_destroy(struct mt_core *core)
{
	if (!core)
		return;
	if (core->bytes)
		munmap((void *)(uintptr_t)core->bytes, core->size);
	mt_vec_deinit(&core->tasks);
	mt_vec_deinit(&core->segments);
	mt_vec_deinit(&core->files);
	free(core);
}

/* `len` bytes of the file; NULL: it has fewer. */
static const uint8_t *bytes_at(const struct mt_core *core, uint64_t offset, uint64_t len)
{
	if (offset > core->size || len > core->size - offset)
		return NULL;
	return core->bytes + offset;
}

/* ---- Notes --------------------------------------------------------------- */

struct note {
	uint32_t type;
	const uint8_t *bytes;
	size_t len;
};

static struct mt_error *add_task(struct mt_core *core, const struct note *note)
{
	struct elf_prstatus status;
	struct mt_core_task task = { 0 };

	if (note->len < sizeof(status))
		return NULL;
	memcpy(&status, note->bytes, sizeof(status));
	task.tid = status.pr_pid;
	task.signal = status.pr_cursig;
	memcpy(&task.regs, status.pr_reg, sizeof(task.regs));
	return mt_vec_push(&core->tasks, task) ? NULL : mt_error_nomem();
}

static void read_program(struct mt_core *core, const struct note *note)
{
	struct elf_prpsinfo info;

	if (note->len < sizeof(info))
		return;
	memcpy(&info, note->bytes, sizeof(info));
	core->pid = info.pr_pid;
	memcpy(core->name, info.pr_fname, sizeof(info.pr_fname));
	memcpy(core->arguments, info.pr_psargs, sizeof(info.pr_psargs));
}

static uint64_t word_at(const uint8_t *bytes, size_t i)
{
	uint64_t word;

	memcpy(&word, bytes + i * sizeof(word), sizeof(word));
	return word;
}

static void read_auxv(struct mt_core *core, const struct note *note)
{
	core->auxv = note->bytes;
	core->auxv_size = note->len;
	for (size_t i = 0; i + 2 <= note->len / sizeof(uint64_t); i += 2)
		if (word_at(note->bytes, i) == AT_SYSINFO_EHDR)
			core->vdso = word_at(note->bytes, i + 1);
}

/* Ranges of one file come together; `code` is told from the segments later. */
static bool add_range(struct mt_core *core, const char *path, const uint8_t *range, uint64_t page)
{
	struct mt_image_file file = { .path = path,
		                      .fd = -1,
		                      .start = word_at(range, 0),
		                      .end = word_at(range, 1),
		                      .code_offset = word_at(range, 2) * page };
	struct mt_image_file *last =
	    core->files.len ? &core->files.data[core->files.len - 1] : NULL;

	if (file.start >= file.end)
		return true;
	file.code = file.start;
	if (!last || strcmp(last->path, path) || file.start < last->end)
		return mt_vec_push(&core->files, file);
	last->end = file.end;
	if (!mt_core_is_code(core, last->code) && mt_core_is_code(core, file.start)) {
		last->code = file.code;
		last->code_offset = file.code_offset;
	}
	return true;
}

/* Count, page size, as many triples of start, end and offset in pages, as many names. */
static struct mt_error *read_files(struct mt_core *core, const struct note *note)
{
	size_t words = note->len / sizeof(uint64_t);
	uint64_t count = words >= 2 ? word_at(note->bytes, 0) : 0;
	uint64_t page = words >= 2 ? word_at(note->bytes, 1) : 0;
	const char *name, *end = (const char *)note->bytes + note->len;

	if (count > (words < 2 ? 0 : (words - 2) / 3))
		return NULL;
	name = (const char *)note->bytes + (2 + 3 * (size_t)count) * sizeof(uint64_t);
	for (size_t i = 0; i < count; i++) {
		const char *nul = memchr(name, '\0', (size_t)(end - name));

		if (!nul)
			return NULL;
		if (!add_range(core, name, note->bytes + (2 + 3 * i) * sizeof(uint64_t), page))
			return mt_error_nomem();
		name = nul + 1;
	}
	return NULL;
}

static struct mt_error *read_note(struct mt_core *core, const struct note *note)
{
	struct mt_core_task *task = core->tasks.len ? &core->tasks.data[core->tasks.len - 1] : NULL;

	switch (note->type) {
	case NT_PRSTATUS:
		return add_task(core, note);
	case NT_PRPSINFO:
		read_program(core, note);
		break;
	case NT_AUXV:
		read_auxv(core, note);
		break;
	case NT_FILE:
		return read_files(core, note);
	case NT_SIGINFO:
		if (core->tasks.len != 1 || note->len < sizeof(core->info))
			break;
		memcpy(&core->info, note->bytes, sizeof(core->info));
		core->has_info = true;
		break;
	case NT_X86_XSTATE:
		if (task) {
			task->xstate = note->bytes;
			task->xstate_size = note->len;
		}
		break;
	default:
		break;
	}
	return NULL;
}

static uint64_t padded(uint64_t len)
{
	return (len + 3) & ~UINT64_C(3);
}

static struct mt_error *read_notes(struct mt_core *core, const Elf64_Phdr *segment)
{
	uint64_t at = segment->p_offset, end = segment->p_offset + segment->p_filesz;

	while (at < end) {
		const uint8_t *bytes = bytes_at(core, at, sizeof(Elf64_Nhdr));
		Elf64_Nhdr head;
		struct note note;

		if (!bytes)
			return NULL;
		memcpy(&head, bytes, sizeof(head));
		at += sizeof(head) + padded(head.n_namesz);
		note = (struct note){ .type = head.n_type,
			              .bytes = bytes_at(core, at, head.n_descsz),
			              .len = head.n_descsz };
		if (!note.bytes)
			return NULL;
		MT_TRY(read_note(core, &note));
		at += padded(head.n_descsz);
	}
	return NULL;
}

/* ---- Segments ------------------------------------------------------------ */

static struct mt_error *add_segment(struct mt_core *core, const Elf64_Phdr *head)
{
	struct mt_core_segment segment = { .addr = head->p_vaddr,
		                           .file_size = head->p_filesz,
		                           .memory_size = head->p_memsz,
		                           .offset = head->p_offset,
		                           .code = head->p_flags & PF_X };

	if (segment.offset > core->size)
		segment.file_size = 0;
	else if (segment.file_size > core->size - segment.offset)
		segment.file_size = core->size - segment.offset; /* a core that was cut off */
	return mt_vec_push(&core->segments, segment) ? NULL : mt_error_nomem();
}

static bool segment_at(const struct mt_core *core, const Elf64_Ehdr *head, size_t i,
                       Elf64_Phdr *segment)
{
	const uint8_t *bytes =
	    bytes_at(core, head->e_phoff + i * sizeof(*segment), sizeof(*segment));

	if (bytes)
		memcpy(segment, bytes, sizeof(*segment));
	return bytes != NULL;
}

static size_t segment_count(const struct mt_core *core, const Elf64_Ehdr *head)
{
	Elf64_Shdr section;
	const uint8_t *bytes;

	if (head->e_phnum != PN_XNUM)
		return head->e_phnum;
	bytes = bytes_at(core, head->e_shoff, sizeof(section));
	if (!bytes)
		return 0;
	memcpy(&section, bytes, sizeof(section));
	return section.sh_info;
}

/* Loaded segments first: the notes on files are understood by them. */
static struct mt_error *read_segments(struct mt_core *core, const Elf64_Ehdr *head)
{
	size_t count = segment_count(core, head);
	Elf64_Phdr segment;

	for (size_t i = 0; i < count && segment_at(core, head, i, &segment); i++)
		if (segment.p_type == PT_LOAD)
			MT_TRY(add_segment(core, &segment));
	for (size_t i = 0; i < count && segment_at(core, head, i, &segment); i++)
		if (segment.p_type == PT_NOTE)
			MT_TRY(read_notes(core, &segment));
	return NULL;
}

bool mt_core_is_code(const struct mt_core *core, uint64_t addr)
{
	for (size_t i = 0; i < core->segments.len; i++)
		if (addr - core->segments.data[i].addr < core->segments.data[i].memory_size)
			return core->segments.data[i].code;
	return false;
}

size_t mt_core_read(const struct mt_core *core, uint64_t addr, void *out, size_t len)
{
	for (size_t i = 0; i < core->segments.len; i++) {
		const struct mt_core_segment *segment = &core->segments.data[i];
		uint64_t at = addr - segment->addr;

		if (at >= segment->file_size)
			continue;
		if (len > segment->file_size - at)
			len = (size_t)(segment->file_size - at);
		memcpy(out, core->bytes + segment->offset + at, len);
		return len;
	}
	return 0;
}

/* ---- The file ------------------------------------------------------------ */

static struct mt_error *no_core(const char *path, const char *why)
{
	return mt_error_new(MT_ERR_FORMAT, "%s is not a core file: %s", path, why);
}

static struct mt_error *map_file(const char *path, struct mt_core *core)
{
	int fd MT_AUTO_FD = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	void *bytes;

	if (fd < 0 || fstat(fd, &status) < 0)
		return mt_error_sys(errno, "cannot open %s", path);
	if (!S_ISREG(status.st_mode) || (size_t)status.st_size < sizeof(Elf64_Ehdr))
		return no_core(path, "it is too short");
	bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return mt_error_sys(errno, "cannot read %s", path);
	core->bytes = bytes;
	core->size = (size_t)status.st_size;
	return NULL;
}

struct mt_error *mt_core_open(const char *path, struct mt_core **core)
{
	struct mt_core *made MT_CLEANUP(core_cleanup) = mt_alloc(sizeof(*made));
	Elf64_Ehdr head;

	if (!made)
		return mt_error_nomem();
	MT_TRY(map_file(path, made));
	memcpy(&head, made->bytes, sizeof(head));
	if (memcmp(head.e_ident, ELFMAG, SELFMAG) || head.e_type != ET_CORE)
		return no_core(path, "no ELF header of one");
	if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_machine != EM_X86_64)
		return no_core(path, "it is of another machine than x86-64");
	MT_TRY(read_segments(made, &head));
	if (!made->tasks.len)
		return no_core(path, "it has no threads");
	if (!made->pid)
		made->pid = made->tasks.data[0].tid;
	*core = MT_TAKE(made);
	return NULL;
}

/* ---- Its image ----------------------------------------------------------- */

/* The vDSO is no file; its memory, which is in the core, is as good. */
static int vdso_file(const struct mt_core *core, struct mt_image_file *file)
{
	for (size_t i = 0; i < core->segments.len; i++) {
		const struct mt_core_segment *segment = &core->segments.data[i];
		int fd;

		if (!core->vdso || segment->addr != core->vdso || !segment->file_size)
			continue;
		fd = memfd_create("memtrap-vdso", MFD_CLOEXEC);
		if (fd >= 0 && write(fd, core->bytes + segment->offset, segment->file_size) !=
		                   (ssize_t)segment->file_size) {
			close(fd);
			return -1;
		}
		*file = (struct mt_image_file){ .path = "[vdso]",
			                        .fd = fd,
			                        .start = segment->addr,
			                        .end = segment->addr + segment->memory_size,
			                        .code = segment->addr };
		return fd;
	}
	return -1;
}

struct mt_error *mt_core_image(const struct mt_core *core, struct mt_image **image)
{
	struct mt_image_file *files MT_AUTO_FREE =
	    mt_alloc_array(core->files.len + 1, sizeof(*files));
	size_t count = core->files.len;

	if (!files)
		return mt_error_nomem();
	if (count)
		memcpy(files, core->files.data, count * sizeof(*files));
	if (vdso_file(core, &files[count]) >= 0)
		count++;
	return mt_image_create_mapped(files, count, image);
}
