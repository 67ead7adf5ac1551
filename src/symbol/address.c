/* SPDX-License-Identifier: MIT */
#include <dwarf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "symbol/cfi.h"
#include "symbol/die.h"
#include "symbol/function.h"
#include "symbol/image.h"
#include "symbol/symtab.h"
#include "symbol/units.h"

#define INLINES_MAX 32

/* Programs can be stripped of their symbols and still have DWARF. */
static bool dwarf_symbol_at(const struct mt_module *module, uint64_t addr, struct mt_symbol *symbol)
{
	Dwarf_Die cu, function;
	Dwarf_Addr low, high;
	const char *name;

	if (!mt_function_die_at(module->file, addr - module->bias, &cu, &function) ||
	    dwarf_entrypc(&function, &low) != 0)
		return false;
	name = mt_function_name(module->file, &function);
	if (!name)
		return false;
	*symbol = (struct mt_symbol){
		.name = name, .addr = low + module->bias, .is_function = true, .module = module
	};
	if (dwarf_highpc(&function, &high) == 0 && high > low)
		symbol->size = high - low;
	return true;
}

bool mt_image_symbol_at(struct mt_image *image, uint64_t addr, struct mt_symbol *symbol)
{
	const struct mt_module *module = mt_image_module_at(image, addr);

	if (!module)
		return false;

	struct mt_symtab *symtab = mt_symtab_of(module->file);
	struct mt_elf_symbol *found = mt_symtab_at(symtab, addr - module->bias);

	/* An exported label without size says less than the DWARF of a stripped program. */
	if ((!found || !found->size) && dwarf_symbol_at(module, addr, symbol))
		return true;
	if (!found)
		return false;
	*symbol = (struct mt_symbol){ .name = mt_elf_symbol_name(found),
		                      .addr = found->addr + module->bias,
		                      .size = found->size,
		                      .is_function = found->is_code,
		                      .is_resolver = found->type == STT_GNU_IFUNC,
		                      .module = module };
	return true;
}

static unsigned attr_number(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;

	if (dwarf_formudata(dwarf_attr(die, name, &attr), &value) != 0 || value > UINT32_MAX)
		return 0;
	return (unsigned)value;
}

static struct mt_line call_site(Dwarf_Die *cu, Dwarf_Die *inlined)
{
	return (struct mt_line){ .file = mt_unit_file(cu, attr_number(inlined, DW_AT_call_file)),
		                 .line = attr_number(inlined, DW_AT_call_line),
		                 .column = attr_number(inlined, DW_AT_call_column) };
}

size_t mt_image_inlines_at(struct mt_image *image, uint64_t pc, struct mt_inline_frame *frames,
                           size_t max)
{
	const struct mt_module *module = mt_image_module_at(image, pc);
	Dwarf_Die cu, function, inlines[INLINES_MAX];

	if (!module || !mt_function_die_at(module->file, pc - module->bias, &cu, &function))
		return 0;

	size_t found = mt_function_inlines(&function, pc - module->bias, inlines, INLINES_MAX);
	size_t count = 0;

	while (count < found && count < max) {
		Dwarf_Die *inlined = &inlines[found - 1 - count];
		const char *name = mt_function_name(module->file, inlined);

		frames[count++] =
		    (struct mt_inline_frame){ .name = name ? name : "??",
			                      .call = call_site(&cu, inlined),
			                      .start = mt_die_lowest(inlined) + module->bias };
	}
	return count;
}

void mt_image_inline_span(struct mt_image *image, uint64_t pc, uint64_t *start, uint64_t *end)
{
	const struct mt_module *module = mt_image_module_at(image, pc);
	Dwarf_Die cu, function;
	uint64_t low, high;

	if (!module || !mt_function_die_at(module->file, pc - module->bias, &cu, &function))
		return;
	low = *start - module->bias;
	high = *end - module->bias;
	mt_function_inline_span(&function, pc - module->bias, &low, &high);
	*start = low + module->bias;
	*end = high + module->bias;
}

bool mt_image_function_bounds(struct mt_image *image, uint64_t pc, uint64_t *start, uint64_t *end)
{
	const struct mt_module *module = mt_image_module_at(image, pc);
	uint64_t low, high;

	if (!module)
		return false;

	struct mt_elf_symbol *symbol = mt_symtab_at(mt_symtab_of(module->file), pc - module->bias);

	if (symbol && symbol->is_code && symbol->size) {
		low = symbol->addr;
		high = symbol->addr + symbol->size;
	} else if (!mt_file_cfi_bounds(module->file, pc - module->bias, &low, &high)) {
		return false;
	}
	*start = low + module->bias;
	*end = high + module->bias;
	return true;
}

static const struct mt_segment *code_segment(const struct mt_elf_head *head, uint64_t addr)
{
	for (size_t i = 0; i < head->segment_count; i++) {
		const struct mt_segment *segment = &head->segments[i];

		if (segment->executable && addr >= segment->vaddr &&
		    addr - segment->vaddr < segment->filesz)
			return segment;
	}
	return NULL;
}

size_t mt_image_read_code(struct mt_image *image, uint64_t addr, void *out, size_t len)
{
	const struct mt_module *module = mt_image_module_at(image, addr);

	if (!module || module->file->fd < 0)
		return 0;

	uint64_t at = addr - module->bias;
	const struct mt_segment *segment = code_segment(&module->file->head, at);

	if (!segment)
		return 0;
	if (len > segment->vaddr + segment->filesz - at)
		len = (size_t)(segment->vaddr + segment->filesz - at);

	ssize_t got =
	    pread(module->file->fd, out, len, (off_t)(at - segment->vaddr + segment->offset));

	return got < 0 ? 0 : (size_t)got;
}

static const struct mt_segment *loaded_segment(const struct mt_elf_head *head, uint64_t addr)
{
	for (size_t i = 0; i < head->segment_count; i++)
		if (addr >= head->segments[i].vaddr &&
		    addr - head->segments[i].vaddr < head->segments[i].memsz)
			return &head->segments[i];
	return NULL;
}

size_t mt_image_read_initial(struct mt_image *image, uint64_t addr, void *out, size_t len)
{
	const struct mt_module *module = mt_image_module_at(image, addr);
	const struct mt_segment *segment =
	    module ? loaded_segment(&module->file->head, addr - module->bias) : NULL;
	uint64_t offset, in_file;

	if (!segment || module->file->fd < 0)
		return 0;
	offset = addr - module->bias - segment->vaddr;
	if (len > segment->memsz - offset)
		len = (size_t)(segment->memsz - offset);
	in_file = offset < segment->filesz ? segment->filesz - offset : 0;
	if (in_file > len)
		in_file = len;
	if (!mt_read_at(module->file->fd, out, (size_t)in_file, segment->offset + offset))
		return 0;
	memset((char *)out + in_file, 0, len - (size_t)in_file);
	return len;
}
