/* SPDX-License-Identifier: MIT */
#include "expr/kept.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { SLOTS = 64 };

struct mt_kept {
	struct mt_tree *slots[SLOTS];
};

struct mt_error *mt_kept_create(struct mt_kept **kept)
{
	struct mt_kept *made = mt_alloc(sizeof(*made));

	if (!made)
		return mt_error_nomem();
	*kept = made;
	return NULL;
}

static void destroy_tree(struct mt_tree *tree)
{
	if (!tree)
		return;
	mt_arena_deinit(&tree->arena);
	free(tree);
}

void mt_kept_destroy(struct mt_kept *kept)
{
	for (size_t i = 0; kept && i < SLOTS; i++)
		destroy_tree(kept->slots[i]);
	free(kept);
}

static struct mt_tree **slot_of(struct mt_kept *kept, const char *text)
{
	size_t hash = 0;

	for (; *text; text++)
		hash = hash * 31 + (unsigned char)*text;
	return &kept->slots[hash % SLOTS];
}

struct mt_tree *mt_kept_take(struct mt_kept *kept, const char *text)
{
	struct mt_tree *tree = *slot_of(kept, text);

	if (!tree || strcmp(tree->text, text) != 0)
		return NULL;
	tree->users++;
	return tree;
}

void mt_kept_give_back(struct mt_tree *tree)
{
	tree->users--;
}

struct mt_tree *mt_kept_add(struct mt_kept *kept, const char *text, struct mt_arena *arena,
                            const struct mt_ast *ast)
{
	struct mt_tree **slot = slot_of(kept, text);
	char *copy = mt_arena_text(arena, text, strlen(text));
	struct mt_tree *tree;

	if (!copy || (*slot && (*slot)->users))
		return NULL;
	tree = mt_alloc(sizeof(*tree));
	if (!tree)
		return NULL;
	tree->text = copy;
	tree->ast = ast;
	tree->arena = *arena;
	tree->users = 1;
	*arena = (struct mt_arena){ 0 };
	destroy_tree(*slot);
	*slot = tree;
	return tree;
}

/* ---- Names ----------------------------------------------------------------- */

static struct mt_binding *binding_of(struct mt_tree *tree, size_t at)
{
	for (size_t i = 0; i < tree->binding_count; i++)
		if (tree->bindings[i].at == at)
			return &tree->bindings[i];
	return tree->binding_count < MT_BINDINGS_MAX ? &tree->bindings[tree->binding_count++]
	                                             : NULL;
}

bool mt_binding_find(const struct mt_tree *tree, size_t at, uint64_t moment, struct mt_value *value)
{
	for (size_t i = 0; i < tree->binding_count; i++) {
		const struct mt_binding *binding = &tree->bindings[i];

		if (binding->at != at || binding->moment != moment)
			continue;
		*value = (struct mt_value){ .type = binding->type,
			                    .home = MT_HOME_MEMORY,
			                    .addr = binding->addr,
			                    .is_function = binding->is_function };
		return true;
	}
	return false;
}

void mt_binding_note(struct mt_tree *tree, size_t at, uint64_t moment, const struct mt_value *value)
{
	struct mt_binding *binding = binding_of(tree, at);

	if (binding)
		*binding = (struct mt_binding){ .at = at,
			                        .moment = moment,
			                        .type = value->type,
			                        .addr = value->addr,
			                        .is_function = value->is_function };
}
