/* SPDX-License-Identifier: MIT */
#include "symbol/type_class.h"

#include <dwarf.h>
#include <string.h>

#include "base/alloc.h"
#include "symbol/die.h"
#include "symbol/named.h"
#include "symbol/type_dwarf.h"

/* More classes than these behind one are damage: they derive from themselves. */
#define DEPTH_MAX 32
#define SEARCHED_MAX 4096

/* What is read from the children of the class's DIE, in their order. */
struct reader {
	struct mt_module_file *file;
	const char *class_name; /* without template arguments: what its constructors are called */
	enum mt_access access;  /* where none is written */
	MT_VEC(struct mt_base) bases;
	MT_VEC(enum mt_access) access_of_members;
	MT_VEC(struct mt_static_member) statics;
	MT_VEC(struct mt_method) methods;
	MT_VEC(struct mt_nested) typedefs, types;
	MT_VEC(struct mt_template_arg) template_args;
};

static enum mt_access access_of(const struct reader *reader, Dwarf_Die *die)
{
	int64_t code;

	if (!mt_die_integer(die, DW_AT_accessibility, &code))
		return reader->access;
	return code == DW_ACCESS_private     ? MT_ACCESS_PRIVATE
	       : code == DW_ACCESS_protected ? MT_ACCESS_PROTECTED
	                                     : MT_ACCESS_PUBLIC;
}

/* ---- Bases ---------------------------------------------------------------- */

/* Compilers say: take the vtable's address from the object, subtract so much, and what is there is
 * the offset (DW_OP_dup, deref, constu N, minus, deref, plus). */
static void read_virtual_offset(Dwarf_Die *die, struct mt_base *base)
{
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t count;

	if (!dwarf_attr(die, DW_AT_data_member_location, &attr) ||
	    dwarf_getlocation(&attr, &ops, &count) != 0 || count != 6)
		return;
	if (ops[0].atom != DW_OP_dup || ops[1].atom != DW_OP_deref || ops[3].atom != DW_OP_minus ||
	    ops[4].atom != DW_OP_deref || ops[5].atom != DW_OP_plus)
		return;
	if (ops[2].atom == DW_OP_constu || ops[2].atom == DW_OP_const1u) {
		base->vtable_offset = ops[2].number;
		base->has_vtable_offset = true;
	} else if (ops[2].atom >= DW_OP_lit0 && ops[2].atom <= DW_OP_lit31) {
		base->vtable_offset = (uint64_t)(ops[2].atom - DW_OP_lit0);
		base->has_vtable_offset = true;
	}
}

static bool add_base(struct reader *reader, Dwarf_Die *die)
{
	struct mt_base base = { .type = mt_type_of_attr(reader->file, die),
		                .access = access_of(reader, die) };
	struct mt_member member;
	int64_t virtuality = DW_VIRTUALITY_none;

	mt_die_integer(die, DW_AT_virtuality, &virtuality);
	base.is_virtual = virtuality != DW_VIRTUALITY_none;
	if (base.is_virtual) {
		read_virtual_offset(die, &base);
	} else if (mt_type_read_member(reader->file, die, &member)) {
		base.offset = member.offset;
		if (!mt_vec_push(&reader->access_of_members, base.access))
			return false;
	}
	return !base.type || mt_vec_push(&reader->bases, base);
}

/* ---- Data ----------------------------------------------------------------- */

static bool add_static(struct reader *reader, Dwarf_Die *die)
{
	struct mt_static_member member = { .name = dwarf_diename(die),
		                           .type = mt_type_of_attr(reader->file, die),
		                           .access = access_of(reader, die),
		                           .before = reader->access_of_members.len };

	member.has_value = mt_die_integer(die, DW_AT_const_value, &member.value);
	return !member.name || !member.type || mt_vec_push(&reader->statics, member);
}

static bool add_data(struct reader *reader, Dwarf_Die *die)
{
	struct mt_member member;

	if (mt_die_is_static_member(die))
		return add_static(reader, die);
	return !mt_type_read_member(reader->file, die, &member) ||
	       mt_vec_push(&reader->access_of_members, access_of(reader, die));
}

/* ---- Methods -------------------------------------------------------------- */

static bool has_this(Dwarf_Die *function)
{
	Dwarf_Die child;

	if (dwarf_hasattr(function, DW_AT_object_pointer))
		return true;
	if (!mt_die_child(function, &child))
		return false;
	do {
		if (dwarf_tag(&child) == DW_TAG_formal_parameter)
			return mt_die_flag(&child, DW_AT_artificial);
	} while (mt_die_sibling(&child, &child));
	return false;
}

