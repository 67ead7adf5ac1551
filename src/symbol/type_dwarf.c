/* SPDX-License-Identifier: MIT */
#include "symbol/type_dwarf.h"
#include "symbol/scope.h"

#include <dwarf.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "symbol/die.h"

/* Deeper chains of pointers, arrays and typedefs are damage. */
#define CHAIN_MAX 128
#define DIMENSIONS_MAX 16

static const struct mt_type *type_of(struct mt_module_file *file, Dwarf_Die *die, int depth);

static const struct mt_type *target_of(struct mt_module_file *file, Dwarf_Die *die, int depth)
{
	Dwarf_Attribute attr;
	Dwarf_Die target;

	if (!dwarf_attr_integrate(die, DW_AT_type, &attr) || !dwarf_formref_die(&attr, &target))
		return mt_type_base("void");
	return type_of(file, &target, depth + 1);
}

const struct mt_type *mt_type_of_attr(struct mt_module_file *file, Dwarf_Die *die)
{
	return target_of(file, die, 0);
}

static uint64_t size_of(Dwarf_Die *die, uint64_t otherwise)
{
	int64_t size;

	return mt_die_integer(die, DW_AT_byte_size, &size) && size >= 0 ? (uint64_t)size
	                                                                : otherwise;
}

static enum mt_type_kind float_kind(const char *name, uint64_t size)
{
	/* The 16 bytes of a quad are not those of an x87 long double. */
	if (name && strstr(name, "128"))
		return MT_TYPE_BYTES;
	return size == 4 || size == 8 || size == 12 || size == 16 ? MT_TYPE_FLOAT : MT_TYPE_BYTES;
}

/* DWARF 5 section 5.1.1. */
static void fill_base(struct mt_type *type, Dwarf_Die *die)
{
	int64_t encoding = 0;
	const char *name = dwarf_diename(die);
	const struct mt_type *known = name ? mt_type_base(name) : NULL;

	mt_die_integer(die, DW_AT_encoding, &encoding);
	type->name = known ? known->name : name; /* "long unsigned int" is unsigned long */
	type->size = size_of(die, 0);
	type->is_signed =
	    encoding == DW_ATE_signed || encoding == DW_ATE_signed_char || encoding == DW_ATE_float;
	switch (encoding) {
	case DW_ATE_boolean:
		type->kind = MT_TYPE_BOOL;
		break;
	case DW_ATE_float:
		type->kind = float_kind(name, type->size);
		break;
	case DW_ATE_signed:
	case DW_ATE_unsigned:
	case DW_ATE_address:
		type->kind = MT_TYPE_INT;
		break;
	case DW_ATE_signed_char:
	case DW_ATE_unsigned_char:
	case DW_ATE_UTF:
		type->kind = type->size == 1 ? MT_TYPE_CHAR : MT_TYPE_INT;
		break;
	default:
		type->kind = MT_TYPE_BYTES;
	}
}

static bool is_c(Dwarf_Die *die)
{
	Dwarf_Die cu;
	int language = dwarf_srclang(dwarf_diecu(die, &cu, NULL, NULL));

	return language == DW_LANG_C || language == DW_LANG_C89 || language == DW_LANG_C99 ||
	       language == DW_LANG_C11;
}

static const char *tag_name(struct mt_module_file *file, Dwarf_Die *die, const char *keyword)
{
	const char *name = dwarf_diename(die);
	struct mt_buf text MT_AUTO_BUF = { 0 };

	if (!name)
		return NULL;

	const char *prefix = is_c(die) ? keyword : mt_scope_prefix(file, die);

	mt_buf_printf(&text, "%s%s", prefix ? prefix : "", name);
	return mt_buf_ok(&text) ? mt_module_file_intern(file, text.data) : NULL;
}

static void fill_tagged(struct mt_lazy_type *lazy, enum mt_type_kind kind, const char *keyword)
{
	lazy->type.kind = kind;
	lazy->type.size = size_of(&lazy->die, 0);
	lazy->type.name = tag_name(lazy->file, &lazy->die, keyword);
}

