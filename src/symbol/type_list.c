/* SPDX-License-Identifier: MIT */
#include "symbol/type_list.h"

#include <dwarf.h>

#include "symbol/die.h"
#include "symbol/scope.h"
#include "symbol/units.h"

/* Namespaces within namespaces; deeper ones are only in damaged files. */
enum { DEPTH_MAX = 32 };

struct lister {
	struct mt_module_file *file;
	bool (*each)(const struct mt_listed_type *type, void *arg);
	void *arg;
};

/* NULL: it is no type that has a name of its own. */
static const char *keyword_of(int tag)
{
	if (mt_tag_is_struct(tag))
		return "struct";
	switch (tag) {
	case DW_TAG_union_type:
		return "union";
	case DW_TAG_enumeration_type:
		return "enum";
	case DW_TAG_typedef:
		return "typedef";
	case DW_TAG_base_type:
		return "";
	default:
		return NULL;
	}
}

static bool tell(const struct lister *lister, Dwarf_Die *die)
{
	struct mt_listed_type type = { .keyword = keyword_of(dwarf_tag(die)) };
	int64_t line;

	type.name = type.keyword ? dwarf_diename(die) : NULL;
	if (!type.name || mt_die_flag(die, DW_AT_declaration))
		return true;
	type.scope = mt_scope_prefix(lister->file, die);
	if (!type.scope)
		return true;
	type.file = mt_die_decl_file(die);
	if (mt_die_integer(die, DW_AT_decl_line, &line) && line > 0 && line <= UINT32_MAX)
		type.line = (unsigned)line;
	return lister->each(&type, lister->arg);
}

static bool list_children(const struct lister *lister, Dwarf_Die *parent, unsigned depth)
{
	Dwarf_Die die;

	for (bool more = mt_die_child(parent, &die); more; more = mt_die_sibling(&die, &die)) {
		int tag = dwarf_tag(&die);

		if (!tell(lister, &die))
			return false;
		if (mt_tag_is_scope(tag) && depth < DEPTH_MAX &&
		    !list_children(lister, &die, depth + 1))
			return false;
	}
	return true;
}

static bool list_unit(const struct lister *lister, const struct mt_space *space,
                      const struct mt_unit *unit)
{
	Dwarf_Die root, whole;

	return !mt_space_die(space, unit->die, &root) ||
	       !mt_unit_whole(lister->file, &root, &whole) || list_children(lister, &whole, 0);
}

static bool list_module(struct lister *lister, const struct mt_module *module)
{
	struct mt_units *units;

	if (!mt_module_lines_at_hand(module))
		return true;
	lister->file = module->file;
	units = mt_units_of(module->file);
	for (size_t i = 0; units && i < units->space_count; i++)
		for (size_t j = 0; j < units->spaces[i].count; j++)
			if (!list_unit(lister, &units->spaces[i], &units->spaces[i].units[j]))
				return false;
	return true;
}

void mt_types_each(struct mt_image *image,
                   bool (*each)(const struct mt_listed_type *type, void *arg), void *arg)
{
	struct lister lister = { .each = each, .arg = arg };

	for (size_t i = 0; i < mt_image_module_count(image); i++)
		if (!list_module(&lister, mt_image_module(image, i)))
			return;
}
