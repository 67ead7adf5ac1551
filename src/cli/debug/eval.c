/* SPDX-License-Identifier: MIT */
/* Expressions in the shell's session. */
#include "cli/debug/shell.h"

void mt_shell_world(struct mt_shell *shell, struct mt_debug_world *world)
{
	mt_debug_world(shell->debug, world);
	world->world.may_write = true;
	world->world.whole_objects = shell->settings.print.object;
}

static struct mt_error *eval(const struct mt_world *world, const char *text, struct mt_arena *arena,
                             struct mt_value *value)
{
	struct mt_value found;

	MT_TRY(mt_eval_text(world, text, arena, &found));
	/* A location is of the frame that was looked at: the value is read while it is there. */
	if (found.home == MT_HOME_WHERE || found.home == MT_HOME_REGISTER)
		MT_TRY(mt_value_fetch(world, arena, &found));
	*value = found;
	return NULL;
}

struct mt_error *mt_eval(struct mt_shell *shell, const char *text, struct mt_arena *arena,
                         struct mt_value *value)
{
	struct mt_debug_world made;

	mt_shell_world(shell, &made);
	text = mt_text_skip(text);
	return mt_shell_blame(shell, eval(&made.world, text, arena, value), text);
}

struct mt_error *mt_eval_effects(struct mt_shell *shell, const char *text)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_value ignored;

	return mt_eval(shell, text, &arena, &ignored);
}

static struct mt_error *number_of(const struct mt_world *world, const struct mt_value *value,
                                  struct mt_arena *arena, struct mt_number *number)
{
	struct mt_value target = *value;

	if (value->type->kind == MT_TYPE_POINTER && value->type->is_reference)
		MT_TRY(mt_value_deref(world, arena, value, &target));
	return mt_value_number(world, &target, number);
}

struct mt_error *mt_eval_number(struct mt_shell *shell, const char *text, struct mt_number *number)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_debug_world made;
	struct mt_value value;

	mt_shell_world(shell, &made);
	text = mt_text_skip(text);
	MT_TRY(mt_shell_blame(shell, eval(&made.world, text, &arena, &value), text));
	return number_of(&made.world, &value, &arena, number);
}

struct mt_error *mt_eval_address(struct mt_shell *shell, const char *text, uint64_t *addr)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_debug_world made;
	struct mt_value value;
	struct mt_number number;

	MT_TRY(mt_eval(shell, text, &arena, &value));
	if (value.home == MT_HOME_MEMORY && !mt_type_is_scalar(value.type)) {
		*addr = value.addr;
		return NULL;
	}
	mt_shell_world(shell, &made);
	MT_TRY(number_of(&made.world, &value, &arena, &number));
	if (number.is_float)
		return mt_error_new(MT_ERR_SYNTAX, "an address is needed, not a fraction");
	*addr = mt_machine_wrap(mt_shell_machine(shell), number.bits);
	return NULL;
}

struct mt_error *mt_eval_integer(struct mt_shell *shell, const char *text, int64_t *number)
{
	struct mt_number found;

	MT_TRY(mt_eval_number(shell, text, &found));
	if (found.is_float)
		return mt_error_new(MT_ERR_SYNTAX, "a whole number is needed, not a fraction");
	*number = (int64_t)found.bits;
	return NULL;
}