/* Constructors that are templates have arguments in their name, and don't pass: as for gdb. */
static bool is_named_as_class(const struct reader *reader, const char *name)
{
	size_t len = strlen(name);

	return reader->class_name && !strncmp(reader->class_name, name, len) &&
	       (!reader->class_name[len] || reader->class_name[len] == '<');
}

/* DW_OP_constu and the index; destructors, which have two, are not told by every compiler. */
static void read_vtable_index(Dwarf_Die *die, struct mt_method *method)
{
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t count;

	if (!dwarf_attr(die, DW_AT_vtable_elem_location, &attr) ||
	    dwarf_getlocation(&attr, &ops, &count) != 0 || count != 1 ||
	    ops[0].atom != DW_OP_constu)
		return;
	method->has_vtable_index = true;
	method->vtable_index = ops[0].number;
}

static bool add_method(struct reader *reader, Dwarf_Die *die)
{
	int64_t virtuality = DW_VIRTUALITY_none, defaulted = DW_DEFAULTED_no;
	struct mt_method method = { .name = dwarf_diename(die),
		                    .linkage_name = mt_die_linkage_name(die),
		                    .type = mt_type_of_die(reader->file, die),
		                    .access = access_of(reader, die),
		                    .is_static = !has_this(die),
		                    .is_artificial = mt_die_flag(die, DW_AT_artificial),
		                    .is_deleted = mt_die_flag(die, DW_AT_deleted) };

	if (!method.name || !method.type)
		return true;
	mt_die_integer(die, DW_AT_virtuality, &virtuality);
	mt_die_integer(die, DW_AT_defaulted, &defaulted);
	read_vtable_index(die, &method);
	method.is_virtual = virtuality != DW_VIRTUALITY_none;
	method.is_defaulted = defaulted == DW_DEFAULTED_in_class;
	method.is_constructor = !method.is_static && is_named_as_class(reader, method.name);
	method.is_destructor = method.name[0] == '~';
	return mt_vec_push(&reader->methods, method);
}

/* ---- Types and template arguments ----------------------------------------- */

static struct mt_nested nested(struct reader *reader, Dwarf_Die *die)
{
	return (struct mt_nested){ .name = dwarf_diename(die),
		                   .type = mt_type_of_die(reader->file, die),
		                   .access = access_of(reader, die) };
}

static bool add_typedef(struct reader *reader, Dwarf_Die *die)
{
	struct mt_nested one = nested(reader, die);

	return !one.name || !one.type || mt_vec_push(&reader->typedefs, one);
}

static bool add_type(struct reader *reader, Dwarf_Die *die)
{
	struct mt_nested one = nested(reader, die);

	return !one.name || !one.type || mt_vec_push(&reader->types, one);
}

static bool add_template_arg(struct reader *reader, Dwarf_Die *die)
{
	struct mt_template_arg arg = { .name = dwarf_diename(die),
		                       .type = mt_type_of_attr(reader->file, die),
		                       .is_value =
		                           dwarf_tag(die) == DW_TAG_template_value_parameter };

	if (arg.is_value)
		mt_die_integer(die, DW_AT_const_value, &arg.value);
	return !arg.type || mt_vec_push(&reader->template_args, arg);
}

static bool add_packed_args(struct reader *reader, Dwarf_Die *pack)
{
	Dwarf_Die child;

	if (!mt_die_child(pack, &child))
		return true;
	do {
		int tag = dwarf_tag(&child);

		if ((tag == DW_TAG_template_type_parameter ||
		     tag == DW_TAG_template_value_parameter) &&
		    !add_template_arg(reader, &child))
			return false;
	} while (mt_die_sibling(&child, &child));
	return true;
}

/* ---- The whole ------------------------------------------------------------ */

static bool add_child(struct reader *reader, Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_inheritance:
		return add_base(reader, die);
	case DW_TAG_member:
		return add_data(reader, die);
	case DW_TAG_variable:
		return add_static(reader, die);
	case DW_TAG_subprogram:
		return add_method(reader, die);
	case DW_TAG_typedef:
	case DW_TAG_template_alias:
		return add_typedef(reader, die);
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type:
		return add_type(reader, die);
	case DW_TAG_template_type_parameter:
	case DW_TAG_template_value_parameter:
		return add_template_arg(reader, die);
	case DW_TAG_GNU_template_parameter_pack:
		return add_packed_args(reader, die);
	default:
		return true;
	}
}

