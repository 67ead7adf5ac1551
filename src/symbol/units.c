/* SPDX-License-Identifier: MIT */
#include "symbol/units.h"

#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/vec.h"
#include "symbol/indexing.h"
#include "symbol/own_map.h"
#include "symbol/package.h"

/* Ranges of units hardly ever overlap; only damaged ones do so deeply. */
#define OVERLAP_MAX 64

struct unit_list {
	struct mt_unit *data;
	size_t len;
	size_t cap;
};

struct range_list {
	struct mt_cu_range *data;
	size_t len;
	size_t cap;
};

/* `units` tells whether the sections are those of a .dwo file, with names of their own. Where
 * `is_own` is there, the bytes may be mapped from `fd`, and it is told whether they are. */
static struct mt_bytes map_section(const struct mt_units *units, Dwarf *dwarf, const char *name,
                                   int fd, bool *is_own)
{
	struct mt_bytes bytes;
	char whole[32];
	GElf_Shdr header;

	snprintf(whole, sizeof(whole), "%s%s", name, units->is_split ? ".dwo" : "");

	Elf_Scn *section = mt_elf_section(dwarf_getelf(dwarf), whole, &header);
	Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;

	if (!data || !data->d_buf)
		return (struct mt_bytes){ 0 };
	bytes = (struct mt_bytes){ data->d_buf, data->d_size };
	if (is_own)
		*is_own = mt_own_map(fd, &header, &bytes);
	return bytes;
}

static struct mt_bytes section_bytes(const struct mt_units *units, Dwarf *dwarf, const char *name)
{
	return map_section(units, dwarf, name, -1, NULL);
}

static int next_unit(const struct mt_space *space, Dwarf_Off at, struct mt_unit *unit)
{
	Dwarf_Off next;
	size_t header;
	uint64_t signature;
	Dwarf_Half version;
	int result = dwarf_next_unit(space->dwarf, at, &next, &header, &version, NULL, NULL, NULL,
	                             space->is_types ? &signature : NULL, NULL);

	if (result == 0)
		*unit = (struct mt_unit){ .offset = at, .die = at + header, .end = next };
	return result;
}

/* A damaged header hides the units behind it: what came before is still good. */
static void read_units(struct mt_module_file *file, struct mt_space *space)
{
	struct unit_list list = { 0 };
	struct mt_unit unit = { 0 };
	int result;

	while ((result = next_unit(space, unit.end, &unit)) == 0) {
		if (unit.end <= unit.offset || unit.die > unit.end ||
		    unit.end > space->bytes.size || !mt_vec_push(&list, unit))
			break;
	}
	if (result <= 0)
		mt_module_file_note(file, "%s: damaged DWARF unit at offset %#llx", file->path,
		                    (unsigned long long)unit.end);
	space->units = list.data;
	space->count = list.len;
}

static void add_space(struct mt_module_file *file, struct mt_units *units, int fd, Dwarf *dwarf,
                      bool is_types)
{
	struct mt_space *space = &units->spaces[units->space_count];

	space->dwarf = dwarf;
	space->is_types = is_types;
	space->bytes = map_section(units, dwarf, is_types ? ".debug_types" : ".debug_info", fd,
	                           &space->is_own);
	if (!space->bytes.size)
		return;
	read_units(file, space);
	units->space_count++;
}

static struct mt_units *units_new(struct mt_module_file *file, Dwarf *dwarf, bool is_split)
{
	int fd MT_AUTO_FD = is_split ? -1 : mt_debug_file_open(file);
	struct mt_units *units = mt_alloc(sizeof(*units));

	if (!units)
		return NULL;
	units->is_split = is_split;
	units->file = file;
	add_space(file, units, fd, dwarf, false);
	add_space(file, units, fd, dwarf, true);
	units->str = map_section(units, dwarf, ".debug_str", fd, &units->str_is_own);
	units->str_offsets = section_bytes(units, dwarf, ".debug_str_offsets");
	units->line = section_bytes(units, dwarf, ".debug_line");
	units->line_str = section_bytes(units, dwarf, ".debug_line_str");
	units->abbrev = section_bytes(units, dwarf, ".debug_abbrev");

	Dwarf *alt = is_split ? NULL : dwarf_getalt(dwarf);

	if (alt) {
		add_space(file, units, -1, alt, false);
		units->alt_str = section_bytes(units, alt, ".debug_str");
		units->alt_abbrev = section_bytes(units, alt, ".debug_abbrev");
	}
	return units;
}

/* ---- -gsplit-dwarf: DWARF 5 section 3.1.2, and GNU's form of it in DWARF 4 ---- */

static unsigned dwo_attribute(Dwarf_Die *cu)
{
	return dwarf_hasattr(cu, DW_AT_dwo_name)       ? DW_AT_dwo_name
	       : dwarf_hasattr(cu, DW_AT_GNU_dwo_name) ? DW_AT_GNU_dwo_name
	                                               : 0;
}