static void fill_enum(struct mt_lazy_type *lazy, int depth)
{
	Dwarf_Die underlying;

	fill_tagged(lazy, MT_TYPE_ENUM, "enum ");
	if (mt_die_target(&lazy->die, DW_AT_type, &underlying)) {
		const struct mt_type *integer = type_of(lazy->file, &underlying, depth + 1);

		lazy->type.is_signed = integer && integer->is_signed;
		if (integer && !lazy->type.size)
			lazy->type.size = integer->size;
	}
	mt_type_read_enumerators(lazy, &lazy->die);
}

static uint8_t address_size(const Dwarf_Die *die)
{
	uint8_t size = 8;

	dwarf_cu_info(die->cu, NULL, NULL, NULL, NULL, NULL, &size, NULL);
	return size;
}

static void fill_pointer(struct mt_lazy_type *lazy, bool is_reference, int depth)
{
	lazy->type.kind = MT_TYPE_POINTER;
	lazy->type.is_reference = is_reference;
	lazy->type.size = size_of(&lazy->die, address_size(&lazy->die));
	lazy->type.name = dwarf_diename(&lazy->die); /* Rust names its pointers */
	lazy->type.target = target_of(lazy->file, &lazy->die, depth);
}

/* 0 where the bound is missing, or computed at run time. */
static uint64_t dimension(Dwarf_Die *subrange)
{
	int64_t value, low = 0;

	if (mt_die_integer(subrange, DW_AT_count, &value))
		return value > 0 ? (uint64_t)value : 0;
	if (!mt_die_integer(subrange, DW_AT_upper_bound, &value))
		return 0;
	mt_die_integer(subrange, DW_AT_lower_bound, &low);
	return value >= low && value - low < INT64_MAX ? (uint64_t)(value - low) + 1 : 0;
}

static size_t read_dimensions(Dwarf_Die *array, uint64_t counts[DIMENSIONS_MAX])
{
	Dwarf_Die child;
	size_t count = 0;

	if (!mt_die_child(array, &child))
		return 0;
	do {
		if (dwarf_tag(&child) == DW_TAG_subrange_type && count < DIMENSIONS_MAX)
			counts[count++] = dimension(&child);
	} while (mt_die_sibling(&child, &child));
	return count;
}

static struct mt_lazy_type *lazy_new(struct mt_module_file *file, const Dwarf_Die *die)
{
	struct mt_lazy_type *lazy = mt_alloc(sizeof(*lazy));

	if (!lazy)
		return NULL;
	lazy->file = file;
	lazy->die = *die;
	lazy->type.lazy = lazy;
	return lazy;
}

static void make_array(struct mt_type *type, const struct mt_type *element, uint64_t count)
{
	type->kind = MT_TYPE_ARRAY;
	type->target = element;
	type->count = count;
	if (__builtin_mul_overflow(element->size, count, &type->size))
		type->size = type->count = 0;
}

/* An array of several dimensions is one DIE, and one of our types for each. */
static void fill_array(struct mt_lazy_type *lazy, int depth)
{
	uint64_t counts[DIMENSIONS_MAX];
	size_t dimensions = read_dimensions(&lazy->die, counts);
	const struct mt_type *element = target_of(lazy->file, &lazy->die, depth);

	for (size_t i = dimensions; element && i > 1; i--) {
		struct mt_lazy_type *inner = lazy_new(lazy->file, &lazy->die);

		if (!inner)
			return;
		make_array(&inner->type, element, counts[i - 1]);
		inner->next_inner = lazy->next_inner;
		lazy->next_inner = inner;
		element = &inner->type;
	}
	if (element)
		make_array(&lazy->type, element, dimensions ? counts[0] : 0);
}

static void fill_typedef(struct mt_lazy_type *lazy, int depth)
{
	const struct mt_type *behind = target_of(lazy->file, &lazy->die, depth);
	const char *name = dwarf_diename(&lazy->die);

	if (!behind)
		return;
	lazy->type = *behind;
	lazy->type.lazy = lazy;
	lazy->behind = behind->lazy;
	if (name)
		lazy->type.name = tag_name(lazy->file, &lazy->die, "");
}

