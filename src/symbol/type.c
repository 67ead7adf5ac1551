/* SPDX-License-Identifier: MIT */
#include "symbol/type.h"

#include <string.h>

#include "base/alloc.h"
#include "symbol/image_private.h"
#include "symbol/type_dwarf.h"

/* How deep types are compared and searched, and in how many. */
#define DEPTH_MAX 32
#define SEARCHED_MAX 4096

/* ---- Types of our own making --------------------------------------------- */

static bool has_params(const struct mt_type *type, const struct mt_type *wanted)
{
	if (type->param_count != wanted->param_count)
		return false;
	for (size_t i = 0; i < type->param_count; i++)
		if (type->params[i] != wanted->params[i])
			return false;
	return true;
}

static bool is_wanted(const struct mt_type *known, const struct mt_type *wanted)
{
	return known->kind == wanted->kind && known->target == wanted->target &&
	       known->count == wanted->count && known->size == wanted->size &&
	       known->is_reference == wanted->is_reference && known->lazy == wanted->lazy &&
	       known->is_varargs == wanted->is_varargs && has_params(known, wanted);
}

/* What is made here is kept with the image, and made once. */
static const struct mt_type *image_type(struct mt_image *image, const struct mt_type *wanted)
{
	size_t params_size = wanted->param_count * sizeof(*wanted->params);

	for (size_t i = 0; i < image->types.len; i++)
		if (is_wanted(image->types.data[i], wanted))
			return image->types.data[i];

	struct mt_type *made = mt_alloc(sizeof(*made) + params_size);

	if (!made || !mt_vec_push(&image->types, made)) {
		free(made);
		return NULL;
	}
	*made = *wanted;
	if (params_size) {
		made->params = (const struct mt_type *const *)(const void *)(made + 1);
		memcpy(made + 1, wanted->params, params_size);
	}
	return made;
}

const struct mt_type *mt_type_bytes(struct mt_image *image, uint64_t size)
{
	return image_type(image, &(struct mt_type){ .kind = MT_TYPE_BYTES, .size = size });
}

const struct mt_type *mt_type_array(struct mt_image *image, const struct mt_type *element,
                                    uint64_t count)
{
	struct mt_type array = { .kind = MT_TYPE_ARRAY, .target = element, .count = count };

	if (__builtin_mul_overflow(element->size, count, &array.size))
		return NULL;
	return image_type(image, &array);
}

static const struct mt_type *pointer_type(struct mt_image *image, const struct mt_type *target,
                                          bool is_reference)
{
	return image_type(image,
	                  &(struct mt_type){ .kind = MT_TYPE_POINTER,
	                                     .is_reference = is_reference,
	                                     .size = mt_machine_word(mt_image_machine(image)),
	                                     .target = target });
}

const struct mt_type *mt_type_pointer(struct mt_image *image, const struct mt_type *target)
{
	return pointer_type(image, target, false);
}

const struct mt_type *mt_type_reference(struct mt_image *image, const struct mt_type *target)
{
	return pointer_type(image, target, true);
}

const struct mt_type *mt_type_function(struct mt_image *image, const struct mt_type *result,
                                       const struct mt_type *const *params, size_t count,
                                       bool is_varargs)
{
	return image_type(image, &(struct mt_type){ .kind = MT_TYPE_FUNCTION,
	                                            .target = result,
	                                            .params = params,
	                                            .param_count = count,
	                                            .is_varargs = is_varargs,
	                                            .is_prototyped = true });
}

static bool is_qualified_as(const struct mt_type *type, const struct mt_type *plain,
                            unsigned qualifiers)
{
	return type->qualifiers == qualifiers && type->kind == plain->kind &&
	       type->name == plain->name && type->alias_of == plain->alias_of &&
	       type->target == plain->target && type->size == plain->size &&
	       type->members == plain->members && type->params == plain->params &&
	       type->count == plain->count;
}

