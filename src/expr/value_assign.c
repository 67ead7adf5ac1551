/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "expr/value_internal.h"
#include "x86/regtable.h"

/* ---- Variables in registers and pieces */

static struct mt_error *write_piece(const struct mt_world *world,
                                    const struct mt_where_piece *piece, uint64_t bit,
                                    const uint8_t *bytes, size_t size)
{
	uint64_t first = piece->bit_offset + bit;

	if (first % 8)
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "this part does not lie at a whole byte: it cannot be set");
	if (piece->kind == MT_WHERE_MEMORY)
		return world->write(world->arg, piece->addr + first / 8, bytes, size);
	if (piece->kind == MT_WHERE_REGISTER && world->frame_write)
		return world->frame_write(world->arg, piece->reg, first, bytes, size);
	return mt_error_new(MT_ERR_UNSUPPORTED,
	                    piece->kind == MT_WHERE_GONE
	                        ? "this is optimized out: there is no place to assign to"
	                        : "this has a value that is known, and no place to assign to");
}

/* Goes through the pieces that bits [from, from + 8 * size) of the value lie in. */
static struct mt_error *write_where(const struct mt_world *world, const struct mt_where *where,
                                    uint64_t from, const uint8_t *bytes, size_t size)
{
	uint64_t begin = 0, bit = from, end = from + 8 * (uint64_t)size;

	for (size_t i = 0; i < where->len && bit < end; i++) {
		const struct mt_where_piece *piece = &where->data[i];
		uint64_t stop = piece->bits ? begin + piece->bits : UINT64_MAX;
		uint64_t until = stop < end ? stop : end;

		if (bit < stop) {
			if ((until - bit) % 8)
				return mt_error_new(MT_ERR_UNSUPPORTED,
				                    "this is spread over parts of bytes: it "
				                    "cannot be set");
			MT_TRY(write_piece(world, piece, bit - begin, bytes + (bit - from) / 8,
			                   (size_t)(until - bit) / 8));
			bit = until;
		}
		begin = stop;
	}
	return bit < end ? mt_error_new(MT_ERR_FORMAT, "this lies outside of its variable") : NULL;
}

/* ---- Other homes */

static struct mt_error *write_register(const struct mt_world *world, const struct mt_value *to,
                                       const uint8_t *bytes, size_t size)
{
	const struct mt_register *reg = mt_register_find(to->name);
	uint8_t whole[MT_REGISTER_MAX_SIZE] = { 0 };

	if (!reg || !world->reg_read || !world->reg_write)
		return mt_error_new(MT_ERR_UNSUPPORTED, "$%.40s cannot be set here", to->name);
	if (to->offset >= reg->size)
		return mt_error_new(MT_ERR_FORMAT, "$%.40s is smaller than that", to->name);
	/* What a long double has behind its ten bytes is no part of the register. */
	if (size > reg->size - to->offset)
		size = (size_t)(reg->size - to->offset);
	if (size < reg->size)
		MT_TRY(world->reg_read(world->arg, to->name, whole, reg->size));
	memcpy(whole + to->offset, bytes, size);
	return world->reg_write(world->arg, to->name, whole, reg->size);
}

/* A part of a variable of the debugger's: the rest stays as it is. */
static struct mt_error *write_own(const struct mt_world *world, const struct mt_value *to,
                                  const uint8_t *bytes, size_t size)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_value whole = { .type = NULL };
	uint8_t *copy;

	if (!world->own_find || !world->own_find(world->arg, to->name, &whole))
		return mt_error_new(MT_ERR_NOT_FOUND, "there is no $%.60s any more", to->name);
	MT_TRY(mt_value_fetch(world, &arena, &whole));
	if (to->offset > whole.type->size || size > whole.type->size - to->offset)
		return mt_error_new(MT_ERR_FORMAT, "$%.60s is smaller than that", to->name);
	copy = mt_arena_alloc(&arena, (size_t)whole.type->size);
	if (!copy)
		return mt_error_nomem();
	memcpy(copy, whole.bytes, (size_t)whole.type->size);
	memcpy(copy + to->offset, bytes, size);
	whole.bytes = copy;
	return world->own_set(world->arg, to->name, &whole);
}

