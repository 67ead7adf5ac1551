/* SPDX-License-Identifier: MIT */
/* Core files, read: every offset and length in them is foreign. */
#include <asm/ldt.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "engine/core.h"
#include "target/siginfo.h"

MT_DEFINE_CLEANUP(core, struct mt_core, mt_core_destroy)

void mt_core_destroy(struct mt_core *core)
{
	if (!core)
		return;
	if (core->bytes)
		munmap((void *)(uintptr_t)core->bytes, core->size);
	mt_vec_deinit(&core->tasks);
	mt_vec_deinit(&core->segments);
	mt_vec_deinit(&core->ranges);
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

static int32_t number_at(const uint8_t *bytes)
{
	int32_t number;

	memcpy(&number, bytes, sizeof(number));
	return number;
}

static struct mt_error *add_task(struct mt_core *core, const struct note *note)
{
	const struct mt_core_layout *layout = core->layout;
	struct mt_core_task task = { 0 };
	int16_t signal;

	if (note->len < layout->status.size)
		return NULL;
	memcpy(&signal, note->bytes + layout->status.signal, sizeof(signal));
	task.tid = number_at(note->bytes + layout->status.ids);
	task.signal = signal;
	mt_core_read_registers(layout, note->bytes + layout->status.registers, &task.regs);
	return mt_vec_push(&core->tasks, task) ? NULL : mt_error_nomem();
}

static void read_program(struct mt_core *core, const struct note *note)
{
	const struct mt_core_layout *layout = core->layout;

	if (note->len < layout->program.size)
		return;
	core->pid = number_at(note->bytes + layout->program.ids);
	memcpy(core->name, note->bytes + layout->program.name, sizeof(core->name) - 1);
	memcpy(core->arguments, note->bytes + layout->program.arguments,
	       sizeof(core->arguments) - 1);
}

/*
 * Segments of i386 have their bases in a table of the thread's, of which these are the entries
 * (set_thread_area(2)); a selector is an entry's number and three bits. In 64-bit programs the
 * bases are registers.
 */
static void read_bases(struct mt_core_task *task, const struct note *note)
{
	struct user_desc entry;

	for (size_t at = 0; at + sizeof(entry) <= note->len; at += sizeof(entry)) {
		memcpy(&entry, note->bytes + at, sizeof(entry));
		if (entry.entry_number == task->regs.gs >> 3)
			task->regs.gs_base = entry.base_addr;
		if (entry.entry_number == task->regs.fs >> 3)
			task->regs.fs_base = entry.base_addr;
	}
}

static void read_info(struct mt_core *core, const struct note *note)
{
	if (note->len < MT_SIGINFO_SIZE)
		return;
	if (core->layout->machine == MT_MACHINE_I386)
		mt_siginfo_from_i386(note->bytes, &core->info);
	else
		memcpy(&core->info, note->bytes, sizeof(core->info));
	core->has_info = true;
}

static void read_auxv(struct mt_core *core, const struct note *note)
{
	core->auxv = note->bytes;
	core->auxv_size = note->len;
	for (size_t i = 0; i + 2 <= note->len / core->layout->word; i += 2)
		if (mt_core_word(core->layout, note->bytes, i) == AT_SYSINFO_EHDR)
			core->vdso = mt_core_word(core->layout, note->bytes, i + 1);
}

/* Ranges of one file come together; `code` is told from the segments later. */
static bool add_range(struct mt_core *core, const struct mt_core_range *range)
{
	struct mt_image_file file = { .path = range->path,
		                      .fd = -1,
		                      .start = range->start,
		                      .end = range->end,
		                      .code_offset = range->offset };
	struct mt_image_file *last =
	    core->files.len ? &core->files.data[core->files.len - 1] : NULL;

	if (file.start >= file.end)
		return true;
	if (!mt_vec_push(&core->ranges, *range))
		return false;
	file.code = file.start;
	if (!last || strcmp(last->path, file.path) || file.start < last->end)
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
	const struct mt_core_layout *layout = core->layout;
	size_t words = note->len / layout->word;
	uint64_t count = words >= 2 ? mt_core_word(layout, note->bytes, 0) : 0;
	uint64_t page = words >= 2 ? mt_core_word(layout, note->bytes, 1) : 0;
	const char *name, *end = (const char *)note->bytes + note->len;

	if (count > (words < 2 ? 0 : (words - 2) / 3))
		return NULL;
	name = (const char *)note->bytes + (2 + 3 * (size_t)count) * layout->word;
	for (size_t i = 0; i < count; i++) {
		const struct mt_core_range range = {
			.start = mt_core_word(layout, note->bytes, 2 + 3 * i),
			.end = mt_core_word(layout, note->bytes, 3 + 3 * i),
			.offset = mt_core_word(layout, note->bytes, 4 + 3 * i) * page,
			.path = name,
		};
		const char *nul = memchr(name, '\0', (size_t)(end - name));

		if (!nul)
			return NULL;
		if (!add_range(core, &range))
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
		if (core->tasks.len == 1)
			read_info(core, note);
		break;
	case NT_386_TLS:
		if (task)
			read_bases(task, note);
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
		                           .flags = head->p_flags };

	if (segment.offset > core->size)
		segment.file_size = 0;
	else if (segment.file_size > core->size - segment.offset)
		segment.file_size = core->size - segment.offset; /* a core that was cut off */
	return mt_vec_push(&core->segments, segment) ? NULL : mt_error_nomem();
}

static bool segment_at(const struct mt_core *core, const Elf64_Ehdr *head, size_t i,
                       Elf64_Phdr *segment)
{
	size_t size = core->layout->segment_head;
	const uint8_t *bytes = bytes_at(core, head->e_phoff + i * size, size);

	if (bytes)
		mt_core_read_segment(core->layout, bytes, segment);
	return bytes != NULL;
}

static size_t segment_count(const struct mt_core *core, const Elf64_Ehdr *head)
{
	Elf64_Shdr section;
	const uint8_t *bytes;

	if (head->e_phnum != PN_XNUM)
		return head->e_phnum;
	bytes = bytes_at(core, head->e_shoff, core->layout->section_head);
	if (!bytes)
		return 0;
	mt_core_read_section(core->layout, bytes, &section);
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
			return core->segments.data[i].flags & PF_X;
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

/* ---- Mappings ------------------------------------------------------------ */

/* Segments and ranges rise both, as the kernel and gdb write them. */
void mt_core_maps(const struct mt_core *core, struct mt_buf *text)
{
	size_t next = 0;

	for (size_t i = 0; i < core->segments.len; i++) {
		const struct mt_core_segment *segment = &core->segments.data[i];
		const struct mt_core_range none = { .path = "" }, *range = &none;

		while (next < core->ranges.len && core->ranges.data[next].start < segment->addr)
			next++;
		if (next < core->ranges.len && core->ranges.data[next].start == segment->addr)
			range = &core->ranges.data[next];
		mt_buf_printf(text, "%" PRIx64 "-%" PRIx64 " %c%c%c %08" PRIx64 " 00:00 0 %s\n",
		              segment->addr, segment->addr + segment->memory_size,
		              segment->flags & PF_R ? 'r' : '-', segment->flags & PF_W ? 'w' : '-',
		              segment->flags & PF_X ? 'x' : '-', range->offset,
		              core->vdso && segment->addr == core->vdso ? "[vdso]" : range->path);
	}
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

/* The header, and with it whose layout the file has. */
static struct mt_error *read_head(const char *path, struct mt_core *core, Elf64_Ehdr *head)
{
	core->layout = mt_core_layout_find(core->bytes);
	if (core->layout)
		mt_core_read_head(core->layout, core->bytes, head);
	else
		memcpy(head, core->bytes, sizeof(*head));
	if (memcmp(head->e_ident, ELFMAG, SELFMAG) || head->e_type != ET_CORE)
		return no_core(path, "no ELF header of one");
	return core->layout ? NULL : no_core(path, "it is of another machine than x86-64 or i386");
}

struct mt_error *mt_core_open(const char *path, struct mt_core **core)
{
	struct mt_core *made MT_CLEANUP(core_cleanup) = mt_alloc(sizeof(*made));
	Elf64_Ehdr head;

	if (!made)
		return mt_error_nomem();
	MT_TRY(map_file(path, made));
	MT_TRY(read_head(path, made, &head));
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