/* C++'s type of nullptr is an unspecified type with the size of a pointer. */
static void fill_unspecified(struct mt_type *type, const Dwarf_Die *die, const char *name)
{
	type->name = name;
	if (name && strstr(name, "nullptr")) {
		type->kind = MT_TYPE_POINTER;
		type->size = address_size(die);
		type->target = mt_type_base("void");
	}
}

static void fill(struct mt_lazy_type *lazy, int depth)
{
	int tag = dwarf_tag(&lazy->die);

	switch (tag) {
	case DW_TAG_base_type:
		fill_base(&lazy->type, &lazy->die);
		break;
	case DW_TAG_pointer_type:
		fill_pointer(lazy, false, depth);
		break;
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
		fill_pointer(lazy, true, depth);
		break;
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_interface_type:
		fill_tagged(lazy, MT_TYPE_STRUCT, "struct ");
		break;
	case DW_TAG_union_type:
		fill_tagged(lazy, MT_TYPE_UNION, "union ");
		break;
	case DW_TAG_enumeration_type:
		fill_enum(lazy, depth);
		break;
	case DW_TAG_array_type:
		fill_array(lazy, depth);
		break;
	case DW_TAG_subroutine_type:
		lazy->type.kind = MT_TYPE_FUNCTION;
		lazy->type.target = target_of(lazy->file, &lazy->die, depth);
		break;
	case DW_TAG_typedef:
		fill_typedef(lazy, depth);
		break;
	case DW_TAG_unspecified_type:
		fill_unspecified(&lazy->type, &lazy->die, dwarf_diename(&lazy->die));
		break;
	default: /* pointers to members and the like */
		lazy->type.kind = MT_TYPE_BYTES;
		lazy->type.name = dwarf_diename(&lazy->die);
		lazy->type.size = size_of(&lazy->die, tag == DW_TAG_ptr_to_member_type ? 8 : 0);
	}
}

static bool is_qualifier(int tag)
{
	return tag == DW_TAG_const_type || tag == DW_TAG_volatile_type ||
	       tag == DW_TAG_restrict_type || tag == DW_TAG_atomic_type ||
	       tag == DW_TAG_packed_type || tag == DW_TAG_shared_type ||
	       tag == DW_TAG_immutable_type || tag == DW_TAG_subrange_type;
}

/* What a type unit holds is only declared where it is used (DWARF 5 section 5.7.1). */
static void follow_signature(Dwarf_Die *die)
{
	Dwarf_Die whole;

	if (mt_die_target(die, DW_AT_signature, &whole))
		*die = whole;
}

/* In the table before it is filled in, so that damaged types which contain themselves end. */
static const struct mt_type *type_of(struct mt_module_file *file, Dwarf_Die *reference, int depth)
{
	struct mt_lazy_type *lazy;
	Dwarf_Die die = *reference;

	if (depth > CHAIN_MAX)
		return mt_type_base("void");
	if (is_qualifier(dwarf_tag(&die)))
		return target_of(file, &die, depth);
	follow_signature(&die);
	HASH_FIND_PTR(file->types, &die.addr, lazy);
	if (lazy)
		return &lazy->type;
	lazy = lazy_new(file, &die);
	if (!lazy)
		return NULL;
	HASH_ADD_PTR(file->types, die.addr, lazy);
	if (!lazy->hh.tbl) {
		free(lazy);
		return NULL;
	}
	fill(lazy, depth);
	return &lazy->type;
}

const struct mt_type *mt_type_of_die(struct mt_module_file *file, Dwarf_Die *die)
{
	return type_of(file, die, 0);
}

void mt_types_destroy(struct mt_lazy_type *types)
{
	struct mt_lazy_type *each, *next;

	HASH_ITER (hh, types, each, next) {
		HASH_DEL(types, each);
		for (struct mt_lazy_type *inner = each->next_inner, *after; inner; inner = after) {
			after = inner->next_inner;
			free(inner);
		}
		free((struct mt_member *)(uintptr_t)each->own_members);
		free((struct mt_enumerator *)(uintptr_t)each->own_enumerators);
		free(each);
	}
}
