/* SPDX-License-Identifier: MIT */
#include <dwarf.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "symbol/die.h"
#include "symbol/package_private.h"

/* Mappings are counted by the kernel too, 65530 of them, and a unit takes two. */
enum { UNITS_MAX = 25000, PAGE = 4096, SECTIONS_MAX = 16 };

/* A file under way: sections of the package's mapping, and what is put behind that. */
struct layout {
	const struct mt_package *package;
	struct mt_buf behind, names;
	struct section {
		uint32_t name;
		uint64_t offset, size;
	} sections[SECTIONS_MAX];
	size_t count;
};

static uint64_t rounded(uint64_t size)
{
	return (size + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

/* ---- Sections -------------------------------------------------------------- */

static void add_section(struct layout *layout, const char *name, uint64_t offset, uint64_t size)
{
	if (!size)
		return;
	layout->sections[layout->count++] =
	    (struct section){ (uint32_t)layout->names.len, offset, size };
	mt_buf_bytes(&layout->names, name, strlen(name) + 1);
}

/* What is in layout->behind from `start` on. */
static void add_behind(struct layout *layout, const char *name, size_t start)
{
	add_section(layout, name, rounded(layout->package->file_size) + start,
	            layout->behind.len - start);
}

/* The unit's part of a section; false: the section has it not. */
static bool add_part(struct layout *layout, const struct mt_package_row *row,
                     enum mt_package_section section)
{
	const struct mt_package_bytes *whole = &layout->package->sections[section];
	const struct mt_package_part *part = &row->parts[section];

	if (part->offset > whole->size || part->size > whole->size - part->offset)
		return false;
	add_section(layout, mt_package_section_names[section], whole->offset + part->offset,
	            part->size);
	return true;
}

/* A section of the program itself, from `start` to `end`. */
static struct mt_bytes own_bytes(const struct mt_package *package, const char *name, uint64_t start,
                                 uint64_t end)
{
	GElf_Shdr header;
	Elf_Scn *section = mt_elf_section(mt_module_file_debug_elf(package->file), name, &header);
	Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;

	if (!data || !data->d_buf || start >= data->d_size)
		return (struct mt_bytes){ 0 };
	if (end > data->d_size)
		end = data->d_size;
	return (struct mt_bytes){ (const uint8_t *)data->d_buf + start, (size_t)(end - start) };
}

/* The skeleton's part of .debug_addr; of DWARF 5 its base is behind the header, and of what has no
 * base it is 0. */
static void add_addresses(struct layout *layout, const struct mt_package_skeleton *skeleton)
{
	struct mt_bytes bytes =
	    own_bytes(layout->package, ".debug_addr", skeleton->addr_base, skeleton->addr_end);
	size_t start = layout->behind.len;

	mt_buf_bytes(&layout->behind, bytes.data, bytes.size);
	add_behind(layout, ".debug_addr.dwo", start);
}

/* DWARF 4 leaves them all to the program; of DWARF 5 the package has those of the unit's scopes. */
static bool add_ranges(struct layout *layout, const struct mt_package_row *row,
                       const struct mt_package_skeleton *skeleton, const uint8_t *file)
{
	const struct mt_package_bytes *whole = &layout->package->sections[MT_PACKAGE_RNGLISTS];
	const struct mt_package_part *part = &row->parts[MT_PACKAGE_RNGLISTS];
	size_t start = layout->behind.len;

	if (skeleton->is_gnu) {
		mt_package_ranges(own_bytes(layout->package, ".debug_ranges", skeleton->ranges_base,
		                            skeleton->ranges_end),
		                  skeleton->low_pc, skeleton->address_size, &layout->behind);
		add_behind(layout, ".debug_ranges.dwo", start);
		return true;
	}
	if (!skeleton->low_pc || !part->size)
		return add_part(layout, row, MT_PACKAGE_RNGLISTS);
	if (part->offset > whole->size || part->size > whole->size - part->offset ||
	    !mt_package_rnglists(
	        (struct mt_bytes){ file + whole->offset + part->offset, part->size },
	        skeleton->low_pc, skeleton->address_size, &layout->behind))
		return false;
	add_behind(layout, ".debug_rnglists.dwo", start);
	return true;
}

static bool add_sections(struct layout *layout, const struct mt_package_row *row,
                         const struct mt_package_skeleton *skeleton, const uint8_t *file)
{
	mt_buf_char(&layout->names, '\0');
	for (enum mt_package_section section = 0; section < MT_PACKAGE_RNGLISTS; section++)
		if (!add_part(layout, row, section))
			return false;
	if (skeleton) {
		add_addresses(layout, skeleton);
		if (!add_ranges(layout, row, skeleton, file))
			return false;
	}
	add_section(layout, ".debug_str.dwo", layout->package->str.offset,
	            layout->package->str.size);
	return true;
}

/* ---- Headers --------------------------------------------------------------- */

static void write_header(struct layout *layout, const struct section *section, uint32_t type)
{
	const Elf64_Shdr wide = { .sh_name = section->name,
		                  .sh_type = type,
		                  .sh_offset = section->offset,
		                  .sh_size = section->size,
		                  .sh_addralign = 1 };
	const Elf32_Shdr narrow = { .sh_name = section->name,
		                    .sh_type = type,
		                    .sh_offset = (uint32_t)section->offset,
		                    .sh_size = (uint32_t)section->size,
		                    .sh_addralign = 1 };

	if (layout->package->is_64)
		mt_buf_bytes(&layout->behind, &wide, sizeof(wide));
	else
		mt_buf_bytes(&layout->behind, &narrow, sizeof(narrow));
}

/* The table of sections; the names' own is the last one. Returns where it starts. */
static uint64_t write_headers(struct layout *layout)
{
	const struct section none = { 0 };
	uint64_t base = rounded(layout->package->file_size);
	size_t start = layout->behind.len, at;

	add_section(layout, ".shstrtab", base + start, 1);
	layout->sections[layout->count - 1].size = layout->names.len;
	mt_buf_bytes(&layout->behind, layout->names.data, layout->names.len);
	while (layout->behind.len % 16)
		mt_buf_char(&layout->behind, '\0');
	at = layout->behind.len;
	write_header(layout, &none, SHT_NULL);
	for (size_t i = 0; i < layout->count; i++)
		write_header(layout, &layout->sections[i],
		             i + 1 < layout->count ? SHT_PROGBITS : SHT_STRTAB);
	return base + at;
}

static void point_to_headers(const struct layout *layout, uint64_t table, uint8_t *map)
{
	uint16_t count = (uint16_t)(layout->count + 1);

	if (layout->package->is_64) {
		Elf64_Ehdr *head = (Elf64_Ehdr *)map;

		head->e_shoff = table;
		head->e_shentsize = sizeof(Elf64_Shdr);
		head->e_shnum = count;
		head->e_shstrndx = count - 1;
	} else {
		Elf32_Ehdr *head = (Elf32_Ehdr *)map;

		head->e_shoff = (uint32_t)table;
		head->e_shentsize = sizeof(Elf32_Shdr);
		head->e_shnum = count;
		head->e_shstrndx = count - 1;
	}
}

/* ---- The file -------------------------------------------------------------- */

/* The package, of which pages may be written without anybody's seeing it, and what is behind it. */
static bool map_file(const struct layout *layout, struct mt_package_unit *unit)
{
	const struct mt_package *package = layout->package;
	uint64_t start = rounded(package->file_size), size = start + layout->behind.len;
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return false;
	unit->map = map;
	unit->size = size;
	memcpy(unit->map + start, layout->behind.data, layout->behind.len);
	return mmap(map, package->file_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
	            package->fd, 0) == map;
}

/* The type of a unit in .debug_types, which is DWARF 4's: dwarf_get_units() wants .debug_info. */
static bool find_old_type(struct mt_package_unit *unit)
{
	Dwarf_Off next, type;
	uint64_t signature;
	size_t header;

	return dwarf_next_unit(unit->dwarf, 0, &next, &header, NULL, NULL, NULL, NULL, &signature,
	                       &type) == 0 &&
	       signature == unit->signature &&
	       dwarf_offdie_types(unit->dwarf, type, &unit->first) != NULL;
}

/* The first unit of what was made must be the one that was looked for. */
static bool find_first(struct mt_package_unit *unit, bool is_type)
{
	Dwarf_Half version;
	Dwarf_CU *cu;
	Dwarf_Die die, type;
	uint8_t kind;
	uint64_t signature;

	if (dwarf_get_units(unit->dwarf, NULL, &cu, &version, &kind, &die, &type) != 0)
		return false;
	unit->first = is_type ? type : die;
	return dwarf_cu_info(cu, NULL, NULL, NULL, NULL, &signature, NULL, NULL) == 0 &&
	       signature == unit->signature && dwarf_tag(&unit->first) != DW_TAG_invalid;
}

static bool open_file(struct layout *layout, const struct mt_package_row *row, bool is_type,
                      struct mt_package_unit *unit)
{
	uint64_t table = write_headers(layout);

	if (!mt_buf_ok(&layout->behind) || !mt_buf_ok(&layout->names) || !map_file(layout, unit))
		return false;
	point_to_headers(layout, table, unit->map);
	unit->elf = elf_memory((char *)unit->map, unit->size);
	unit->dwarf = unit->elf ? dwarf_begin_elf(unit->elf, DWARF_C_READ, NULL) : NULL;
	return unit->dwarf &&
	       (is_type && row->parts[MT_PACKAGE_TYPES].size ? find_old_type(unit)
	                                                     : find_first(unit, is_type));
}

bool mt_package_unit_make(struct mt_package *package, const struct mt_package_row *row,
                          const struct mt_package_skeleton *skeleton, struct mt_package_unit *unit)
{
	struct layout layout = { .package = package };
	size_t raw_size;
	const char *file = elf_rawfile(package->elf, &raw_size);
	bool ok;

	if (!file || raw_size < package->file_size || package->made_count >= UNITS_MAX)
		return false;
	ok = add_sections(&layout, row, skeleton, (const uint8_t *)file) &&
	     open_file(&layout, row, !skeleton, unit);
	if (!ok)
		mt_package_unit_end(unit);
	mt_buf_deinit(&layout.behind);
	mt_buf_deinit(&layout.names);
	return ok;
}

void mt_package_unit_end(struct mt_package_unit *unit)
{
	if (unit->dwarf)
		dwarf_end(unit->dwarf);
	if (unit->elf)
		elf_end(unit->elf);
	if (unit->map)
		munmap(unit->map, unit->size);
	unit->dwarf = NULL;
	unit->elf = NULL;
	unit->map = NULL;
}

/* ---- Skeletons ------------------------------------------------------------- */

static bool number_of(Dwarf_Die *cu, unsigned attribute, uint64_t *number)
{
	Dwarf_Attribute attr;
	Dwarf_Word word;

	if (dwarf_formudata(dwarf_attr(cu, attribute, &attr), &word) != 0)
		return false;
	*number = word;
	return true;
}

bool mt_package_skeleton_of(Dwarf_Die *cu, struct mt_package_skeleton *skeleton)
{
	struct mt_package_skeleton made = { .cu = *cu,
		                            .addr_end = UINT64_MAX,
		                            .ranges_end = UINT64_MAX };
	Dwarf_Half version;
	uint8_t type;

	if (dwarf_cu_info(cu->cu, &version, &type, NULL, NULL, &made.signature, &made.address_size,
	                  NULL) != 0 ||
	    type != DW_UT_skeleton)
		return false;
	made.is_gnu = version < 5;
	made.has_addr = number_of(cu, DW_AT_addr_base, &made.addr_base) ||
	                number_of(cu, DW_AT_GNU_addr_base, &made.addr_base);
	made.has_ranges = number_of(cu, DW_AT_GNU_ranges_base, &made.ranges_base);
	if (dwarf_lowpc(cu, &made.low_pc) != 0)
		made.low_pc = 0;
	*skeleton = made;
	return true;
}
