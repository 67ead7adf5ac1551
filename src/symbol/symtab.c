/* SPDX-License-Identifier: MIT */
#include "symbol/symtab.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/vec.h"
#include "symbol/demangle.h"
#include "symbol/symtab_names.h"

/* How many symbols before an address are looked at for one that reaches over it: only a damaged
 * table nests deeper. */
#define NESTING_MAX 4096

#define RADIX_BITS 11
#define RADIX ((size_t)1 << RADIX_BITS)

struct symbol_list {
	struct mt_elf_symbol *data;
	size_t len;
	size_t cap;
};

static bool in_code(const struct mt_module_file *file, uint64_t addr)
{
	for (size_t i = 0; i < file->head.segment_count; i++) {
		const struct mt_segment *segment = &file->head.segments[i];

		if (segment->executable && addr >= segment->vaddr &&
		    addr - segment->vaddr < segment->memsz)
			return true;
	}
	return false;
}

/* False for symbols that stand for no place in the program: sections, files, imports. */
static bool take_symbol(const struct mt_module_file *file, const char *name, const GElf_Sym *sym,
                        GElf_Addr addr, GElf_Word section, struct mt_elf_symbol *symbol)
{
	uint8_t type = GELF_ST_TYPE(sym->st_info);

	if (!name || !*name || section == SHN_UNDEF || section == SHN_ABS)
		return false;
	if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_OBJECT && type != STT_NOTYPE &&
	    type != STT_TLS && type != STT_COMMON)
		return false;
	if (sym->st_size > UINT64_MAX - addr)
		return false;
	*symbol = (struct mt_elf_symbol){ .addr = addr,
		                          .size = sym->st_size,
		                          .raw = name,
		                          .type = type,
		                          .binding = GELF_ST_BIND(sym->st_info) };
	symbol->is_code = type == STT_FUNC || type == STT_GNU_IFUNC ||
	                  (type == STT_NOTYPE && in_code(file, addr));
	return true;
}

static bool has_symtab(Elf *elf)
{
	GElf_Shdr header;

	return mt_elf_section(elf, ".symtab", &header) != NULL;
}

/*
 * `is_full`: some come from a .symtab. The debug file is asked through its symbols, since opening
 * its DWARF unpacks all of it.
 */
static void read_symbols(struct mt_module_file *file, struct symbol_list *list, bool *is_full)
{
	Dwfl_Module *module = mt_module_file_dwfl(file);
	int count = module ? dwfl_module_getsymtab(module) : 0;
	Elf *seen = NULL, *elf = NULL;

	for (int i = 1; i < count; i++) {
		GElf_Sym sym;
		GElf_Addr addr = 0;
		GElf_Word section = SHN_UNDEF;
		struct mt_elf_symbol symbol;
		const char *name =
		    dwfl_module_getsym_info(module, i, &sym, &addr, &section, &elf, NULL);

		if (elf != seen)
			*is_full = *is_full || has_symtab(elf);
		seen = elf;

		if (take_symbol(file, name, &sym, addr, section, &symbol) &&
		    !mt_vec_push(list, symbol))
			return;
	}
}

static int binding_rank(uint8_t binding)
{
	return binding == STB_GLOBAL ? 2 : binding == STB_WEAK ? 1 : 0;
}

static size_t leading_underscores(const char *name)
{
	return strspn(name, "_");
}

/* Of several names for one address, the one that says most to a person comes last. */
static int compare_names(const void *left, const void *right)
{
	const struct mt_elf_symbol *a = left, *b = right;

	if (!a->size != !b->size)
		return a->size ? 1 : -1;
	if ((a->type == STT_NOTYPE) != (b->type == STT_NOTYPE))
		return a->type == STT_NOTYPE ? -1 : 1;
	if (binding_rank(a->binding) != binding_rank(b->binding))
		return binding_rank(a->binding) - binding_rank(b->binding);
	if (leading_underscores(a->raw) != leading_underscores(b->raw))
		return leading_underscores(a->raw) > leading_underscores(b->raw) ? -1 : 1;
	return -strcmp(a->raw, b->raw);
}

/* A symbol's place while the table is sorted: small, since large programs have a million. */
struct sort_key {
	uint64_t addr;
	size_t index;
};

/* One pass of a radix sort; qsort() takes ten times as long for a whole one. */
static void sort_digit(const struct sort_key *from, struct sort_key *to, size_t count,
                       unsigned shift)
{
	size_t starts[RADIX + 1] = { 0 };

	for (size_t i = 0; i < count; i++)
		starts[(from[i].addr >> shift) % RADIX + 1]++;
	for (size_t i = 0; i < RADIX; i++)
		starts[i + 1] += starts[i];
	for (size_t i = 0; i < count; i++)
		to[starts[(from[i].addr >> shift) % RADIX]++] = from[i];
}

/* Sorts `keys` by address; `spare` has as much room. Returns which of the two holds the result. */
static struct sort_key *sort_keys(struct sort_key *keys, struct sort_key *spare, size_t count)
{
	uint64_t greatest = 0;

