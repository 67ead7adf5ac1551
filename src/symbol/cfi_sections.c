/* SPDX-License-Identifier: MIT */
#include "symbol/cfi_sections.h"

#include <gelf.h>

static bool machine_of(Elf *elf, enum mt_machine *machine)
{
	int class = gelf_getclass(elf);
	GElf_Ehdr header;

	if (!gelf_getehdr(elf, &header))
		return false;
	*machine = header.e_machine == EM_386 ? MT_MACHINE_I386 : MT_MACHINE_X86_64;
	return (header.e_machine == EM_X86_64 && class == ELFCLASS64) ||
	       (header.e_machine == EM_386 && class == ELFCLASS32);
}

/* The first program header of that type, that holds `addr` unless the type is another. */
static bool segment_find(Elf *elf, uint32_t type, uint64_t addr, GElf_Phdr *segment)
{
	size_t count;

	if (elf_getphdrnum(elf, &count) != 0)
		return false;
	for (size_t i = 0; i < count && gelf_getphdr(elf, (int)i, segment); i++) {
		if (segment->p_type == type &&
		    (type != PT_LOAD || addr - segment->p_vaddr < segment->p_filesz))
			return true;
	}
	return false;
}

/* The file's bytes from `addr` to the end of its segment. */
static struct mt_cfi_span loaded_bytes(Elf *elf, uint64_t addr)
{
	struct mt_cfi_span file = { 0 }, none = { 0 };
	GElf_Phdr load;
	uint64_t skip;

	if (!segment_find(elf, PT_LOAD, addr, &load))
		return none;
	file.bytes = (const uint8_t *)elf_rawfile(elf, &file.len);
	if (!file.bytes || load.p_offset > file.len || load.p_filesz > file.len - load.p_offset)
		return none;
	skip = addr - load.p_vaddr;
	return (struct mt_cfi_span){ .bytes = file.bytes + load.p_offset + skip,
		                     .len = load.p_filesz - skip };
}

static bool open_by_header(Elf *elf, struct mt_cfi_section *section)
{
	GElf_Phdr header;

	if (!segment_find(elf, PT_GNU_EH_FRAME, 0, &header) ||
	    !mt_cfi_header_read(loaded_bytes(elf, header.p_vaddr), header.p_vaddr, section))
		return false;
	section->span = loaded_bytes(elf, section->addr);
	return section->span.len > 0;
}

static bool open_by_name(Elf *elf, const char *name, struct mt_cfi_section *section)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr header;
	Elf_Data *data;
	const char *found;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) != 0)
		return false;
	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &header) || header.sh_type == SHT_NOBITS)
			continue;
		found = elf_strptr(elf, names, header.sh_name);
		if (!found || strcmp(found, name) != 0)
			continue;
		if ((header.sh_flags & SHF_COMPRESSED) && elf_compress(scn, 0, 0) < 0)
			return false;
		data = elf_rawdata(scn, NULL);
		if (!data || !data->d_buf || !data->d_size)
			return false;
		section->span = (struct mt_cfi_span){ data->d_buf, data->d_size };
		section->addr = header.sh_addr;
		return true;
	}
	return false;
}

void mt_cfi_open_eh_frame(Elf *elf, struct mt_cfi_section *section)
{
	*section = (struct mt_cfi_section){ .is_eh_frame = true };
	if (!machine_of(elf, &section->machine))
		return;
	if (!open_by_header(elf, section) && !open_by_name(elf, ".eh_frame", section))
		return;
	if (!section->search_table.len)
		mt_cfi_section_index(section);
}

void mt_cfi_open_debug_frame(Elf *elf, struct mt_cfi_section *section)
{
	*section = (struct mt_cfi_section){ 0 };
	if (machine_of(elf, &section->machine) && open_by_name(elf, ".debug_frame", section))
		mt_cfi_section_index(section);
}
