/* SPDX-License-Identifier: MIT */
/*
 * C's arithmetic on numbers in canonical form (struct mt_arith), with what C leaves open defined as
 * expr.h says. One definition for conditions, places and values; the kernel's generated code is
 * tested against it.
 *
 * A type of 12 or 16 bytes that is_float is x87's long double. Floating numbers travel as long
 * double, which holds those of all types, and are computed in the type's own precision.
 */
#ifndef MT_EXPR_ARITH_H
#define MT_EXPR_ARITH_H

#include "expr/expr.h"

static inline bool mt_op_is_comparison(enum mt_op op)
{
	return op >= MT_OP_EQ && op <= MT_OP_GE;
}

/* The integer promotions (C11 6.3.1.1) of a number that is no bit-field. */
static inline struct mt_arith mt_arith_promote(struct mt_arith type)
{
	/* An int holds all values of what is narrower. */
	if (!type.is_float && type.size < 4)
		return (struct mt_arith){ .size = 4, .is_signed = true };
	return type;
}

/* The usual arithmetic conversions (C11 6.3.1.8): the common type of two promoted ones. */
static inline struct mt_arith mt_arith_common(struct mt_arith a, struct mt_arith b)
{
	uint8_t x = a.is_float ? a.size : 0, y = b.is_float ? b.size : 0;

	if (x || y)
		return (struct mt_arith){ .size = x > y ? x : y, .is_float = true };
	if (a.size != b.size)
		return a.size > b.size ? a : b;
	return a.is_signed ? b : a;
}

/* MT_OP_ADD to MT_OP_XOR on operands of `type`; for shifts that is the left one's. */
uint64_t mt_arith_integers(enum mt_op op, uint64_t a, uint64_t b, struct mt_arith type);

/* The same on integers of 128 bits. */
unsigned __int128 mt_arith_wide(enum mt_op op, unsigned __int128 a, unsigned __int128 b,
                                bool is_signed);

/* MT_OP_ADD, SUB, MUL and DIV on operands of that size. */
long double mt_arith_floats(enum mt_op op, long double a, long double b, unsigned size);

/* MT_OP_EQ to MT_OP_GE; NaN is unequal to all, and neither below nor above. */
bool mt_arith_compare_integers(enum mt_op op, uint64_t a, uint64_t b, bool is_signed);
bool mt_arith_compare_wide(enum mt_op op, unsigned __int128 a, unsigned __int128 b, bool is_signed);
bool mt_arith_compare_floats(enum mt_op op, long double a, long double b);

/* Conversions (C11 6.3.1.4, 6.3.1.5): each rounds once. */
long double mt_arith_round(long double value, unsigned size);
long double mt_arith_to_float(uint64_t value, bool is_signed, unsigned size);
long double mt_arith_wide_to_float(unsigned __int128 value, bool is_signed, unsigned size);
unsigned __int128 mt_arith_to_integer(long double value, struct mt_arith type);

#endif
