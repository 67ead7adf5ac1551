/* SPDX-License-Identifier: MIT */
/* Operators that the program has for its own classes. */
#include <string.h>

#include "expr/overload.h"

bool mt_is_overloadable(const struct mt_type *type)
{
	return type->kind == MT_TYPE_STRUCT || type->kind == MT_TYPE_UNION ||
	       (type->kind == MT_TYPE_ENUM && type->is_scoped);
}

/* The operands' trees, for messages: the operator's own, and for its place what it has not. */
static void name_operands(const struct mt_ast *ast, const struct mt_ast *asts[MT_OPERANDS_MAX])
{
	asts[0] = ast->a ? ast->a : ast;
	asts[1] = ast->b ? ast->b : ast;
}

struct mt_error *mt_eval_operator(const struct mt_eval *eval, const struct mt_ast *ast,
                                  const char *name, const struct mt_value *operands, size_t count,
                                  bool *found, struct mt_value *value)
{
	const struct mt_ast *asts[MT_OPERANDS_MAX];
	struct mt_choices *choices = mt_arena_alloc(eval->arena, sizeof(*choices));
	struct mt_callee callee = { .ast = ast, .object = &operands[0] };
	const struct mt_choice *chosen;

	*found = false;
	if (!choices)
		return mt_error_nomem();
	name_operands(ast, asts);
	callee.args = &operands[1];
	callee.arg_asts = &asts[1];
	callee.arg_count = count - 1;
	mt_choices_add_methods(operands[0].type, name, choices);
	MT_TRY(mt_choose(eval, choices, &callee, &chosen));
	if (!chosen) {
		callee = (struct mt_callee){ .ast = ast, .args = operands, .arg_count = count };
		callee.arg_asts = asts;
		choices->len = 0;
		mt_choices_add_functions(eval, name, choices);
		mt_choices_add_associated(eval, name, operands, count, choices);
		MT_TRY(mt_choose(eval, choices, &callee, &chosen));
	}
	if (!chosen)
		return NULL;
	*found = true;
	return mt_call_choice(eval, chosen, &callee, value);
}

/* ---- Two operands */

static const char *const spellings[] = {
	[MT_OP_ADD] = "operator+",  [MT_OP_SUB] = "operator-",   [MT_OP_MUL] = "operator*",
	[MT_OP_DIV] = "operator/",  [MT_OP_MOD] = "operator%",   [MT_OP_AND] = "operator&",
	[MT_OP_OR] = "operator|",   [MT_OP_XOR] = "operator^",   [MT_OP_SHL] = "operator<<",
	[MT_OP_SHR] = "operator>>", [MT_OP_EQ] = "operator==",   [MT_OP_NE] = "operator!=",
	[MT_OP_LT] = "operator<",   [MT_OP_LE] = "operator<=",   [MT_OP_GT] = "operator>",
	[MT_OP_GE] = "operator>=",  [MT_OP_LAND] = "operator&&", [MT_OP_LOR] = "operator||",
};

static struct mt_error *no_operator(const struct mt_eval *eval, const struct mt_ast *ast,
                                    const struct mt_value *operand, const char *name)
{
	struct mt_buf why MT_AUTO_BUF = { 0 };

	if (mt_type_language(operand->type) != MT_LANG_CPLUS)
		return mt_eval_type_error(eval, ast, operand->type,
		                          "a number or a pointer is needed here");
	mt_buf_printf(&why, "the program has no %s that takes it", name);
	if (!mt_buf_ok(&why))
		return mt_error_nomem();
	return mt_eval_type_error(eval, ast, operand->type, why.data);
}

/* a != b is !(a == b) where there is no more than that (C++20, 12.2.2.3). */
static struct mt_error *unequal(const struct mt_eval *eval, const struct mt_ast *ast,
                                const struct mt_value *operands, bool *found,
                                struct mt_value *value)
{
	struct mt_value equal;
	struct mt_number number;

	MT_TRY(mt_eval_operator(eval, ast, "operator==", operands, 2, found, &equal));
	if (!*found)
		return NULL;
	if (eval->only_type)
		return mt_eval_integer_of(eval, "bool", 0, value);
	MT_TRY(mt_value_number(eval->world, &equal, &number));
	return mt_eval_integer_of(eval, "bool", !mt_number_is_true(&number), value);
}

struct mt_error *mt_eval_class_binary(const struct mt_eval *eval, const struct mt_ast *ast,
                                      const struct mt_value *a, const struct mt_value *b,
                                      struct mt_value *value)
{
	const struct mt_value operands[] = { *a, *b };
	bool is_first = mt_is_overloadable(a->type), found;
	char name[24];
	size_t len;

	len = strlen(spellings[ast->op]);
	memcpy(name, spellings[ast->op], len + 1);
	if (ast->kind == MT_AST_UPDATE)
		memcpy(name + len, "=", 2);
	MT_TRY(mt_eval_operator(eval, ast, name, operands, 2, &found, value));
	if (!found && ast->kind == MT_AST_BINARY && ast->op == MT_OP_NE)
		MT_TRY(unequal(eval, ast, operands, &found, value));
	return found ? NULL : no_operator(eval, is_first ? ast->a : ast->b, is_first ? a : b, name);
}

/* ---- One operand */

struct mt_error *mt_eval_class_unary(const struct mt_eval *eval, const struct mt_ast *ast,
                                     const char *name, const struct mt_value *operand,
                                     struct mt_value *value)
{
	bool found;

	MT_TRY(mt_eval_operator(eval, ast, name, operand, 1, &found, value));
	return found ? NULL : no_operator(eval, ast->a, operand, name);
}

struct mt_error *mt_eval_class_truth(const struct mt_eval *eval, const struct mt_ast *ast,
                                     const struct mt_value *object, struct mt_value *value)
{
	struct mt_ast place = *ast;
	bool found;

	place.a = ast;
	MT_TRY(mt_eval_operator(eval, &place, "operator bool", object, 1, &found, value));
	return found ? NULL
	             : mt_eval_type_error(eval, ast, object->type,
	                                  "a number or a pointer is needed here");
}

/* Objects that point to each other would lead nowhere. */
enum { MAX_ARROWS = 16 };

struct mt_error *mt_eval_class_arrow(const struct mt_eval *eval, const struct mt_ast *ast,
                                     const struct mt_value *object, bool *found,
                                     struct mt_value *pointer)
{
	struct mt_value at = *object, next;
	bool again = true;

	*found = false;
	for (unsigned i = 0; i < MAX_ARROWS && again && at.type->kind == MT_TYPE_STRUCT; i++) {
		MT_TRY(mt_eval_operator(eval, ast, "operator->", &at, 1, &again, &next));
		if (!again)
			break;
		*found = true;
		at = next;
		if (next.type->kind == MT_TYPE_POINTER && next.type->is_reference)
			MT_TRY(mt_eval_follow(eval, ast, &next, &at));
	}
	if (*found)
		*pointer = at;
	return NULL;
}
