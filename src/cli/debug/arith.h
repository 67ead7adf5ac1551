/* SPDX-License-Identifier: MIT */
/*
 * C's arithmetic on numbers, giving values of C's types (C11 6.3.1). What C leaves open is defined
 * as in conditions (expr/expr.h), but for a division by zero, which is an error to a person.
 */
#ifndef MT_CLI_DEBUG_ARITH_H
#define MT_CLI_DEBUG_ARITH_H

#include "cli/debug/value.h"
#include "expr/literal.h"

bool mt_arith_truth(const struct mt_number *number);

struct mt_value mt_arith_literal(const struct mt_literal *literal);

/* After the integer promotions. */
struct mt_value mt_arith_promoted(const struct mt_number *number);

/* MT_OP_NEG, MT_OP_NOT, MT_OP_LNOT. `at`: for errors. */
struct mt_error *mt_arith_unary(enum mt_op op, long at, const struct mt_number *number,
                                struct mt_value *value);

/* Arithmetic, shifts, bits and comparisons. */
struct mt_error *mt_arith_binary(enum mt_op op, long at, const struct mt_number *a,
                                 const struct mt_number *b, struct mt_value *value);

#endif
