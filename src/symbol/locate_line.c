/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "base/vec.h"
#include "symbol/function.h"
#include "symbol/locate.h"
#include "symbol/scope.h"
#include "symbol/units.h"

/* The block that a line's code belongs to: a function, or a copy of one that was inlined. */
struct block {
	void *die;
	uint64_t addr; /* the lowest of the line's addresses in it; a file address */
};

struct search {
	const struct mt_module *module;
	const char *file;
	unsigned line;
	uint64_t nearest; /* the least key of what was found; see key_of() */
	MT_VEC(struct block) blocks;
	bool out_of_memory;
};

static void *block_of(const struct search *search, uint64_t addr)
{
	Dwarf_Die cu, function, inlines[16];

	if (!mt_function_die_at(search->module->file, addr, &cu, &function))
		return NULL;

	size_t count = mt_function_inlines(&function, addr, inlines, 16);

	return count ? inlines[count - 1].addr : function.addr;
}

static void take_address(struct search *search, uint64_t addr)
{
	struct block block = { block_of(search, addr), addr };

	for (size_t i = 0; i < search->blocks.len; i++) {
		struct block *known = &search->blocks.data[i];

		if (known->die == block.die && (block.die || known->addr == addr)) {
			if (addr < known->addr)
				known->addr = addr;
			return;
		}
	}
	if (!mt_vec_push(&search->blocks, block))
		search->out_of_memory = true;
}

/*
 * How good an entry of the line table is as the place of its line. Optimising compilers give one
 * address to several lines, of which the last has the code.
 */
enum quality {
	BEGINS_STATEMENT,
	HAS_NO_CODE, /* begins a statement; better still than another line */
	HAS_CODE,    /* begins none */
	USELESS,
};

static uint64_t key_of(unsigned line, enum quality quality)
{
	return USELESS * (uint64_t)line + quality;
}

static unsigned line_of_key(uint64_t key)
{
	return (unsigned)(key / USELESS);
}

/* Whether it is the last one of its address; those that begin no statement take it from none. */
static bool has_code(Dwarf_Lines *lines, size_t i, size_t count)
{
	Dwarf_Addr addr, next;
	bool begins = false;

	if (dwarf_lineaddr(dwarf_onesrcline(lines, i), &addr) != 0)
		return true;
	while (++i < count && !begins) {
		Dwarf_Line *line = dwarf_onesrcline(lines, i);

		if (dwarf_lineaddr(line, &next) != 0 || addr != next)
			return true;
		dwarf_linebeginstatement(line, &begins);
	}
	return !begins;
}

static enum quality quality_of(Dwarf_Lines *lines, size_t i, size_t count)
{
	Dwarf_Line *line = dwarf_onesrcline(lines, i);
	bool begins = false, ends = false;

	if (dwarf_linebeginstatement(line, &begins) != 0 ||
	    dwarf_lineendsequence(line, &ends) != 0 || ends)
		return USELESS;
	if (has_code(lines, i, count))
		return begins ? BEGINS_STATEMENT : HAS_CODE;
	return begins ? HAS_NO_CODE : USELESS;
}

/* A search over one unit's lines; names are compared once for each run of lines in a file. */
struct unit_search {
	struct search *search;
	const char *last_name;
	bool last_matches;
};

static bool is_in_file(struct unit_search *unit, Dwarf_Line *line)
{
	const char *name = dwarf_linesrc(line, NULL, NULL);

	if (name != unit->last_name) {
		unit->last_name = name;
		unit->last_matches = mt_is_path_end(name, unit->search->file);
	}
	return unit->last_matches;
}

static void take_line(struct search *search, Dwarf_Line *line, enum quality quality)
{
	int number;
	Dwarf_Addr addr;

	if (quality == USELESS || dwarf_lineno(line, &number) != 0 || number <= 0 ||
	    (unsigned)number < search->line || dwarf_lineaddr(line, &addr) != 0 || !addr)
		return;

	uint64_t key = key_of((unsigned)number, quality);

	if (key > search->nearest)
		return;
	if (key < search->nearest) {
		search->nearest = key;
		search->blocks.len = 0;
	}
	take_address(search, addr);
}

static void search_unit(struct search *search, Dwarf_Die *cu)
{
	struct unit_search unit = { .search = search };
	Dwarf_Lines *lines;
	size_t count;

	if (dwarf_getsrclines(cu, &lines, &count) != 0)
		return;
	for (size_t i = 0; i < count && !search->out_of_memory; i++) {
		Dwarf_Line *line = dwarf_onesrcline(lines, i);

		if (is_in_file(&unit, line))
			take_line(search, line, quality_of(lines, i, count));
	}
}

/* ---- Which units have lines of the file ---------------------------------- */

/*
 * Where a line table's header can refer to the string whose end is at `end` in .debug_line_str: the
 * string's start, and every part of its path, since linkers merge a string with one that ends in
 * it.
 */
static bool add_string_starts(struct mt_bytes strings, uint64_t end, struct mt_offsets *offsets)
{
	if (!mt_vec_push(offsets, end))
		return false;
	for (uint64_t at = end; at > 0 && strings.data[at - 1]; at--)
		if ((at == 1 || !strings.data[at - 2] || strings.data[at - 2] == '/') &&
		    !mt_vec_push(offsets, at - 1))
			return false;
	return true;
}

