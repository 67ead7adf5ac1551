/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/cleanup.h"
#include "expr/member.h"
#include "expr/value_internal.h"
#include "symbol/type_class.h"

/* Whether the part lies inside of the bytes that were read. */
static bool is_inside(const struct mt_value *whole, uint64_t offset, uint64_t size)
{
	return whole->bytes && !whole->bit_size && offset <= whole->type->size &&
	       size <= whole->type->size - offset;
}

struct mt_value mt_value_part(const struct mt_value *value, const struct mt_type *type,
                              uint64_t offset)
{
	struct mt_value part = *value;

	part.type = type;
	part.bit_size = part.bit_offset = 0;
	part.is_function = false;
	part.addr += offset;
	part.offset += offset;
	part.bytes = NULL;
	part.gone = NULL;
	part.field = part.field_gone = NULL;
	if (is_inside(value, offset, type->size)) {
		part.bytes = value->bytes + offset;
		part.gone = value->gone ? value->gone + offset : NULL;
	}
	return part;
}

/* What has no bytes outside of those that are there. */
static struct mt_error *check_inside(const struct mt_value *whole, uint64_t offset,
                                     const struct mt_type *type)
{
	bool is_bound = whole->home == MT_HOME_NOWHERE || whole->home == MT_HOME_OWN;

	if (is_bound && !is_inside(whole, offset, type->size))
		return mt_error_new(MT_ERR_SYNTAX, "this part lies outside of its value");
	return NULL;
}

/* ---- Members */

static struct mt_error *field_of(const struct mt_value *whole, const struct mt_member *member,
                                 uint64_t offset, struct mt_value *field)
{
	uint64_t first = offset + member->bit_offset / 8;
	struct mt_value made = mt_value_part(whole, member->type, first);

	made.bit_offset = member->bit_offset % 8;
	made.bit_size = member->bit_size;
	made.bytes = made.gone = NULL;
	if (whole->bytes && !is_inside(whole, first, mt_value_home_size(&made)))
		return mt_error_new(MT_ERR_FORMAT, "a bit-field outside of its struct");
	made.field = whole->bytes ? whole->bytes + first : NULL;
	made.field_gone = whole->bytes && whole->gone ? whole->gone + first : NULL;
	*field = made;
	return NULL;
}

static struct mt_error *member_of(const struct mt_value *whole, const struct mt_member *member,
                                  uint64_t offset, struct mt_value *value)
{
	mt_type_complete(member->type);
	if (member->bit_size)
		return field_of(whole, member, offset, value);
	MT_TRY(check_inside(whole, offset, member->type));
	*value = mt_value_part(whole, member->type, offset);
	return NULL;
}

/* Where a virtual base is, the object's vtable says (symbol/type_class.h). */
static struct mt_error *virtual_base(const struct mt_world *world, const struct mt_value *object,
                                     const struct mt_base *base, struct mt_value *value)
{
	static const struct mt_type words[] = {
		[MT_MACHINE_X86_64] = { .kind = MT_TYPE_INT, .size = 8 },
		[MT_MACHINE_I386] = { .kind = MT_TYPE_INT, .size = 4 },
	};
	const struct mt_type *word = &words[world->machine];
	struct mt_value part = mt_value_part(object, word, 0);
	uint8_t bytes[8] = { 0 };
	struct mt_number vtable;
	int64_t offset = 0;

	if (!base->has_vtable_offset || !world->read)
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "where the virtual base %.80s lies is not known",
		                    base->type->name ? base->type->name : "class");
	MT_TRY(mt_value_number(world, &part, &vtable));
	MT_TRY(
	    world->read(world->arg, vtable.bits - base->vtable_offset, bytes, (size_t)word->size));
	memcpy(&offset, bytes, sizeof(offset));
	if (word->size == 4)
		offset = (int32_t)offset;
	*value = mt_value_part(object, base->type, (uint64_t)offset);
	return NULL;
}