/* One of DWARF is completed first, so that the copy need not be. */
const struct mt_type *mt_type_qualified(struct mt_image *image, const struct mt_type *type,
                                        unsigned qualifiers)
{
	qualifiers |= type->qualifiers;
	if (qualifiers == type->qualifiers)
		return type;
	mt_type_complete(type);
	for (size_t i = 0; i < image->types.len; i++)
		if (is_qualified_as(image->types.data[i], type, qualifiers))
			return image->types.data[i];

	struct mt_type *made = mt_alloc(sizeof(*made));

	if (!made || !mt_vec_push(&image->types, made)) {
		free(made);
		return NULL;
	}
	*made = *type;
	made->qualifiers = (uint8_t)qualifiers;
	return made;
}

/* ---- Questions ----------------------------------------------------------- */

struct mt_lazy_type *mt_type_origin(const struct mt_type *type)
{
	struct mt_lazy_type *lazy = type->lazy;

	while (lazy && lazy->behind)
		lazy = lazy->behind;
	return lazy;
}

/* A struct that two units or files define is the same one when it has the same name and size. */
static bool same_tag(const struct mt_type *a, const struct mt_type *b)
{
	const struct mt_lazy_type *x = mt_type_origin(a), *y = mt_type_origin(b);

	if (x == y)
		return x != NULL;
	return x && y && x->type.name && y->type.name && !strcmp(x->type.name, y->type.name) &&
	       a->size == b->size;
}

static bool same(const struct mt_type *a, const struct mt_type *b, int depth)
{
	if (a == b || depth > DEPTH_MAX)
		return true;
	if (!a || !b || a->kind != b->kind || a->size != b->size || a->count != b->count ||
	    a->is_signed != b->is_signed || a->is_reference != b->is_reference)
		return false;
	switch (a->kind) {
	case MT_TYPE_POINTER:
	case MT_TYPE_ARRAY:
	case MT_TYPE_FUNCTION:
		return same(a->target, b->target, depth + 1);
	case MT_TYPE_STRUCT:
	case MT_TYPE_UNION:
	case MT_TYPE_ENUM:
		return same_tag(a, b);
	default:
		return true;
	}
}

bool mt_type_same(const struct mt_type *a, const struct mt_type *b)
{
	return same(a, b, 0);
}

enum mt_language mt_type_language(const struct mt_type *type)
{
	for (int depth = 0; type && depth < DEPTH_MAX; depth++) {
		const struct mt_lazy_type *lazy = type->lazy;

		if (lazy)
			return mt_die_language(lazy->file, &lazy->die);
		type = type->target;
	}
	return MT_LANG_C;
}

bool mt_type_is_scalar(const struct mt_type *type)
{
	switch (type->kind) {
	case MT_TYPE_INT:
	case MT_TYPE_BOOL:
	case MT_TYPE_CHAR:
	case MT_TYPE_FLOAT:
	case MT_TYPE_ENUM:
	case MT_TYPE_POINTER:
		return true;
	case MT_TYPE_BYTES:
		return type->size <= 8;
	default:
		return false;
	}
}

/* Damaged structs can contain themselves, more than once. */
struct member_search {
	const char *name;
	unsigned types_left;
};

/* A name in the struct itself hides one in a base class, as in C++. */
static const struct mt_member *find_member(struct member_search *search, const struct mt_type *type,
                                           int depth, uint64_t *offset)
{
	uint64_t inner;

	mt_type_complete(type);
	for (size_t i = 0; i < type->member_count; i++) {
		const struct mt_member *member = &type->members[i];

		if (member->name && !member->is_base && !strcmp(member->name, search->name)) {
			*offset = member->offset;
			return member;
		}
	}
	for (size_t i = 0; i < type->member_count && depth < DEPTH_MAX; i++) {
		const struct mt_member *member = &type->members[i];

		if ((member->name && !member->is_base) || !search->types_left)
			continue;
		search->types_left--;

		const struct mt_member *found =
		    find_member(search, member->type, depth + 1, &inner);

		if (found) {
			*offset = member->offset + inner;
			return found;
		}
	}
	return NULL;
}

const struct mt_member *mt_type_member(const struct mt_type *type, const char *name,
                                       uint64_t *offset)
{
	struct member_search search = { .name = name, .types_left = SEARCHED_MAX };

	return find_member(&search, type, 0, offset);
}
