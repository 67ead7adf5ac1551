/* SPDX-License-Identifier: MIT */
#include <dwarf.h>

#include "symbol/function.h"
#include "symbol/type_dwarf.h"

/* One that is in several pieces begins with the first of them. */
static bool begins_at(Dwarf_Die *function, Dwarf_Addr addr)
{
	Dwarf_Addr base, start, end;

	if (dwarf_entrypc(function, &start) == 0)
		return start == addr;
	return dwarf_ranges(function, 0, &base, &start, &end) > 0 && start == addr;
}

const struct mt_type *mt_type_of_function(struct mt_image *image, uint64_t addr)
{
	const struct mt_module *module = mt_image_module_at(image, addr);
	Dwarf_Die cu, function;

	if (!module || !mt_function_die_at(module->file, addr - module->bias, &cu, &function) ||
	    !begins_at(&function, addr - module->bias))
		return NULL;
	/* What assemblers say of types is nothing: their functions are all `void f(void)`. */
	if (dwarf_srclang(&cu) == DW_LANG_Mips_Assembler)
		return NULL;
	return mt_type_of_die(module->file, &function);
}
