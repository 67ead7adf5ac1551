/* SPDX-License-Identifier: MIT */
#include "expr/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Most arenas are of one small expression. */
enum { FIRST_SIZE = 1000, BLOCK_SIZE = 4000 };

struct mt_arena_block {
	struct mt_arena_block *next;
	size_t used, cap;
	alignas(max_align_t) unsigned char data[];
};

void mt_arena_deinit(struct mt_arena *arena)
{
	while (arena->blocks) {
		struct mt_arena_block *block = arena->blocks;

		arena->blocks = block->next;
		free(block);
	}
}

static struct mt_arena_block *add_block(struct mt_arena *arena, size_t cap)
{
	struct mt_arena_block *block = mt_alloc(sizeof(*block) + cap);

	if (!block)
		return NULL;
	block->cap = cap;
	block->next = arena->blocks;
	arena->blocks = block;
	return block;
}

void *mt_arena_alloc(struct mt_arena *arena, size_t size)
{
	size_t align = alignof(max_align_t);
	size_t rounded = (size + align - 1) & ~(align - 1);
	struct mt_arena_block *block = arena->blocks;

	if (rounded < size)
		return NULL;
	if (!block || block->cap - block->used < rounded) {
		size_t cap = block ? BLOCK_SIZE : FIRST_SIZE;

		block = add_block(arena, rounded > cap ? rounded : cap);
	}
	if (!block)
		return NULL;
	void *piece = block->data + block->used;
	block->used += rounded;
	return piece;
}

char *mt_arena_text(struct mt_arena *arena, const char *text, size_t len)
{
	char *copy = mt_arena_alloc(arena, len + 1);

	if (copy)
		memcpy(copy, text, len);
	return copy;
}

/* Behind the block that is being filled, whose room is not lost. */
void mt_arena_join(struct mt_arena *arena, struct mt_arena *from)
{
	struct mt_arena_block **end = &arena->blocks;

	while (*end)
		end = &(*end)->next;
	*end = from->blocks;
	from->blocks = NULL;
}
