/* SPDX-License-Identifier: MIT */
#include "symbol/locate.h"
#include "symbol/units.h"

/* The compiler marks the end of the prologue, or it is where the function's second line begins. */
uint64_t mt_past_prologue(struct mt_module_file *file, uint64_t start, uint64_t end)
{
	Dwarf_Die cu;
	Dwarf_Lines *lines;
	size_t count;
	uint64_t second = start;

	if (!mt_units_cu_at(file, start, &cu) || dwarf_getsrclines(&cu, &lines, &count) != 0)
		return start;
	for (size_t i = 0; i < count; i++) {
		Dwarf_Line *line = dwarf_onesrcline(lines, i);
		Dwarf_Addr addr;
		bool ends = false;

		if (dwarf_lineaddr(line, &addr) != 0 || addr < start || addr >= end)
			continue;
		if (dwarf_lineprologueend(line, &ends) == 0 && ends)
			return addr;
		if (second == start && addr > start)
			second = addr;
	}
	return second;
}
