/* SPDX-License-Identifier: MIT */
#include "symbol/own_map.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "symbol/module.h"

#define LEAST ((size_t)4 << 20)
#define LOOK ((size_t)4096)

int mt_debug_file_open(struct mt_module_file *file)
{
	Dwfl_Module *module = mt_module_file_dwfl(file);
	const char *path = NULL;

	if (mt_module_file_debug_elf(file) == mt_module_file_elf(file))
		return fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
	if (module)
		dwfl_module_info(module, NULL, NULL, NULL, NULL, NULL, NULL, &path);
	return path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

static size_t page_offset(const void *at)
{
	return (uintptr_t)at % (size_t)sysconf(_SC_PAGESIZE);
}

/* libelf has unpacked a compressed section, and the file may be another one by now. */
static bool is_same(const uint8_t *mapped, struct mt_bytes bytes)
{
	return !memcmp(mapped, bytes.data, LOOK) &&
	       !memcmp(mapped + bytes.size - LOOK, bytes.data + bytes.size - LOOK, LOOK);
}

bool mt_own_map(int fd, const GElf_Shdr *header, struct mt_bytes *bytes)
{
	size_t before = header->sh_offset % (size_t)sysconf(_SC_PAGESIZE);
	struct stat st;
	uint8_t *start;

	if (fd < 0 || bytes->size < LEAST || bytes->size != header->sh_size || fstat(fd, &st) ||
	    header->sh_offset > (uint64_t)st.st_size ||
	    bytes->size > (uint64_t)st.st_size - header->sh_offset)
		return false;
	start = mmap(NULL, before + bytes->size, PROT_READ, MAP_PRIVATE, fd,
	             (off_t)(header->sh_offset - before));
	if (start == MAP_FAILED)
		return false;
	if (!is_same(start + before, *bytes)) {
		munmap(start, before + bytes->size);
		return false;
	}
	bytes->data = start + before;
	return true;
}

void mt_own_map_end(struct mt_bytes bytes)
{
	size_t before = page_offset(bytes.data);

	munmap((void *)(uintptr_t)(bytes.data - before), before + bytes.size);
}

void mt_own_map_release(struct mt_bytes bytes)
{
	size_t before = page_offset(bytes.data);

	madvise((void *)(uintptr_t)(bytes.data - before), before + bytes.size, MADV_DONTNEED);
}
