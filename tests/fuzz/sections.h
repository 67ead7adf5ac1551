/* SPDX-License-Identifier: MIT */
/* A small ELF program in memory, of the sections that a fuzz target gives it. */
#ifndef MT_TESTS_SECTIONS_H
#define MT_TESTS_SECTIONS_H

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "symbol/image.h"

enum { SECTIONS_MAX = 12, SECTIONS_CODE = 0x1000, SECTIONS_CODE_SIZE = 0x1000 };

struct section {
	const char *name;
	const void *bytes;
	size_t size;
};

static inline void sections_put(struct mt_buf *out, Elf64_Shdr *header, size_t name,
                                const void *bytes, size_t size)
{
	*header = (Elf64_Shdr){ .sh_name = (Elf64_Word)name,
		                .sh_type = SHT_PROGBITS,
		                .sh_offset = out->len,
		                .sh_size = size,
		                .sh_addralign = 1 };
	mt_buf_bytes(out, bytes, size);
}

/* Of `count` sections, and one with their names. */
static inline void sections_make(const struct section *sections, size_t count, struct mt_buf *out)
{
	Elf64_Shdr headers[SECTIONS_MAX + 2] = { 0 };
	struct mt_buf names MT_AUTO_BUF = { 0 };
	const Elf64_Phdr segment = { .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_memsz = 0x4000 };
	Elf64_Ehdr header = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
		                           ELFDATA2LSB, EV_CURRENT },
		              .e_type = ET_EXEC,
		              .e_machine = EM_X86_64,
		              .e_version = EV_CURRENT,
		              .e_phoff = sizeof(header),
		              .e_ehsize = sizeof(header),
		              .e_phentsize = sizeof(segment),
		              .e_phnum = 1,
		              .e_shentsize = sizeof(*headers),
		              .e_shnum = (Elf64_Half)(count + 2),
		              .e_shstrndx = (Elf64_Half)(count + 1) };

	mt_buf_bytes(out, &header, sizeof(header));
	mt_buf_bytes(out, &segment, sizeof(segment));
	mt_buf_char(&names, '\0');
	for (size_t i = 0; i < count; i++) {
		sections_put(out, &headers[i + 1], names.len, sections[i].bytes, sections[i].size);
		mt_buf_bytes(&names, sections[i].name, strlen(sections[i].name) + 1);
	}
	sections_put(out, &headers[count + 1], 0, names.data, names.len);
	headers[count + 1].sh_type = SHT_STRTAB;
	header.e_shoff = out->len;
	mt_buf_bytes(out, headers, (count + 2) * sizeof(*headers));
	memcpy(out->data, &header, sizeof(header));
}

/* Opened as an image; it is a good program, whatever its sections hold. */
static inline struct mt_image *sections_open(const struct section *sections, size_t count)
{
	int fd MT_AUTO_FD = memfd_create("program", MFD_CLOEXEC);
	struct mt_buf program MT_AUTO_BUF = { 0 };
	char path[32];
	struct mt_image *image;

	sections_make(sections, count, &program);
	if (write(fd, program.data, program.len) != (ssize_t)program.len)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (mt_image_open_file(path, &image))
		abort();
	return image;
}

#endif
