/* SPDX-License-Identifier: MIT */
#include "symbol/lines.h"

#include <dwarf.h>
#include <string.h>

#include "symbol/symtab.h"
#include "symbol/units.h"

/* ---- Ranges -------------------------------------------------------------- */

/* One unit's rows, which libdw has sorted by address. */
struct rows {
	const struct mt_module *module;
	Dwarf_Lines *lines;
	size_t count;
};

static bool rows_of(struct mt_image *image, uint64_t pc, struct rows *rows)
{
	Dwarf_Die cu;

	rows->module = mt_image_module_at(image, pc);
	return rows->module && mt_units_cu_at(rows->module->file, pc - rows->module->bias, &cu) &&
	       dwarf_getsrclines(&cu, &rows->lines, &rows->count) == 0 && rows->count > 0;
}

static uint64_t row_addr(const struct rows *rows, size_t i)
{
	Dwarf_Addr addr = 0;

	dwarf_lineaddr(dwarf_onesrcline(rows->lines, i), &addr);
	return addr + rows->module->bias;
}

static bool row_ends(const struct rows *rows, size_t i)
{
	bool ends = true;

	return dwarf_lineendsequence(dwarf_onesrcline(rows->lines, i), &ends) != 0 || ends;
}

/* The last of the rows at or below pc: where several have one address, the last one has the code.
 */
static bool row_at(const struct rows *rows, uint64_t pc, size_t *row)
{
	size_t low = 0, high = rows->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (row_addr(rows, middle) <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || row_ends(rows, low - 1))
		return false;
	*row = low - 1;
	return true;
}

/* Line 0 is the compiler's word for "no line of the source" (DWARF 5 section 6.2.2). */
static struct mt_line line_of(const struct rows *rows, size_t i)
{
	Dwarf_Line *row = dwarf_onesrcline(rows->lines, i);
	int line = 0, column = 0;

	if (dwarf_lineno(row, &line) != 0 || line <= 0)
		return (struct mt_line){ 0 };
	if (dwarf_linecol(row, &column) != 0 || column < 0)
		column = 0;
	return (struct mt_line){ .file = dwarf_linesrc(row, NULL, NULL),
		                 .line = (unsigned)line,
		                 .column = (unsigned)column };
}

static bool begins_statement(const struct rows *rows, size_t i)
{
	bool begins = false;

	return dwarf_linebeginstatement(dwarf_onesrcline(rows->lines, i), &begins) == 0 && begins;
}

static bool is_at_address_before(const struct rows *rows, size_t i)
{
	return i > 0 && row_addr(rows, i - 1) == row_addr(rows, i) && !row_ends(rows, i - 1);
}

static size_t last_at_address(const struct rows *rows, size_t i)
{
	while (i + 1 < rows->count && !row_ends(rows, i + 1) && is_at_address_before(rows, i + 1))
		i++;
	return i;
}

/* Of several rows with one address the last has the code; but one that begins a statement is where
 * a person means to be. */
static size_t best_at_address(const struct rows *rows, size_t last)
{
	for (size_t i = last;; i--) {
		if (begins_statement(rows, i) && line_of(rows, i).file)
			return i;
		if (!is_at_address_before(rows, i))
			return last;
	}
}

static bool is_same_line(const struct rows *rows, size_t last_a, size_t last_b)
{
	struct mt_line left = line_of(rows, best_at_address(rows, last_a)),
	               right = line_of(rows, best_at_address(rows, last_b));

	if (left.line != right.line || !left.file != !right.file)
		return false;
	return !left.file || left.file == right.file || !strcmp(left.file, right.file);
}

static size_t first_row(const struct rows *rows, size_t last)
{
	for (size_t i = last;; i--) {
		while (is_at_address_before(rows, i))
			i--;
		if (i == 0 || row_ends(rows, i - 1) || !is_same_line(rows, i - 1, last))
			return i;
	}
}

/* The row after the run; always exists, as every sequence has an end. */
static size_t row_after(const struct rows *rows, size_t last)
{
	size_t i = last + 1;

	while (i < rows->count && !row_ends(rows, i)) {
		size_t next = last_at_address(rows, i);

		if (!is_same_line(rows, next, last))
			break;
		i = next + 1;
	}
	return i;
}

static uint64_t end_at(const struct rows *rows, size_t i)
{
	return row_addr(rows, i < rows->count ? i : rows->count - 1);
}

static bool is_discriminated(const struct rows *rows, size_t i)
{
	unsigned discriminator = 0;

	return dwarf_linediscriminator(dwarf_onesrcline(rows->lines, i), &discriminator) == 0 &&
	       discriminator != 0;
}

/*
 * Compilers part the code of a line into statements by further rows; but where a discriminator
 * (DWARF 5 section 6.2.2) is among them they part it into basic blocks, and begin nothing that a
 * person sees. `parts`: whether there was one since the line began.
 */
static bool continues(const struct rows *rows, size_t i, bool *parts)
{
	bool same = line_of(rows, i).line == line_of(rows, i - 1).line;

	*parts = is_discriminated(rows, i) || (same && *parts);
	return same && *parts;
}

