/* SPDX-License-Identifier: MIT */
#include "cli/debug/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/registers.h"
#include "cli/debug/shell.h"

struct mt_value mt_value_of_int(int64_t number)
{
	bool small = number == (int32_t)number;
	struct mt_value value = { .type = mt_type_base(small ? "int" : "long") };

	memcpy(value.bytes, &number, sizeof(number));
	return value;
}

struct mt_value mt_value_of_address(uint64_t addr, const struct mt_type *target,
                                    struct mt_image *image)
{
	struct mt_value value = { .type = NULL };

	if (image)
		value.type = mt_type_pointer(image, target);
	if (!value.type)
		value.type = mt_type_base("unsigned long");
	memcpy(value.bytes, &addr, sizeof(addr));
	return value;
}

/* ---- Reading --------------------------------------------------------------- */

/* How many bytes at its home the value takes. */
static size_t bytes_at_home(const struct mt_value *value)
{
	if (value->bit_size)
		return (value->bit_offset + value->bit_size + 7u) / 8;
	return (size_t)value->type->size;
}

static struct mt_error *read_home(struct mt_shell *shell, const struct mt_value *value,
                                  uint8_t *out, size_t size)
{
	if (value->home == MT_HOME_MEMORY)
		return mt_shell_read_memory(shell, value->addr, out, size);
	memcpy(out, value->kept ? value->kept : value->bytes, size);
	return NULL;
}

struct mt_error *mt_value_load(struct mt_shell *shell, const struct mt_value *value,
                               uint8_t **bytes)
{
	size_t size = bytes_at_home(value);
	uint8_t *raw MT_AUTO_FREE = NULL;

	if (!value->type->size)
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "a value of type %.80s has no size that is known",
		                    value->type->name ? value->type->name : "?");
	if (value->type->size > MT_VALUE_MAX)
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "a value of %llu bytes is too large; take a part of it",
		                    (unsigned long long)value->type->size);
	/* Room for a bit-field after it was extended, too. */
	raw = mt_alloc(size + MT_BIT_FIELD_MAX + (size_t)value->type->size);
	if (!raw)
		return mt_error_nomem();
	MT_TRY(read_home(shell, value, raw, size));
	if (value->bit_size) {
		struct mt_member field = { .type = value->type,
			                   .bit_offset = value->bit_offset,
			                   .bit_size = value->bit_size };
		uint8_t extended[MT_BIT_FIELD_MAX] = { 0 };

		if (!mt_value_bit_field(&field, raw, size, extended))
			return mt_error_new(MT_ERR_FORMAT, "the bit-field lies outside its type");
		memcpy(raw, extended,
		       value->type->size < sizeof(extended) ? (size_t)value->type->size
		                                            : sizeof(extended));
	}
	*bytes = MT_TAKE(raw);
	return NULL;
}

static double floating_of(const uint8_t *bytes, size_t size)
{
	float single;
	double number;
	long double extended = 0;

	if (size == sizeof(single)) {
		memcpy(&single, bytes, sizeof(single));
		return (double)single;
	}
	if (size == sizeof(number)) {
		memcpy(&number, bytes, sizeof(number));
		return number;
	}
	memcpy(&extended, bytes, size < 10 ? size : 10); /* x87: 80 bits of it are in use */
	return (double)extended;
}

static struct mt_number number_of_bytes(const struct mt_type *type, const uint8_t *bytes)
{
	struct mt_number number = { .size = (uint8_t)type->size, .is_signed = type->is_signed };
	unsigned spare = 64 - 8u * (type->size < 8 ? (unsigned)type->size : 8u);

	if (type->kind == MT_TYPE_FLOAT) {
		number.is_float = true;
		number.floating = floating_of(bytes, (size_t)type->size);
		return number;
	}
	memcpy(&number.bits, bytes, type->size < 8 ? (size_t)type->size : 8);
	number.bits <<= spare;
	number.bits =
	    type->is_signed ? (uint64_t)((int64_t)number.bits >> spare) : number.bits >> spare;
	return number;
}

struct mt_error *mt_value_number(struct mt_shell *shell, const struct mt_value *value,
                                 struct mt_number *number)
{
	const struct mt_type *type = value->type;
	uint8_t *bytes MT_AUTO_FREE = NULL;

	if (type->kind == MT_TYPE_FUNCTION ||
	    (type->kind == MT_TYPE_ARRAY && value->home == MT_HOME_MEMORY)) {
		*number = (struct mt_number){ .size = 8, .bits = value->addr };
		return NULL;
	}
	if (!mt_type_is_scalar(type) || (type->kind != MT_TYPE_FLOAT && type->size > 8)) {
		struct mt_buf name MT_AUTO_BUF = { 0 };

		mt_type_format(type, &name);
		return mt_error_new(MT_ERR_SYNTAX,
		                    "a number is needed here, not a value of type %s",
		                    name.data ? name.data : "?");
	}
	MT_TRY(mt_value_load(shell, value, &bytes));
	*number = number_of_bytes(type, bytes);
	return NULL;
}

