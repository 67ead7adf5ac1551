/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "expr/arith.h"
#include "expr/value_internal.h"

/* ---- From bytes */

/* x87 keeps 80 bits; the rest of its 12 or 16 bytes is padding. */
enum { EXTENDED_SIZE = 10 };

static long double floating_of(const uint8_t *bytes, uint64_t size)
{
	float single;
	double wide;
	long double extended = 0;

	if (size == sizeof(single)) {
		memcpy(&single, bytes, sizeof(single));
		return (long double)single;
	}
	if (size == sizeof(wide)) {
		memcpy(&wide, bytes, sizeof(wide));
		return (long double)wide;
	}
	memcpy(&extended, bytes, EXTENDED_SIZE);
	return extended;
}

static void integer_of(const struct mt_type *type, const uint8_t *bytes, struct mt_number *number)
{
	uint64_t size = type->size < 8 ? type->size : 8;
	unsigned spare = 64 - 8u * (unsigned)size;
	uint64_t bits = 0;

	memcpy(&bits, bytes, (size_t)size);
	bits <<= spare;
	number->bits = type->is_signed ? (uint64_t)((int64_t)bits >> spare) : bits >> spare;
	if (type->size == MT_NUMBER_MAX)
		memcpy(&number->high, bytes + 8, sizeof(number->high));
}

/* A bit-field that an int holds becomes one; its width decides, not its type (C11 6.3.1.1). */
struct mt_number mt_value_number_type(const struct mt_value *value)
{
	const struct mt_type *type = value->type;
	struct mt_number number = { .size = (uint8_t)type->size,
		                    .is_signed = type->is_signed,
		                    .is_float = type->kind == MT_TYPE_FLOAT };

	if (value->bit_size && value->bit_size <= 32) {
		number.size = 4;
		number.is_signed = type->is_signed || value->bit_size < 32;
	}
	return number;
}

/* The bytes that a number is made of, wherever the value is. */
static struct mt_error *read_scalar(const struct mt_world *world, const struct mt_value *value,
                                    uint8_t bytes[MT_NUMBER_MAX])
{
	uint8_t home[MT_VALUE_FIELD_MAX] = { 0 };
	bool is_gone;

	if (value->bytes) {
		memcpy(bytes, value->bytes, (size_t)value->type->size);
		for (uint64_t i = 0; i < value->type->size; i++)
			if (mt_value_is_gone(value, i))
				return mt_error_new(MT_ERR_UNSUPPORTED,
				                    "this value is optimized out");
		return NULL;
	}
	if (!value->bit_size)
		return mt_value_load(world, value, bytes, NULL);
	MT_TRY(mt_value_load_field(world, value, home, &is_gone));
	if (is_gone)
		return mt_error_new(MT_ERR_UNSUPPORTED, "this value is optimized out");
	return mt_value_extend(value, home, bytes);
}

static struct mt_error *address_number(const struct mt_world *world, const struct mt_value *value,
                                       struct mt_number *number)
{
	if (value->home != MT_HOME_MEMORY && !value->is_function)
		return mt_error_new(MT_ERR_SYNTAX,
		                    "this array is not in memory: it has no address");
	*number =
	    (struct mt_number){ .size = mt_machine_word(world->machine), .bits = value->addr };
	return NULL;
}

static bool is_number(const struct mt_type *type)
{
	return mt_type_is_scalar(type) && type->size && type->size <= MT_NUMBER_MAX;
}

struct mt_error *mt_value_number(const struct mt_world *world, const struct mt_value *value,
                                 struct mt_number *number)
{
	const struct mt_type *type = value->type;
	struct mt_number read = mt_value_number_type(value);
	uint8_t bytes[MT_NUMBER_MAX] = { 0 };