static void read_children(struct reader *reader, Dwarf_Die *die)
{
	Dwarf_Die child;

	if (!mt_die_child(die, &child))
		return;
	do {
		if (!add_child(reader, &child))
			return;
	} while (mt_die_sibling(&child, &child));
}

void mt_type_class_free(struct mt_class *of_class)
{
	if (!of_class)
		return;
	free((void *)(uintptr_t)of_class->bases);
	free((void *)(uintptr_t)of_class->access);
	free((void *)(uintptr_t)of_class->statics);
	free((void *)(uintptr_t)of_class->methods);
	free((void *)(uintptr_t)of_class->typedefs);
	free((void *)(uintptr_t)of_class->types);
	free((void *)(uintptr_t)of_class->template_args);
	free(of_class);
}

static enum mt_passing passing_of(Dwarf_Die *die)
{
	int64_t convention = 0;

	mt_die_integer(die, DW_AT_calling_convention, &convention);
	return convention == DW_CC_pass_by_value       ? MT_PASSING_BY_VALUE
	       : convention == DW_CC_pass_by_reference ? MT_PASSING_BY_REFERENCE
	                                               : MT_PASSING_NOT_TOLD;
}

static void read_class(struct mt_lazy_type *lazy, struct mt_class *of_class)
{
	Dwarf_Die die;
	struct reader reader = { .file = lazy->file };

	mt_type_definition_die(lazy, &die);
	reader.class_name = dwarf_diename(&die);
	if (dwarf_tag(&die) == DW_TAG_class_type)
		reader.access = MT_ACCESS_PRIVATE;
	read_children(&reader, &die);
	*of_class = (struct mt_class){ .passing = passing_of(&die),
		                       .bases = reader.bases.data,
		                       .base_count = reader.bases.len,
		                       .access = reader.access_of_members.data,
		                       .access_count = reader.access_of_members.len,
		                       .statics = reader.statics.data,
		                       .static_count = reader.statics.len,
		                       .methods = reader.methods.data,
		                       .method_count = reader.methods.len,
		                       .typedefs = reader.typedefs.data,
		                       .typedef_count = reader.typedefs.len,
		                       .types = reader.types.data,
		                       .type_count = reader.types.len,
		                       .template_args = reader.template_args.data,
		                       .template_arg_count = reader.template_args.len };
}

const struct mt_class *mt_type_class(const struct mt_type *type)
{
	struct mt_lazy_type *lazy = mt_type_origin(type);

	if (!lazy || (type->kind != MT_TYPE_STRUCT && type->kind != MT_TYPE_UNION))
		return NULL;
	if (!lazy->of_class) {
		lazy->of_class = mt_alloc(sizeof(*lazy->of_class));
		if (lazy->of_class)
			read_class(lazy, lazy->of_class);
	}
	return lazy->of_class;
}

enum mt_access mt_class_access(const struct mt_class *of_class, size_t i)
{
	return i < of_class->access_count ? of_class->access[i] : MT_ACCESS_PUBLIC;
}

/* ---- Looking methods up --------------------------------------------------- */

struct search {
	const char *name;
	bool (*visit)(const struct mt_type *owner, const struct mt_method *method, void *arg);
	void *arg;
	unsigned types_left;
	bool stopped;
};

static void search_methods(struct search *search, const struct mt_type *type, int depth)
{
	const struct mt_class *of_class = mt_type_class(type);
	bool found = false;

	for (size_t i = 0; of_class && i < of_class->method_count && !search->stopped; i++) {
		const struct mt_method *method = &of_class->methods[i];

		if (strcmp(method->name, search->name) != 0)
			continue;
		found = true;
		search->stopped = !search->visit(type, method, search->arg);
	}
	if (found || !of_class || depth > DEPTH_MAX)
		return;
	for (size_t i = 0; i < of_class->base_count && !search->stopped; i++)
		if (search->types_left && search->types_left--)
			search_methods(search, of_class->bases[i].type, depth + 1);
}

void mt_type_methods(const struct mt_type *type, const char *name,
                     bool (*visit)(const struct mt_type *owner, const struct mt_method *method,
                                   void *arg),
                     void *arg)
{
	struct search search = {
		.name = name, .visit = visit, .arg = arg, .types_left = SEARCHED_MAX
	};

	search_methods(&search, type, 0);
}