/* ---- Writing --------------------------------------------------------------- */

/* `number` as `size` bytes of that type. */
static void number_to_bytes(const struct mt_number *number, const struct mt_type *type,
                            uint8_t *bytes)
{
	double floating = number->is_float    ? number->floating
	                  : number->is_signed ? (double)(int64_t)number->bits
	                                      : (double)number->bits;
	uint64_t bits = number->bits;

	if (type->kind == MT_TYPE_FLOAT) {
		float single = (float)floating;
		long double extended = (long double)floating;

		if (type->size == sizeof(single))
			memcpy(bytes, &single, sizeof(single));
		else if (type->size == sizeof(floating))
			memcpy(bytes, &floating, sizeof(floating));
		else
			memcpy(bytes, &extended, 10);
		return;
	}
	if (number->is_float) /* out of range is undefined in C: as the processor has it, the lowest
	                       */
		bits = floating >= -9223372036854775808.0 && floating < 9223372036854775808.0
		           ? (uint64_t)(int64_t)floating
		           : (uint64_t)INT64_MIN;
	if (type->kind == MT_TYPE_BOOL)
		bits = number->is_float ? floating != 0 : bits != 0;
	memcpy(bytes, &bits, type->size < 8 ? (size_t)type->size : 8);
}

struct mt_value mt_value_of_number(const struct mt_number *number, const struct mt_type *type)
{
	struct mt_value value = { .type = type };

	if (type->size <= sizeof(value.bytes))
		number_to_bytes(number, type, value.bytes);
	return value;
}

static struct mt_error *write_bit_field(struct mt_shell *shell, const struct mt_value *to,
                                        const uint8_t *bytes)
{
	size_t size = bytes_at_home(to);
	uint8_t raw[MT_BIT_FIELD_MAX + 2] = { 0 };

	if (size > sizeof(raw) || to->bit_size > 64)
		return mt_error_new(MT_ERR_UNSUPPORTED, "the bit-field is too wide to be set");
	MT_TRY(mt_debug_read(shell->debug, to->addr, raw, size));
	for (unsigned bit = 0; bit < to->bit_size; bit++) {
		unsigned place = to->bit_offset + bit;
		uint8_t mask = (uint8_t)(1u << place % 8);

		if (bytes[bit / 8] >> bit % 8 & 1)
			raw[place / 8] |= mask;
		else
			raw[place / 8] &= (uint8_t)~mask;
	}
	return mt_debug_write(shell->debug, to->addr, raw, size);
}

static struct mt_error *write_home(struct mt_shell *shell, const struct mt_value *to,
                                   const uint8_t *bytes)
{
	switch (to->home) {
	case MT_HOME_MEMORY:
		if (to->bit_size)
			return write_bit_field(shell, to, bytes);
		return mt_debug_write(shell->debug, to->addr, bytes, (size_t)to->type->size);
	case MT_HOME_REGISTER:
		return mt_register_write(shell, to->name, bytes, (size_t)to->type->size);
	default:
		return mt_error_new(MT_ERR_SYNTAX, "this is a value, and no place to assign to");
	}
}

struct mt_error *mt_value_assign(struct mt_shell *shell, const struct mt_value *to,
                                 const struct mt_value *from)
{
	uint8_t *bytes MT_AUTO_FREE = NULL;
	struct mt_number number;
	struct mt_value converted;

	if (to->home == MT_HOME_OWN)
		return mt_values_set(shell, to->name, from);
	if (!mt_type_is_scalar(to->type)) {
		if (!mt_type_same(to->type, from->type))
			return mt_error_new(MT_ERR_SYNTAX,
			                    "only a value of the same type can be assigned here");
		MT_TRY(mt_value_load(shell, from, &bytes));
		return write_home(shell, to, bytes);
	}
	MT_TRY(mt_value_number(shell, from, &number));
	converted = mt_value_of_number(&number, to->type);
	return write_home(shell, to, converted.bytes);
}

/* ---- Keeping --------------------------------------------------------------- */

static void kept_deinit(struct mt_kept_value *kept)
{
	free(kept->name);
	free(kept->bytes);
}

void mt_values_deinit(struct mt_values *values)
{
	for (size_t i = 0; i < values->history.len; i++)
		kept_deinit(&values->history.data[i]);
	for (size_t i = 0; i < values->variables.len; i++)
		kept_deinit(&values->variables.data[i]);
	mt_vec_deinit(&values->history);
	mt_vec_deinit(&values->variables);
}

