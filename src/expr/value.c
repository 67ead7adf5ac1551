/* SPDX-License-Identifier: MIT */
#include "expr/value.h"

#include <string.h>

#include "expr/value_internal.h"
#include "x86/regtable.h"

struct mt_error *mt_value_error(enum mt_error_kind kind, const struct mt_type *type,
                                const char *what)
{
	struct mt_buf name MT_AUTO_BUF = { 0 };

	mt_type_format(type, &name);
	if (!mt_buf_ok(&name))
		return mt_error_nomem();
	return mt_error_new(kind, "a value of type %.120s %s", name.data ? name.data : "?", what);
}

/* ---- Homes */

struct mt_error *mt_value_of_where(struct mt_arena *arena, const struct mt_where *where,
                                   struct mt_value *value)
{
	const struct mt_where_piece *first = &where->data[0];
	struct mt_where *copy;

	if (where->len == 1 && first->kind == MT_WHERE_MEMORY && !first->bit_offset) {
		value->home = MT_HOME_MEMORY;
		value->addr = first->addr;
		return NULL;
	}
	copy = mt_arena_alloc(arena, sizeof(*copy));
	if (!copy)
		return mt_error_nomem();
	copy->data = mt_arena_alloc(arena, where->len * sizeof(*copy->data));
	if (!copy->data)
		return mt_error_nomem();
	memcpy(copy->data, where->data, where->len * sizeof(*copy->data));
	copy->len = copy->cap = where->len;
	value->home = MT_HOME_WHERE;
	value->where = copy;
	value->offset = 0;
	return NULL;
}

static struct mt_error *load_memory(const struct mt_world *world, const struct mt_value *value,
                                    void *out, size_t size)
{
	if (!world->read)
		return mt_error_new(MT_ERR_UNREADABLE,
		                    "there is no process whose memory could be read");
	return world->read(world->arg, value->addr, out, size);
}

static struct mt_error *load_register(const struct mt_world *world, const struct mt_value *value,
                                      void *out, size_t size)
{
	const struct mt_register *reg = mt_register_find(value->name);
	uint8_t whole[MT_REGISTER_MAX_SIZE] = { 0 };

	if (!world->reg_read || !reg)
		return mt_error_new(MT_ERR_UNSUPPORTED, "$%.40s cannot be read here", value->name);
	/* A type may be larger than what it shows: x87's ten bytes are a long double of sixteen. */
	if (value->offset > sizeof(whole) || size > sizeof(whole) - value->offset)
		return mt_error_new(MT_ERR_FORMAT, "$%.40s is smaller than that", value->name);
	MT_TRY(world->reg_read(world->arg, value->name, whole, reg->size));
	memcpy(out, whole + value->offset, size);
	return NULL;
}

static struct mt_error *load_home(const struct mt_world *world, const struct mt_value *value,
                                  void *out, size_t size, uint8_t *gone)
{
	switch (value->home) {
	case MT_HOME_MEMORY:
		return load_memory(world, value, out, size);
	case MT_HOME_REGISTER:
		return load_register(world, value, out, size);
	case MT_HOME_WHERE:
		if (!world->frame)
			return mt_error_new(MT_ERR_UNREADABLE,
			                    "the frame of this variable is gone");
		return mt_where_load(world->frame, value->where, value->offset, out, size, gone);
	default: /* MT_HOME_NOWHERE, MT_HOME_OWN: they come with their bytes */
		return mt_value_error(MT_ERR_UNSUPPORTED, value->type, "has no bytes to be read");
	}
}

struct mt_error *mt_value_load(const struct mt_world *world, const struct mt_value *value,
                               void *out, uint8_t *gone)
{
	size_t size = mt_value_home_size(value);

	if (value->field) {
		memcpy(out, value->field, size);
		if (gone && value->field_gone)
			memcpy(gone, value->field_gone, size);
		return NULL;
	}
	MT_TRY(load_home(world, value, out, size, gone));
	if (world->loaded)
		world->loaded(world->arg, value, size);
	return NULL;
}

