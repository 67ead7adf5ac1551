/* SPDX-License-Identifier: MIT */
#include "symbol/dynamic.h"

#include <elfutils/libdwelf.h>
#include <limits.h>
#include <string.h>

#include "symbol/module.h"
#include "symbol/symtab.h"

bool mt_module_symbol(const struct mt_module *module, const char *name, uint64_t *addr)
{
	struct mt_symtab *symtab = mt_symtab_of(module->file);

	for (size_t i = 0; i < symtab->count; i++) {
		if (!strcmp(symtab->symbols[i].raw, name)) {
			*addr = symtab->symbols[i].addr + module->bias;
			return true;
		}
	}
	return false;
}

/* Looks through one table of dynamic symbols. */
static bool table_imports(Elf *elf, const GElf_Shdr *header, Elf_Data *data, const char *name)
{
	size_t count = header->sh_entsize ? data->d_size / header->sh_entsize : 0;
	GElf_Sym symbol;

	for (size_t i = 0; i < count && i < INT32_MAX; i++) {
		if (!gelf_getsym(data, (int)i, &symbol) || symbol.st_shndx != SHN_UNDEF)
			continue;

		const char *raw = elf_strptr(elf, header->sh_link, symbol.st_name);

		if (raw && !strcmp(raw, name))
			return true;
	}
	return false;
}

bool mt_module_imports(const struct mt_module *module, const char *name)
{
	Elf *elf = mt_module_file_elf(module->file);
	GElf_Shdr header;
	Elf_Scn *section = elf ? mt_elf_section(elf, ".dynsym", &header) : NULL;
	Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;

	return data && table_imports(elf, &header, data, name);
}

/* The bytes of the segment as text that ends within it, or NULL. */
static const char *text_of_segment(Elf *elf, const GElf_Phdr *header)
{
	Elf_Data *data = header->p_filesz && header->p_filesz <= PATH_MAX
	                     ? elf_getdata_rawchunk(elf, (int64_t)header->p_offset,
	                                            (size_t)header->p_filesz, ELF_T_BYTE)
	                     : NULL;

	return data && !((const char *)data->d_buf)[data->d_size - 1] ? data->d_buf : NULL;
}

const char *mt_module_interpreter(const struct mt_module *module)
{
	Elf *elf = mt_module_file_elf(module->file);
	size_t count;
	GElf_Phdr header;

	if (!elf || elf_getphdrnum(elf, &count))
		return NULL;
	for (size_t i = 0; i < count && i < INT_MAX; i++)
		if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_INTERP)
			return text_of_segment(elf, &header);
	return NULL;
}

size_t mt_module_build_id(const struct mt_module *module, const uint8_t **id)
{
	Elf *elf = mt_module_file_elf(module->file);
	const void *bytes;
	ssize_t len = elf ? dwelf_elf_gnu_build_id(elf, &bytes) : 0;

	if (len <= 0)
		return 0;
	*id = bytes;
	return (size_t)len;
}
