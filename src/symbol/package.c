/* SPDX-License-Identifier: MIT */
#include "symbol/package.h"

#include <dwarf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "symbol/package_private.h"

/* A reference by signature does not say whose it is. */
static struct mt_package *open_packages;

/* ---- Opening --------------------------------------------------------------- */

static int package_fd(const struct mt_module_file *file)
{
	struct mt_buf path MT_AUTO_BUF = { 0 };

	mt_buf_printf(&path, "%s.dwp", file->path);
	return mt_buf_ok(&path) ? open(path.data, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
}

/* Where the section lies in the file; a compressed one can't be shown in parts. */
static bool find_section(const struct mt_package *package, const char *name,
                         struct mt_package_bytes *found)
{
	GElf_Shdr header;

	if (!mt_elf_section(package->elf, name, &header))
		return true;
	if (header.sh_flags & SHF_COMPRESSED || header.sh_offset > package->file_size ||
	    header.sh_size > package->file_size - header.sh_offset)
		return false;
	*found = (struct mt_package_bytes){ header.sh_offset, header.sh_size };
	return true;
}

const char *const mt_package_section_names[MT_PACKAGE_SECTIONS] = {
	[MT_PACKAGE_INFO] = ".debug_info.dwo",
	[MT_PACKAGE_TYPES] = ".debug_types.dwo",
	[MT_PACKAGE_ABBREV] = ".debug_abbrev.dwo",
	[MT_PACKAGE_LINE] = ".debug_line.dwo",
	[MT_PACKAGE_LOC] = ".debug_loc.dwo",
	[MT_PACKAGE_STR_OFFSETS] = ".debug_str_offsets.dwo",
	[MT_PACKAGE_MACINFO] = ".debug_macinfo.dwo",
	[MT_PACKAGE_MACRO] = ".debug_macro.dwo",
	[MT_PACKAGE_LOCLISTS] = ".debug_loclists.dwo",
	[MT_PACKAGE_RNGLISTS] = ".debug_rnglists.dwo",
};

static bool find_sections(struct mt_package *package)
{
	for (int i = 0; i < MT_PACKAGE_SECTIONS; i++)
		if (!find_section(package, mt_package_section_names[i], &package->sections[i]))
			return false;
	return find_section(package, ".debug_str.dwo", &package->str);
}

static bool open_index(const struct mt_package *package, const char *name,
                       struct mt_package_index *index)
{
	GElf_Shdr header;
	Elf_Scn *section = mt_elf_section(package->elf, name, &header);
	Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
	struct mt_bytes bytes = { 0 };

	if (data && data->d_buf)
		bytes = (struct mt_bytes){ data->d_buf, data->d_size };
	return mt_package_index_open(bytes, index);
}

static bool read_package(struct mt_package *package)
{
	char *ident;
	struct stat st;

	if (fstat(package->fd, &st) || !S_ISREG(st.st_mode) || st.st_size <= 0)
		return false;
	package->file_size = (uint64_t)st.st_size;
	package->elf = elf_begin(package->fd, ELF_C_READ_MMAP, NULL);
	ident = package->elf ? elf_getident(package->elf, NULL) : NULL;
	if (!ident || elf_kind(package->elf) != ELF_K_ELF || ident[EI_DATA] != ELFDATA2LSB)
		return false;
	package->is_64 = ident[EI_CLASS] == ELFCLASS64;
	return find_sections(package) && open_index(package, ".debug_cu_index", &package->units) &&
	       open_index(package, ".debug_tu_index", &package->types) && package->units.units;
}

struct mt_package *mt_package_open(struct mt_module_file *file)
{
	int fd MT_AUTO_FD = package_fd(file);
	struct mt_package *package = fd >= 0 ? mt_alloc(sizeof(*package)) : NULL;

	if (!package)
		return NULL;
	package->file = file;
	package->fd = mt_take_fd(&fd);
	package->next = open_packages;
	open_packages = package;
	if (read_package(package))
		return package;
	mt_module_file_note(file, "%s.dwp is no package of .dwo files, or is damaged or compressed",
	                    file->path);
	mt_package_destroy(package);
	return NULL;
}

static void units_destroy(struct mt_package_unit **units)
{
	struct mt_package_unit *each, *next;

	HASH_ITER (hh, *units, each, next) {
		HASH_DEL(*units, each);
		mt_package_unit_end(each);
		free(each);
	}
}

void mt_package_destroy(struct mt_package *package)
{
	if (!package)
		return;
	for (struct mt_package **link = &open_packages; *link; link = &(*link)->next) {
		if (*link == package) {
			*link = package->next;
			break;
		}
	}
	HASH_CLEAR(hh_dwarf, package->by_dwarf);
	units_destroy(&package->made);
	units_destroy(&package->made_types);
	elf_end(package->elf);
	close(package->fd);
	free(package->addr_bases);
	free(package->ranges_bases);
	free(package);
}

/* ---- Units ----------------------------------------------------------------- */

static struct mt_package_unit *make_unit(struct mt_package *package, uint64_t signature,
                                         const struct mt_package_skeleton *skeleton)
{
	const struct mt_package_index *index = skeleton ? &package->units : &package->types;
	struct mt_package_unit **made = skeleton ? &package->made : &package->made_types;
	struct mt_package_unit *unit;
	struct mt_package_row row;

	HASH_FIND(hh, *made, &signature, sizeof(signature), unit);
	if (unit)
		return unit->dwarf ? unit : NULL;
	if (!mt_package_index_find(index, signature, &row))
		return NULL;
	unit = mt_alloc(sizeof(*unit));
	if (!unit)
		return NULL;
	unit->signature = signature;
	if (skeleton)
		unit->skeleton = skeleton->cu;
	HASH_ADD(hh, *made, signature, sizeof(unit->signature), unit);
	if (!unit->hh.tbl) {
		free(unit);
		return NULL;
	}
	if (!mt_package_unit_make(package, &row, skeleton, unit)) {
		mt_module_file_note(package->file, "%s.dwp: unit %#llx is damaged",
		                    package->file->path, (unsigned long long)signature);
		return NULL;
	}
	HASH_ADD(hh_dwarf, package->by_dwarf, dwarf, sizeof(unit->dwarf), unit);
	package->made_count++;
	return unit;
}

static int compare_numbers(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

/* Where skeletons' parts start: each ends where the next one does. */
static bool read_bases(struct mt_package *package)
{
	const struct mt_space *space = &mt_units_of(package->file)->spaces[0];
	struct mt_package_skeleton skeleton;
	Dwarf_Die cu;

	if (package->tried_bases)
		return package->addr_bases && package->ranges_bases;
	package->tried_bases = true;
	package->addr_bases = mt_alloc_array(space->count + 1, sizeof(uint64_t));
	package->ranges_bases = mt_alloc_array(space->count + 1, sizeof(uint64_t));
	if (!package->addr_bases || !package->ranges_bases)
		return false;
	for (size_t i = 0; i < space->count; i++) {
		if (!mt_space_die(space, space->units[i].die, &cu) ||
		    !mt_package_skeleton_of(&cu, &skeleton))
			continue;
		package->addr_bases[package->base_count] = skeleton.addr_base;
		package->ranges_bases[package->base_count++] = skeleton.ranges_base;
	}
	qsort(package->addr_bases, package->base_count, sizeof(uint64_t), compare_numbers);
	qsort(package->ranges_bases, package->base_count, sizeof(uint64_t), compare_numbers);
	return true;
}

static uint64_t next_base(const uint64_t *bases, size_t count, uint64_t base)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (bases[middle] <= base)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count ? bases[low] : UINT64_MAX;
}

bool mt_package_unit(struct mt_package *package, Dwarf_Die *cu, Dwarf_Die *whole)
{
	struct mt_package_skeleton skeleton;
	struct mt_package_unit *unit;

	if (!mt_package_skeleton_of(cu, &skeleton) || !read_bases(package))
		return false;
	skeleton.addr_end = next_base(package->addr_bases, package->base_count, skeleton.addr_base);
	skeleton.ranges_end =
	    next_base(package->ranges_bases, package->base_count, skeleton.ranges_base);
	unit = make_unit(package, skeleton.signature, &skeleton);
	if (unit)
		*whole = unit->first;
	return unit != NULL;
}

/* ---- Types ----------------------------------------------------------------- */

void mt_package_types(struct mt_package *package, bool (*each)(Dwarf *dwarf, void *arg), void *arg)
{
	struct mt_package_row row;

	for (uint32_t slot = 0; slot < package->types.slots; slot++) {
		struct mt_package_unit *unit = mt_package_index_slot(&package->types, slot, &row)
		                                   ? make_unit(package, row.signature, NULL)
		                                   : NULL;

		if (unit && !each(unit->dwarf, arg))
			return;
	}
}

static struct mt_package_unit *unit_of(Dwarf_CU *cu, struct mt_package **owner)
{
	const Dwarf *dwarf = cu ? dwarf_cu_getdwarf(cu) : NULL;
	struct mt_package_unit *unit = NULL;
	struct mt_package *package;

	for (package = open_packages; package && !unit; package = package->next) {
		HASH_FIND(hh_dwarf, package->by_dwarf, &dwarf, sizeof(dwarf), unit);
		*owner = package;
	}
	return unit;
}

bool mt_package_type(Dwarf_Attribute *attr, Dwarf_Die *type)
{
	struct mt_package *package;
	struct mt_package_unit *unit;
	uint64_t signature;

	if (dwarf_whatform(attr) != DW_FORM_ref_sig8 || !unit_of(attr->cu, &package))
		return false;
	memcpy(&signature, attr->valp, sizeof(signature));
	unit = make_unit(package, signature, NULL);
	if (unit)
		*type = unit->first;
	return unit != NULL;
}

bool mt_package_skeleton(Dwarf_CU *cu, Dwarf_Die *skeleton)
{
	struct mt_package *package;
	struct mt_package_unit *unit = unit_of(cu, &package);

	if (!unit || !unit->skeleton.cu)
		return false;
	*skeleton = unit->skeleton;
	return true;
}
