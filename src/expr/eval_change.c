/* SPDX-License-Identifier: MIT */
#include "expr/overload.h"

static struct mt_error *check_may_write(const struct mt_eval *eval, const struct mt_ast *ast)
{
	if (eval->world->may_write)
		return NULL;
	if (ast->kind == MT_AST_ASSIGN)
		return mt_error_at((long)ast->at, "= would assign: did you mean ==?");
	return mt_error_at((long)ast->at, "%.*s would change something, and this only looks",
	                   MT_SOURCE(eval->text, ast));
}

/* A whole variable of the debugger's: it takes any value, of any type. */
static bool is_own(const struct mt_ast *ast, const struct mt_value *place)
{
	return ast->kind == MT_AST_REGISTER && place->home == MT_HOME_OWN;
}

static bool is_place(const struct mt_value *place)
{
	return place->home != MT_HOME_NOWHERE && !place->is_function;
}

/* The old bytes are not those of the place any more. */
static struct mt_error *reread(const struct mt_eval *eval, const struct mt_ast *ast,
                               const struct mt_value *place, struct mt_value *value)
{
	struct mt_value now = *place;

	if (is_own(ast, place))
		return mt_eval_dollar(eval, ast, value);
	now.bytes = now.gone = now.field = now.field_gone = NULL;
	*value = now;
	return NULL;
}

/* Writes `from`, which `ast` came to, into the place. */
static struct mt_error *store(const struct mt_eval *eval, const struct mt_ast *ast,
                              const struct mt_value *place, const struct mt_value *from,
                              struct mt_value *value)
{
	const struct mt_world *world = eval->world;
	struct mt_value converted = *from;

	if (eval->only_type) {
		*value = is_own(ast->a, place) ? *from : *place;
		return NULL;
	}
	if (is_own(ast->a, place)) {
		if (!world->own_set)
			return mt_error_at((long)ast->at, "$%.60s cannot be set here", place->name);
		MT_TRY(world->own_set(world->arg, place->name, from));
		return reread(eval, ast->a, place, value);
	}
	if (!is_place(place))
		return mt_error_at((long)ast->a->start,
		                   "%.*s is a value, and no place to assign to",
		                   MT_SOURCE(eval->text, ast->a));
	if (mt_type_is_scalar(place->type))
		MT_TRY(mt_eval_convert(eval, ast, from, place->type, false, &converted));
	MT_TRY(mt_value_assign(world, place, &converted));
	return reread(eval, ast->a, place, value);
}

/* a op= b: a is evaluated once (C11 6.5.16.2). */
static struct mt_error *updated(const struct mt_eval *eval, const struct mt_ast *ast,
                                const struct mt_value *place, const struct mt_scalar *by,
                                struct mt_value *value)
{
	struct mt_scalar scalar;

	MT_TRY(mt_eval_scalar_of(eval, ast->a, place, &scalar));
	return mt_eval_compute(eval, ast, &scalar, by, value);
}

/* ---- Objects of the program's classes */

static bool is_object(const struct mt_ast *ast, const struct mt_value *place)
{
	return place->type->kind == MT_TYPE_STRUCT && !is_own(ast->a, place);
}

/* `from` is what stands at the right. What the class has no operator of its own for is assigned by
 * its bytes; +=, of which nothing is known then, is an error. */
static struct mt_error *assign_object(const struct mt_eval *eval, const struct mt_ast *ast,
                                      const struct mt_value *place, struct mt_value *from,
                                      bool *is_done, struct mt_value *value)
{
	struct mt_value operands[] = { *place, { .type = NULL } };

	*is_done = true;
	MT_TRY(mt_eval_operand(eval, ast->b, from));
	if (ast->kind == MT_AST_UPDATE)
		return mt_eval_class_binary(eval, ast, place, from, value);
	operands[1] = *from;
	return mt_eval_operator(eval, ast, "operator=", operands, 2, is_done, value);
}

/* ++ behind an operand takes an int that means nothing (C++17, 16.5.7). */
static struct mt_error *step_object(const struct mt_eval *eval, const struct mt_ast *ast,
                                    const struct mt_value *place, struct mt_value *value)
{
	const char *name = ast->op == MT_OP_ADD ? "operator++" : "operator--";
	struct mt_value operands[] = { *place, { .type = NULL } };
	bool found;

	if (ast->kind == MT_AST_BEFORE)
		return mt_eval_class_unary(eval, ast, name, place, value);
	MT_TRY(mt_eval_int(eval, 0, &operands[1]));
	MT_TRY(mt_eval_operator(eval, ast, name, operands, 2, &found, value));
	return found ? NULL : mt_eval_class_unary(eval, ast, name, place, value);
}

struct mt_error *mt_eval_assign(const struct mt_eval *eval, const struct mt_ast *ast,
                                struct mt_value *value)
{
	struct mt_value place, from;
	struct mt_scalar by;
	bool is_done;

	MT_TRY(check_may_write(eval, ast));
	MT_TRY(mt_eval_operand(eval, ast->a, &place));
	if (is_object(ast, &place)) {
		MT_TRY(assign_object(eval, ast, &place, &from, &is_done, value));
		if (is_done)
			return NULL;
	} else if (ast->kind == MT_AST_ASSIGN) {
		MT_TRY(mt_eval_operand(eval, ast->b, &from));
	} else {
		MT_TRY(mt_eval_scalar(eval, ast->b, &by));
		MT_TRY(updated(eval, ast, &place, &by, &from));
	}
	return store(eval, ast, &place, &from, value);
}

struct mt_error *mt_eval_step(const struct mt_eval *eval, const struct mt_ast *ast,
                              struct mt_value *value)
{
	const struct mt_scalar one = { .number = { .is_signed = true, .size = 4, .bits = 1 } };
	struct mt_value place, before, after;

	MT_TRY(check_may_write(eval, ast));
	MT_TRY(mt_eval_operand(eval, ast->a, &place));
	if (is_object(ast, &place))
		return step_object(eval, ast, &place, value);
	before = place;
	if (ast->kind == MT_AST_AFTER && !eval->only_type) {
		MT_TRY(mt_value_fetch(eval->world, eval->arena, &before));
		before.home = MT_HOME_NOWHERE;
	}
	MT_TRY(updated(eval, ast, &place, &one, &after));
	MT_TRY(store(eval, ast, &place, &after, value));
	if (ast->kind == MT_AST_AFTER)
		*value = before;
	return NULL;
}
