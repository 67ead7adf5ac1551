/* SPDX-License-Identifier: MIT */
#include "symbol/cfi_table.h"

#include <dwarf.h>
#include <gelf.h>
#include <stdlib.h>

#include "symbol/cfi_entry.h"

void mt_cfi_section_deinit(struct mt_cfi_section *section)
{
	mt_vec_deinit(&section->index);
	*section = (struct mt_cfi_section){ 0 };
}

/* ---- Finding the sections ------------------------------------------------ */

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

/*
 * .eh_frame_hdr (LSB core 5.0, 10.6.2): where .eh_frame is, and a table to search. Linkers write
 * one kind of table only, pairs of 32-bit numbers relative to the header.
 */
static bool open_by_header(Elf *elf, struct mt_cfi_section *section)
{
	struct mt_cfi_span bytes;
	struct mt_cfi_reader in;
	GElf_Phdr header;
	uint64_t version, frame_encoding, count_encoding, table_encoding, count = 0;

	if (!segment_find(elf, PT_GNU_EH_FRAME, 0, &header))
		return false;
	bytes = loaded_bytes(elf, header.p_vaddr);
	if (!bytes.len)
		return false;
	in = mt_cfi_reader_of(bytes);
	version = mt_cfi_read_uint(&in, 1);
	frame_encoding = mt_cfi_read_uint(&in, 1);
	count_encoding = mt_cfi_read_uint(&in, 1);
	table_encoding = mt_cfi_read_uint(&in, 1);
	if (version != 1 || !mt_cfi_read_pointer(&in, section->machine, (uint8_t)frame_encoding,
	                                         header.p_vaddr + 4, &section->addr))
		return false;
	section->span = loaded_bytes(elf, section->addr);
	if (table_encoding == (DW_EH_PE_datarel | DW_EH_PE_sdata4) &&
	    mt_cfi_read_pointer(&in, section->machine, (uint8_t)count_encoding, 0, &count) &&
	    count <= mt_cfi_left(&in) / 8) {
		section->search_table = mt_cfi_read_span(&in, 8 * count);
		section->search_base = header.p_vaddr;
	}
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

/* ---- Our own index, where the linker left none --------------------------- */

static int by_start(const void *a, const void *b)
{
	const struct mt_cfi_index_entry *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* Without memory the index ends early: those functions have no information then. */
static void index_build(struct mt_cfi_section *section)
{
	struct mt_cfi_fde fde;
	size_t offset = 0, next;

	for (; offset < section->span.len; offset = next) {
		if (!mt_cfi_fde_read(section, offset, &next, &fde))
			continue;
		if (!mt_vec_push(&section->index,
		                 ((struct mt_cfi_index_entry){ fde.start, offset })))
			break;
	}
	if (section->index.len)
		qsort(section->index.data, section->index.len, sizeof(*section->index.data),
		      by_start);
}

void mt_cfi_open_eh_frame(Elf *elf, struct mt_cfi_section *section)
{
	*section = (struct mt_cfi_section){ .is_eh_frame = true };
	if (!machine_of(elf, &section->machine))
		return;
	if (!open_by_header(elf, section) && !open_by_name(elf, ".eh_frame", section))
		return;
	if (!section->search_table.len)
		index_build(section);
}

void mt_cfi_open_debug_frame(Elf *elf, struct mt_cfi_section *section)
{
	*section = (struct mt_cfi_section){ 0 };
	if (machine_of(elf, &section->machine) && open_by_name(elf, ".debug_frame", section))
		index_build(section);
}

/* ---- Searching ----------------------------------------------------------- */

static uint64_t table_value(const struct mt_cfi_section *section, size_t i)
{
	int32_t relative;

	memcpy(&relative, section->search_table.bytes + 4 * i, sizeof(relative));
	return mt_machine_wrap(section->machine,
	                       section->search_base + (uint64_t)(int64_t)relative);
}

static uint64_t start_at(const struct mt_cfi_section *section, size_t i)
{
	return section->search_table.len ? table_value(section, 2 * i)
	                                 : section->index.data[i].start;
}

bool mt_cfi_section_find(const struct mt_cfi_section *section, uint64_t addr,
                         struct mt_cfi_fde *fde)
{
	size_t low = 0, high, middle, next;
	uint64_t offset;
	struct mt_cfi_fde found;

	high = section->search_table.len ? section->search_table.len / 8 : section->index.len;
	while (low < high) {
		middle = low + (high - low) / 2;
		if (start_at(section, middle) <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return false;
	offset = section->search_table.len ? table_value(section, 2 * low - 1) - section->addr
	                                   : section->index.data[low - 1].offset;
	if (offset >= section->span.len ||
	    !mt_cfi_fde_read(section, (size_t)offset, &next, &found) || addr < found.start ||
	    addr >= found.end)
		return false;
	*fde = found;
	return true;
}
