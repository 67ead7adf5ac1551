/* SPDX-License-Identifier: MIT */
/*
 * Variables as the source has them at one place of the code: parameters and locals of the function,
 * or of what is inlined there, with those of inner blocks before those that they hide.
 *
 * A function's activations are counted as frames are: `inline_depth` 0 is the innermost inlined
 * function at pc, the last one the function that has the code. A frame's level among those with
 * the same CFA is that number.
 */
#ifndef MT_SYMBOL_LOCAL_H
#define MT_SYMBOL_LOCAL_H

#include "base/error.h"
#include "symbol/type.h"

/* A variable's DIE and where it stands; src/symbol's own. */
struct mt_local_die;

struct mt_local {
	const char *name;           /* owned by the image */
	const struct mt_type *type; /* sizes that only a frame knows (VLA) are not filled in: see
	                               mt_where_type() */
	const char *file;           /* that it is declared in, or NULL */
	unsigned line;
	unsigned block; /* how deep: 0 is the function's own scope, parameters are there */
	bool is_parameter;
	bool is_artificial; /* `this`, and what compilers make up */
	bool is_static;     /* has a fixed address, or is thread-local: exists without the frame */
	bool moves;         /* lies elsewhere in other parts of the code, or nowhere: it has a
	                       location list (DWARF 5 section 2.6.2) */
	bool is_outer;      /* of the function that this one is nested in (GNU C) */
	bool is_hidden;     /* an inner block, whose code holds pc, has another of that name */
	const struct mt_local_die *die; /* owned by the image */
};

struct mt_locals {
	struct mt_local *data; /* innermost block first, then in the order of their declaration */
	size_t len;
	size_t cap;
};

/*
 * What is in scope at `pc` (of a caller's frame: lookup_pc). Only blocks that hold pc. NOT_FOUND,
 * with the reason as a sentence ("libc.so.6 has no debug information", "no function at 0x…"), when
 * DWARF doesn't know the place; an empty list is a success. Ended by mt_locals_deinit().
 */
struct mt_error *mt_locals_at(struct mt_image *image, uint64_t pc, unsigned inline_depth,
                              struct mt_locals *locals);
void mt_locals_deinit(struct mt_locals *locals);

/* The visible one by that name. False: none (then the name may be a global's). */
bool mt_local_find(struct mt_image *image, uint64_t pc, unsigned inline_depth, const char *name,
                   struct mt_local *local);

/*
 * A local of a function named by itself ("parse::depth"), wherever in it: for watches that wait
 * until it is entered. `entry` and `end`: the function's code; `scope_low` and `scope_high`: that
 * of the block that declares it. AMBIGUOUS when several blocks of the function have that name and
 * `line` is 0 (the text tells the lines); NOT_FOUND with near names.
 */
struct mt_function_local {
	struct mt_local local;
	uint64_t entry, end;
	uint64_t scope_low, scope_high;
	bool inlined_only; /* the function has no code of its own */
};
struct mt_error *mt_local_of_function(struct mt_image *image, const char *function,
                                      const char *name, unsigned line,
                                      struct mt_function_local *found);

#endif
