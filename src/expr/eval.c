/* SPDX-License-Identifier: MIT */
#include "expr/eval_internal.h"

#include <string.h>

#include "expr/parser.h"

/* ---- The tree */

static struct mt_error *eval_comma(const struct mt_eval *eval, const struct mt_ast *ast,
                                   struct mt_value *value)
{
	struct mt_value ignored;

	MT_TRY(mt_eval_ast(eval, ast->a, &ignored));
	return mt_eval_ast(eval, ast->b, value);
}

struct mt_error *mt_eval_ast(const struct mt_eval *eval, const struct mt_ast *ast,
                             struct mt_value *value)
{
	static struct mt_error *(*const evaluators[])(
	    const struct mt_eval *eval, const struct mt_ast *ast, struct mt_value *value) = {
		[MT_AST_NUMBER] = mt_eval_literal, [MT_AST_STRING] = mt_eval_string,
		[MT_AST_NAME] = mt_eval_name,      [MT_AST_REGISTER] = mt_eval_dollar,
		[MT_AST_PLUS] = mt_eval_unary,     [MT_AST_UNARY] = mt_eval_unary,
		[MT_AST_DEREF] = mt_eval_deref,    [MT_AST_ADDRESS] = mt_eval_address_of,
		[MT_AST_CAST] = mt_eval_cast,      [MT_AST_RECAST] = mt_eval_cast,
		[MT_AST_BINARY] = mt_eval_binary,  [MT_AST_COND] = mt_eval_choice,
		[MT_AST_MEMBER] = mt_eval_member,  [MT_AST_ARROW] = mt_eval_member,
		[MT_AST_INDEX] = mt_eval_index,    [MT_AST_SLICE] = mt_eval_slice,
		[MT_AST_REPEAT] = mt_eval_repeat,  [MT_AST_ASSIGN] = mt_eval_assign,
		[MT_AST_UPDATE] = mt_eval_assign,  [MT_AST_BEFORE] = mt_eval_step,
		[MT_AST_AFTER] = mt_eval_step,     [MT_AST_COMMA] = eval_comma,
		[MT_AST_SIZEOF] = mt_eval_measure, [MT_AST_ALIGNOF] = mt_eval_measure,
	};
	struct mt_value made = { .type = NULL };

	if (ast->kind == MT_AST_CALL)
		return mt_eval_call(eval, ast, NULL, value);
	/* Spans and module offsets are places' alone, and the parser of values makes none. */
	MT_TRY(evaluators[ast->kind](eval, ast, &made));
	*value = made;
	return NULL;
}

struct mt_error *mt_eval_operand(const struct mt_eval *eval, const struct mt_ast *ast,
                                 struct mt_value *value)
{
	struct mt_value found;

	MT_TRY(mt_eval_ast(eval, ast, &found));
	if (found.type->kind == MT_TYPE_POINTER && found.type->is_reference)
		return mt_eval_follow(eval, ast, &found, value);
	*value = found;
	return NULL;
}

/* ---- Texts */

/* A variable of that name hides the type. */
static bool is_type(void *arg, const char *name)
{
	const struct mt_eval *eval = arg;
	struct mt_value ignored;

	return !mt_eval_has_value(eval, NULL, name, &ignored) && mt_eval_find_type(eval, name);
}

static struct mt_error *eval_tree(struct mt_eval *eval, struct mt_value *value)
{
	const struct mt_parse_names names = { .is_type = is_type, .arg = eval };
	const struct mt_ast *ast;

	MT_TRY(mt_parse_value(eval->text, &names, eval->arena, &ast));
	return mt_eval_ast(eval, ast, value);
}

struct mt_error *mt_eval_text(const struct mt_world *world, const char *text,
                              struct mt_arena *arena, struct mt_value *value)
{
	struct mt_eval eval = { .world = world, .text = text, .arena = arena };

	return eval_tree(&eval, value);
}

struct mt_error *mt_eval_type(const struct mt_world *world, const char *text,
                              struct mt_arena *arena, const struct mt_type **type, bool *is_name)
{
	struct mt_eval eval = { .world = world, .text = text, .arena = arena, .only_type = true };
	const struct mt_parse_names names = { .is_type = is_type, .arg = &eval };
	struct mt_ast_type written;
	struct mt_value value;
	bool is_one = false;

	MT_TRY(mt_parse_type(text, &names, arena, &is_one, &written));
	if (is_one) {
		MT_TRY(mt_eval_type_of(&eval, &written, type));
	} else {
		MT_TRY(eval_tree(&eval, &value));
		*type = value.type;
	}
	*is_name = is_one;
	return NULL;
}

struct mt_error *mt_eval_check(const struct mt_world *world, const char *text)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_eval eval = { .world = world, .text = text, .arena = &arena };
	const struct mt_parse_names names = { .is_type = is_type, .arg = &eval };
	const struct mt_ast *ast;

	return mt_parse_value(text, &names, &arena, &ast);
}

struct mt_error *mt_eval_truth(const struct mt_world *world, const char *text, bool *truth)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_value value, target;
	struct mt_number number;

	MT_TRY(mt_eval_text(world, text, &arena, &value));
	if (value.type->kind == MT_TYPE_POINTER && value.type->is_reference) {
		MT_TRY(mt_value_deref(world, &arena, &value, &target));
		value = target;
	}
	MT_TRY(mt_value_number(world, &value, &number));
	*truth = mt_number_is_true(&number);
	return NULL;
}
