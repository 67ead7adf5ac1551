/* SPDX-License-Identifier: MIT */
#include "symbol/elfhead.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"

#define PAGE_MASK 0xfffull

bool mt_read_at(int fd, void *out, size_t len, uint64_t offset)
{
	uint8_t *bytes = out;

	while (len) {
		ssize_t got = pread(fd, bytes, len, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		bytes += got;
		len -= (size_t)got;
		offset += (uint64_t)got;
	}
	return true;
}

/* The interpreter's path of a script, from the line after "#!". */
static struct mt_error *script_error(const char *name, char *line)
{
	line += strspn(line, " \t");
	line[strcspn(line, " \t\r\n")] = '\0';
	return mt_error_new(MT_ERR_FORMAT, "%s is a script for %s, not a program", name,
	                    *line ? line : "nothing");
}

static struct mt_error *no_elf_error(int fd, const char *name)
{
	char start[128] = { 0 };
	ssize_t got = pread(fd, start, sizeof(start) - 1, 0);

	if (got < 0)
		return mt_error_sys(errno, "cannot read %s", name);
	if (got == 0)
		return mt_error_new(MT_ERR_FORMAT, "%s is an empty file", name);
	if (!memcmp(start, "#!", 2))
		return script_error(name, start + 2);
	return mt_error_new(MT_ERR_FORMAT, "%s is not an ELF program", name);
}

static const char *machine_name(uint16_t machine)
{
	switch (machine) {
	case EM_AARCH64:
		return "AArch64";
	case EM_ARM:
		return "ARM";
	case EM_RISCV:
		return "RISC-V";
	case EM_PPC64:
		return "PowerPC";
	case EM_S390:
		return "S/390";
	case EM_MIPS:
		return "MIPS";
	case EM_BPF:
		return "BPF";
	default:
		return NULL;
	}
}

static struct mt_error *check_kind(const char *name, const uint8_t *ident, uint16_t type,
                                   uint16_t machine)
{
	if (ident[EI_DATA] != ELFDATA2LSB)
		return mt_error_new(MT_ERR_FORMAT, "%s is ELF for a big-endian machine", name);
	if (machine != EM_X86_64 && machine != EM_386) {
		const char *known = machine_name(machine);

		return known ? mt_error_new(MT_ERR_FORMAT, "%s is ELF for %s", name, known)
		             : mt_error_new(MT_ERR_FORMAT, "%s is ELF for machine number %u", name,
		                            machine);
	}
	if (machine == EM_X86_64 && ident[EI_CLASS] == ELFCLASS32)
		return mt_error_new(MT_ERR_FORMAT, "%s is ELF for x32", name);
	if (type == ET_REL)
		return mt_error_new(MT_ERR_FORMAT, "%s is an object file that is not linked yet",
		                    name);
	if (type == ET_CORE)
		return mt_error_new(MT_ERR_FORMAT, "%s is a core file", name);
	if (type != ET_EXEC && type != ET_DYN)
		return mt_error_new(MT_ERR_FORMAT, "%s is ELF of unknown type %u", name, type);
	return NULL;
}

/* Widens a header or a program header of class 32. */
static Elf64_Ehdr widen_ehdr(const Elf32_Ehdr *narrow)
{
	return (Elf64_Ehdr){ .e_type = narrow->e_type,
		             .e_machine = narrow->e_machine,
		             .e_phoff = narrow->e_phoff,
		             .e_phentsize = narrow->e_phentsize,
		             .e_phnum = narrow->e_phnum };
}

static Elf64_Phdr widen_phdr(const Elf32_Phdr *narrow)
{
	return (Elf64_Phdr){ .p_type = narrow->p_type,
		             .p_flags = narrow->p_flags,
		             .p_offset = narrow->p_offset,
		             .p_vaddr = narrow->p_vaddr,
		             .p_filesz = narrow->p_filesz,
		             .p_memsz = narrow->p_memsz };
}

static struct mt_segment segment_of(const Elf64_Phdr *phdr)
{
	return (struct mt_segment){ .vaddr = phdr->p_vaddr,
		                    .memsz = phdr->p_memsz,
		                    .offset = phdr->p_offset,
		                    .filesz = phdr->p_filesz,
		                    .executable = phdr->p_flags & PF_X };
}

static bool segment_is_sane(const Elf64_Phdr *phdr)
{
	return phdr->p_filesz <= phdr->p_memsz && phdr->p_vaddr + phdr->p_memsz >= phdr->p_vaddr &&
	       phdr->p_vaddr + phdr->p_memsz < UINT64_MAX - PAGE_MASK &&
	       phdr->p_offset <= INT64_MAX && phdr->p_filesz <= INT64_MAX - phdr->p_offset;
}

static struct mt_error *read_segments(int fd, const char *name, const Elf64_Ehdr *ehdr, bool wide,
                                      struct mt_elf_head *head)
{
	size_t size = wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	struct mt_segment *segments MT_AUTO_FREE =
	    mt_alloc_array((size_t)ehdr->e_phnum + 1, sizeof(*segments));
	size_t count = 0;

	if (!segments)
		return mt_error_nomem();
	if (ehdr->e_phnum && ehdr->e_phentsize != size)
		return mt_error_new(MT_ERR_FORMAT, "%s has damaged program headers", name);
	for (size_t i = 0; i < ehdr->e_phnum; i++) {
		union {
			Elf64_Phdr wide;
			Elf32_Phdr narrow;
		} raw;

		if (!mt_read_at(fd, &raw, size, ehdr->e_phoff + i * size))
			return mt_error_new(MT_ERR_FORMAT, "%s is cut short", name);

		Elf64_Phdr phdr = wide ? raw.wide : widen_phdr(&raw.narrow);

		if (phdr.p_type != PT_LOAD)
			continue;
		if (!segment_is_sane(&phdr))
			return mt_error_new(MT_ERR_FORMAT, "%s has damaged program headers", name);
		segments[count++] = segment_of(&phdr);
	}
	*head = (struct mt_elf_head){
		.type = ehdr->e_type,
		.machine = ehdr->e_machine == EM_386 ? MT_MACHINE_I386 : MT_MACHINE_X86_64,
		.segment_count = count,
	};
	head->segments = MT_TAKE(segments);
	return NULL;
}

struct mt_error *mt_elf_head_read(int fd, const char *name, struct mt_elf_head *head)
{
	struct stat st;
	union {
		uint8_t ident[EI_NIDENT];
		Elf64_Ehdr wide;
		Elf32_Ehdr narrow;
	} raw = { 0 };

	if (fstat(fd, &st))
		return mt_error_sys(errno, "cannot read %s", name);
	if (S_ISDIR(st.st_mode))
		return mt_error_new(MT_ERR_FORMAT, "%s is a directory", name);
	if (!S_ISREG(st.st_mode))
		return mt_error_new(MT_ERR_FORMAT, "%s is not a regular file", name);
	if (!mt_read_at(fd, &raw, sizeof(raw.narrow), 0) || memcmp(raw.ident, ELFMAG, SELFMAG) != 0)
		return no_elf_error(fd, name);

	bool wide = raw.ident[EI_CLASS] == ELFCLASS64;

	if (wide && !mt_read_at(fd, &raw, sizeof(raw.wide), 0))
		return mt_error_new(MT_ERR_FORMAT, "%s is cut short", name);

	Elf64_Ehdr ehdr = wide ? raw.wide : widen_ehdr(&raw.narrow);

	MT_TRY(check_kind(name, raw.ident, ehdr.e_type, ehdr.e_machine));
	return read_segments(fd, name, &ehdr, wide, head);
}

void mt_elf_head_deinit(struct mt_elf_head *head)
{
	free(head->segments);
	*head = (struct mt_elf_head){ 0 };
}

void mt_elf_head_span(const struct mt_elf_head *head, uint64_t *low, uint64_t *high)
{
	uint64_t from = UINT64_MAX, to = 0;

	for (size_t i = 0; i < head->segment_count; i++) {
		const struct mt_segment *segment = &head->segments[i];

		if (segment->vaddr < from)
			from = segment->vaddr;
		if (segment->vaddr + segment->memsz > to)
			to = segment->vaddr + segment->memsz;
	}
	*low = head->segment_count ? from & ~PAGE_MASK : 0;
	*high = (to + PAGE_MASK) & ~PAGE_MASK;
}

bool mt_elf_head_bias(const struct mt_elf_head *head, uint64_t addr, uint64_t offset,
                      bool executable, uint64_t *bias)
{
	for (size_t i = 0; i < head->segment_count; i++) {
		const struct mt_segment *segment = &head->segments[i];

		if (segment->executable != executable || offset < (segment->offset & ~PAGE_MASK) ||
		    offset >= segment->offset + segment->filesz)
			continue;
		*bias = addr - offset + segment->offset - segment->vaddr;
		return true;
	}
	return false;
}
