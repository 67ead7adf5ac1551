/* SPDX-License-Identifier: MIT */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "target/core_private.h"

#define CHUNK (1u << 20)

struct core {
	const struct mt_core_request *request;
	const struct mt_core_layout *layout;
	const char *path;
	int fd;
	char *chunk;
	uint64_t at; /* where the next segment's bytes go */
};

static struct mt_error *put(const struct core *core, const void *bytes, size_t len, uint64_t at)
{
	const char *from = bytes;

	while (len) {
		ssize_t put = pwrite(core->fd, from, len, (off_t)at);

		if (put < 0)
			return mt_error_sys(errno, "cannot write %s", core->path);
		from += put;
		at += (uint64_t)put;
		len -= (size_t)put;
	}
	return NULL;
}

/* ---- Headers ------------------------------------------------------------- */

/* A core with more segments than e_phnum can hold tells their number in the first section header
 * (elf(5), PN_XNUM). */
static struct mt_error *put_head(struct core *core, size_t segments)
{
	const struct mt_core_layout *layout = core->layout;
	const Elf64_Shdr section = { .sh_info = (uint32_t)segments };
	bool many = segments >= PN_XNUM;
	uint8_t bytes[MT_CORE_STRUCT_MAX];
	Elf64_Ehdr head = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, layout->elf_class, ELFDATA2LSB,
		             EV_CURRENT },
		.e_type = ET_CORE,
		.e_machine = layout->elf_machine,
		.e_version = EV_CURRENT,
		.e_phoff = layout->file_head,
		.e_ehsize = layout->file_head,
		.e_phentsize = layout->segment_head,
		.e_phnum = many ? PN_XNUM : (uint16_t)segments,
	};

	core->at = layout->file_head + segments * layout->segment_head;
	if (many) {
		head.e_shoff = core->at;
		head.e_shentsize = layout->section_head;
		head.e_shnum = 1;
		mt_core_put_section(layout, &section, bytes);
		MT_TRY(put(core, bytes, layout->section_head, core->at));
		core->at += layout->section_head;
	}
	mt_core_put_head(layout, &head, bytes);
	return put(core, bytes, layout->file_head, 0);
}

static struct mt_error *put_segment(const struct core *core, size_t i, const Elf64_Phdr *segment)
{
	const struct mt_core_layout *layout = core->layout;
	uint8_t bytes[MT_CORE_STRUCT_MAX];

	if (!mt_core_put_segment(layout, segment, bytes))
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "cannot write %s: the process has more memory than a 32-bit "
		                    "core file can tell of",
		                    core->path);
	return put(core, bytes, layout->segment_head, layout->file_head + i * layout->segment_head);
}

static struct mt_error *put_notes(struct core *core, const struct mt_core_areas *areas)
{
	struct mt_buf notes MT_AUTO_BUF = { 0 };

	MT_TRY(mt_core_notes(core->request, areas, &notes));

	const Elf64_Phdr segment = {
		.p_type = PT_NOTE, .p_offset = core->at, .p_filesz = notes.len, .p_align = 4
	};

	MT_TRY(put(core, notes.data, notes.len, core->at));
	core->at = (core->at + notes.len + MT_PAGE - 1) & ~(uint64_t)(MT_PAGE - 1);
	return put_segment(core, 0, &segment);
}

/* ---- Memory -------------------------------------------------------------- */

static bool is_zero(const char *bytes, size_t len)
{
	return len == 0 || (!bytes[0] && !memcmp(bytes, bytes + 1, len - 1));
}

/* Pages of zeros, and those that cannot be read, become holes in the file. */
static struct mt_error *put_pages(const struct core *core, uint64_t addr, size_t len, uint64_t at)
{
	struct mt_error *error = core->request->read(core->request->arg, addr, core->chunk, len);

	if (!error)
		return is_zero(core->chunk, len) ? NULL : put(core, core->chunk, len, at);
	mt_error_free(error);
	if (len <= MT_PAGE)
		return NULL;
	for (size_t i = 0; i < len; i += MT_PAGE)
		MT_TRY(put_pages(core, addr + i, MT_PAGE, at + i));
	return NULL;
}

static struct mt_error *put_memory(struct core *core, size_t i, const struct mt_core_area *area)
{
	const Elf64_Phdr segment = { .p_type = PT_LOAD,
		                     .p_flags = area->flags,
		                     .p_offset = core->at,
		                     .p_vaddr = area->start,
		                     .p_filesz = area->dumped,
		                     .p_memsz = area->end - area->start,
		                     .p_align = MT_PAGE };

	for (uint64_t done = 0; done < area->dumped; done += CHUNK) {
		uint64_t left = area->dumped - done;

		MT_TRY(put_pages(core, area->start + done, left < CHUNK ? (size_t)left : CHUNK,
		                 core->at + done));
	}
	core->at += area->dumped;
	return put_segment(core, i, &segment);
}

static struct mt_error *put_all(struct core *core, const struct mt_core_areas *areas)
{
	MT_TRY(put_head(core, areas->list.len + 1));
	MT_TRY(put_notes(core, areas));
	for (size_t i = 0; i < areas->list.len; i++)
		MT_TRY(put_memory(core, i + 1, &areas->list.data[i]));
	if (ftruncate(core->fd, (off_t)core->at) < 0)
		return mt_error_sys(errno, "cannot write %s", core->path);
	return NULL;
}

/* A device or a pipe is nothing to seek in, and nothing to delete if that fails. *fd is the
 * caller's to close, also after an error. */
static struct mt_error *create(const char *path, int *fd)
{
	struct stat status;

	*fd = open(path, O_WRONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0600);
	if (*fd < 0 || fstat(*fd, &status) < 0)
		return mt_error_sys(errno, "cannot create %s", path);
	if (!S_ISREG(status.st_mode))
		return mt_error_new(MT_ERR_USAGE, "cannot write a core to %s: it is no file", path);
	if (ftruncate(*fd, 0) < 0)
		return mt_error_sys(errno, "cannot write %s", path);
	return NULL;
}

struct mt_error *mt_core_write(const struct mt_core_request *request, const char *path)
{
	struct mt_core_areas areas MT_CLEANUP(mt_core_areas_deinit) = { 0 };
	char *chunk MT_AUTO_FREE = mt_alloc(CHUNK);
	int fd MT_AUTO_FD = -1;
	struct mt_error *error;

	if (!chunk)
		return mt_error_nomem();
	MT_TRY(mt_core_areas_read(request, &areas));
	MT_TRY(create(path, &fd));

	struct core core = { .request = request,
		             .layout = mt_core_layout_of(request->machine),
		             .path = path,
		             .fd = fd,
		             .chunk = chunk };

	error = put_all(&core, &areas);
	if (error)
		unlink(path);
	return error;
}