/* More than any class has; damaged DWARF may derive one from itself. */
enum { MAX_BASES = 200 };

/* Looks in virtual bases, which mt_type_member() can't find a way to; `found` says whether. */
static struct mt_error *find_in_bases(const struct mt_world *world, const struct mt_value *object,
                                      const char *name, unsigned *bases_left, bool *found,
                                      struct mt_value *value)
{
	const struct mt_class *class = mt_type_class(object->type);

	for (size_t i = 0; class && i < class->base_count && !*found && *bases_left; i++) {
		const struct mt_base *base = &class->bases[i];
		const struct mt_member *member;
		struct mt_value part;
		uint64_t offset;

		--*bases_left;
		if (base->is_virtual)
			MT_TRY(virtual_base(world, object, base, &part));
		else
			part = mt_value_part(object, base->type, base->offset);
		member = mt_type_member(base->type, name, &offset);
		*found = member != NULL;
		if (member)
			return member_of(&part, member, offset, value);
		MT_TRY(find_in_bases(world, &part, name, bases_left, found, value));
	}
	return NULL;
}

/* As find_in_bases(), for the base itself. */
static struct mt_error *find_base(const struct mt_world *world, const struct mt_value *object,
                                  const struct mt_type *wanted, unsigned *bases_left, bool *found,
                                  struct mt_value *value)
{
	const struct mt_class *class = mt_type_class(object->type);

	*found = mt_type_same(object->type, wanted);
	if (*found)
		*value = *object;
	for (size_t i = 0; class && i < class->base_count && !*found && *bases_left; i++) {
		const struct mt_base *base = &class->bases[i];
		struct mt_value part;

		--*bases_left;
		if (base->is_virtual)
			MT_TRY(virtual_base(world, object, base, &part));
		else
			part = mt_value_part(object, base->type, base->offset);
		MT_TRY(find_base(world, &part, wanted, bases_left, found, value));
	}
	return NULL;
}

struct mt_error *mt_value_base(const struct mt_world *world, const struct mt_value *object,
                               const struct mt_type *base, struct mt_value *value)
{
	unsigned bases_left = MAX_BASES;
	struct mt_value found_value;
	bool found = false;

	MT_TRY(find_base(world, object, base, &bases_left, &found, &found_value));
	if (!found)
		return mt_value_error(MT_ERR_SYNTAX, object->type, "has no such base class");
	*value = found_value;
	return NULL;
}

struct mt_error *mt_value_member(const struct mt_world *world, const struct mt_value *value,
                                 const char *name, struct mt_value *member)
{
	const struct mt_type *type = value->type;
	const struct mt_member *direct;
	unsigned bases_left = MAX_BASES;
	uint64_t offset;
	bool found = false;

	if (type->kind != MT_TYPE_STRUCT && type->kind != MT_TYPE_UNION)
		return mt_value_error(MT_ERR_SYNTAX, type, "has no members");
	direct = mt_type_member(type, name, &offset);
	if (direct)
		return member_of(value, direct, offset, member);
	MT_TRY(find_in_bases(world, value, name, &bases_left, &found, member));
	/* Not found again, this time with the names that are near. */
	return found ? NULL : mt_member_find(type, name, (size_t)-1, &direct, &offset);
}

/* ---- Elements */

struct mt_error *mt_value_element(const struct mt_world *world, const struct mt_value *array,
                                  int64_t index, struct mt_value *element)
{
	const struct mt_type *type = array->type;
	uint64_t at = (uint64_t)index - (uint64_t)type->lower, step;

	if (type->kind != MT_TYPE_ARRAY || !type->target)
		return mt_value_error(MT_ERR_SYNTAX, type, "has no elements");
	mt_type_complete(type->target);
	step = type->stride ? type->stride : type->target->size;
	if (!step && type->target->kind != MT_TYPE_STRUCT)
		return mt_value_error(MT_ERR_SYNTAX, type->target, "has no size that is known");
	/* In memory an array goes on as far as one likes. */
	if (array->home != MT_HOME_MEMORY && at >= type->count)
		return mt_error_new(MT_ERR_SYNTAX, "the elements go from %lld to %lld",
		                    (long long)type->lower,
		                    (long long)(type->lower + (int64_t)type->count - 1));
	MT_TRY(check_inside(array, at * step, type->target));
	*element = mt_value_part(array, type->target, at * step);
	return NULL;
}

