/* SPDX-License-Identifier: MIT */
#include "symbol/local_die.h"

#include <dwarf.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "symbol/die.h"
#include "symbol/location.h"
#include "symbol/type_dwarf.h"

const struct mt_local_die *mt_local_die_of(struct mt_module_file *file, const Dwarf_Die *unit,
                                           const Dwarf_Die *die)
{
	struct mt_local_die *local;

	HASH_FIND_PTR(file->locals, &die->addr, local);
	if (local)
		return local;
	local = mt_alloc(sizeof(*local));
	if (!local)
		return NULL;
	local->file = file;
	local->die = *die;
	local->unit = *unit;
	HASH_ADD_PTR(file->locals, die.addr, local);
	if (!local->hh.tbl) {
		free(local);
		return NULL;
	}
	return local;
}

void mt_local_dies_destroy(struct mt_local_die *locals)
{
	struct mt_local_die *each, *next;

	HASH_ITER (hh, locals, each, next) {
		HASH_DEL(locals, each);
		free(each);
	}
}

const struct mt_module *mt_local_module(struct mt_image *image, uint64_t pc,
                                        const struct mt_module_file *file)
{
	const struct mt_module *module = mt_image_module_at(image, pc);

	if (module && module->file == file)
		return module;
	for (size_t i = 0; i < mt_image_module_count(image); i++)
		if (mt_image_module(image, i)->file == file)
			return mt_image_module(image, i);
	return NULL;
}

/* What an abstract instance refers to may stand in another unit than what refers to it (link-time
 * optimization, dwz); in a .dwo file there is one unit, and its skeleton. */
Dwarf_Die mt_local_unit(const Dwarf_Die *unit, Dwarf_CU *cu)
{
	Dwarf_Die found;

	if (cu != unit->cu && dwarf_cu_getdwarf(cu) == dwarf_cu_getdwarf(unit->cu) &&
	    dwarf_cu_die(cu, &found, NULL, NULL, NULL, NULL, NULL, NULL))
		return found;
	return *unit;
}

static bool has_flag(Dwarf_Die *die, unsigned attribute)
{
	Dwarf_Attribute attr;
	bool flag;

	return dwarf_attr_integrate(die, attribute, &attr) && dwarf_formflag(&attr, &flag) == 0 &&
	       flag;
}

/* Has a place of its own outside of all frames; or is a global's, `extern int x;` in a function. */
static bool is_static(struct mt_module_file *file, Dwarf_Die *die)
{
	uint64_t addr;
	enum mt_var_state state = mt_location_of(file, die, &addr);
	Dwarf_Die origin;

	if (state == MT_VAR_DECLARED && mt_die_target(die, DW_AT_abstract_origin, &origin))
		state = mt_location_of(file, &origin, &addr);
	return state == MT_VAR_FIXED || state == MT_VAR_THREAD ||
	       (state == MT_VAR_DECLARED && mt_die_flag(die, DW_AT_declaration));
}

static bool moves(Dwarf_Die *die)
{
	Dwarf_Attribute attr;

	return dwarf_attr_integrate(die, DW_AT_location, &attr) && mt_location_moves(&attr);
}

bool mt_local_describe(const struct mt_local_die *local_die, struct mt_local *local)
{
	Dwarf_Die die = local_die->die;
	const char *name = dwarf_diename(&die);
	int line = 0;

	if (!name)
		return false;
	dwarf_decl_line(&die, &line);
	*local = (struct mt_local){
		.name = name,
		.type = mt_type_of_attr(local_die->file, &die),
		.file = mt_die_decl_file(&die),
		.line = line > 0 ? (unsigned)line : 0,
		.is_parameter = dwarf_tag(&die) == DW_TAG_formal_parameter,
		.is_artificial = has_flag(&die, DW_AT_artificial),
		.is_static = is_static(local_die->file, &die),
		.moves = moves(&die),
		.die = local_die,
	};
	return local->type != NULL;
}
