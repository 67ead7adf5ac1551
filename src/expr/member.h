/* SPDX-License-Identifier: MIT */
/*
 * Members by name, for places and conditions alike.
 */
#ifndef MT_EXPR_MEMBER_H
#define MT_EXPR_MEMBER_H

#include "symbol/type.h"

/* The member `name` of a struct or union, its offset from the start of `type`. SYNTAX at `at` when
 * there is none, with near names. */
struct mt_error *mt_member_find(const struct mt_type *type, const char *name, size_t at,
                                const struct mt_member **member, uint64_t *offset);

#endif
