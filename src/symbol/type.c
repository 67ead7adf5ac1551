/* SPDX-License-Identifier: MIT */
#include "symbol/type.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "symbol/image_private.h"
#include "symbol/type_dwarf.h"

/* How deep types are compared, searched and written. */
#define DEPTH_MAX 32

/* ---- Types of our own making --------------------------------------------- */

static const struct mt_type *image_type(struct mt_image *image, const struct mt_type *wanted)
{
	for (size_t i = 0; i < image->types.len; i++) {
		const struct mt_type *known = image->types.data[i];

		if (known->kind == wanted->kind && known->target == wanted->target &&
		    known->count == wanted->count && known->size == wanted->size)
			return known;
	}

	struct mt_type *made = mt_alloc(sizeof(*made));

	if (!made || !mt_vec_push(&image->types, made)) {
		free(made);
		return NULL;
	}
	*made = *wanted;
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

const struct mt_type *mt_type_pointer(struct mt_image *image, const struct mt_type *target)
{
	return image_type(image,
	                  &(struct mt_type){ .kind = MT_TYPE_POINTER,
	                                     .size = mt_machine_word(mt_image_machine(image)),
	                                     .target = target });
}

/* ---- Questions ----------------------------------------------------------- */

static const struct mt_lazy_type *origin(const struct mt_type *type)
{
	const struct mt_lazy_type *lazy = type->lazy;

	while (lazy && lazy->behind)
		lazy = lazy->behind;
	return lazy;
}

/* A struct that two units or files define is the same one when it has the same name and size. */
static bool same_tag(const struct mt_type *a, const struct mt_type *b)
{
	const struct mt_lazy_type *x = origin(a), *y = origin(b);

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

/* A name in the struct itself hides one in a base class, as in C++. */
static const struct mt_member *find_member(const struct mt_type *type, const char *name, int depth,
                                           uint64_t *offset)
{
	uint64_t inner;

	mt_type_complete(type);
	for (size_t i = 0; i < type->member_count; i++) {
		const struct mt_member *member = &type->members[i];

		if (member->name && !member->is_base && !strcmp(member->name, name)) {
			*offset = member->offset;
			return member;
		}
	}
	for (size_t i = 0; i < type->member_count && depth < DEPTH_MAX; i++) {
		const struct mt_member *member = &type->members[i];
		const struct mt_member *found =
		    member->name && !member->is_base
		        ? NULL
		        : find_member(member->type, name, depth + 1, &inner);

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
	return find_member(type, name, 0, offset);
}

/* ---- As text ------------------------------------------------------------- */

static const char *unnamed(enum mt_type_kind kind)
{
	switch (kind) {
	case MT_TYPE_STRUCT:
		return "struct {...}";
	case MT_TYPE_UNION:
		return "union {...}";
	case MT_TYPE_ENUM:
		return "enum {...}";
	case MT_TYPE_VOID:
		return "void";
	default:
		return "bytes";
	}
}

static bool is_suffixed(const struct mt_type *type)
{
	return type && !type->name &&
	       (type->kind == MT_TYPE_ARRAY || type->kind == MT_TYPE_FUNCTION);
}

static bool ends_in_star(const struct mt_buf *text)
{
	return text->len && text->data[text->len - 1] == '*';
}

/* What stands before the place of a variable's name in its declaration. */
static void format_before(const struct mt_type *type, struct mt_buf *out, int depth)
{
	if (!type || depth > DEPTH_MAX) {
		mt_buf_text(out, type ? "..." : "void");
		return;
	}
	if (type->name) {
		mt_buf_text(out, type->name);
		return;
	}
	switch (type->kind) {
	case MT_TYPE_POINTER:
		format_before(type->target, out, depth + 1);
		if (!ends_in_star(out))
			mt_buf_char(out, ' ');
		mt_buf_text(out, is_suffixed(type->target) ? "(" : "");
		mt_buf_char(out, type->is_reference ? '&' : '*');
		break;
	case MT_TYPE_ARRAY:
	case MT_TYPE_FUNCTION:
		format_before(type->target, out, depth + 1);
		break;
	case MT_TYPE_BYTES:
		mt_buf_printf(out, "%" PRIu64 " %s", type->size, unnamed(type->kind));
		break;
	default:
		mt_buf_text(out, unnamed(type->kind));
	}
}

/* What stands behind it. */
static void format_after(const struct mt_type *type, struct mt_buf *out, int depth)
{
	if (!type || type->name || depth > DEPTH_MAX)
		return;
	switch (type->kind) {
	case MT_TYPE_POINTER:
		mt_buf_text(out, is_suffixed(type->target) ? ")" : "");
		break;
	case MT_TYPE_ARRAY:
		mt_buf_char(out, '[');
		if (type->count)
			mt_buf_dec(out, type->count);
		mt_buf_char(out, ']');
		break;
	case MT_TYPE_FUNCTION:
		mt_buf_text(out, "()");
		break;
	default:
		return;
	}
	format_after(type->target, out, depth + 1);
}

void mt_type_format(const struct mt_type *type, struct mt_buf *out)
{
	format_before(type, out, 0);
	if (is_suffixed(type) && !ends_in_star(out))
		mt_buf_char(out, ' ');
	format_after(type, out, 0);
}
