/* SPDX-License-Identifier: MIT */
/*
 * The enumerators that a condition may name: those of the watched type, and of the members and
 * elements in it.
 */
#ifndef MT_EXPR_ENUMERATOR_H
#define MT_EXPR_ENUMERATOR_H

#include "base/near.h"
#include "symbol/type.h"

/* The enumerator `name`; `scope`, which may be NULL, is the name of its enumeration or the end of
 * it (state::RUNNING). NULL: there is none. */
const struct mt_enumerator *mt_enumerator_find(const struct mt_type *watched, const char *scope,
                                               const char *name);

/* Offers them all. */
void mt_enumerator_offer(const struct mt_type *watched, struct mt_near *near);

#endif
