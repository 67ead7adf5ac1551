/* SPDX-License-Identifier: MIT */
/*
 * The watched value in a condition: old, new, and their members and elements (new.refs, old[2]),
 * as bytes of the watched range.
 */
#ifndef MT_EXPR_COND_PART_H
#define MT_EXPR_COND_PART_H

#include "expr/cond_internal.h"

/* Whether the tree names the watched value or a piece of it, so that mt_cond_part() is the one to
 * ask. */
bool mt_cond_is_part(const struct mt_ast *ast);

/*
 * The node that loads the piece, and the piece's type. Errors: SYNTAX: no such member (with near
 * names), an index that is not a constant or out of bounds, a pointer that would be followed, a
 * struct or array as a whole.
 */
struct mt_error *mt_cond_part(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                              const struct mt_type **type, const struct mt_cond_node **node);

/* The arithmetic type of a scalar type of up to 8 bytes. */
struct mt_arith mt_cond_arith(const struct mt_type *type);

#endif
