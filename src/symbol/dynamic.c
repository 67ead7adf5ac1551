/* SPDX-License-Identifier: MIT */
#include "symbol/dynamic.h"

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
