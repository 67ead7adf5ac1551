/* SPDX-License-Identifier: MIT */
#include "symbol/vtable.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "symbol/die.h"
#include "symbol/type_dwarf.h"
#include "symbol/units.h"

#define SUFFIX "::{vtable}"

struct vtable {
	uint64_t addr; /* in the file */
	Dwarf_Die type;
};

struct mt_vtables {
	struct vtable *data; /* by address */
	size_t len;
	size_t cap;
};

static bool is_named_vtable(Dwarf_Die *die)
{
	const char *name = dwarf_tag(die) == DW_TAG_variable ? dwarf_diename(die) : NULL;
	size_t len = name ? strlen(name) : 0;

	return len > strlen(SUFFIX) && !strcmp(name + len - strlen(SUFFIX), SUFFIX);
}

static bool read_vtable(Dwarf_Die *die, struct vtable *vtable)
{
	Dwarf_Attribute attr;
	Dwarf_Die table;
	Dwarf_Op *ops;
	size_t count;

	if (!mt_die_target(die, DW_AT_type, &table) ||
	    !mt_die_target(&table, DW_AT_containing_type, &vtable->type) ||
	    dwarf_getlocation(dwarf_attr(die, DW_AT_location, &attr), &ops, &count) != 0 ||
	    count != 1 || ops[0].atom != DW_OP_addr)
		return false;
	vtable->addr = ops[0].number;
	return true;
}

/* They stand beside the unit's namespaces. */
static bool read_unit(struct mt_vtables *vtables, Dwarf_Die *unit)
{
	struct vtable vtable;
	Dwarf_Die die;

	if (dwarf_srclang(unit) != DW_LANG_Rust || !mt_die_child(unit, &die))
		return true;
	do {
		if (is_named_vtable(&die) && read_vtable(&die, &vtable) &&
		    !mt_vec_push(vtables, vtable))
			return false;
	} while (mt_die_sibling(&die, &die));
	return true;
}

static int compare(const void *left, const void *right)
{
	const struct vtable *a = left, *b = right;

	return a->addr < b->addr ? -1 : a->addr > b->addr;
}

static struct mt_vtables *vtables_of(struct mt_module_file *file)
{
	struct mt_units *units = mt_units_of(file);
	Dwarf_Die root, whole;

	if (file->vtables || !units || !units->space_count)
		return file->vtables;
	file->vtables = mt_alloc(sizeof(*file->vtables));
	if (!file->vtables)
		return NULL;
	for (size_t i = 0; i < units->spaces[0].count; i++)
		if (mt_space_die(&units->spaces[0], units->spaces[0].units[i].die, &root) &&
		    mt_unit_whole(file, &root, &whole) && !read_unit(file->vtables, &whole))
			break;
	if (file->vtables->len)
		qsort(file->vtables->data, file->vtables->len, sizeof(struct vtable), compare);
	return file->vtables;
}

const struct mt_type *mt_type_of_vtable(struct mt_image *image, uint64_t addr)
{
	const struct mt_module *module = mt_image_module_at(image, addr);
	struct mt_vtables *vtables = module ? vtables_of(module->file) : NULL;
	const struct vtable wanted = { .addr = module ? addr - module->bias : 0 };
	struct vtable *found = NULL;
	Dwarf_Die type;

	if (vtables && vtables->len)
		found = bsearch(&wanted, vtables->data, vtables->len, sizeof(wanted), compare);
	if (!found)
		return NULL;
	type = found->type;
	return mt_type_of_die(module->file, &type);
}

void mt_vtables_destroy(struct mt_vtables *vtables)
{
	if (vtables)
		free(vtables->data);
	free(vtables);
}