static struct mt_error *write_home(const struct mt_world *world, const struct mt_value *to,
                                   const uint8_t *bytes, size_t size)
{
	switch (to->home) {
	case MT_HOME_MEMORY:
		if (!world->write)
			return mt_error_new(MT_ERR_UNSUPPORTED, "memory cannot be written here");
		return world->write(world->arg, to->addr, bytes, size);
	case MT_HOME_REGISTER:
		return write_register(world, to, bytes, size);
	case MT_HOME_WHERE:
		if (!world->write)
			return mt_error_new(MT_ERR_UNSUPPORTED, "variables cannot be set here");
		return write_where(world, to->where, 8 * to->offset, bytes, size);
	case MT_HOME_OWN:
		return write_own(world, to, bytes, size);
	default:
		return mt_error_new(MT_ERR_SYNTAX, "this is a value, and no place to assign to");
	}
}

/* Only the field's own bits change. */
static struct mt_error *write_field(const struct mt_world *world, const struct mt_value *to,
                                    const uint8_t bytes[MT_NUMBER_MAX])
{
	uint8_t home[MT_VALUE_FIELD_MAX] = { 0 };
	size_t size = mt_value_home_size(to);
	struct mt_value now = *to;

	if (size > sizeof(home) || to->bit_size > 8 * MT_NUMBER_MAX)
		return mt_error_new(MT_ERR_FORMAT, "a bit-field of %u bits is damaged",
		                    to->bit_size);
	if (to->home != MT_HOME_OWN && to->home != MT_HOME_NOWHERE)
		now.field = NULL; /* as it is, not as it was when its struct was read */
	MT_TRY(mt_value_load(world, &now, home, NULL));
	for (unsigned bit = 0; bit < to->bit_size; bit++) {
		unsigned place = to->bit_offset + bit;
		uint8_t mask = (uint8_t)(1u << place % 8);

		if (bytes[bit / 8] >> bit % 8 & 1)
			home[place / 8] |= mask;
		else
			home[place / 8] &= (uint8_t)~mask;
	}
	return write_home(world, to, home, size);
}

/* ---- Assigning */

/* An array may be set from a shorter one: a text into a buffer. */
static bool fits(const struct mt_type *to, const struct mt_type *from)
{
	if (to->kind == MT_TYPE_ARRAY && from->kind == MT_TYPE_ARRAY)
		return to->target && from->target && mt_type_same(to->target, from->target) &&
		       from->size <= to->size;
	return mt_type_same(to, from);
}

static struct mt_error *assign_whole(const struct mt_world *world, const struct mt_value *to,
                                     const struct mt_value *from)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_value value = *from;

	if (!fits(to->type, from->type))
		return mt_value_error(MT_ERR_SYNTAX, to->type,
		                      "takes only values of the same type");
	MT_TRY(mt_value_fetch(world, &arena, &value));
	return write_home(world, to, value.bytes, (size_t)value.type->size);
}

struct mt_error *mt_value_assign(const struct mt_world *world, const struct mt_value *to,
                                 const struct mt_value *from)
{
	uint8_t bytes[MT_NUMBER_MAX];
	struct mt_number number;

	if (to->is_function)
		return mt_error_new(MT_ERR_SYNTAX, "a function is no place to assign to");
	if (!mt_type_is_scalar(to->type))
		return assign_whole(world, to, from);
	MT_TRY(mt_value_number(world, from, &number));
	mt_number_to_bytes(&number, to->type, bytes);
	if (to->bit_size)
		return write_field(world, to, bytes);
	return write_home(world, to, bytes, (size_t)to->type->size);
}
