/* SPDX-License-Identifier: MIT */
#include "expr/place_internal.h"

#include "expr/parser.h"

/* Whether places have that kind of node: no arithmetic but + - * / is of use for addresses. */
static bool is_place_operator(const struct mt_ast *ast)
{
	if (ast->kind == MT_AST_COND)
		return false;
	if (ast->kind != MT_AST_UNARY && ast->kind != MT_AST_BINARY)
		return true;
	switch (ast->op) {
	case MT_OP_NEG:
	case MT_OP_ADD:
	case MT_OP_SUB:
	case MT_OP_MUL:
	case MT_OP_DIV:
		return true;
	default:
		return false;
	}
}

/* What is no part of a place, anywhere. */
static struct mt_error *check_leaf(const struct mt_ast *ast)
{
	switch (ast->kind) {
	case MT_AST_NUMBER:
		if (ast->number.type.is_float)
			return mt_error_at((long)ast->at, "a floating constant has no use here");
		return NULL;
	case MT_AST_STRING:
		return mt_error_at((long)ast->at, "a string has no use here");
	case MT_AST_REGISTER:
		return mt_error_at((long)ast->at,
		                   "$%.40s: registers have no use here, for every thread has its "
		                   "own",
		                   ast->name);
	default:
		return NULL;
	}
}

/* A tree inside a place. */
static struct mt_error *check_inner(const struct mt_ast *ast)
{
	MT_TRY(check_leaf(ast));
	if (ast->kind == MT_AST_SLICE)
		return mt_error_at((long)ast->at, "a range of elements can only come last");
	if (!is_place_operator(ast))
		return mt_error_at((long)ast->at,
		                   "only the operators + - * / compute addresses and subscripts");
	if (ast->a)
		MT_TRY(check_inner(ast->a));
	return ast->b ? check_inner(ast->b) : NULL;
}

static struct mt_error *not_a_place(const char *text, const struct mt_ast *ast)
{
	if (ast->kind == MT_AST_CAST && ast->type.derived)
		return mt_error_at((long)ast->start,
		                   "%.*s is an address: put a * before it for what is there",
		                   MT_SOURCE(text, ast));
	return mt_error_at((long)ast->start, "%.*s is a value, not a place in memory",
	                   MT_SOURCE(text, ast));
}

/* The root, without the length that it may have. */
static struct mt_error *check_root(const char *text, const struct mt_ast *ast)
{
	switch (ast->kind) {
	case MT_AST_NAME:
	case MT_AST_MODULE:
		return NULL;
	case MT_AST_ADDRESS:
		MT_TRY(check_inner(ast->a));
		return mt_error_at((long)ast->at, "leave the & out: a place is written as it is, "
		                                  "not as its address");
	case MT_AST_SLICE:
		MT_TRY(check_inner(ast->a));
		MT_TRY(check_inner(ast->b));
		return check_inner(ast->c);
	case MT_AST_DEREF:
	case MT_AST_MEMBER:
	case MT_AST_ARROW:
	case MT_AST_INDEX:
		return check_inner(ast);
	default:
		if (mt_place_is_constant(ast))
			return NULL;
		MT_TRY(check_leaf(ast));
		return not_a_place(text, ast);
	}
}

static struct mt_error *check_span(const char *text, const struct mt_ast *ast)
{
	MT_TRY(check_root(text, ast->a));
	if (!mt_place_is_constant(ast->b))
		return mt_error_at((long)ast->b->start,
		                   "the length behind the : must be an integer constant");
	return NULL;
}

bool mt_place_is_constant(const struct mt_ast *ast)
{
	switch (ast->kind) {
	case MT_AST_NUMBER:
		return !ast->number.type.is_float;
	case MT_AST_PLUS:
		return mt_place_is_constant(ast->a);
	case MT_AST_UNARY:
		return is_place_operator(ast) && mt_place_is_constant(ast->a);
	case MT_AST_BINARY:
		return is_place_operator(ast) && mt_place_is_constant(ast->a) &&
		       mt_place_is_constant(ast->b);
	default:
		return false;
	}
}

struct mt_error *mt_place_parse(const char *text, struct mt_arena *arena, const struct mt_ast **ast)
{
	const struct mt_ast *root;

	MT_TRY(mt_parse_place(text, arena, &root));
	if (root->kind == MT_AST_SPAN)
		MT_TRY(check_span(text, root));
	else
		MT_TRY(check_root(text, root));
	*ast = root;
	return NULL;
}

struct mt_error *mt_place_check(const char *text)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	const struct mt_ast *ast;

	return mt_place_parse(text, &arena, &ast);
}

bool mt_place_is_raw(const char *text)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	const struct mt_ast *ast;
	struct mt_error *error = mt_place_parse(text, &arena, &ast);

	if (error) {
		mt_error_free(error);
		return false;
	}
	return mt_place_is_constant(ast->kind == MT_AST_SPAN ? ast->a : ast);
}
