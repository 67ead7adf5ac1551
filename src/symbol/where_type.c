/* SPDX-License-Identifier: MIT */
#include <dwarf.h>

#include "base/alloc.h"
#include "symbol/die.h"
#include "symbol/image_private.h"
#include "symbol/type_dwarf.h"
#include "symbol/units.h"
#include "symbol/where_private.h"

/* Deeper arrays of pointers to arrays are damage. */
#define DEPTH_MAX 16
/* How far back one looks for a type that was made before: those of a frame or two. */
#define KNOWN_MAX 64

struct resolution {
	const struct mt_where_frame *frame;
	unsigned steps;
};

static struct mt_error *resolve(struct resolution *resolution, const struct mt_type *type,
                                int depth, const struct mt_type **resolved);

/* ---- Bounds -------------------------------------------------------------- */

static struct mt_error *scope_of(struct resolution *resolution, const struct mt_type *array,
                                 Dwarf_Attribute *attr, struct mt_where_scope *scope)
{
	const struct mt_where_frame *frame = resolution->frame;
	struct mt_module_file *file = array->lazy->file;
	const struct mt_module *module = mt_local_module(frame->image, frame->pc, file);
	Dwarf_Die unit;

	if (!module || !mt_units_cu_at(file, frame->pc - module->bias, &unit))
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "the bounds of an array are those of another frame");
	*scope = (struct mt_where_scope){ .frame = frame,
		                          .file = file,
		                          .module = module,
		                          .bias = module->bias,
		                          .cu = attr->cu,
		                          .unit = mt_local_unit(&unit, attr->cu),
		                          .steps = &resolution->steps };
	return NULL;
}

/* One bound of the array, signed; `number` stays as it is where the array has it not. */
static struct mt_error *read_bound(struct resolution *resolution, const struct mt_type *array,
                                   unsigned attribute, bool *found, int64_t *number)
{
	Dwarf_Attribute attr;
	struct mt_where_scope scope;
	struct mt_typed value;
	Dwarf_Die die;

	*found = mt_type_bound(array, attribute, &attr);
	if (!*found)
		return NULL;
	MT_TRY(scope_of(resolution, array, &attr, &scope));
	MT_TRY(dwarf_formref_die(&attr, &die) ? mt_where_die_value(&scope, &die, &value)
	                                      : mt_where_attr_value(&scope, &attr, &value));
	if (value.kind == MT_TYPED_GENERIC)
		value.kind = MT_TYPED_SIGNED;
	*number = (int64_t)mt_typed_integer(&value);
	return NULL;
}

static struct mt_error *read_count(struct resolution *resolution, const struct mt_type *array,
                                   int64_t *lower, uint64_t *count)
{
	int64_t number = 0;
	bool found, has_lower;

	*lower = array->lower;
	MT_TRY(read_bound(resolution, array, DW_AT_lower_bound, &has_lower, lower));
	MT_TRY(read_bound(resolution, array, DW_AT_count, &found, &number));
	if (!found) {
		MT_TRY(read_bound(resolution, array, DW_AT_upper_bound, &found, &number));
		if (found && __builtin_sub_overflow(number, *lower, &number))
			number = -1;
		number = number < INT64_MAX ? number + 1 : 0;
	}
	*count = found && number > 0 ? (uint64_t)number : 0;
	return NULL;
}

/* ---- Types with them ----------------------------------------------------- */

static bool is_like(const struct mt_type *a, const struct mt_type *b)
{
	return a->kind == b->kind && a->target == b->target && a->count == b->count &&
	       a->lower == b->lower && a->name == b->name && a->qualifiers == b->qualifiers &&
	       a->is_reference == b->is_reference && a->size == b->size &&
	       a->is_empty == b->is_empty;
}

static struct mt_error *keep(struct mt_image *image, const struct mt_type *made,
                             const struct mt_type **type)
{
	struct mt_type *kept;

	for (size_t i = image->types.len, left = KNOWN_MAX; i > 0 && left > 0; i--, left--) {
		if (is_like(image->types.data[i - 1], made)) {
			*type = image->types.data[i - 1];
			return NULL;
		}
	}
	kept = mt_alloc(sizeof(*kept));
	if (kept)
		*kept = *made;
	if (!kept || !mt_vec_push(&image->types, kept)) {
		free(kept);
		return mt_error_nomem();
	}
	*type = kept;
	return NULL;
}

/* Nobody may know any more how many elements there are: it is `int []` then. */
static struct mt_error *fill_in_count(struct resolution *resolution, const struct mt_type *type,
                                      struct mt_type *made)
{
	struct mt_error *error = read_count(resolution, type, &made->lower, &made->count);

	made->is_empty = !error && !made->count;
	if (!error || mt_error_kind(error) != MT_ERR_UNSUPPORTED)
		return error;
	mt_error_free(error);
	made->count = 0;
	return NULL;
}

static struct mt_error *resolve_array(struct resolution *resolution, const struct mt_type *type,
                                      int depth, const struct mt_type **resolved)
{
	struct mt_type made = *type;

	MT_TRY(resolve(resolution, type->target, depth + 1, &made.target));
	if (type->is_variable)
		MT_TRY(fill_in_count(resolution, type, &made));
	if (!type->is_variable && made.target == type->target) {
		*resolved = type;
		return NULL;
	}
	made.is_variable = false;
	made.lazy = NULL;
	if (__builtin_mul_overflow(made.target->size, made.count, &made.size))
		made.size = made.count = 0;
	return keep(resolution->frame->image, &made, resolved);
}

static struct mt_error *resolve_pointer(struct resolution *resolution, const struct mt_type *type,
                                        int depth, const struct mt_type **resolved)
{
	struct mt_type made = *type;

	MT_TRY(resolve(resolution, type->target, depth + 1, &made.target));
	if (made.target == type->target) {
		*resolved = type;
		return NULL;
	}
	made.lazy = NULL;
	return keep(resolution->frame->image, &made, resolved);
}

static struct mt_error *resolve(struct resolution *resolution, const struct mt_type *type,
                                int depth, const struct mt_type **resolved)
{
	bool goes_on = type && type->target && depth < DEPTH_MAX;

	if (goes_on && type->kind == MT_TYPE_ARRAY)
		return resolve_array(resolution, type, depth, resolved);
	if (goes_on && type->kind == MT_TYPE_POINTER &&
	    (type->target->kind == MT_TYPE_ARRAY || type->target->kind == MT_TYPE_POINTER))
		return resolve_pointer(resolution, type, depth, resolved);
	*resolved = type;
	return NULL;
}

struct mt_error *mt_where_type(const struct mt_where_frame *frame, const struct mt_type *type,
                               const struct mt_type **resolved)
{
	struct resolution resolution = { .frame = frame, .steps = MT_WHERE_STEPS };
	const struct mt_type *found;

	MT_TRY(resolve(&resolution, type, 0, &found));
	*resolved = found;
	return NULL;
}
