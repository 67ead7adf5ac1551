/* SPDX-License-Identifier: MIT */
/*
 * Trees that are kept: a loop's condition is evaluated a million times and parsed once. What a text
 * parses to depends on the program only where the parser has to ask whether a name is a type's, as
 * in `(conn) - 1`; such trees are made anew each time, so that those which are kept are never out
 * of date.
 *
 * What names came to is kept with them, for as long as the world stands still (struct mt_world's
 * `moment`).
 */
#ifndef MT_EXPR_KEPT_H
#define MT_EXPR_KEPT_H

#include "expr/ast.h"
#include "expr/value.h"

/* A name's place in memory, at a moment. */
struct mt_binding {
	size_t at; /* where the name stands in the text */
	uint64_t moment;
	const struct mt_type *type;
	uint64_t addr;
	bool is_function;
};

enum { MT_BINDINGS_MAX = 8 };

struct mt_tree {
	struct mt_arena arena;
	char *text; /* in the arena */
	const struct mt_ast *ast;
	unsigned users; /* evaluations that go on: one may lead into another */
	struct mt_binding bindings[MT_BINDINGS_MAX];
	size_t binding_count;
};

/* The tree of that text, or NULL. It is not replaced until it was given back. */
struct mt_tree *mt_kept_take(struct mt_kept *kept, const char *text);
void mt_kept_give_back(struct mt_tree *tree);

/* Keeps a tree, whose arena it takes over, and takes it. NULL: without memory, or in another's
 * place that is in use: then the arena is still the caller's. */
struct mt_tree *mt_kept_add(struct mt_kept *kept, const char *text, struct mt_arena *arena,
                            const struct mt_ast *ast);

/* What the name at `at` came to at that moment; false: that is not known. */
bool mt_binding_find(const struct mt_tree *tree, size_t at, uint64_t moment,
                     struct mt_value *value);
/* Notes it, of a value that lies in memory. */
void mt_binding_note(struct mt_tree *tree, size_t at, uint64_t moment,
                     const struct mt_value *value);

#endif
