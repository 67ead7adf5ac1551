/* SPDX-License-Identifier: MIT */
#include "symbol/die.h"

#include <dwarf.h>

#include "symbol/package.h"

bool mt_die_child(Dwarf_Die *parent, Dwarf_Die *child)
{
	return dwarf_child(parent, child) == 0;
}

bool mt_die_sibling(Dwarf_Die *die, Dwarf_Die *next)
{
	Dwarf_Die found;

	if (dwarf_siblingof(die, &found) != 0 ||
	    (const char *)found.addr <= (const char *)die->addr)
		return false;
	*next = found;
	return true;
}

bool mt_attr_target(Dwarf_Attribute *attr, Dwarf_Die *target)
{
	return dwarf_formref_die(attr, target) || mt_package_type(attr, target);
}

bool mt_die_target(Dwarf_Die *die, unsigned attribute, Dwarf_Die *target)
{
	Dwarf_Attribute attr;

	return dwarf_attr(die, attribute, &attr) && mt_attr_target(&attr, target);
}

/* data1 to data8 do not say whether they are signed; compilers write negative numbers in forms that
 * do. */
static bool form_is_signed(unsigned form)
{
	return form == DW_FORM_sdata || form == DW_FORM_implicit_const;
}

bool mt_die_integer(Dwarf_Die *die, unsigned attribute, int64_t *value)
{
	Dwarf_Attribute attr;
	Dwarf_Word word;
	Dwarf_Sword sword;

	if (!dwarf_attr_integrate(die, attribute, &attr))
		return false;
	if (form_is_signed(dwarf_whatform(&attr))) {
		if (dwarf_formsdata(&attr, &sword) != 0)
			return false;
		*value = sword;
		return true;
	}
	if (dwarf_formudata(&attr, &word) != 0)
		return false;
	*value = (int64_t)word;
	return true;
}

bool mt_die_flag(Dwarf_Die *die, unsigned attribute)
{
	Dwarf_Attribute attr;
	bool flag;

	return dwarf_attr(die, attribute, &attr) && dwarf_formflag(&attr, &flag) == 0 && flag;
}

bool mt_tag_is_struct(int tag)
{
	return tag == DW_TAG_structure_type || tag == DW_TAG_class_type ||
	       tag == DW_TAG_interface_type;
}

bool mt_tag_is_scope(int tag)
{
	return mt_tag_is_struct(tag) || tag == DW_TAG_union_type || tag == DW_TAG_namespace ||
	       tag == DW_TAG_enumeration_type || tag == DW_TAG_module;
}

bool mt_tag_is_named(int tag)
{
	switch (tag) {
	case DW_TAG_variable:
	case DW_TAG_formal_parameter:
	case DW_TAG_member:
	case DW_TAG_subprogram:
	case DW_TAG_enumerator:
	case DW_TAG_enumeration_type:
	case DW_TAG_union_type:
	case DW_TAG_typedef:
	case DW_TAG_base_type:
	case DW_TAG_unspecified_type:
	case DW_TAG_template_alias:
		return true;
	default:
		return mt_tag_is_struct(tag);
	}
}

bool mt_die_is_external(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	bool flag;

	return dwarf_attr_integrate(die, DW_AT_external, &attr) &&
	       dwarf_formflag(&attr, &flag) == 0 && flag;
}

const char *mt_unit_file(Dwarf_Die *cu, size_t index)
{
	Dwarf_Die skeleton;
	Dwarf_Files *files;
	size_t count;

	if (dwarf_getsrcfiles(cu, &files, &count) != 0 &&
	    (!mt_package_skeleton(cu->cu, &skeleton) ||
	     dwarf_getsrcfiles(&skeleton, &files, &count) != 0))
		return NULL;
	return index < count ? dwarf_filesrc(files, index, NULL, NULL) : NULL;
}

const char *mt_die_decl_file(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Die cu;
	Dwarf_Word index;
	Dwarf_Half version;

	if (!dwarf_attr_integrate(die, DW_AT_decl_file, &attr) ||
	    dwarf_formudata(&attr, &index) != 0 ||
	    !dwarf_cu_die(attr.cu, &cu, &version, NULL, NULL, NULL, NULL, NULL) ||
	    (index == 0 && version < 5))
		return NULL;
	return mt_unit_file(&cu, index);
}
