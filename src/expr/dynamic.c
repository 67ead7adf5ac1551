/* SPDX-License-Identifier: MIT */
#include "expr/dynamic.h"

#include <string.h>

#include "symbol/rtti.h"

static bool read_word(const struct mt_world *world, uint64_t addr, uint64_t *word)
{
	struct mt_error *error;

	*word = 0;
	if (!world->read)
		return false;
	error = world->read(world->arg, addr, word, mt_machine_word(world->machine));
	mt_error_free(error);
	return !error;
}

/* Before the functions of a vtable are the type's info, and before that how far the table's part of
 * the object is from its top (Itanium C++ ABI, section 2.5.2). */
static bool read_table(const struct mt_world *world, uint64_t addr, uint64_t *table,
                       int64_t *to_top)
{
	size_t word = mt_machine_word(world->machine);
	uint64_t offset;

	if (!read_word(world, addr, table) || !read_word(world, *table - 2 * word, &offset))
		return false;
	*to_top = word == 8 ? (int64_t)offset : (int32_t)offset;
	return true;
}

bool mt_value_whole_object(const struct mt_world *world, const struct mt_value *part,
                           struct mt_value *whole)
{
	const struct mt_type *type;
	uint64_t table, start;
	int64_t to_top;

	if (!world->image || part->home != MT_HOME_MEMORY || part->bit_size ||
	    !mt_type_is_dynamic(part->type) || !read_table(world, part->addr, &table, &to_top))
		return false;
	type = mt_rtti_class(world->image, table);
	start = part->addr + (uint64_t)to_top;
	/* What was never constructed has any pointer there. */
	if (!type || part->addr < start || part->addr - start > type->size)
		return false;
	*whole = (struct mt_value){ .type = type, .home = MT_HOME_MEMORY, .addr = start };
	return true;
}

bool mt_value_whole_target(const struct mt_world *world, struct mt_arena *arena,
                           const struct mt_value *pointer, struct mt_value *whole_pointer)
{
	const struct mt_type *type = pointer->type, *target;
	struct mt_value part, whole;
	struct mt_number number = { .size = mt_machine_word(world->machine) };
	struct mt_error *error;

	if (type->kind != MT_TYPE_POINTER || !type->target ||
	    type->target->kind != MT_TYPE_STRUCT || !mt_type_is_dynamic(type->target))
		return false;
	error = mt_value_deref(world, arena, pointer, &part);
	if (error || !mt_value_whole_object(world, &part, &whole)) {
		mt_error_free(error);
		return false;
	}
	target = mt_type_qualified(world->image, whole.type, type->target->qualifiers);
	target = target && type->is_reference ? mt_type_reference(world->image, target)
	         : target                     ? mt_type_pointer(world->image, target)
	                                      : NULL;
	number.bits = whole.addr;
	error =
	    target ? mt_value_of_number(arena, &number, target, whole_pointer) : mt_error_nomem();
	mt_error_free(error);
	return !error;
}
