/* SPDX-License-Identifier: MIT */
/* Objects as what they are, behind a pointer to one of their bases. */
#ifndef MT_EXPR_DYNAMIC_H
#define MT_EXPR_DYNAMIC_H

#include "expr/value.h"

/*
 * The whole object, of the class that its vtable tells, of which `part`, in memory, is a part.
 * False: its class has no vtable, or one that is not known, or its memory is not what an object's
 * would be.
 */
bool mt_value_whole_object(const struct mt_world *world, const struct mt_value *part,
                           struct mt_value *whole);

/* The same of what a pointer or reference refers to: `pointer` leads to the whole object, with its
 * type. */
bool mt_value_whole_target(const struct mt_world *world, struct mt_arena *arena,
                           const struct mt_value *pointer, struct mt_value *whole_pointer);

#endif