/* ---- What is pointed to */

/* A pointer whose variable the compiler has taken apart: what it points to is no less known. */
static struct mt_error *follow_implicit(const struct mt_world *world, struct mt_arena *arena,
                                        const struct mt_where_piece *piece, struct mt_value *target)
{
	struct mt_where where MT_CLEANUP(mt_where_deinit) = { 0 };
	struct mt_value whole = { .type = NULL };

	if (!world->frame)
		return mt_error_new(MT_ERR_UNREADABLE, "the frame of this variable is gone");
	MT_TRY(mt_where_pointee(world->frame, piece->pointee, &where, &whole.type));
	MT_TRY(mt_value_of_where(arena, &where, &whole));
	if (piece->pointee_offset || !whole.type)
		whole = mt_value_part(&whole, target->type, (uint64_t)piece->pointee_offset);
	*target = whole;
	return NULL;
}

static const struct mt_where_piece *implicit_piece(const struct mt_value *pointer)
{
	const struct mt_where *where = pointer->home == MT_HOME_WHERE ? pointer->where : NULL;

	if (!where || where->len != 1 || pointer->offset || where->data[0].kind != MT_WHERE_POINTER)
		return NULL;
	return &where->data[0];
}

/* What stands behind a pointer, as a type whose bounds are known as far as they can be. */
static struct mt_error *pointed_type(const struct mt_world *world, const struct mt_type *pointer,
                                     const struct mt_type **type)
{
	static const struct mt_type nothing = { .kind = MT_TYPE_VOID, .name = "void" };
	const struct mt_type *target = pointer->target ? pointer->target : &nothing;

	mt_type_complete(target);
	if (target->is_declared && world->image)
		target = mt_type_definition(world->image, target);
	if (world->frame && target->kind == MT_TYPE_ARRAY)
		return mt_where_type(world->frame, target, type);
	*type = target;
	return NULL;
}

struct mt_error *mt_value_deref(const struct mt_world *world, struct mt_arena *arena,
                                const struct mt_value *pointer, struct mt_value *target)
{
	const struct mt_where_piece *implicit = implicit_piece(pointer);
	const struct mt_type *type = pointer->type;
	struct mt_value found = { .home = MT_HOME_MEMORY };
	struct mt_number number;

	if (type->kind == MT_TYPE_FUNCTION) {
		*target = *pointer;
		return NULL;
	}
	if (type->kind == MT_TYPE_ARRAY)
		return mt_value_element(world, pointer, type->lower, target);
	if (type->kind == MT_TYPE_INT) /* gdb's: an address without a type is one of longs */
		found.type = mt_type_base_of(world->machine, "long");
	else if (type->kind == MT_TYPE_POINTER)
		MT_TRY(pointed_type(world, type, &found.type));
	else
		return mt_value_error(MT_ERR_SYNTAX, type, "does not point to anything");
	if (found.type->kind == MT_TYPE_VOID)
		return mt_error_new(MT_ERR_SYNTAX, "a pointer to void does not say to what");
	if (implicit) {
		MT_TRY(follow_implicit(world, arena, implicit, &found));
		*target = found;
		return NULL;
	}
	MT_TRY(mt_value_number(world, pointer, &number));
	found.addr = number.bits;
	found.is_function = found.type->kind == MT_TYPE_FUNCTION;
	*target = found;
	return NULL;
}
