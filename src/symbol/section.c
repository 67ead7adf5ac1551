/* SPDX-License-Identifier: MIT */
#include "symbol/section.h"

#include "symbol/module.h"

/* elf(5). What .tbss takes is in each thread's block, and not where its header says. */
static bool lies_in_memory(const GElf_Shdr *header)
{
	return header->sh_flags & SHF_ALLOC && header->sh_size &&
	       !(header->sh_flags & SHF_TLS && header->sh_type == SHT_NOBITS);
}

void mt_sections_each(const struct mt_module *module,
                      bool (*each)(const struct mt_section *section, void *arg), void *arg)
{
	Elf *elf = mt_module_file_elf(module->file);
	Elf_Scn *scn = NULL;
	size_t names;

	if (!elf || elf_getshdrstrndx(elf, &names))
		return;
	while ((scn = elf_nextscn(elf, scn))) {
		struct mt_section section;
		GElf_Shdr header;

		if (!gelf_getshdr(scn, &header) || !lies_in_memory(&header))
			continue;
		section.name = elf_strptr(elf, names, header.sh_name);
		section.start = header.sh_addr + module->bias;
		section.end = section.start + header.sh_size;
		if (section.name && !each(&section, arg))
			return;
	}
}

struct wanted {
	uint64_t addr;
	const char *name;
};

static bool take_if_there(const struct mt_section *section, void *arg)
{
	struct wanted *wanted = arg;

	if (wanted->addr < section->start || wanted->addr >= section->end)
		return true;
	wanted->name = section->name;
	return false;
}

const char *mt_section_at(const struct mt_module *module, uint64_t addr)
{
	struct wanted wanted = { .addr = addr };

	mt_sections_each(module, take_if_there, &wanted);
	return wanted.name;
}

uint64_t mt_module_entry(const struct mt_module *module)
{
	Elf *elf = mt_module_file_elf(module->file);
	GElf_Ehdr head;

	if (!elf || !gelf_getehdr(elf, &head) || !head.e_entry)
		return 0;
	return head.e_entry + module->bias;
}