	for (size_t i = 0; i < count; i++)
		if (keys[i].addr > greatest)
			greatest = keys[i].addr;
	for (unsigned shift = 0; shift < 64 && greatest >> shift; shift += RADIX_BITS) {
		struct sort_key *sorted = spare;

		sort_digit(keys, sorted, count, shift);
		spare = keys;
		keys = sorted;
	}
	return keys;
}

static bool sort_by_address(struct symbol_list *list)
{
	struct sort_key *keys MT_AUTO_FREE = mt_alloc_array(list->len + 1, sizeof(*keys));
	struct sort_key *spare MT_AUTO_FREE = mt_alloc_array(list->len + 1, sizeof(*spare));
	struct mt_elf_symbol *symbols = mt_alloc_array(list->len + 1, sizeof(*symbols));

	if (!keys || !spare || !symbols) {
		free(symbols);
		return false;
	}
	for (size_t i = 0; i < list->len; i++)
		keys[i] = (struct sort_key){ list->data[i].addr, i };

	const struct sort_key *sorted = sort_keys(keys, spare, list->len);

	for (size_t i = 0; i < list->len; i++)
		symbols[i] = list->data[sorted[i].index];
	free(list->data);
	list->data = symbols;
	list->cap = list->len + 1;
	return true;
}

/* Puts those that share an address in order of their names. */
static void sort_names(struct symbol_list *list)
{
	for (size_t from = 0, to; from < list->len; from = to) {
		for (to = from + 1; to < list->len && list->data[to].addr == list->data[from].addr;)
			to++;
		if (to - from > 1)
			qsort(list->data + from, to - from, sizeof(*list->data), compare_names);
	}
}

static void set_reach(struct symbol_list *list)
{
	uint64_t reach = 0;

	for (size_t i = 0; i < list->len; i++) {
		struct mt_elf_symbol *symbol = &list->data[i];

		if (symbol->type != STT_TLS && symbol->addr + symbol->size > reach)
			reach = symbol->addr + symbol->size;
		symbol->reach = reach;
	}
}

struct mt_symtab *mt_symtab_of(struct mt_module_file *file)
{
	static struct mt_symtab empty;
	struct symbol_list list = { 0 };

	if (file->symtab)
		return file->symtab;

	struct mt_symtab *symtab = mt_alloc(sizeof(*symtab));

	if (!symtab)
		return &empty;
	read_symbols(file, &list, &symtab->is_full);
	if (!sort_by_address(&list))
		list.len = 0;
	sort_names(&list);
	set_reach(&list);
	symtab->symbols = list.data;
	symtab->count = list.len;
	file->symtab = symtab;
	return symtab;
}

void mt_symtab_destroy(struct mt_symtab *symtab)
{
	if (!symtab)
		return;
	for (size_t i = 0; i < symtab->count; i++)
		free(symtab->symbols[i].demangled);
	mt_symtab_names_destroy(symtab->names);
	free(symtab->symbols);
	free(symtab);
}

/* How many symbols start at or below `addr`. */
static size_t count_up_to(const struct mt_symtab *symtab, uint64_t addr)
{
	size_t low = 0, high = symtab->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symtab->symbols[middle].addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* A sized symbol that covers the address wins over a label without size that is nearer. */
struct mt_elf_symbol *mt_symtab_at(struct mt_symtab *symtab, uint64_t addr)
{
	size_t count = count_up_to(symtab, addr);
	struct mt_elf_symbol *label = NULL;

	for (size_t i = count; i > 0 && count - i < NESTING_MAX; i--) {
		struct mt_elf_symbol *symbol = &symtab->symbols[i - 1];

		if (symbol->type == STT_TLS)
			continue;
		if (symbol->size && addr - symbol->addr < symbol->size)
			return symbol;
		if (!symbol->size && !label)
			label = symbol;
		if (symbol->reach <= addr)
			break;
	}
	return label && addr < mt_symtab_end(symtab, label) ? label : NULL;
}

uint64_t mt_symtab_end(const struct mt_symtab *symtab, const struct mt_elf_symbol *symbol)
{
	if (symbol->size)
		return symbol->addr + symbol->size;

	size_t next = count_up_to(symtab, symbol->addr);

	return next < symtab->count ? symtab->symbols[next].addr : UINT64_MAX;
}

const char *mt_elf_symbol_name(struct mt_elf_symbol *symbol)
{
	if (!symbol->tried_demangling) {
		symbol->tried_demangling = true;
		symbol->demangled = mt_demangle(symbol->raw);
	}
	return symbol->demangled ? symbol->demangled : symbol->raw;
}

/* Demangling every symbol of a large program takes seconds; one whose mangled form lacks the last
 * part of the name cannot match. */
static bool may_demangle_to(const struct mt_elf_symbol *symbol, const char *name)
{
	const char *last = strrchr(name, ':');

	return mt_is_mangled(symbol->raw) && strstr(symbol->raw, last ? last + 1 : name);
}

bool mt_elf_symbol_is(struct mt_elf_symbol *symbol, const char *name)
{
	size_t len = strlen(name);

	if (!strncmp(symbol->raw, name, len) && (!symbol->raw[len] || symbol->raw[len] == '@'))
		return true;
	return may_demangle_to(symbol, name) && !strcmp(mt_elf_symbol_name(symbol), name);
}
