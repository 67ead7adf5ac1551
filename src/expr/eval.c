/* SPDX-License-Identifier: MIT */
#include "expr/eval_internal.h"

#include <string.h>

#include "base/cleanup.h"
#include "expr/kept.h"
#include "expr/parser.h"
#include "expr/preprocess.h"
#include "symbol/macro.h"
#include "symbol/overload.h"

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
		[MT_AST_NUMBER] = mt_eval_literal,  [MT_AST_STRING] = mt_eval_string,
		[MT_AST_NAME] = mt_eval_name,       [MT_AST_REGISTER] = mt_eval_dollar,
		[MT_AST_PLUS] = mt_eval_unary,      [MT_AST_UNARY] = mt_eval_unary,
		[MT_AST_DEREF] = mt_eval_deref,     [MT_AST_ADDRESS] = mt_eval_address_of,
		[MT_AST_CAST] = mt_eval_cast,       [MT_AST_RECAST] = mt_eval_cast,
		[MT_AST_BINARY] = mt_eval_binary,   [MT_AST_COND] = mt_eval_choice,
		[MT_AST_MEMBER] = mt_eval_member,   [MT_AST_ARROW] = mt_eval_member,
		[MT_AST_INDEX] = mt_eval_index,     [MT_AST_SLICE] = mt_eval_slice,
		[MT_AST_REPEAT] = mt_eval_repeat,   [MT_AST_ENTRY] = mt_eval_entry,
		[MT_AST_ASSIGN] = mt_eval_assign,   [MT_AST_UPDATE] = mt_eval_assign,
		[MT_AST_BEFORE] = mt_eval_step,     [MT_AST_AFTER] = mt_eval_step,
		[MT_AST_COMMA] = eval_comma,        [MT_AST_DYNAMIC] = mt_eval_dynamic_cast,
		[MT_AST_TYPEID] = mt_eval_typeid,   [MT_AST_SIZEOF] = mt_eval_measure,
		[MT_AST_ALIGNOF] = mt_eval_measure,
	};

	if (ast->kind == MT_AST_CALL)
		return mt_eval_call(eval, ast, NULL, value);
	/* Spans and module offsets are places' alone, and the parser of values makes none. */
	return evaluators[ast->kind](eval, ast, value);
}

struct mt_error *mt_eval_operand(const struct mt_eval *eval, const struct mt_ast *ast,
                                 struct mt_value *value)
{
	struct mt_value reference;

	MT_TRY(mt_eval_ast(eval, ast, value));
	if (value->type->kind != MT_TYPE_POINTER || !value->type->is_reference)
		return NULL;
	reference = *value;
	return mt_eval_follow(eval, ast, &reference, value);
}

/* ---- Texts */

/* A variable of that name hides the type. */
static bool is_type(void *arg, const char *name)
{
	const struct mt_eval *eval = arg;
	struct mt_value ignored;

	return !mt_eval_has_value(eval, NULL, name, &ignored) && mt_eval_find_type(eval, name);
}

/* Asks for names' meaning, and remembers that the tree hangs on the answers. */
struct asked {
	const struct mt_eval *eval;
	bool any;
};

static bool ask(void *arg, const char *name)
{
	struct asked *asked = arg;
	struct mt_eval eval = *asked->eval;

	asked->any = true;
	return is_type(&eval, name);
}

static bool note_any(const struct mt_overload *overload, void *any)
{
	*(bool *)any = true;
	return false;
}

/* As linkers write it ("max<long>"), or, with less of a scope, as compilers do ("max<long int>").
 */
static bool is_function(const struct mt_eval *eval, const char *name, size_t len)
{
	char *copy = mt_arena_text(eval->arena, name, len);
	struct mt_location *locations;
	struct mt_error *error;
	bool any = false;
	size_t count;

	if (!copy || !eval->world->image)
		return false;
	mt_overloads_each(eval->world->image, copy, note_any, &any);
	if (any)
		return true;
	error = mt_image_locate(eval->world->image, copy, &locations, &count);
	if (error) {
		mt_error_free(error);
		return false;
	}
	mt_locations_free(locations, count);
	return true;
}

static bool ask_function(void *arg, const char *name, size_t len)
{
	struct asked *asked = arg;

	asked->any = true;
	return is_function(asked->eval, name, len);
}