static struct mt_package *package_of(struct mt_module_file *file)
{
	struct mt_units *units = file->units;

	if (!units->tried_package) {
		units->tried_package = true;
		units->package = mt_package_open(file);
	}
	return units->package;
}

bool mt_unit_whole(struct mt_module_file *file, Dwarf_Die *cu, Dwarf_Die *whole)
{
	struct mt_package *package;
	Dwarf_Die split;

	if (!dwo_attribute(cu)) {
		*whole = *cu;
		return true;
	}
	if (dwarf_cu_info(cu->cu, NULL, NULL, NULL, &split, NULL, NULL, NULL) == 0 &&
	    dwarf_tag(&split) != DW_TAG_invalid) {
		*whole = split;
		return true;
	}
	package = package_of(file);
	return package && mt_package_unit(package, cu, whole);
}

/* It may be there, and of another build, or such as libdw does not read: GCC's
 * -fdebug-types-section puts several sections of one name into it, which llvm-dwp makes one of. */
static bool is_there(Dwarf_Die *cu, const char *name)
{
	struct mt_buf path MT_AUTO_BUF = { 0 };
	Dwarf_Attribute attr;
	const char *folder = dwarf_formstring(dwarf_attr(cu, DW_AT_comp_dir, &attr));

	mt_buf_printf(&path, "%s%s%s", *name != '/' && folder ? folder : "",
	              *name != '/' && folder ? "/" : "", name);
	return mt_buf_ok(&path) && access(path.data, F_OK) == 0;
}

static void note_missing_dwo(struct mt_module_file *file, Dwarf_Die *cu)
{
	Dwarf_Attribute attr;
	const char *name = dwarf_formstring(dwarf_attr(cu, dwo_attribute(cu), &attr));

	mt_module_file_note(file, "%s: its debug information is split off, and %s %s%s", file->path,
	                    name ? name : "the .dwo file",
	                    name && is_there(cu, name)
	                        ? "is another build's, or cannot be read (a package that "
	                          "llvm-dwp makes of it can)"
	                        : "is missing",
	                    package_of(file) ? ", in the package too" : "");
}

static bool add_split(struct mt_units *units, Dwarf *dwarf)
{
	struct mt_units *made = units_new(units->file, dwarf, true);

	if (!made)
		return false;
	units->splits[units->split_count++] = made;
	return true;
}

static bool add_types(Dwarf *dwarf, void *arg)
{
	struct mt_units *units = arg;
	struct mt_units **grown =
	    realloc(units->splits, (units->split_count + 1) * sizeof(struct mt_units *));

	if (!grown)
		return false;
	units->splits = grown;
	return add_split(units, dwarf);
}

/* Programs whose first unit is whole have no split ones: to ask every unit would take long. */
static void read_splits(struct mt_module_file *file, struct mt_units *units)
{
	const struct mt_space *space = &units->spaces[0];
	Dwarf_Die cu, split;

	if (!space->count || !mt_space_die(space, space->units[0].die, &cu) || !dwo_attribute(&cu))
		return;
	units->splits = mt_alloc_array(space->count, sizeof(struct mt_units *));
	for (size_t i = 0; units->splits && i < space->count; i++) {
		if (!mt_space_die(space, space->units[i].die, &cu) || !dwo_attribute(&cu))
			continue;
		if (!mt_unit_whole(file, &cu, &split))
			note_missing_dwo(file, &cu);
		else if (!add_split(units, dwarf_cu_getdwarf(split.cu)))
			break;
	}
	if (units->package)
		mt_package_types(units->package, add_types, units);
}

struct mt_units *mt_units_of(struct mt_module_file *file)
{
	Dwarf *dwarf = file->units ? NULL : mt_module_file_dwarf(file);

	if (!dwarf)
		return file->units;
	file->units = units_new(file, dwarf, false);
	if (file->units)
		read_splits(file, file->units);
	return file->units;
}

void mt_units_destroy(struct mt_units *units)
{
	if (!units)
		return;
	mt_indexing_destroy(units->indexing);
	for (size_t i = 0; i < units->space_count; i++) {
		mt_recent_deinit(&units->spaces[i].recent);
		if (units->spaces[i].is_own)
			mt_own_map_end(units->spaces[i].bytes);
		free(units->spaces[i].units);
	}
	for (size_t i = 0; i < units->split_count; i++)
		mt_units_destroy(units->splits[i]);
	if (units->str_is_own)
		mt_own_map_end(units->str);
	mt_package_destroy(units->package);
	free(units->splits);
	free(units->roots);
	free(units->ranges);
	free(units);
}

