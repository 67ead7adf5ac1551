/* SPDX-License-Identifier: MIT */
#include "record/json_value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "print/print.h"
#include "record/place.h"

/* Types of hostile debug information may hold themselves, many times over. */
#define DEPTH_MAX 16
#define MEMBERS_MAX 4096

json_t *mt_json_number(uint64_t value)
{
	char digits[24];

	if (value <= INT64_MAX) /* of json_int_t */
		return json_integer((json_int_t)value);
	snprintf(digits, sizeof(digits), "%" PRIu64, value);
	return json_string(digits);
}

json_t *mt_json_hex(uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "0x%" PRIx64, value);
	return json_string(digits);
}

json_t *mt_json_text(const char *text)
{
	json_t *string = text ? json_string(text) : NULL;

	/* A name in a program needs not be UTF-8. */
	return string ? string : json_null();
}

struct maker {
	struct mt_image *image;
	unsigned members; /* met so far */
};

struct value {
	const struct mt_type *type;
	const uint8_t *bytes;
	size_t size;
};

static json_t *make(struct maker *maker, struct value value, int depth);

static json_t *as_text(const struct maker *maker, struct value value)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };

	mt_value_format(maker->image, value.type, value.bytes, value.size, &text);
	return mt_json_text(text.len ? text.data : "");
}

/* ---- Scalars ------------------------------------------------------------- */

static json_t *floating(const struct maker *maker, struct value value)
{
	double wide = NAN;
	float narrow;

	if (value.size == sizeof(wide)) {
		memcpy(&wide, value.bytes, sizeof(wide));
	} else if (value.size == sizeof(narrow)) {
		memcpy(&narrow, value.bytes, sizeof(narrow));
		wide = (double)narrow;
	}
	/* JSON has no infinity and no NaN. */
	return isfinite(wide) ? json_real(wide) : as_text(maker, value);
}

static json_t *integer(const struct mt_type *type, uint64_t number)
{
	return type->is_signed ? json_integer((json_int_t)number) : mt_json_number(number);
}

static json_t *enumerator(const struct mt_type *type, uint64_t number)
{
	for (size_t i = 0; i < type->enumerator_count; i++)
		if ((uint64_t)type->enumerators[i].value == number)
			return mt_json_text(type->enumerators[i].name);
	return integer(type, number);
}

static json_t *scalar(const struct maker *maker, struct value value)
{
	uint64_t number;

	if (value.type->kind == MT_TYPE_FLOAT)
		return floating(maker, value);
	if (!mt_value_as_number(value.type, value.bytes, value.size, &number))
		return as_text(maker, value);
	switch (value.type->kind) {
	case MT_TYPE_BOOL:
		return number <= 1 ? json_boolean(number) : mt_json_number(number);
	case MT_TYPE_ENUM:
		return enumerator(value.type, number);
	case MT_TYPE_POINTER:
	case MT_TYPE_BYTES:
		return mt_json_hex(number);
	default:
		return integer(value.type, number);
	}
}

/* ---- What is made of parts ----------------------------------------------- */

static json_t *characters(const struct maker *maker, struct value value)
{
	size_t len = strnlen((const char *)value.bytes, value.size);
	json_t *string = json_stringn((const char *)value.bytes, len);

	return string ? string : as_text(maker, value);
}

static json_t *array(struct maker *maker, struct value value, int depth)
{
	const struct mt_type *element = value.type->target;

	if (!element || !element->size)
		return as_text(maker, value);
	if (element->kind == MT_TYPE_CHAR)
		return characters(maker, value);

	/* A flexible one has as many as there are bytes. */
	size_t room = value.size / element->size;
	uint64_t count = value.type->count ? value.type->count : room;
	json_t *elements = json_array();

	for (size_t i = 0; i < count && i < room; i++) {
		struct value one = { element, value.bytes + i * element->size, element->size };

		json_array_append_new(elements, make(maker, one, depth + 1));
	}
	return elements;
}

static json_t *member_value(struct maker *maker, const struct mt_member *member, struct value whole,
                            int depth)
{
	uint8_t bits[MT_BIT_FIELD_MAX];

	if (member->bit_size)
		return mt_value_bit_field(member, whole.bytes, whole.size, bits)
		           ? make(maker, (struct value){ member->type, bits, sizeof(bits) }, depth)
		           : json_null();
	if (member->offset > whole.size)
		return json_null();
	return make(maker,
	            (struct value){ member->type, whole.bytes + member->offset,
	                            whole.size - member->offset },
	            depth);
}

static void put_members(struct maker *maker, struct value part, int depth, json_t *object);

static void put_member(struct maker *maker, const struct mt_member *member, struct value part,
                       int depth, json_t *object)
{
	if (maker->members++ >= MEMBERS_MAX || depth > DEPTH_MAX)
		return;
	if (member->name && !member->is_base) {
		json_object_set_new(object, member->name, member_value(maker, member, part, depth));
		return;
	}

	size_t offset = member->offset < part.size ? member->offset : part.size;

	put_members(maker, (struct value){ member->type, part.bytes + offset, part.size - offset },
	            depth, object);
}

/* Those of base classes first: the class's own hide them. */
static void put_members(struct maker *maker, struct value part, int depth, json_t *object)
{
	const struct mt_type *type = part.type;

	mt_type_complete(type);
	if (type->size && type->size < part.size)
		part.size = type->size;
	for (size_t i = 0; i < type->member_count; i++)
		if (type->members[i].is_base)
			put_member(maker, &type->members[i], part, depth + 1, object);
	for (size_t i = 0; i < type->member_count; i++)
		if (!type->members[i].is_base)
			put_member(maker, &type->members[i], part, depth + 1, object);
}

static json_t *structure(struct maker *maker, struct value value, int depth)
{
	json_t *object = json_object();

	put_members(maker, value, depth, object);
	return object;
}

static json_t *make(struct maker *maker, struct value value, int depth)
{
	mt_type_complete(value.type);
	if (value.size < value.type->size || depth > DEPTH_MAX)
		return json_null();
	if (value.type->size) /* without: a flexible array, or a type that is only declared */
		value.size = value.type->size;
	switch (value.type->kind) {
	case MT_TYPE_STRUCT:
	case MT_TYPE_UNION:
		return structure(maker, value, depth);
	case MT_TYPE_ARRAY:
		return array(maker, value, depth);
	default:
		return scalar(maker, value);
	}
}

json_t *mt_json_value(struct mt_image *image, const struct mt_type *type, const uint8_t *bytes,
                      size_t size)
{
	struct maker maker = { .image = image };
	struct value value = { type, bytes, size };

	return size < type->size ? scalar(&maker, value) : make(&maker, value, 0);
}
