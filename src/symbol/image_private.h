/* SPDX-License-Identifier: MIT */
/* Inside src/symbol only: what an image holds. */
#ifndef MT_SYMBOL_IMAGE_PRIVATE_H
#define MT_SYMBOL_IMAGE_PRIVATE_H

#include "base/vec.h"
#include "symbol/memo.h"
#include "symbol/type.h"

/* A module and how /proc/PID/maps names its file, by which a refresh knows it again. */
struct mt_placed {
	struct mt_module module;
	uint64_t dev;
	uint64_t inode;
};

struct mt_placed_list {
	struct mt_placed **data;
	size_t len;
	size_t cap;
};

struct mt_image {
	pid_t pid;                  /* 0: a file, not a process */
	struct mt_placed_list now;  /* mapped now, by address */
	struct mt_placed_list ever; /* gone ones too: what callers hold stays valid */
	const struct mt_module *executable;
	MT_VEC(struct mt_type *) types; /* of our own making */
	struct mt_memo *memo;           /* of what is mapped now */
};

#endif
