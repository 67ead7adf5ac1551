/* SPDX-License-Identifier: MIT */
#include <dwarf.h>
#include <string.h>

#include "base/alloc.h"
#include "symbol/die.h"
#include "symbol/named.h"
#include "symbol/scope.h"
#include "symbol/type_dwarf.h"

/* By value, types are nested about as deep as people can think. */
#define NESTING_MAX 64

struct member_list {
	struct mt_member *data;
	size_t len;
	size_t cap;
};

struct enumerator_list {
	struct mt_enumerator *data;
	size_t len;
	size_t cap;
};

/* DWARF 5 section 5.7.6: a number, or, in old DWARF, an expression that adds one. */
static bool member_offset(Dwarf_Die *die, uint64_t *offset)
{
	Dwarf_Attribute attr;
	Dwarf_Word number;
	Dwarf_Op *ops;
	size_t count;

	if (!dwarf_attr(die, DW_AT_data_member_location, &attr)) {
		*offset = 0; /* of a union, or given by DW_AT_data_bit_offset */
		return true;
	}
	if (dwarf_formudata(&attr, &number) == 0) {
		*offset = number;
		return true;
	}
	if (dwarf_getlocation(&attr, &ops, &count) != 0 || count != 1 ||
	    ops[0].atom != DW_OP_plus_uconst)
		return false; /* a virtual base: where it is depends on the object */
	*offset = ops[0].number;
	return true;
}

/*
 * The field's first bit, counted from the start of the struct. DW_AT_bit_offset, of DWARF 3 and
 * before, counts from the most significant bit of the storage unit.
 */
static bool first_bit(Dwarf_Die *die, const struct mt_member *member, uint64_t size, uint64_t *bit)
{
	int64_t value, storage = (int64_t)member->type->size;

	if (mt_die_integer(die, DW_AT_data_bit_offset, &value)) {
		*bit = (uint64_t)value;
		return value >= 0;
	}
	if (!mt_die_integer(die, DW_AT_bit_offset, &value)) {
		*bit = 8 * member->offset;
		return true;
	}
	mt_die_integer(die, DW_AT_byte_size, &storage);
	if (storage < 0 || storage > 16)
		return false;
	*bit = 8 * member->offset + 8 * (uint64_t)storage - (uint64_t)value - size;
	return true;
}

/* Told from the storage unit of the field's type where the field fits into one, as the ABI has it;
 * packed fields are told from their first byte. */
static void place_bits(struct mt_member *member, uint64_t bit, uint64_t size)
{
	uint64_t unit = member->type->size ? 8 * member->type->size : 8;
	uint64_t inside = bit % unit;

	if (unit > 128 || inside + size > unit) {
		unit = 8;
		inside = bit % unit;
	}
	member->offset = bit / unit * (unit / 8);
	member->bit_offset = (uint8_t)inside;
	member->bit_size = (uint8_t)size;
}

bool mt_type_read_member(struct mt_module_file *file, Dwarf_Die *die, struct mt_member *member)
{
	struct mt_member read = { .name = dwarf_diename(die),
		                  .type = mt_type_of_attr(file, die),
		                  .is_base = dwarf_tag(die) == DW_TAG_inheritance,
		                  .is_artificial = mt_die_flag(die, DW_AT_artificial) };
	int64_t size;
	uint64_t bit;

	if (!read.type || !member_offset(die, &read.offset))
		return false;
	if (mt_die_integer(die, DW_AT_bit_size, &size)) {
		if (size <= 0 || size > 128 || !first_bit(die, &read, (uint64_t)size, &bit))
			return false;
		place_bits(&read, bit, (uint64_t)size);
	}
	*member = read;
	return true;
}

bool mt_die_is_static_member(Dwarf_Die *die)
{
	return dwarf_tag(die) == DW_TAG_variable || mt_die_flag(die, DW_AT_external) ||
	       mt_die_flag(die, DW_AT_declaration);
}

static bool has_place(Dwarf_Die *die)
{
	int tag = dwarf_tag(die);

	return tag == DW_TAG_inheritance || (tag == DW_TAG_member && !mt_die_is_static_member(die));
}

/* False without memory. The variants of a Rust enum lie over each other, as a union's members do.
 */
static bool add_members(struct mt_lazy_type *lazy, Dwarf_Die *die, int depth,
                        struct member_list *list)
{
	Dwarf_Die child;

	if (depth > NESTING_MAX || !mt_die_child(die, &child))
		return true;
	do {
		int tag = dwarf_tag(&child);
		struct mt_member member;

		if (tag == DW_TAG_variant_part || tag == DW_TAG_variant) {
			if (!add_members(lazy, &child, depth + 1, list))
				return false;
		} else if (has_place(&child) && mt_type_read_member(lazy->file, &child, &member) &&
		           !mt_vec_push(list, member)) {
			return false;
		}
	} while (mt_die_sibling(&child, &child));
	return true;
}

void mt_type_read_members(struct mt_lazy_type *lazy, Dwarf_Die *die)
{
	struct member_list list = { 0 };

	add_members(lazy, die, 0, &list);
	lazy->own_members = list.data;
	lazy->type.members = list.data;
	lazy->type.member_count = list.len;
}

