/* SPDX-License-Identifier: MIT */
/* What the files of values share: value.c reads them, value_part.c takes them apart,
 * value_number.c makes numbers of them and back, value_assign.c writes them. */
#ifndef MT_EXPR_VALUE_INTERNAL_H
#define MT_EXPR_VALUE_INTERNAL_H

#include "expr/value.h"

/* How many bytes at its home the value takes: of a bit-field, those that hold it. */
static inline size_t mt_value_home_size(const struct mt_value *value)
{
	if (value->bit_size)
		return (value->bit_offset + value->bit_size + 7u) / 8;
	return (size_t)value->type->size;
}

/* Most bytes that a bit-field's home has: 128 bits, and 7 before them. */
enum { MT_VALUE_FIELD_MAX = 17 };

/* Reads mt_value_home_size() bytes from the value's home. `gone`, unless NULL, gets as many,
 * with the bits that are optimized out; NULL: such a bit is UNSUPPORTED. */
struct mt_error *mt_value_load(const struct mt_world *world, const struct mt_value *value,
                               void *out, uint8_t *gone);

/* The same for a bit-field, of whose own bits it is told whether one is optimized out. */
struct mt_error *mt_value_load_field(const struct mt_world *world, const struct mt_value *value,
                                     uint8_t home[MT_VALUE_FIELD_MAX], bool *is_gone);

/* The bit-field in the bytes of its home as a value of its type, extended to MT_BIT_FIELD_MAX
 * bytes. FORMAT: no compiler makes such a field. */
struct mt_error *mt_value_extend(const struct mt_value *value,
                                 const uint8_t home[MT_VALUE_FIELD_MAX],
                                 uint8_t out[MT_BIT_FIELD_MAX]);

/* What is known of a scalar's number before it is read: its type, that of a bit-field promoted. */
struct mt_number mt_value_number_type(const struct mt_value *value);

/* Sets the home of `value` to what the location says; it is copied into the arena. */
struct mt_error *mt_value_of_where(struct mt_arena *arena, const struct mt_where *where,
                                   struct mt_value *value);

/* "cannot … a value of type T": an error about a value without a place in the text. */
struct mt_error *mt_value_error(enum mt_error_kind kind, const struct mt_type *type,
                                const char *what);

#endif
