/* SPDX-License-Identifier: MIT */
#include "self/names.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "self/frames.h"
#include "self/modules.h"
#include "self/peek.h"

#define PROGRAM "/proc/self/exe"
#define SYMBOLS_AT_ONCE 32

typedef ElfW(Ehdr) elf_header;
typedef ElfW(Shdr) elf_section;
typedef ElfW(Sym) elf_symbol;

static bool read_at(int fd, uint64_t offset, void *out, size_t len)
{
	return pread(fd, out, len, (off_t)offset) == (ssize_t)len;
}

/* A file that was replaced since differs in its header: it tells where the sections are, and where
 * the program begins. */
static int open_module(const struct mt_own_module *module, elf_header *header)
{
	int fd MT_AUTO_FD = open(*module->path ? module->path : PROGRAM, O_RDONLY | O_CLOEXEC);
	elf_header loaded;

	if (fd < 0 || !read_at(fd, 0, header, sizeof(*header)) ||
	    mt_peek(module->start, &loaded, sizeof(loaded)) != sizeof(loaded) ||
	    memcmp(header, &loaded, sizeof(loaded)) != 0)
		return -1;
	return mt_take_fd(&fd);
}

/* ---- The symbol table ---------------------------------------------------- */

/* The full table if the file has it, else that of what it exports, and its strings. */
static bool find_table(int fd, const elf_header *header, elf_section *table, elf_section *strings)
{
	elf_section section;
	bool found = false;

	if (header->e_shentsize != sizeof(section))
		return false;
	for (uint64_t i = 0; i < header->e_shnum; i++) {
		if (!read_at(fd, header->e_shoff + i * sizeof(section), &section, sizeof(section)))
			break;
		if (section.sh_type == SHT_SYMTAB || (section.sh_type == SHT_DYNSYM && !found)) {
			*table = section;
			found = true;
		}
		if (section.sh_type == SHT_SYMTAB)
			break;
	}
	return found && read_at(fd, header->e_shoff + table->sh_link * sizeof(section), strings,
	                        sizeof(*strings));
}

struct search {
	uintptr_t addr;  /* in the file */
	uintptr_t start; /* of the function that holds it, by call frame information; or 0 */
	elf_symbol best; /* st_name 0: none */
};

static bool holds(const struct search *search, const elf_symbol *symbol)
{
	unsigned char type = symbol->st_info & 0xf;

	if ((type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE) ||
	    symbol->st_shndx == SHN_UNDEF || symbol->st_shndx == SHN_ABS || !symbol->st_name)
		return false;
	/* Assembly may give no size. */
	if (!symbol->st_size)
		return search->start && symbol->st_value == search->start;
	return type != STT_NOTYPE && search->addr - symbol->st_value < symbol->st_size;
}

/* Of several names for one function: the inner one first, then the one that is most public. */
static int rank(const elf_symbol *symbol)
{
	switch (symbol->st_info >> 4) {
	case STB_GLOBAL:
		return 2;
	case STB_WEAK:
		return 1;
	default:
		return 0;
	}
}

static bool is_better(const elf_symbol *symbol, const elf_symbol *best)
{
	if (!best->st_name || symbol->st_value != best->st_value)
		return !best->st_name || symbol->st_value > best->st_value;
	return rank(symbol) > rank(best);
}

static void search_table(int fd, const elf_section *table, struct search *search)
{
	elf_symbol symbols[SYMBOLS_AT_ONCE];
	uint64_t at = table->sh_offset, left = table->sh_size / sizeof(*symbols);

	while (left) {
		size_t count = left < SYMBOLS_AT_ONCE ? (size_t)left : SYMBOLS_AT_ONCE;

		if (!read_at(fd, at, symbols, count * sizeof(*symbols)))
			return;
		for (size_t i = 0; i < count; i++)
			if (holds(search, &symbols[i]) && is_better(&symbols[i], &search->best))
				search->best = symbols[i];
		at += count * sizeof(*symbols);
		left -= count;
	}
}

/* A name may be the last in its file: what is read of it counts. */
static bool read_name(int fd, uint64_t offset, char *name, size_t size)
{
	ssize_t got = pread(fd, name, size - 1, (off_t)offset);

	if (got <= 0)
		return false;
	name[got] = '\0';
	return *name != '\0';
}

static bool name_in_module(const struct mt_own_module *module, struct search *search, char *name,
                           size_t size)
{
	elf_section table, strings;
	elf_header header;
	int fd MT_AUTO_FD = open_module(module, &header);

	if (fd < 0 || !find_table(fd, &header, &table, &strings))
		return false;
	search_table(fd, &table, search);
	return search->best.st_name &&
	       read_name(fd, strings.sh_offset + search->best.st_name, name, size);
}

bool mt_function_name(uintptr_t pc, char *name, size_t size, uintptr_t *start)
{
	struct search search = { 0 };
	struct mt_own_module module;
	uintptr_t bound, end;
	int saved = errno;
	bool found;

	if (!mt_own_module_at(pc, &module))
		return false;
	search.addr = pc - module.base;
	if (mt_function_bounds(pc, &bound, &end))
		search.start = bound - module.base;
	found = name_in_module(&module, &search, name, size);
	errno = saved;
	if (found)
		*start = (uintptr_t)search.best.st_value + module.base;
	return found;
}

/* ---- Modules ------------------------------------------------------------- */

bool mt_module_name(uintptr_t pc, char *name, size_t size)
{
	struct mt_own_module module;
	char path[256];
	const char *tail;
	int saved = errno;
	ssize_t len;

	if (!mt_own_module_at(pc, &module))
		return false;
	tail = mt_path_tail(module.path);
	if (!*tail) {
		len = readlink(PROGRAM, path, sizeof(path) - 1);
		path[len < 0 ? 0 : len] = '\0';
		tail = mt_path_tail(path);
	}
	errno = saved;
	*name = '\0';
	strncat(name, tail, size - 1);
	return true;
}
