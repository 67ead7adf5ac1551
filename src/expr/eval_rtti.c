/* SPDX-License-Identifier: MIT */
/* dynamic_cast and typeid: C++17, 8.2.7 and 8.2.8. */
#include <string.h>

#include "expr/dynamic.h"
#include "expr/eval_internal.h"
#include "symbol/rtti.h"

/* ---- dynamic_cast */

static struct mt_error *pointer_of(const struct mt_eval *eval, uint64_t addr,
                                   const struct mt_type *type, struct mt_value *value)
{
	struct mt_number number = { .size = (uint8_t)type->size, .bits = addr };

	return mt_value_of_number(eval->arena, &number, type, value);
}

/* The part of the object that is of that class, looked for in what it is a part of itself. */
static struct mt_error *find_part(const struct mt_eval *eval, const struct mt_value *object,
                                  const struct mt_type *class, struct mt_value *part)
{
	struct mt_value whole = *object;

	mt_value_whole_object(eval->world, object, &whole);
	if (class->kind == MT_TYPE_VOID) {
		*part = whole;
		return NULL;
	}
	return mt_value_base(eval->world, &whole, class, part);
}

static bool leads_to_class(const struct mt_type *type)
{
	return type->kind == MT_TYPE_POINTER && type->target &&
	       (type->target->kind == MT_TYPE_STRUCT ||
	        (type->target->kind == MT_TYPE_VOID && !type->is_reference));
}

/* A null pointer stays one, and so becomes what leads to no such object. */
static struct mt_error *cast_pointer(const struct mt_eval *eval, const struct mt_ast *ast,
                                     const struct mt_value *from, const struct mt_type *type,
                                     struct mt_value *value)
{
	struct mt_value object, part;
	struct mt_number number;
	struct mt_error *error;

	if (from->type->kind != MT_TYPE_POINTER || !from->type->target ||
	    from->type->target->kind != MT_TYPE_STRUCT)
		return mt_eval_type_error(eval, ast->a, from->type, "it is no pointer to a class");
	if (eval->only_type)
		return pointer_of(eval, 0, type, value);
	MT_TRY(mt_value_number(eval->world, from, &number));
	if (!number.bits)
		return pointer_of(eval, 0, type, value);
	MT_TRY(mt_eval_follow(eval, ast->a, from, &object));
	error = find_part(eval, &object, type->target, &part);
	if (error && mt_error_kind(error) == MT_ERR_SYNTAX) {
		mt_error_free(error);
		return pointer_of(eval, 0, type, value);
	}
	MT_TRY(error);
	return pointer_of(eval, part.addr, type, value);
}

struct mt_error *mt_eval_dynamic_cast(const struct mt_eval *eval, const struct mt_ast *ast,
                                      struct mt_value *value)
{
	const struct mt_type *type;
	struct mt_error *error;
	struct mt_value from;

	MT_TRY(mt_eval_type_of(eval, &ast->type, &type));
	if (!leads_to_class(type))
		return mt_error_at((long)ast->start,
		                   "dynamic_cast leads to a pointer or a reference to a class");
	MT_TRY(mt_eval_operand(eval, ast->a, &from));
	if (!type->is_reference)
		return cast_pointer(eval, ast, &from, type, value);
	if (from.type->kind != MT_TYPE_STRUCT)
		return mt_eval_type_error(eval, ast->a, from.type, "it is no object of a class");
	error = find_part(eval, &from, type->target, value);
	if (!error || mt_error_kind(error) != MT_ERR_SYNTAX)
		return error;
	mt_error_free(error);
	mt_value_whole_object(eval->world, &from, &from);
	return mt_eval_type_error(eval, ast->a, from.type, "it is no object of that class");
}

/* ---- typeid */

/* The type's name as linkers know it: of typedefs, what they stand for; without const. */
static struct mt_error *find_info(const struct mt_eval *eval, const struct mt_ast *ast,
                                  const struct mt_type *type, uint64_t *addr)
{
	struct mt_buf name MT_AUTO_BUF = { 0 };
	struct mt_type plain;

	if (type->kind == MT_TYPE_POINTER && type->is_reference && type->target)
		type = type->target;
	while (type->alias_of)
		type = type->alias_of;
	plain = *type;
	plain.qualifiers = 0;
	mt_type_format(&plain, &name);
	if (!mt_buf_ok(&name))
		return mt_error_nomem();
	if (mt_rtti_info(eval->world->image, name.data, addr))
		return NULL;
	return mt_error_at((long)ast->start, "the program has no type_info of %.120s", name.data);
}

static struct mt_error *type_asked_for(const struct mt_eval *eval, const struct mt_ast *ast,
                                       const struct mt_type **type)
{
	struct mt_value operand, whole;

	if (!ast->a)
		return mt_eval_type_of(eval, &ast->type, type);
	MT_TRY(mt_eval_operand(eval, ast->a, &operand));
	*type = operand.type;
	if (!eval->only_type && mt_value_whole_object(eval->world, &operand, &whole))
		*type = whole.type;
	return NULL;
}

/* What all of them begin with (Itanium C++ ABI, 2.9.4): programs seldom know more of it. */
static struct mt_error *info_type(const struct mt_eval *eval, const struct mt_type **type)
{
	static const struct mt_type character = { .kind = MT_TYPE_CHAR,
		                                  .name = "char",
		                                  .size = 1,
		                                  .is_signed = true,
		                                  .qualifiers = MT_QUAL_CONST };
	static const struct mt_type nothing = { .kind = MT_TYPE_VOID, .name = "void" };
	size_t word = mt_machine_word(eval->world->machine);
	struct mt_member *members = mt_arena_alloc(eval->arena, 2 * sizeof(*members));
	struct mt_type *made = mt_arena_alloc(eval->arena, sizeof(*made));

	if (!members || !made)
		return mt_error_nomem();
	members[0] = (struct mt_member){ .name = "_vptr.type_info", .is_artificial = true };
	members[1] = (struct mt_member){ .name = "__name", .offset = word };
	MT_TRY(mt_eval_pointer_to(eval, &nothing, &members[0].type));
	MT_TRY(mt_eval_pointer_to(eval, &character, &members[1].type));
	*made = (struct mt_type){ .kind = MT_TYPE_STRUCT,
		                  .name = "std::type_info",
		                  .size = 2 * word,
		                  .members = members,
		                  .member_count = 2 };
	*type = made;
	return NULL;
}

struct mt_error *mt_eval_typeid(const struct mt_eval *eval, const struct mt_ast *ast,
                                struct mt_value *value)
{
	struct mt_value made = { .home = MT_HOME_MEMORY };
	const struct mt_type *of;

	if (!eval->world->image)
		return mt_error_at((long)ast->start, "there is no program that would know types");
	MT_TRY(info_type(eval, &made.type));
	MT_TRY(type_asked_for(eval, ast, &of));
	MT_TRY(find_info(eval, ast, of, &made.addr));
	*value = made;
	return NULL;
}
