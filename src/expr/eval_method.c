/* SPDX-License-Identifier: MIT */
/* Calling the function that was chosen among those of its name. */
#include <string.h>

#include "expr/overload.h"
#include "symbol/overload.h"

/* ---- Arguments */

/* As C's default promotions have it, for parameters that are not declared (C11 6.5.2.2). */
static struct mt_error *promote(const struct mt_eval *eval, const struct mt_ast *ast,
                                const struct mt_value *from, struct mt_value *value)
{
	const struct mt_type *type = from->type;
	struct mt_scalar scalar;

	if (type->kind == MT_TYPE_FLOAT && type->size < 8)
		return mt_eval_convert(eval, ast, from, mt_eval_base(eval, "double"), true, value);
	if (type->kind == MT_TYPE_ARRAY || type->kind == MT_TYPE_FUNCTION) {
		MT_TRY(mt_eval_scalar_of(eval, ast, from, &scalar));
		return mt_value_of_number(eval->arena, &scalar.number, scalar.pointer, value);
	}
	if (mt_type_is_scalar(type) && type->kind != MT_TYPE_FLOAT && type->size < 4)
		return mt_eval_convert(eval, ast, from, mt_eval_base(eval, "int"), true, value);
	*value = *from;
	return NULL;
}

/* What a reference is to refer to: the argument, its base, or what it is converted to. */
static struct mt_error *referred(const struct mt_eval *eval, const struct mt_ast *ast,
                                 const struct mt_value *from, const struct mt_type *target,
                                 struct mt_value *value)
{
	struct mt_value placed = *from;

	mt_type_complete(target);
	if (mt_type_same(from->type, target) || target->kind == MT_TYPE_VOID) {
		*value = *from;
		return NULL;
	}
	if (mt_type_is_scalar(target))
		return mt_eval_convert(eval, ast, from, target, false, value);
	if (target->kind != MT_TYPE_STRUCT || from->type->kind != MT_TYPE_STRUCT)
		return mt_eval_convert(eval, ast, from, target, false, value);
	MT_TRY(mt_eval_place(eval, ast, &placed));
	return mt_value_base(eval->world, &placed, target, value);
}

/* A reference is passed as an address. */
static struct mt_error *pass_reference(const struct mt_eval *eval, const struct mt_ast *ast,
                                       const struct mt_value *from, const struct mt_type *type,
                                       struct mt_value *value)
{
	struct mt_number number = { .size = (uint8_t)type->size };
	struct mt_value placed;

	MT_TRY(referred(eval, ast, from, type->target, &placed));
	MT_TRY(mt_eval_place(eval, ast, &placed));
	number.bits = placed.addr;
	return mt_value_of_number(eval->arena, &number, type, value);
}

static struct mt_error *pass(const struct mt_eval *eval, const struct mt_ast *ast,
                             const struct mt_value *from, const struct mt_type *type,
                             struct mt_value *value)
{
	if (!type)
		return promote(eval, ast, from, value);
	if (type->kind == MT_TYPE_POINTER && type->is_reference && type->target)
		return pass_reference(eval, ast, from, type, value);
	if (type->kind == MT_TYPE_STRUCT)
		return referred(eval, ast, from, type, value);
	return mt_eval_convert(eval, ast, from, type, false, value);
}

struct mt_error *mt_pass_arguments(const struct mt_eval *eval, const struct mt_type *type,
                                   const struct mt_callee *callee, size_t first,
                                   struct mt_value *passed)
{
	for (size_t i = 0; i < callee->arg_count; i++) {
		size_t at = i + first;

		MT_TRY(pass(eval, callee->arg_asts[i], &callee->args[i],
		            at < type->param_count ? type->params[at] : NULL, &passed[at]));
		MT_TRY(mt_value_fetch(eval->world, eval->arena, &passed[at]));
	}
	return NULL;
}

/* ---- Methods */

/* `this` for the method: the address of the part of the object that is of its class. */
static struct mt_error *pass_this(const struct mt_eval *eval, const struct mt_choice *choice,
                                  const struct mt_callee *callee, struct mt_value *part,
                                  struct mt_value *this)
{
	struct mt_number number = { .size = mt_machine_word(eval->world->machine) };
	struct mt_value object = *callee->object;

	MT_TRY(mt_eval_place(eval, callee->ast, &object));
	MT_TRY(mt_value_base(eval->world, &object, choice->owner, part));
	number.bits = part->addr;
	return mt_value_of_number(eval->arena, &number, choice->type->params[0], this);
}

/* A virtual method is what the object's own class has in its place: the vtable of the part of the
 * object leads there, with what adjusts `this` (Itanium C++ ABI, section 2.5). */
static struct mt_error *dispatch(const struct mt_eval *eval, const struct mt_choice *choice,
                                 const struct mt_value *part, uint64_t *entry)
{
	const struct mt_world *world = eval->world;
	size_t word = mt_machine_word(world->machine);
	uint64_t table = 0, found = 0;

	if (!world->read)
		return mt_error_new(MT_ERR_UNSUPPORTED, "there is no process to call %s in",
		                    choice->name);
	MT_TRY(world->read(world->arg, part->addr, &table, word));
	MT_TRY(world->read(world->arg, table + choice->method->vtable_index * word, &found, word));
	*entry = found;
	return NULL;
}

static struct mt_error *find_entry(const struct mt_eval *eval, const struct mt_choice *choice,
                                   const struct mt_callee *callee, const struct mt_value *part,
                                   uint64_t *entry)
{
	const struct mt_method *method = choice->method;

	if (!method) {
		*entry = choice->entry;
		return NULL;
	}
	if (method->is_virtual && method->has_vtable_index && !callee->is_qualified)
		return dispatch(eval, choice, part, entry);
	if (method->linkage_name && eval->world->image &&
	    mt_overload_entry(eval->world->image, method->linkage_name, entry))
		return NULL;
	return mt_error_at((long)callee->ast->at,
	                   "%.80s::%.80s cannot be called: the program has no code for it of its "
	                   "own, since it is inlined wherever it is used, or used nowhere",
	                   choice->owner->name ? choice->owner->name : "class", choice->name);
}

/* ---- The call */

static const struct mt_type *result_of(const struct mt_choice *choice)
{
	static const struct mt_type nothing = { .kind = MT_TYPE_VOID, .name = "void" };

	return choice->type->target ? choice->type->target : &nothing;
}

struct mt_error *mt_call_choice(const struct mt_eval *eval, const struct mt_choice *choice,
                                const struct mt_callee *callee, struct mt_value *value)
{
	const struct mt_world *world = eval->world;
	size_t first = choice->method && !choice->method->is_static;
	size_t count = callee->arg_count + first;
	struct mt_value *passed = mt_arena_alloc(eval->arena, (count + 1) * sizeof(*passed));
	struct mt_type type = *choice->type;
	struct mt_value part = { .type = NULL };
	uint64_t entry;

	if (!passed)
		return mt_error_nomem();
	type.target = result_of(choice);
	if (eval->only_type) {
		*value = (struct mt_value){ .type = type.target };
		return NULL;
	}
	if (!world->call || !world->may_write)
		return mt_error_at((long)callee->ast->at, "functions cannot be called here");
	if (first)
		MT_TRY(pass_this(eval, choice, callee, &part, &passed[0]));
	MT_TRY(mt_pass_arguments(eval, choice->type, callee, first, passed));
	MT_TRY(find_entry(eval, choice, callee, &part, &entry));
	return world->call(world->arg, eval->arena, entry, &type, passed, count, value);
}
