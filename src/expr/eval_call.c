/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "expr/overload.h"
#include "symbol/scope.h"

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

/* ---- Functions */

/* The arguments, evaluated once, whoever is called. */
static struct mt_error *eval_arguments(const struct mt_eval *eval, const struct mt_ast *ast,
                                       struct mt_callee *callee)
{
	struct mt_value *args = mt_arena_alloc(eval->arena, (ast->arg_count + 1) * sizeof(*args));

	if (!args)
		return mt_error_nomem();
	for (size_t i = 0; i < ast->arg_count; i++)
		MT_TRY(mt_eval_operand(eval, ast->args[i], &args[i]));
	*callee = (struct mt_callee){
		.ast = ast, .args = args, .arg_asts = ast->args, .arg_count = ast->arg_count
	};
	return NULL;
}

/* strlen in the C library is a function that chooses one for this processor. What it is declared to
 * return, if anything is known of it, tells the type of that. */
static bool look_through_resolver(const struct mt_eval *eval, struct mt_value *function)
{
	const struct mt_type *known;
	struct mt_symbol symbol;

	if (!function->is_function || !eval->world->image ||
	    !mt_image_symbol_at(eval->world->image, function->addr, &symbol) ||
	    !symbol.is_resolver || symbol.addr != function->addr)
		return false;
	known = mt_type_of_function(eval->world->image, function->addr);
	if (!known || function->type != known)
		return true;
	if (known->target && known->target->kind == MT_TYPE_POINTER && known->target->target &&
	    known->target->target->kind == MT_TYPE_FUNCTION)
		function->type = known->target->target;
	else
		function->type = &mt_eval_unknown_function;
	return true;
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

/* One function, by its address: what it is given becomes what it takes, as C has it. */
static struct mt_error *call_address(const struct mt_eval *eval, const struct mt_callee *callee,
                                     struct mt_value *function, const struct mt_type *result,
                                     struct mt_value *value)
{
	bool is_resolver = look_through_resolver(eval, function);
	const struct mt_world *world = eval->world;
	struct mt_value *passed;
	struct mt_type type;

	MT_TRY(settle_type(eval, callee->ast, function->type, result, &type));
	if (eval->only_type) {
		*value = (struct mt_value){ .type = type.target };
		return NULL;
	}
	if (!world->call || !world->may_write)
		return mt_error_at((long)callee->ast->at, "functions cannot be called here");
	passed = mt_arena_alloc(eval->arena, (callee->arg_count + 1) * sizeof(*passed));
	if (!passed)
		return mt_error_nomem();
	MT_TRY(check_count(callee->ast, &type, callee->arg_count));
	MT_TRY(mt_pass_arguments(eval, &type, callee, 0, passed));
	if (is_resolver)
		MT_TRY(resolve(eval, function));
	return world->call(world->arg, eval->arena, function->addr, &type, passed,
	                   callee->arg_count, value);
}

/* ---- Methods */

/* x.f: the object; of x.Base::f its Base, and that one's f. */
static struct mt_error *find_object(const struct mt_eval *eval, const struct mt_ast *ast,
                                    struct mt_callee *callee, const char **name,
                                    struct mt_value *object)
{
	const char *last = mt_scope_last_part(ast->name);
	const struct mt_type *base;
	char *scope;

	MT_TRY(mt_eval_object(eval, ast, object));
	*name = ast->name;
	if (last == ast->name || object->type->kind != MT_TYPE_STRUCT)
		return NULL;
	scope = mt_arena_text(eval->arena, ast->name, (size_t)(last - ast->name) - 2);
	base = scope ? mt_eval_find_type(eval, scope) : NULL;
	if (!base)
		return mt_error_at((long)ast->at, "there is no class %.80s",
		                   scope ? scope : ast->name);
	MT_TRY(mt_value_base(eval->world, object, base, object));
	*name = last;
	callee->is_qualified = true;
	return NULL;
}

/* The best of the object's methods by that name; *found false: its class has none. */
static struct mt_error *call_method(const struct mt_eval *eval, struct mt_callee *callee,
                                    const struct mt_value *object, const char *name, bool *found,
                                    struct mt_value *value)
{
	struct mt_choices *choices = mt_arena_alloc(eval->arena, sizeof(*choices));
	const struct mt_choice *chosen;

	if (!choices)
		return mt_error_nomem();
	mt_choices_add_methods(object->type, name, choices);
	*found = choices->len > 0;
	if (!*found)
		return NULL;
	callee->object = object;
	MT_TRY(mt_choose(eval, choices, callee, &chosen));
	if (!chosen)
		return mt_no_choice(choices, callee, name);
	return mt_call_choice(eval, chosen, callee, value);
}

static bool has_data_member(const struct mt_value *object, const char *name)
{
	uint64_t offset;

	mt_type_complete(object->type);
	return mt_type_member(object->type, name, &offset) != NULL;
}

/* x.f(…) and x->f(…) */
static struct mt_error *call_member(const struct mt_eval *eval, struct mt_callee *callee,
                                    bool *found, struct mt_value *value)
{
	const struct mt_ast *ast = callee->ast->a;
	struct mt_value object;
	const char *name;

	MT_TRY(find_object(eval, ast, callee, &name, &object));
	if (object.type->kind != MT_TYPE_STRUCT && object.type->kind != MT_TYPE_UNION)
		return NULL;
	if (has_data_member(&object, name))
		return NULL;
	return call_method(eval, callee, &object, name, found, value);
}

/* f(…) inside of a method of the same object. */
static struct mt_error *call_own_method(const struct mt_eval *eval, struct mt_callee *callee,
                                        bool *found, struct mt_value *value)
{
	const struct mt_ast *ast = callee->ast->a;
	struct mt_value this, object;

	if (ast->scope || !mt_eval_has_value(eval, NULL, "this", &this) ||
	    this.type->kind != MT_TYPE_POINTER || !this.type->target)
		return NULL;
	MT_TRY(mt_eval_follow(eval, ast, &this, &object));
	return call_method(eval, callee, &object, ast->name, found, value);
}

/* ---- Functions by their names */

/* C's functions have one name each. */
static bool has_overloads(const struct mt_eval *eval, const struct mt_value *function)
{
	return function->is_function && eval->world->image &&
	       mt_type_language(function->type) == MT_LANG_CPLUS;
}

/* The name as it was written, and as it is called: a scope may have been left out. */
static void add_named(const struct mt_eval *eval, const struct mt_ast *ast,
                      const struct mt_value *function, struct mt_choices *choices)
{
	struct mt_buf name MT_AUTO_BUF = { 0 };
	struct mt_symbol symbol;

	mt_buf_printf(&name, "%s%s%s", ast->scope ? ast->scope : "",
	              ast->scope && *ast->scope ? "::" : "", ast->name);
	if (mt_buf_ok(&name))
		mt_choices_add_functions(eval, name.data, choices);
	if (choices->len || !function ||
	    !mt_image_symbol_at(eval->world->image, function->addr, &symbol))
		return;
	mt_buf_clear(&name);
	mt_buf_printf(&name, "%.*s", (int)strcspn(symbol.name, "("), symbol.name);
	if (mt_buf_ok(&name))
		mt_choices_add_functions(eval, name.data, choices);
}

static struct mt_error *call_named(const struct mt_eval *eval, struct mt_callee *callee,
                                   const struct mt_value *function, bool *found,
                                   struct mt_value *value)
{
	const struct mt_ast *ast = callee->ast->a;
	struct mt_choices *choices = mt_arena_alloc(eval->arena, sizeof(*choices));
	const struct mt_choice *chosen;

	if (!choices)
		return mt_error_nomem();
	if (function || strchr(ast->name, '<'))
		add_named(eval, ast, function, choices);
	if (!ast->scope)
		mt_choices_add_associated(eval, ast->name, callee->args, callee->arg_count,
		                          choices);
	if (!choices->len || (choices->len == 1 && function))
		return NULL;
	*found = true;
	MT_TRY(mt_choose(eval, choices, callee, &chosen));
	if (!chosen)
		return mt_no_choice(choices, callee, ast->name);
	return mt_call_choice(eval, chosen, callee, value);
}

/* ---- All of them */

static struct mt_error *call_value(const struct mt_eval *eval, struct mt_callee *callee,
                                   struct mt_value *function, const struct mt_type *result,
                                   struct mt_value *value)
{
	const struct mt_ast *ast = callee->ast->a;
	struct mt_value pointer;
	bool found = false;

	if (function->type->kind == MT_TYPE_STRUCT) {
		MT_TRY(call_method(eval, callee, function, "operator()", &found, value));
		if (found)
			return NULL;
	}
	if (function->type->kind == MT_TYPE_POINTER) {
		pointer = *function;
		MT_TRY(mt_eval_follow(eval, ast, &pointer, function));
	}
	if (function->type->kind != MT_TYPE_FUNCTION)
		return mt_eval_type_error(eval, ast, function->type, "it is no function");
	return call_address(eval, callee, function, result, value);
}

static struct mt_error *call(const struct mt_eval *eval, struct mt_callee *callee,
                             const struct mt_type *result, struct mt_value *value)
{
	const struct mt_ast *ast = callee->ast->a;
	struct mt_value function;
	struct mt_error *error;
	bool found = false;

	if (ast->kind == MT_AST_MEMBER || ast->kind == MT_AST_ARROW)
		MT_TRY(call_member(eval, callee, &found, value));
	else if (ast->kind == MT_AST_NAME)
		MT_TRY(call_own_method(eval, callee, &found, value));
	if (found)
		return NULL;
	error = mt_eval_operand(eval, ast, &function);
	if (ast->kind == MT_AST_NAME && (error || has_overloads(eval, &function))) {
		struct mt_error *failed =
		    call_named(eval, callee, error ? NULL : &function, &found, value);

		if (failed || found) {
			mt_error_free(error);
			return failed;
		}
	}
	MT_TRY(error);
	return call_value(eval, callee, &function, result, value);
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
	struct mt_ast_type written;
	struct mt_callee callee;

	if (names_type(eval, ast, &written)) {
		struct mt_ast cast = *ast;

		cast.kind = MT_AST_CAST;
		cast.a = ast->args[0];
		cast.type = written;
		return mt_eval_cast(eval, &cast, value);
	}
	MT_TRY(eval_arguments(eval, ast, &callee));
	return call(eval, &callee, result, value);
}