const struct mt_unit *mt_unit_at(const struct mt_space *space, uint64_t offset)
{
	size_t low = 0, high = space->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (space->units[middle].end <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low < space->count && space->units[low].offset <= offset ? &space->units[low] : NULL;
}

bool mt_space_die(const struct mt_space *space, uint64_t offset, Dwarf_Die *die)
{
	return (space->is_types ? dwarf_offdie_types(space->dwarf, offset, die)
	                        : dwarf_offdie(space->dwarf, offset, die)) != NULL;
}

void mt_space_release(const struct mt_space *space, const struct mt_units *units)
{
	if (space->is_own)
		mt_own_map_release(space->bytes);
	if (units->str_is_own)
		mt_own_map_release(units->str);
}

static uint64_t section_offset(Dwarf_Die *cu, unsigned attribute)
{
	Dwarf_Attribute attr;
	Dwarf_Word offset;

	return dwarf_formudata(dwarf_attr(cu, attribute, &attr), &offset) == 0 ? offset
	                                                                       : UINT64_MAX;
}

/* In .dwo files the attribute is left out, and the part starts behind the section's header, which
 * DWARF 5 added (section 7.26). */
static uint64_t string_base(const struct mt_units *units, Dwarf_Die *cu)
{
	Dwarf_Half version = 0;

	if (!units->is_split)
		return section_offset(cu, DW_AT_str_offsets_base);
	dwarf_cu_info(cu->cu, &version, NULL, NULL, NULL, NULL, NULL, NULL);
	return version < 5 ? 0 : 8;
}

static int compare_roots(const void *left, const void *right)
{
	const struct mt_unit_root *a = left, *b = right;

	return a->str_base < b->str_base ? -1 : a->str_base > b->str_base;
}

void mt_units_read_roots(struct mt_units *units)
{
	const struct mt_space *space = &units->spaces[0];
	Dwarf_Die cu;

	if (units->tried_roots)
		return;
	units->tried_roots = true;
	units->roots = mt_alloc_array(space->count + 1, sizeof(*units->roots));
	for (size_t i = 0; units->roots && i < space->count; i++) {
		if (!mt_space_die(space, space->units[i].die, &cu))
			continue;
		units->roots[units->root_count++] = (struct mt_unit_root){
			.unit = &space->units[i],
			.str_base = string_base(units, &cu),
			.stmt_list = section_offset(&cu, DW_AT_stmt_list),
		};
	}
	if (units->root_count)
		qsort(units->roots, units->root_count, sizeof(*units->roots), compare_roots);
}

/* The last part that starts at or before the offset; where the part ends need not be known, since
 * what follows it belongs to nobody. */
const struct mt_unit_root *mt_units_root_of_string(struct mt_units *units, uint64_t offset)
{
	size_t low = 0, high;

	mt_units_read_roots(units);
	high = units->root_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (units->roots[middle].str_base <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	while (low > 1 && units->roots[low - 1].str_base == units->roots[low - 2].str_base)
		low--;
	return low ? &units->roots[low - 1] : NULL;
}

/* Start 0 is what linkers leave of functions that they dropped. */
static bool add_ranges(Dwarf_Die *cu, uint64_t die, struct range_list *list)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(cu, at, &base, &start, &end)) > 0) {
		struct mt_cu_range range = { .start = start, .end = end, .die = die };

		if (start && start < end && !mt_vec_push(list, range))
			return false;
	}
	return true;
}

static int compare_ranges(const void *left, const void *right)
{
	const struct mt_cu_range *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

static void read_ranges(struct mt_units *units)
{
	struct range_list list = { 0 };
	Dwarf_Die cu;

	units->tried_ranges = true;
	if (!units->space_count || units->spaces[0].is_types)
		return;
	for (size_t i = 0; i < units->spaces[0].count; i++) {
		uint64_t die = units->spaces[0].units[i].die;

		if (mt_space_die(&units->spaces[0], die, &cu) && !add_ranges(&cu, die, &list))
			break;
	}
	if (list.len)
		qsort(list.data, list.len, sizeof(*list.data), compare_ranges);
	units->ranges = list.data;
	units->range_count = list.len;
}

static const struct mt_cu_range *range_at(const struct mt_units *units, uint64_t addr)
{
	size_t low = 0, high = units->range_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (units->ranges[middle].start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low; i > 0 && low - i < OVERLAP_MAX; i--)
		if (addr < units->ranges[i - 1].end)
			return &units->ranges[i - 1];
	return NULL;
}

/* .debug_aranges is the fast way where the compiler wrote it (clang does not), but it may cover a
 * part of the units only: the units' own ranges have the last word. */
bool mt_units_cu_at(struct mt_module_file *file, uint64_t addr, Dwarf_Die *cu)
{
	struct mt_units *units = mt_units_of(file);

	if (!units)
		return false;
	if (dwarf_addrdie(mt_module_file_dwarf(file), addr, cu))
		return true;
	if (!units->tried_ranges)
		read_ranges(units);

	const struct mt_cu_range *range = range_at(units, addr);

	return range && mt_space_die(&units->spaces[0], range->die, cu);
}