struct mt_error *mt_value_extend(const struct mt_value *value,
                                 const uint8_t home[MT_VALUE_FIELD_MAX],
                                 uint8_t out[MT_BIT_FIELD_MAX])
{
	struct mt_member field = { .type = value->type,
		                   .bit_offset = value->bit_offset,
		                   .bit_size = value->bit_size };

	if (value->bit_offset > 7 || value->bit_size > 8 * MT_BIT_FIELD_MAX ||
	    !mt_value_bit_field(&field, home, MT_VALUE_FIELD_MAX, out))
		return mt_error_new(MT_ERR_FORMAT, "a bit-field of %u bits is damaged",
		                    value->bit_size);
	return NULL;
}

/* ---- Fetching */

static struct mt_error *check_size(const struct mt_type *type)
{
	if (type->kind == MT_TYPE_VOID || type->kind == MT_TYPE_FUNCTION)
		return mt_value_error(MT_ERR_UNSUPPORTED, type, "has no bytes");
	if (type->is_declared)
		return mt_value_error(MT_ERR_UNSUPPORTED, type,
		                      "is not known in full: the type is only declared here");
	if (type->size > MT_VALUE_MAX)
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "a value of %llu bytes is too large: take a part of it",
		                    (unsigned long long)type->size);
	return NULL;
}

static bool any_bit(const uint8_t *bits, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bits[i])
			return true;
	return false;
}

struct mt_error *mt_value_load_field(const struct mt_world *world, const struct mt_value *value,
                                     uint8_t home[MT_VALUE_FIELD_MAX], bool *is_gone)
{
	uint8_t gone[MT_VALUE_FIELD_MAX] = { 0 };
	bool any = false;

	if (mt_value_home_size(value) > MT_VALUE_FIELD_MAX)
		return mt_error_new(MT_ERR_FORMAT, "a bit-field of %u bits is damaged",
		                    value->bit_size);
	MT_TRY(mt_value_load(world, value, home, gone));
	for (unsigned bit = value->bit_offset; bit < value->bit_offset + value->bit_size; bit++)
		any |= gone[bit / 8] >> bit % 8 & 1;
	*is_gone = any;
	return NULL;
}

static struct mt_error *fetch_field(const struct mt_world *world, struct mt_arena *arena,
                                    struct mt_value *value)
{
	uint8_t home[MT_VALUE_FIELD_MAX] = { 0 };
	uint8_t *bytes;
	bool is_gone;

	if (value->type->size > MT_BIT_FIELD_MAX)
		return mt_error_new(MT_ERR_FORMAT, "a bit-field of %u bits is damaged",
		                    value->bit_size);
	MT_TRY(mt_value_load_field(world, value, home, &is_gone));
	bytes = mt_arena_alloc(arena, 2 * MT_BIT_FIELD_MAX);
	if (!bytes)
		return mt_error_nomem();
	MT_TRY(mt_value_extend(value, home, bytes));
	value->bytes = bytes;
	value->gone = NULL;
	if (is_gone)
		value->gone = memset(bytes + MT_BIT_FIELD_MAX, 0xff, MT_BIT_FIELD_MAX);
	return NULL;
}

struct mt_error *mt_value_fetch(const struct mt_world *world, struct mt_arena *arena,
                                struct mt_value *value)
{
	size_t size = (size_t)value->type->size;
	uint8_t *bytes, *gone;

	if (value->bytes)
		return NULL;
	MT_TRY(check_size(value->type));
	if (value->bit_size)
		return fetch_field(world, arena, value);
	bytes = mt_arena_alloc(arena, size);
	gone = value->home == MT_HOME_WHERE ? mt_arena_alloc(arena, size + 1) : NULL;
	if (!bytes || (value->home == MT_HOME_WHERE && !gone))
		return mt_error_nomem();
	if (size)
		MT_TRY(mt_value_load(world, value, bytes, gone));
	value->bytes = bytes;
	value->gone = gone && any_bit(gone, size) ? gone : NULL;
	return NULL;
}