/* The row that begins what `row` is a part of, and the one that begins what follows. */
static void statement_of(const struct rows *rows, size_t first, size_t row, size_t *begin,
                         size_t *next)
{
	bool parts = is_discriminated(rows, first);
	size_t i = first + 1;

	*begin = first;
	for (; i <= row; i++)
		if (!continues(rows, i, &parts))
			*begin = i;
	while (i < rows->count && !row_ends(rows, i) &&
	       (row_addr(rows, i) == row_addr(rows, row) || continues(rows, i, &parts)))
		i++;
	*next = i;
}

static bool range_in(const struct rows *rows, uint64_t pc, struct mt_line_range *range)
{
	size_t last, best, first, begin, next;

	if (!row_at(rows, pc, &last))
		return false;
	best = best_at_address(rows, last);
	first = first_row(rows, last);
	statement_of(rows, first, best, &begin, &next);
	*range = (struct mt_line_range){
		.start = row_addr(rows, first),
		.end = end_at(rows, row_after(rows, last)),
		.row = row_addr(rows, begin),
		.row_end = end_at(rows, next),
		.begins = begins_statement(rows, begin),
		.line = line_of(rows, best),
	};
	return range->end > pc;
}

bool mt_line_range_at(struct mt_image *image, uint64_t pc, struct mt_line_range *range)
{
	struct rows rows;

	return rows_of(image, pc, &rows) && range_in(&rows, pc, range);
}

bool mt_image_line_at(struct mt_image *image, uint64_t pc, struct mt_line *line)
{
	struct rows rows;
	size_t row;

	if (!rows_of(image, pc, &rows) || !row_at(&rows, pc, &row))
		return false;
	*line = line_of(&rows, best_at_address(&rows, row));
	return line->file != NULL;
}

void mt_line_ranges_each(struct mt_image *image, uint64_t start, uint64_t end,
                         bool (*each)(const struct mt_line_range *range, void *arg), void *arg)
{
	struct mt_line_range range;
	struct rows rows;

	if (!rows_of(image, start, &rows))
		return;
	for (uint64_t pc = start; pc < end && range_in(&rows, pc, &range); pc = range.end)
		if (!each(&range, arg))
			return;
}

const char *mt_source_folder_at(struct mt_image *image, uint64_t pc)
{
	const struct mt_module *module = mt_image_module_at(image, pc);
	Dwarf_Attribute attr;
	Dwarf_Die cu;

	if (!module || !mt_units_cu_at(module->file, pc - module->bias, &cu))
		return NULL;
	return dwarf_formstring(dwarf_attr(&cu, DW_AT_comp_dir, &attr));
}

/* ---- Names in bulk ------------------------------------------------------- */

static bool sources_of_unit(Dwarf_Die *cu, bool (*each)(const char *path, void *arg), void *arg)
{
	Dwarf_Files *files;
	size_t count;

	if (dwarf_getsrcfiles(cu, &files, &count) != 0)
		return true;
	/* Entry 0 is the unit's own file again in DWARF 5, and nothing in DWARF 4. */
	for (size_t i = 1; i < count; i++) {
		const char *path = dwarf_filesrc(files, i, NULL, NULL);

		if (path && !each(path, arg))
			return false;
	}
	return true;
}

static bool sources_of_module(const struct mt_module *module,
                              bool (*each)(const char *path, void *arg), void *arg)
{
	struct mt_units *units = mt_units_of(module->file);
	Dwarf_Die cu;

	for (size_t i = 0; units && i < units->spaces[0].count; i++)
		if (mt_space_die(&units->spaces[0], units->spaces[0].units[i].die, &cu) &&
		    !sources_of_unit(&cu, each, arg))
			return false;
	return true;
}

void mt_sources_each(struct mt_image *image, bool (*each)(const char *path, void *arg), void *arg)
{
	for (size_t i = 0; i < mt_image_module_count(image); i++)
		if (!sources_of_module(mt_image_module(image, i), each, arg))
			return;
}

static bool symbols_of_module(const struct mt_module *module, bool functions,
                              bool (*each)(const struct mt_symbol *symbol, void *arg), void *arg)
{
	struct mt_symtab *symtab = mt_symtab_of(module->file);

	for (size_t i = 0; i < symtab->count; i++) {
		struct mt_elf_symbol *found = &symtab->symbols[i];
		struct mt_symbol symbol = {
			.addr = found->addr + module->bias,
			.size = found->size,
			.is_function = found->is_code,
			.module = module,
		};

		if (found->is_code != functions)
			continue;
		symbol.name = mt_elf_symbol_name(found);
		if (!each(&symbol, arg))
			return false;
	}
	return true;
}

void mt_symbols_each(struct mt_image *image, bool functions,
                     bool (*each)(const struct mt_symbol *symbol, void *arg), void *arg)
{
	for (size_t i = 0; i < mt_image_module_count(image); i++)
		if (!symbols_of_module(mt_image_module(image, i), functions, each, arg))
			return;
}
