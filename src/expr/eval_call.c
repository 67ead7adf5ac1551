/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "expr/eval_internal.h"

/* ---- Strings */

struct mt_error *mt_eval_string(const struct mt_eval *eval, const struct mt_ast *ast,
                                struct mt_value *value)
{
	const struct mt_string *string = &ast->string;
	const struct mt_type *unit = mt_eval_base(eval, string->name), *type;
	uint8_t *bytes;

	MT_TRY(mt_eval_array_of(eval, unit, string->count + 1, &type));
	/* The value may outlive the tree. */
	bytes = mt_arena_alloc(eval->arena, (size_t)type->size);
	if (!bytes)
		return mt_error_nomem();
	memcpy(bytes, string->units, (size_t)type->size);
	*value = (struct mt_value){ .type = type, .bytes = bytes };
	return NULL;
}

struct mt_error *mt_eval_place(const struct mt_eval *eval, const struct mt_ast *ast,
                               struct mt_value *value)
{
	const struct mt_world *world = eval->world;

	if (value->home == MT_HOME_MEMORY || value->is_function)
		return NULL;
	if (value->home != MT_HOME_NOWHERE || !world->place || !world->may_write)
		return mt_error_at((long)ast->start, "%.*s is not in memory: it has no address",
		                   MT_SOURCE(eval->text, ast));
	MT_TRY(mt_value_fetch(world, eval->arena, value));
	MT_TRY(world->place(world->arg, value->bytes, (size_t)value->type->size, &value->addr));
	value->home = MT_HOME_MEMORY;
	return NULL;
}

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

/* A reference is passed as an address. */
static struct mt_error *pass_reference(const struct mt_eval *eval, const struct mt_ast *ast,
                                       const struct mt_value *from, const struct mt_type *type,
                                       struct mt_value *value)
{
	struct mt_value placed = *from;
	struct mt_number number = { .size = (uint8_t)type->size };

	MT_TRY(mt_eval_place(eval, ast, &placed));
	number.bits = placed.addr;
	return mt_value_of_number(eval->arena, &number, type, value);
}

static struct mt_error *pass(const struct mt_eval *eval, const struct mt_ast *ast,
                             const struct mt_type *type, struct mt_value *value)
{
	struct mt_value from;

	MT_TRY(mt_eval_operand(eval, ast, &from));
	if (!type)
		return promote(eval, ast, &from, value);
	if (type->kind == MT_TYPE_POINTER && type->is_reference)
		return pass_reference(eval, ast, &from, type, value);
	return mt_eval_convert(eval, ast, &from, type, false, value);
}

/* ---- Functions */

/* Who is called: f, (*f), a pointer to one, x.f with `this` before the other arguments. */
struct callee {
	struct mt_value function;
	struct mt_value this;
	bool has_this;
	bool is_resolver; /* the function is what it returns */
};

/* x.f or x->f where f is a method: `this` is x's address. */
static struct mt_error *find_method(const struct mt_eval *eval, const struct mt_ast *ast,
                                    struct callee *callee)
{
	struct mt_number number = { .size = mt_machine_word(eval->world->machine) };
	struct mt_value object, pointer;
	const struct mt_type *type;

	if (ast->kind != MT_AST_MEMBER && ast->kind != MT_AST_ARROW)
		return NULL;
	type = callee->function.type;
	if (!callee->function.is_function || !type->param_count ||
	    type->params[0]->kind != MT_TYPE_POINTER)
		return NULL;
	MT_TRY(mt_eval_operand(eval, ast->a, &object));
	if (object.type->kind == MT_TYPE_POINTER) {
		pointer = object;
		MT_TRY(mt_eval_follow(eval, ast->a, &pointer, &object));
	}
	MT_TRY(mt_eval_place(eval, ast->a, &object));
	MT_TRY(mt_eval_pointer_to(eval, object.type, &type));
	number.bits = object.addr;
	MT_TRY(mt_value_of_number(eval->arena, &number, type, &pointer));
	callee->has_this = true;
	return mt_eval_convert(eval, ast->a, &pointer, callee->function.type->params[0], false,
	                       &callee->this);
}

/* strlen in the C library is a function that chooses one for this processor. What it is declared to
 * return, if anything is known of it, tells the type of that. */
static void look_through_resolver(const struct mt_eval *eval, struct callee *callee)
{
	struct mt_value *function = &callee->function;
	const struct mt_type *known;
	struct mt_symbol symbol;

	if (!function->is_function || !eval->world->image ||
	    !mt_image_symbol_at(eval->world->image, function->addr, &symbol) ||
	    !symbol.is_resolver || symbol.addr != function->addr)
		return;
	callee->is_resolver = true;
	known = mt_type_of_function(eval->world->image, function->addr);
	if (!known || function->type != known)
		return;
	if (known->target && known->target->kind == MT_TYPE_POINTER && known->target->target &&
	    known->target->target->kind == MT_TYPE_FUNCTION)
		function->type = known->target->target;
	else
		function->type = &mt_eval_unknown_function;
}

