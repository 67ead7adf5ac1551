/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "expr/cond_internal.h"
#include "expr/parser.h"

MT_DEFINE_CLEANUP(cond, struct mt_cond, mt_cond_destroy)

struct mt_error *mt_cond_compile_in(const struct mt_cond_scope *scope, const char *text,
                                    struct mt_cond **cond)
{
	struct mt_cond *made MT_CLEANUP(cond_cleanup) = mt_alloc(sizeof(*made));
	struct mt_arena trees MT_AUTO_ARENA = { 0 };
	const struct mt_ast *ast;

	if (!made)
		return mt_error_nomem();
	made->text = mt_arena_text(&made->arena, text, strlen(text));
	if (!made->text)
		return mt_error_nomem();

	const struct mt_cond_typer typer = { .machine = scope->machine,
		                             .text = made->text,
		                             .watched = scope->watched,
		                             .image = scope->image,
		                             .pc = scope->pc,
		                             .frame_memory = scope->frame_memory,
		                             .arena = &made->arena };

	if (scope->image)
		MT_TRY(mt_cond_parse(&typer, &trees, &ast));
	else
		MT_TRY(mt_parse_expression(made->text, &trees, &ast));
	MT_TRY(mt_cond_type(&typer, ast, &made->root));
	made->fits_kernel = !mt_cond_node_has_floats(made->root);
	made->reads_memory = mt_cond_node_reads_memory(made->root);
	*cond = MT_TAKE(made);
	return NULL;
}

struct mt_error *mt_cond_compile(enum mt_machine machine, const char *text,
                                 const struct mt_type *type, struct mt_cond **cond)
{
	const struct mt_cond_scope scope = { .machine = machine, .watched = type };

	return mt_cond_compile_in(&scope, text, cond);
}

void mt_cond_destroy(struct mt_cond *cond)
{
	if (!cond)
		return;
	mt_arena_deinit(&cond->arena);
	free(cond);
}

const struct mt_cond_node *mt_cond_root(const struct mt_cond *cond)
{
	return cond->root;
}

const char *mt_cond_text(const struct mt_cond *cond)
{
	return cond->text;
}

bool mt_cond_fits_kernel(const struct mt_cond *cond)
{
	return cond->fits_kernel;
}

bool mt_cond_reads_memory(const struct mt_cond *cond)
{
	return cond->reads_memory;
}
