/* SPDX-License-Identifier: MIT */
#include <dwarf.h>

#include "symbol/die.h"
#include "symbol/type_dwarf.h"

#define DIMENSIONS_MAX 16

struct dimensions {
	Dwarf_Die subranges[DIMENSIONS_MAX];
	size_t count;
};

/* DWARF 5 section 7.5.5: a bound is a constant, an expression or a reference; a location list, by
 * its form, would pass for a constant. */
static bool is_constant(Dwarf_Attribute *attr)
{
	switch (dwarf_whatform(attr)) {
	case DW_FORM_data1:
	case DW_FORM_data2:
	case DW_FORM_data4:
	case DW_FORM_data8:
	case DW_FORM_sdata:
	case DW_FORM_udata:
	case DW_FORM_implicit_const:
		return true;
	default:
		return false;
	}
}

static bool is_computed(Dwarf_Die *die, unsigned attribute)
{
	Dwarf_Attribute attr;

	return dwarf_attr_integrate(die, attribute, &attr) && !is_constant(&attr);
}

static bool constant(Dwarf_Die *die, unsigned attribute, int64_t *value)
{
	return !is_computed(die, attribute) && mt_die_integer(die, attribute, value);
}

/* The index of the first element where DWARF leaves it out (DWARF 5 table 7.17). */
static int64_t default_lower(Dwarf_Die *die)
{
	Dwarf_Die cu;

	switch (dwarf_srclang(dwarf_diecu(die, &cu, NULL, NULL))) {
	case DW_LANG_Ada83:
	case DW_LANG_Ada95:
	case DW_LANG_Cobol74:
	case DW_LANG_Cobol85:
	case DW_LANG_Fortran77:
	case DW_LANG_Fortran90:
	case DW_LANG_Fortran95:
	case DW_LANG_Fortran03:
	case DW_LANG_Fortran08:
	case DW_LANG_Pascal83:
	case DW_LANG_PLI:
		return 1;
	default:
		return 0;
	}
}

/* False where the bound is missing, or computed at run time. */
static bool element_count(Dwarf_Die *subrange, int64_t lower, uint64_t *count)
{
	int64_t value;

	if (constant(subrange, DW_AT_count, &value)) {
		*count = (uint64_t)value;
		return value >= 0;
	}
	if (!constant(subrange, DW_AT_upper_bound, &value))
		return false;
	if (value < lower - 1 || __builtin_sub_overflow(value, lower, &value) || value == INT64_MAX)
		return false;
	*count = (uint64_t)value + 1;
	return true;
}

static uint64_t stride_of(Dwarf_Die *die)
{
	int64_t value;

	if (constant(die, DW_AT_byte_stride, &value) && value > 0)
		return (uint64_t)value;
	if (constant(die, DW_AT_bit_stride, &value) && value > 0 && value % 8 == 0)
		return (uint64_t)value / 8;
	return 0;
}

static void fill_bounds(struct mt_type *type, Dwarf_Die *subrange)
{
	int64_t lower;

	type->lower = default_lower(subrange);
	if (constant(subrange, DW_AT_lower_bound, &lower) && lower > INT64_MIN)
		type->lower = lower;
	type->stride = stride_of(subrange);
	type->is_variable =
	    is_computed(subrange, DW_AT_count) || is_computed(subrange, DW_AT_upper_bound) ||
	    is_computed(subrange, DW_AT_lower_bound) || is_computed(subrange, DW_AT_byte_stride) ||
	    is_computed(subrange, DW_AT_bit_stride);
	if (!type->is_variable && element_count(subrange, type->lower, &type->count))
		type->is_empty = !type->count;
}

/* An element of unknown size has the array's unknown too. */
static void fill_dimension(struct mt_lazy_type *lazy, const struct mt_type *element,
                           Dwarf_Die *subrange)
{
	struct mt_type *type = &lazy->type;

	type->kind = MT_TYPE_ARRAY;
	type->target = element;
	lazy->has_subrange = subrange != NULL;
	if (subrange) {
		lazy->subrange = *subrange;
		fill_bounds(type, subrange);
	}
	if (__builtin_mul_overflow(type->stride ? type->stride : element->size, type->count,
	                           &type->size))
		type->size = type->count = 0;
}

static void read_dimensions(Dwarf_Die *array, struct dimensions *dimensions)
{
	Dwarf_Die child;

	if (!mt_die_child(array, &child))
		return;
	do {
		int tag = dwarf_tag(&child);

		if ((tag == DW_TAG_subrange_type || tag == DW_TAG_enumeration_type) &&
		    dimensions->count < DIMENSIONS_MAX)
			dimensions->subranges[dimensions->count++] = child;
	} while (mt_die_sibling(&child, &child));
}

/* An array of several dimensions is one DIE, and one of our types for each. */
void mt_type_fill_array(struct mt_lazy_type *lazy, int depth)
{
	struct dimensions dimensions = { 0 };
	const struct mt_type *element = mt_type_of_attr_at(lazy->file, &lazy->die, depth);

	read_dimensions(&lazy->die, &dimensions);
	for (size_t i = dimensions.count; element && i > 1; i--) {
		struct mt_lazy_type *inner = mt_lazy_type_new(lazy->file, &lazy->die);

		if (!inner)
			return;
		fill_dimension(inner, element, &dimensions.subranges[i - 1]);
		inner->next_inner = lazy->next_inner;
		lazy->next_inner = inner;
		element = &inner->type;
	}
	if (!element)
		return;
	fill_dimension(lazy, element, dimensions.count ? &dimensions.subranges[0] : NULL);
	if (!lazy->type.stride)
		lazy->type.stride = stride_of(&lazy->die);
	lazy->type.is_vector = mt_die_flag(&lazy->die, DW_AT_GNU_vector);
}

bool mt_type_bound(const struct mt_type *array, unsigned attribute, Dwarf_Attribute *bound)
{
	const struct mt_lazy_type *lazy = mt_type_origin(array);
	Dwarf_Die subrange;

	if (!lazy || !lazy->has_subrange)
		return false;
	subrange = lazy->subrange;
	return is_computed(&subrange, attribute) &&
	       dwarf_attr_integrate(&subrange, attribute, bound);
}