/* Positions in .debug_line that may name the file: as a string, or as an offset of one (DWARF 5
 * section 6.2.4). */
static bool scan_names(const struct mt_units *units, const char *file, struct mt_offsets *found)
{
	const char *base = mt_path_tail(file);
	struct mt_bytes name = { (const uint8_t *)base, strlen(base) + 1 };
	struct mt_offsets ends = { 0 }, starts = { 0 };
	bool ok = mt_scan_bytes(units->line_str, 0, units->line_str.size, name, &ends);

	for (size_t i = 0; ok && i < ends.len; i++)
		ok = add_string_starts(units->line_str, ends.data[i], &starts);
	mt_offsets_sort(&starts);
	ok = ok && mt_scan_words(units->line, starts.data, starts.len, name, found);
	mt_vec_deinit(&ends);
	mt_vec_deinit(&starts);
	mt_offsets_sort(found);
	return ok;
}

static int compare_by_lines(const void *left, const void *right)
{
	const struct mt_unit_root *a = left, *b = right;

	return a->stmt_list < b->stmt_list ? -1 : a->stmt_list > b->stmt_list;
}

/* Whether one of the sorted positions lies in [from, to). */
static bool has_position(const struct mt_offsets *positions, uint64_t from, uint64_t to)
{
	size_t low = 0, high = positions->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (positions->data[middle] < from)
			low = middle + 1;
		else
			high = middle;
	}
	return low < positions->len && positions->data[low] < to;
}

static void search_roots(struct search *search, const struct mt_units *units,
                         struct mt_unit_root *roots, const struct mt_offsets *positions)
{
	Dwarf_Die cu;
	size_t count = units->root_count;

	qsort(roots, count, sizeof(*roots), compare_by_lines);
	for (size_t i = 0; i < count; i++) {
		uint64_t from = roots[i].stmt_list;
		size_t next = i + 1;

		/* Type and partial units share a line table with the unit that has the code. */
		while (next < count && roots[next].stmt_list == from)
			next++;
		if (from != UINT64_MAX &&
		    has_position(positions, from,
		                 next < count ? roots[next].stmt_list : UINT64_MAX) &&
		    mt_space_die(&units->spaces[0], roots[i].unit->die, &cu))
			search_unit(search, &cu);
		i = next - 1;
	}
}

static struct mt_error *search_units(struct search *search, struct mt_units *units)
{
	struct mt_offsets positions = { 0 };
	struct mt_unit_root *roots MT_AUTO_FREE = NULL;

	mt_units_read_roots(units);
	if (!units->root_count)
		return NULL;
	roots = mt_alloc_array(units->root_count, sizeof(*roots));
	if (!roots || !scan_names(units, search->file, &positions)) {
		mt_vec_deinit(&positions);
		return mt_error_nomem();
	}
	memcpy(roots, units->roots, units->root_count * sizeof(*roots));
	search_roots(search, units, roots, &positions);
	mt_vec_deinit(&positions);
	return search->out_of_memory ? mt_error_nomem() : NULL;
}

/* A function's first instruction stands for its line, as the name does for the function: one who
 * stops there wants to see the arguments. Else `addr`. Both are file addresses. */
static uint64_t past_opening(const struct search *search, uint64_t addr)
{
	Dwarf_Die cu, function, inlined;
	Dwarf_Addr low, high;

	if (!mt_function_die_at(search->module->file, addr, &cu, &function) ||
	    dwarf_lowpc(&function, &low) != 0 || dwarf_highpc(&function, &high) != 0 ||
	    low != addr || mt_function_inlines(&function, addr, &inlined, 1))
		return addr;
	return mt_past_prologue(search->module->file, low, high);
}

static struct mt_error *add_block(struct mt_image *image, const struct search *search,
                                  const struct block *block, struct mt_location_list *list)
{
	uint64_t addr = past_opening(search, block->addr) + search->module->bias;
	unsigned number = line_of_key(search->nearest);
	struct mt_buf what MT_AUTO_BUF = { 0 };
	struct mt_symbol symbol;
	struct mt_line line;

	if (mt_image_symbol_at(image, addr, &symbol))
		mt_buf_printf(&what, "%s at ", symbol.name);
	if (addr != block->addr + search->module->bias && mt_image_line_at(image, addr, &line))
		number = line.line;
	mt_buf_printf(&what, "%s:%u", search->file, number);
	if (!mt_buf_ok(&what))
		return mt_error_nomem();
	MT_TRY(mt_location_add(list, addr, what.data));
	if (list->data[list->len - 1].addr == addr)
		list->data[list->len - 1].entry = block->addr + search->module->bias;
	return NULL;
}

struct mt_error *mt_locate_line(struct mt_image *image, const struct mt_module *module,
                                const char *file, unsigned line, struct mt_location_list *list)
{
	struct mt_units *units = mt_units_of(module->file);
	struct search search = {
		.module = module, .file = file, .line = line, .nearest = UINT64_MAX
	};
	struct mt_error *error = units ? search_units(&search, units) : NULL;

	for (size_t i = 0; !error && i < search.blocks.len; i++)
		error = add_block(image, &search, &search.blocks.data[i], list);
	mt_vec_deinit(&search.blocks);
	return error;
}