	if (type->kind == MT_TYPE_FUNCTION || type->kind == MT_TYPE_ARRAY)
		return address_number(world, value, number);
	if (type->kind == MT_TYPE_VOID && value->name)
		return mt_error_new(MT_ERR_SYNTAX,
		                    "$%.60s is no register, and no value was set by that name",
		                    value->name);
	if (type->kind == MT_TYPE_VOID)
		return mt_error_new(MT_ERR_SYNTAX, "void is no number: there is no value here");
	if (!is_number(type))
		return mt_value_error(MT_ERR_SYNTAX, type, "is no number");
	MT_TRY(read_scalar(world, value, bytes));
	if (read.is_float)
		read.floating = floating_of(bytes, type->size);
	else
		integer_of(type, bytes, &read);
	*number = read;
	return NULL;
}

static bool is_wide(const struct mt_number *number)
{
	return !number->is_float && number->size == MT_NUMBER_MAX;
}

bool mt_number_is_true(const struct mt_number *number)
{
	if (number->is_float)
		return number->floating != 0;
	return number->bits || (is_wide(number) && number->high);
}

unsigned __int128 mt_number_wide(const struct mt_number *number)
{
	if (is_wide(number))
		return (unsigned __int128)number->high << 64 | number->bits;
	return number->is_signed ? (unsigned __int128)(__int128)(int64_t)number->bits
	                         : number->bits;
}

struct mt_number mt_number_of_wide(unsigned __int128 wide, bool is_signed)
{
	return (struct mt_number){ .is_signed = is_signed,
		                   .size = MT_NUMBER_MAX,
		                   .bits = (uint64_t)wide,
		                   .high = (uint64_t)(wide >> 64) };
}

/* ---- To bytes */

static void float_to_bytes(const struct mt_number *number, uint64_t size,
                           uint8_t bytes[MT_NUMBER_MAX])
{
	long double value =
	    number->is_float
	        ? mt_arith_round(number->floating, (unsigned)size)
	        : mt_arith_wide_to_float(mt_number_wide(number), number->is_signed, (unsigned)size);
	float single = (float)value;
	double wide = (double)value;

	if (size == sizeof(single))
		memcpy(bytes, &single, sizeof(single));
	else if (size == sizeof(wide))
		memcpy(bytes, &wide, sizeof(wide));
	else
		memcpy(bytes, &value, EXTENDED_SIZE);
}

void mt_number_to_bytes(const struct mt_number *number, const struct mt_type *type,
                        uint8_t bytes[MT_NUMBER_MAX])
{
	struct mt_arith integer = { .size = (uint8_t)type->size, .is_signed = type->is_signed };
	unsigned __int128 wide;

	memset(bytes, 0, MT_NUMBER_MAX);
	if (type->kind == MT_TYPE_FLOAT) {
		float_to_bytes(number, type->size, bytes);
		return;
	}
	if (type->kind == MT_TYPE_BOOL)
		wide = mt_number_is_true(number);
	else if (number->is_float)
		wide = mt_arith_to_integer(number->floating, integer);
	else
		wide = mt_number_wide(number);
	memcpy(bytes, &wide, type->size < sizeof(wide) ? (size_t)type->size : sizeof(wide));
}

/* The type that C's arithmetic has for it. */
static const struct mt_type *natural_type(const struct mt_number *number)
{
	if (number->is_float)
		return mt_type_base(number->size == 4   ? "float"
		                    : number->size == 8 ? "double"
		                                        : "long double");
	if (number->size <= 4)
		return mt_type_base(number->is_signed ? "int" : "unsigned int");
	if (number->size == MT_NUMBER_MAX)
		return mt_type_base(number->is_signed ? "__int128" : "unsigned __int128");
	return mt_type_base(number->is_signed ? "long" : "unsigned long");
}

struct mt_error *mt_value_of_number(struct mt_arena *arena, const struct mt_number *number,
                                    const struct mt_type *type, struct mt_value *value)
{
	struct mt_value made = { .type = type ? type : natural_type(number) };
	uint8_t *bytes = mt_arena_alloc(arena, MT_NUMBER_MAX);

	if (!bytes)
		return mt_error_nomem();
	if (!is_number(made.type))
		return mt_value_error(MT_ERR_SYNTAX, made.type, "cannot be made of a number");
	mt_number_to_bytes(number, made.type, bytes);
	made.bytes = bytes;
	*value = made;
	return NULL;
}
