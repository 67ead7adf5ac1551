/* SPDX-License-Identifier: MIT */
/* Texts in a condition: strcmp(p, "abc") and its kin, as the one question that they ask. */
#include <string.h>

#include "expr/cond_internal.h"

static bool is_called(const struct mt_ast *ast, const char *name)
{
	return ast->a && (ast->a->kind == MT_AST_NAME || ast->a->kind == MT_AST_REGISTER) &&
	       !strcmp(ast->a->name, name);
}

static struct mt_error *read_literal(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                     struct mt_cond_node *node)
{
	if (ast->kind != MT_AST_STRING || ast->string.unit != 1)
		return mt_error_at((long)ast->start, "the second argument is a text in quotes");
	if (ast->string.count > MT_COND_TEXT_MAX || memchr(ast->string.units, 0, ast->string.count))
		return mt_error_at((long)ast->start, "a text of at most %d characters without NUL",
		                   MT_COND_TEXT_MAX);
	node->u.text.bytes = mt_arena_text(typer->arena, ast->string.units, ast->string.count);
	node->u.text.len = (uint8_t)ast->string.count;
	return node->u.text.bytes ? NULL : mt_error_nomem();
}

/* strncmp()'s count: where it ends within the text, more may follow. */
static struct mt_error *read_count(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                   struct mt_cond_node *node)
{
	const struct mt_cond_node *count;

	MT_TRY(mt_cond_type(typer, ast, &count));
	if (count->op != MT_OP_CONST)
		return mt_error_at((long)ast->start, "the count must be a constant");
	if (count->u.constant > node->u.text.len)
		return NULL;
	node->u.text.len = (uint8_t)count->u.constant;
	node->u.text.is_prefix = true;
	return NULL;
}

bool mt_cond_is_comparison(const struct mt_ast *ast)
{
	return ast->kind == MT_AST_CALL && (is_called(ast, "strcmp") || is_called(ast, "strncmp"));
}

/* No characters are always the same, and not even read. */
static struct mt_error *make_equal(const struct mt_cond_typer *typer, struct mt_cond_node equal,
                                   const struct mt_cond_node **node)
{
	if (equal.u.text.is_prefix && !equal.u.text.len)
		equal = (struct mt_cond_node){ .op = MT_OP_CONST,
			                       .type = mt_arith_int,
			                       .u.constant = 1 };
	return mt_cond_node_new(typer->arena, equal, node);
}

struct mt_error *mt_cond_call(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                              const struct mt_cond_node **node)
{
	struct mt_cond_node differs = { .op = MT_OP_LNOT, .type = mt_arith_int };
	struct mt_cond_node equal = { .op = MT_OP_TEXT_EQ, .type = mt_arith_int };
	bool counts = is_called(ast, "strncmp"), is_equality = is_called(ast, "_streq");
	struct mt_cond_typed text;

	if (!counts && !is_equality && !is_called(ast, "strcmp"))
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "functions are called by the debugger only");
	if (ast->arg_count != (counts ? 3 : 2))
		return mt_error_at((long)ast->at, "%s takes %s", ast->a->name,
		                   counts ? "an address, a text and a count"
		                          : "an address and a text");
	MT_TRY(mt_cond_typed(typer, ast->args[0], &text));
	if (!text.is_pointer)
		return mt_error_at((long)ast->args[0]->start, "%.*s is not a pointer",
		                   MT_SOURCE(typer->text, ast->args[0]));
	MT_TRY(mt_cond_convert(typer->arena, text.node, mt_arith_ulong, &equal.a));
	MT_TRY(read_literal(typer, ast->args[1], &equal));
	if (counts)
		MT_TRY(read_count(typer, ast->args[2], &equal));
	MT_TRY(make_equal(typer, equal, &differs.a));
	*node = differs.a;
	return is_equality ? NULL : mt_cond_node_new(typer->arena, differs, node);
}