/* What the value has from a tree that is not its own becomes its own. */
static struct mt_error *outlive_tree(const struct mt_eval *eval, struct mt_value *value)
{
	if (!eval->tree || !value->name)
		return NULL;
	value->name = mt_arena_text(eval->arena, value->name, strlen(value->name));
	return value->name ? NULL : mt_error_nomem();
}

static struct mt_error *eval_kept(struct mt_eval *eval, struct mt_tree *tree,
                                  struct mt_value *value)
{
	struct mt_value found;
	struct mt_error *error;

	eval->tree = tree;
	error = mt_eval_ast(eval, tree->ast, &found);
	if (!error)
		error = outlive_tree(eval, &found);
	mt_kept_give_back(tree);
	if (!error)
		*value = found;
	return error;
}

static struct mt_error *eval_new(struct mt_eval *eval, struct mt_value *value)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct asked asked = { .eval = eval };
	const struct mt_parse_names names = { .is_type = ask,
		                              .is_function = ask_function,
		                              .arg = &asked };
	struct mt_kept *kept = eval->world->kept;
	struct mt_tree *tree;
	const struct mt_ast *ast;

	MT_TRY(mt_parse_value(eval->text, &names, &arena, &ast));
	tree = kept && !asked.any ? mt_kept_add(kept, eval->text, &arena, ast) : NULL;
	if (tree)
		return eval_kept(eval, tree, value);
	mt_arena_join(eval->arena, &arena);
	return mt_eval_ast(eval, ast, value);
}

static struct mt_error *eval_tree(struct mt_eval *eval, struct mt_value *value)
{
	struct mt_kept *kept = eval->world->kept;
	struct mt_tree *tree = kept ? mt_kept_take(kept, eval->text) : NULL;

	return tree ? eval_kept(eval, tree, value) : eval_new(eval, value);
}

/* ---- Macros */

static bool find_macro(void *arg, const char *name, size_t len, const char **definition)
{
	const struct mt_world *world = arg;

	return mt_macro_find(world->image, world->scope.pc, name, len, definition, NULL, NULL);
}

struct mt_error *mt_eval_macros(const struct mt_world *world, const char *text,
                                struct mt_arena *arena, const char **expanded)
{
	struct mt_world copy = *world;
	const struct mt_macro_source source = { .find = find_macro, .arg = &copy };
	struct mt_buf out MT_AUTO_BUF = { 0 };
	bool any;

	*expanded = text;
	if (!world->frame || !world->image || !mt_macros_at(world->image, world->scope.pc))
		return NULL;
	MT_TRY(mt_preprocess(&source, text, &out, &any));
	if (any)
		*expanded =
		    mt_buf_ok(&out) && out.data ? mt_arena_text(arena, out.data, out.len) : "";
	return *expanded ? NULL : mt_error_nomem();
}

/* An error's place is one of what was evaluated. Takes the error over. */
static struct mt_error *tell_macros(const char *text, const char *expanded, struct mt_error *error)
{
	struct mt_error *told;

	if (!error || text == expanded)
		return error;
	told = mt_error_new(mt_error_kind(error), "%s, in what the macros come to: %.200s",
	                    mt_error_text(error), expanded);
	mt_error_free(error);
	return told;
}

struct mt_error *mt_eval_text(const struct mt_world *world, const char *text,
                              struct mt_arena *arena, struct mt_value *value)
{
	struct mt_eval eval = { .world = world, .arena = arena };

	MT_TRY(mt_eval_macros(world, text, arena, &eval.text));
	return tell_macros(text, eval.text, eval_tree(&eval, value));
}

static struct mt_error *type_of_text(struct mt_eval *eval, const struct mt_type **type,
                                     bool *is_name)
{
	const struct mt_parse_names names = { .is_type = is_type, .arg = eval };
	struct mt_ast_type written;
	struct mt_value value;
	bool is_one = false;

	MT_TRY(mt_parse_type(eval->text, &names, eval->arena, &is_one, &written));
	if (is_one) {
		MT_TRY(mt_eval_type_of(eval, &written, type));
	} else {
		MT_TRY(eval_tree(eval, &value));
		*type = value.type;
	}
	*is_name = is_one;
	return NULL;
}

struct mt_error *mt_eval_type(const struct mt_world *world, const char *text,
                              struct mt_arena *arena, const struct mt_type **type, bool *is_name)
{
	struct mt_eval eval = { .world = world, .arena = arena, .only_type = true };

	MT_TRY(mt_eval_macros(world, text, arena, &eval.text));
	return tell_macros(text, eval.text, type_of_text(&eval, type, is_name));
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