static struct mt_error *resolve(const struct mt_eval *eval, struct mt_value *function)
{
	const struct mt_world *world = eval->world;
	const struct mt_type resolver = { .kind = MT_TYPE_FUNCTION,
		                          .target = mt_eval_base(eval, "unsigned long") };
	struct mt_value chosen;
	struct mt_number number;

	MT_TRY(world->call(world->arg, eval->arena, function->addr, &resolver, NULL, 0, &chosen));
	MT_TRY(mt_value_number(world, &chosen, &number));
	function->addr = number.bits;
	return NULL;
}

static struct mt_error *find_callee(const struct mt_eval *eval, const struct mt_ast *ast,
                                    struct callee *callee)
{
	struct mt_value pointer;

	MT_TRY(mt_eval_operand(eval, ast, &callee->function));
	if (callee->function.type->kind == MT_TYPE_POINTER) {
		pointer = callee->function;
		MT_TRY(mt_eval_follow(eval, ast, &pointer, &callee->function));
	}
	if (callee->function.type->kind != MT_TYPE_FUNCTION)
		return mt_eval_type_error(eval, ast, callee->function.type, "it is no function");
	look_through_resolver(eval, callee);
	return find_method(eval, ast, callee);
}

/* What a function that nothing is known about returns is for a person to say, as in gdb. */
static struct mt_error *settle_type(const struct mt_eval *eval, const struct mt_ast *ast,
                                    const struct mt_type *known, const struct mt_type *result,
                                    struct mt_type *type)
{
	static const struct mt_type nothing = { .kind = MT_TYPE_VOID, .name = "void" };

	if (known != &mt_eval_unknown_function) {
		*type = *known;
		type->target = known->target ? known->target : &nothing;
		return NULL;
	}
	if (!result)
		return mt_error_at((long)ast->start,
		                   "what %.*s returns is not known: a cast of the call says it, as "
		                   "in (long)%.*s",
		                   MT_SOURCE(eval->text, ast->a), MT_SOURCE(eval->text, ast));
	*type = (struct mt_type){ .kind = MT_TYPE_FUNCTION, .target = result };
	return NULL;
}

static struct mt_error *check_count(const struct mt_ast *ast, const struct mt_type *type,
                                    size_t count)
{
	bool fewer = count < type->param_count;

	if (!fewer && (count == type->param_count || type->is_varargs || !type->is_prototyped))
		return NULL;
	return mt_error_at((long)ast->at, "this function takes %zu argument%s, not %zu",
	                   type->param_count, type->param_count == 1 ? "" : "s", count);
}

static struct mt_error *call(const struct mt_eval *eval, const struct mt_ast *ast,
                             struct callee *callee, const struct mt_type *type,
                             struct mt_value *value)
{
	const struct mt_world *world = eval->world;
	size_t first = callee->has_this, count = ast->arg_count + first;
	struct mt_value *args = mt_arena_alloc(eval->arena, count * sizeof(*args));

	if (!args)
		return mt_error_nomem();
	MT_TRY(check_count(ast, type, count));
	if (callee->has_this)
		args[0] = callee->this;
	for (size_t i = first; i < count; i++) {
		MT_TRY(pass(eval, ast->args[i - first],
		            i < type->param_count ? type->params[i] : NULL, &args[i]));
		MT_TRY(mt_value_fetch(world, eval->arena, &args[i]));
	}
	if (callee->is_resolver)
		MT_TRY(resolve(eval, &callee->function));
	return world->call(world->arg, eval->arena, callee->function.addr, type, args, count,
	                   value);
}

/* T(x): the type in a name's place. */
static bool names_type(const struct mt_eval *eval, const struct mt_ast *ast,
                       struct mt_ast_type *type)
{
	struct mt_value ignored;

	if (ast->a->kind != MT_AST_NAME || ast->arg_count != 1)
		return false;
	size_t len = ast->a->end - ast->a->start;
	*type = (struct mt_ast_type){ .name = mt_arena_text(eval->arena, eval->text + ast->a->start,
		                                            len) };
	return type->name && mt_eval_find_type(eval, type->name) &&
	       !mt_eval_has_value(eval, ast->a->scope, ast->a->name, &ignored);
}

struct mt_error *mt_eval_call(const struct mt_eval *eval, const struct mt_ast *ast,
                              const struct mt_type *result, struct mt_value *value)
{
	struct callee callee = { .has_this = false };
	struct mt_ast_type written;
	struct mt_type type;

	if (names_type(eval, ast, &written)) {
		struct mt_ast cast = *ast;

		cast.kind = MT_AST_CAST;
		cast.a = ast->args[0];
		cast.type = written;
		return mt_eval_cast(eval, &cast, value);
	}
	MT_TRY(find_callee(eval, ast->a, &callee));
	MT_TRY(settle_type(eval, ast, callee.function.type, result, &type));
	if (eval->only_type) {
		*value = (struct mt_value){ .type = type.target };
		return NULL;
	}
	if (!eval->world->call || !eval->world->may_write)
		return mt_error_at((long)ast->at, "functions cannot be called here");
	return call(eval, ast, &callee, &type, value);
}
