/* SPDX-License-Identifier: MIT */
/*
 * Memory for trees: many small pieces, released together.
 */
#ifndef MT_EXPR_ARENA_H
#define MT_EXPR_ARENA_H

#include <stddef.h>

struct mt_arena_block;

/* A zeroed arena is empty and valid. */
struct mt_arena {
	struct mt_arena_block *blocks;
};

/* Releases every piece. */
void mt_arena_deinit(struct mt_arena *arena);

/* Zeroed and aligned for anything, or NULL without memory. Lives as long as the arena. */
void *mt_arena_alloc(struct mt_arena *arena, size_t size);

/* A copy of `len` bytes with a NUL behind them, or NULL without memory. */
char *mt_arena_text(struct mt_arena *arena, const char *text, size_t len);

/* Moves all pieces of `from` into `arena`; `from` is empty then. */
void mt_arena_join(struct mt_arena *arena, struct mt_arena *from);

/* struct mt_arena arena MT_AUTO_ARENA = { 0 }; */
#define MT_AUTO_ARENA __attribute__((cleanup(mt_arena_deinit)))

#endif