void mt_type_read_enumerators(struct mt_lazy_type *lazy, Dwarf_Die *die)
{
	struct enumerator_list list = { 0 };
	Dwarf_Die child;

	if (!mt_die_child(die, &child))
		return;
	do {
		struct mt_enumerator one = { .name = dwarf_diename(&child) };

		if (dwarf_tag(&child) != DW_TAG_enumerator || !one.name ||
		    !mt_die_integer(&child, DW_AT_const_value, &one.value))
			continue;
		if (one.value < 0)
			lazy->type.is_signed = true;
		if (!mt_vec_push(&list, one))
			break;
	} while (mt_die_sibling(&child, &child));
	lazy->own_enumerators = list.data;
	lazy->type.enumerators = list.data;
	lazy->type.enumerator_count = list.len;
}

/* ---- Completing ---------------------------------------------------------- */

static void complete(const struct mt_type *type, int depth);

struct definition {
	const struct mt_lazy_type *wanted;
	const char *prefix;
	Dwarf_Die die;
	bool found;
};

/* C++ may declare `class X` and define `struct X`. */
static bool is_same_tag(int a, int b)
{
	return a == b || (mt_tag_is_struct(a) && mt_tag_is_struct(b));
}

static bool take_definition(struct mt_die_path *path, void *arg)
{
	struct definition *definition = arg;
	Dwarf_Die *die = mt_die_path_last(path);

	Dwarf_Die declaration = definition->wanted->die;

	if (!is_same_tag(dwarf_tag(die), dwarf_tag(&declaration)) ||
	    mt_die_flag(die, DW_AT_declaration))
		return true;

	const char *prefix = mt_scope_prefix(definition->wanted->file, die);

	if (!prefix || strcmp(prefix, definition->prefix) != 0)
		return true;
	definition->die = *die;
	definition->found = true;
	return false;
}

/* A struct that this unit only declares, and another one of the file defines. */
static bool find_definition(const struct mt_lazy_type *lazy, Dwarf_Die *die)
{
	struct definition definition = { .wanted = lazy };
	struct mt_units *units = mt_units_of(lazy->file);
	Dwarf_Die declaration = lazy->die;
	const char *name = dwarf_diename(&declaration);

	definition.prefix = mt_scope_prefix(lazy->file, &declaration);
	if (!units || !name || !definition.prefix)
		return false;
	mt_named_each(units, name, take_definition, &definition);
	if (definition.found)
		*die = definition.die;
	return definition.found;
}

bool mt_type_definition_die(const struct mt_lazy_type *lazy, Dwarf_Die *die)
{
	*die = lazy->die;
	return !mt_die_flag(die, DW_AT_declaration) || find_definition(lazy, die);
}

static void complete_tagged(struct mt_lazy_type *lazy)
{
	Dwarf_Die die;
	int64_t size;

	if (!mt_type_definition_die(lazy, &die))
		return;
	lazy->type.is_declared = false;
	if (mt_die_integer(&die, DW_AT_byte_size, &size) && size >= 0)
		lazy->type.size = (uint64_t)size;
	if (lazy->type.kind != MT_TYPE_ENUM)
		mt_type_read_members(lazy, &die);
	else if (!lazy->own_enumerators)
		mt_type_read_enumerators(lazy, &die);
}

/* A typedef, or a qualified type, is a copy of what is behind it, but for what it is called. */
static void complete_copy(struct mt_lazy_type *lazy, int depth)
{
	struct mt_type own = lazy->type;

	complete(&lazy->behind->type, depth + 1);
	lazy->type = lazy->behind->type;
	lazy->type.lazy = lazy;
	lazy->type.name = own.name;
	lazy->type.alias_of = own.alias_of;
	lazy->type.qualifiers = own.qualifiers;
	lazy->type.is_character = own.is_character;
}

/* An array whose element is defined elsewhere gets its size from there. */
static void complete_array(struct mt_type *type)
{
	uint64_t step = type->stride ? type->stride : type->target->size;

	if (!type->size && __builtin_mul_overflow(step, type->count, &type->size))
		type->size = type->count = 0;
}

static void complete(const struct mt_type *type, int depth)
{
	struct mt_lazy_type *lazy = type->lazy;

	if (depth > NESTING_MAX)
		return;
	if (type->kind == MT_TYPE_ARRAY && type->target)
		complete(type->target, depth + 1);
	if (!lazy || lazy->tried)
		return;
	lazy->tried = true;
	if (lazy->behind)
		complete_copy(lazy, depth);
	else if (type->kind == MT_TYPE_STRUCT || type->kind == MT_TYPE_UNION ||
	         type->kind == MT_TYPE_ENUM)
		complete_tagged(lazy);
	else if (type->kind == MT_TYPE_ARRAY && type->target)
		complete_array(&lazy->type);
	for (size_t i = 0; i < type->member_count; i++)
		complete(type->members[i].type, depth + 1);
}

void mt_type_complete(const struct mt_type *type)
{
	complete(type, 0);
}
