/* SPDX-License-Identifier: MIT */
#include "cli/debug/value.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/debug/shell.h"
#include "expr/siginfo_type.h"

/* ---- Keeping --------------------------------------------------------------- */

static void kept_deinit(struct mt_kept_value *kept)
{
	free(kept->name);
	mt_arena_deinit(&kept->arena);
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

/* What has bytes is kept as it is now, though it may still be found where it was. */
static bool has_bytes(const struct mt_value *value)
{
	return !value->is_function && value->type->kind != MT_TYPE_VOID;
}

static void settle(struct mt_value *value)
{
	if (value->home != MT_HOME_MEMORY || value->bit_size)
		value->home = MT_HOME_NOWHERE;
	value->bit_size = value->bit_offset = 0; /* it was cut out */
	value->field = value->field_gone = NULL;
	value->where = NULL;
	value->offset = 0;
	value->name = NULL;
}

struct mt_error *mt_values_record(struct mt_shell *shell, struct mt_arena *arena,
                                  const struct mt_value *value, size_t *number)
{
	struct mt_kept_value kept = { .value = *value };
	struct mt_debug_world made;

	mt_shell_world(shell, &made);
	if (has_bytes(value))
		MT_TRY(mt_value_fetch(&made.world, arena, &kept.value));
	settle(&kept.value);
	kept.arena = *arena;
	if (!mt_vec_push(&shell->values.history, kept))
		return mt_error_nomem();
	*arena = (struct mt_arena){ 0 };
	*number = shell->values.history.len;
	return NULL;
}

/* ---- Variables ------------------------------------------------------------- */

static struct mt_kept_value *find_variable(struct mt_values *values, const char *name)
{
	for (size_t i = 0; i < values->variables.len; i++)
		if (!strcmp(values->variables.data[i].name, name))
			return &values->variables.data[i];
	return NULL;
}

/* A copy of the value's bytes, in an arena of its own. */
static struct mt_error *copy_value(struct mt_shell *shell, const struct mt_value *value,
                                   struct mt_kept_value *kept)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_debug_world made;
	size_t size = (size_t)value->type->size;
	uint8_t *bytes, *gone;

	kept->value = *value;
	if (has_bytes(value)) {
		if (!value->bytes) {
			mt_shell_world(shell, &made);
			MT_TRY(mt_value_fetch(&made.world, &arena, &kept->value));
		}
		bytes = mt_arena_alloc(&kept->arena, size);
		if (!bytes)
			return mt_error_nomem();
		memcpy(bytes, kept->value.bytes, size);
		kept->value.bytes = kept->bytes = bytes;
	}
	if (has_bytes(value) && kept->value.gone) {
		gone = mt_arena_alloc(&kept->arena, size);
		if (!gone)
			return mt_error_nomem();
		kept->value.gone = memcpy(gone, kept->value.gone, size);
	}
	settle(&kept->value);
	return NULL;
}

/* A counter gets its next value: the old one makes room, which nobody holds (eval_name.c,
 * keep_apart()). */
static bool overwrite(struct mt_kept_value *old, const struct mt_value *value)
{
	if (!old->bytes || old->value.type != value->type || !value->bytes || value->gone ||
	    old->value.home != MT_HOME_NOWHERE || value->home != MT_HOME_NOWHERE)
		return false;
	memmove(old->bytes, value->bytes, (size_t)value->type->size);
	return true;
}

struct mt_error *mt_values_set(struct mt_shell *shell, const char *name,
                               const struct mt_value *value)
{
	struct mt_kept_value *old = find_variable(&shell->values, name), kept = { 0 };
	struct mt_error *error;

	if (old && overwrite(old, value))
		return NULL;
	kept.name = mt_strdup(name);
	error = kept.name ? copy_value(shell, value, &kept) : mt_error_nomem();
	if (!error && !old && !mt_vec_push(&shell->values.variables, kept))
		error = mt_error_nomem();
	if (error) {
		kept_deinit(&kept);
		return error;
	}
	if (old) {
		kept_deinit(old);
		*old = kept;
	}
	return NULL;
}

struct mt_error *mt_values_set_integer(struct mt_shell *shell, const char *name, int64_t number)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	bool is_small = number == (int32_t)number;
	const struct mt_number made = { .is_signed = true,
		                        .size = is_small ? 4 : 8,
		                        .bits = (uint64_t)number };
	struct mt_value value;

	MT_TRY(mt_value_of_number(&arena, &made, NULL, &value));
	return mt_values_set(shell, name, &value);
}

struct mt_error *mt_values_set_address(struct mt_shell *shell, const char *name, uint64_t addr,
                                       const struct mt_type *target)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_image *image = mt_debug_image(shell->debug);
	const struct mt_number made = { .size = 8, .bits = addr };
	const struct mt_type *type = image ? mt_type_pointer(image, target) : NULL;
	struct mt_value value;

	MT_TRY(mt_value_of_number(&arena, &made, type, &value));
	return mt_values_set(shell, name, &value);
}

/* ---- Finding --------------------------------------------------------------- */

/* The value's place in the history, from 1 on; 0: there is none. */
static size_t place_in_history(const struct mt_values *values, const char *name)
{
	bool is_back = *name == '$' || !*name;
	size_t len = values->history.len;
	unsigned long number;

	if (!is_back)
		number = strtoul(name, NULL, 10);
	else if (!*name)
		number = 0;
	else
		number = name[1] ? strtoul(name + 1, NULL, 10) : 1;
	if (is_back)
		return number < len ? len - number : 0;
	return number <= len ? number : 0;
}

static bool is_history(const char *name)
{
	name += *name == '$';
	return strspn(name, "0123456789") == strlen(name);
}

bool mt_values_find(struct mt_values *values, const char *name, struct mt_value *value)
{
	const struct mt_kept_value *kept = NULL;
	size_t place;

	if (is_history(name)) {
		place = place_in_history(values, name);
		kept = place ? &values->history.data[place - 1] : NULL;
	} else {
		kept = find_variable(values, name);
	}
	if (!kept || !kept->value.type)
		return false;
	*value = kept->value;
	if (!kept->name)
		return true;
	value->name = kept->name;
	value->home = MT_HOME_OWN;
	return true;
}

/* It changes with the selected thread, and with each stop. */
static bool find_siginfo(struct mt_shell *shell, struct mt_value *value)
{
	siginfo_t *info = &shell->values.siginfo;

	if (!mt_debug_siginfo(shell->debug, info))
		return false;
	*value = (struct mt_value){ .type = mt_siginfo_type(), .bytes = (const uint8_t *)info };
	return true;
}

static bool find_for_world(void *shell, const char *name, struct mt_value *value)
{
	if (!strcmp(name, "_siginfo"))
		return find_siginfo(shell, value);
	return mt_values_find(&((struct mt_shell *)shell)->values, name, value);
}

static struct mt_error *set_for_world(void *shell, const char *name, const struct mt_value *value)
{
	return mt_values_set(shell, name, value);
}

struct mt_debug_names mt_values_names(struct mt_shell *shell)
{
	return (
	    struct mt_debug_names){ .find = find_for_world, .set = set_for_world, .arg = shell };
}