/* C's own type with the same bits: those are static. NULL: there is none. */
static const struct mt_type *plain_type(const struct mt_type *type)
{
	static const char *const names[2][4] = {
		{ "unsigned char", "unsigned short", "unsigned int", "unsigned long" },
		{ "signed char", "short", "int", "long" },
	};

	if (!mt_type_is_scalar(type))
		return NULL;
	if (type->kind == MT_TYPE_FLOAT)
		return mt_type_base(type->size == 4   ? "float"
		                    : type->size == 8 ? "double"
		                                      : "long double");
	if (type->kind == MT_TYPE_BOOL || type->kind == MT_TYPE_CHAR)
		return mt_type_base(type->kind == MT_TYPE_BOOL ? "bool" : "char");
	switch (type->size) {
	case 1:
	case 2:
	case 4:
	case 8:
		return mt_type_base(names[type->is_signed][__builtin_ctzll(type->size)]);
	default:
		return NULL;
	}
}

static void forget_type(struct mt_kept_value *kept)
{
	if (kept->value.type)
		kept->value.type = plain_type(kept->value.type);
}

void mt_values_forget_types(struct mt_values *values)
{
	for (size_t i = 0; i < values->history.len; i++)
		forget_type(&values->history.data[i]);
	for (size_t i = 0; i < values->variables.len; i++)
		forget_type(&values->variables.data[i]);
}

/* A function has an address and no bytes. */
static struct mt_error *keep(struct mt_shell *shell, const struct mt_value *value,
                             struct mt_kept_value *kept)
{
	struct mt_kept_value made = { .value = *value };

	if (value->home == MT_HOME_MEMORY)
		made.addr = value->addr;
	if (value->type->kind != MT_TYPE_FUNCTION)
		MT_TRY(mt_value_load(shell, value, &made.bytes));
	made.value.bit_size = made.value.bit_offset = 0; /* it was cut out */
	*kept = made;
	return NULL;
}

struct mt_error *mt_values_record(struct mt_shell *shell, const struct mt_value *value,
                                  size_t *number)
{
	struct mt_kept_value kept;

	MT_TRY(keep(shell, value, &kept));
	if (!mt_vec_push(&shell->values.history, kept)) {
		kept_deinit(&kept);
		return mt_error_nomem();
	}
	*number = shell->values.history.len;
	return NULL;
}

static struct mt_kept_value *find_variable(struct mt_values *values, const char *name)
{
	for (size_t i = 0; i < values->variables.len; i++)
		if (!strcmp(values->variables.data[i].name, name))
			return &values->variables.data[i];
	return NULL;
}

struct mt_error *mt_values_set(struct mt_shell *shell, const char *name,
                               const struct mt_value *value)
{
	struct mt_kept_value *old = find_variable(&shell->values, name);
	struct mt_kept_value kept;

	MT_TRY(keep(shell, value, &kept));
	kept.name = mt_strdup(name);
	if (!kept.name || (!old && !mt_vec_push(&shell->values.variables, kept))) {
		kept_deinit(&kept);
		return mt_error_nomem();
	}
	if (old) {
		kept_deinit(old);
		*old = kept;
	}
	return NULL;
}

/* A value that was kept, as one that can be computed with. */
static struct mt_error *revive(const struct mt_kept_value *kept, const char *name,
                               struct mt_value *value)
{
	if (!kept->value.type)
		return mt_error_new(MT_ERR_NOT_FOUND, "$%s was of a type of a program that is gone",
		                    name);
	*value = kept->value;
	if (value->type->kind != MT_TYPE_FUNCTION) {
		value->home = kept->name ? MT_HOME_OWN : MT_HOME_KEPT;
		value->kept = kept->bytes;
		value->addr = kept->addr;
	}
	if (kept->name)
		snprintf(value->name, sizeof(value->name), "%s", kept->name);
	return NULL;
}

static struct mt_error *find_in_history(struct mt_values *values, const char *digits,
                                        struct mt_value *value)
{
	unsigned long number = strtoul(digits, NULL, 10);

	if (!values->history.len)
		return mt_error_new(MT_ERR_NOT_FOUND,
		                    "no value was printed yet, so there is no $%s", digits);
	if (!number || number > values->history.len)
		return mt_error_new(MT_ERR_NOT_FOUND,
		                    "there is no $%.20s; the values go from $1 to $%zu", digits,
		                    values->history.len);
	return revive(&values->history.data[number - 1], digits, value);
}

struct mt_error *mt_values_find(struct mt_shell *shell, const char *name, struct mt_value *value)
{
	struct mt_kept_value *own;

	if (*name >= '0' && *name <= '9' && strspn(name, "0123456789") == strlen(name))
		return find_in_history(&shell->values, name, value);
	if (mt_register_type(name))
		return mt_register_value(shell, name, value);
	own = find_variable(&shell->values, name);
	if (!own)
		return mt_error_new(MT_ERR_NOT_FOUND,
		                    "$%.60s is no register, and no value was set by that name",
		                    name);
	return revive(own, name, value);
}
