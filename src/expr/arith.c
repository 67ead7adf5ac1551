/* SPDX-License-Identifier: MIT */
#include "expr/arith.h"

#include <math.h>

/* ---- Integers ------------------------------------------------------------ */

/* The smallest number's magnitude is itself, without a sign. */
static unsigned __int128 wide_magnitude(unsigned __int128 value)
{
	return (__int128)value < 0 ? -value : value;
}

static unsigned __int128 wide_quotient(unsigned __int128 a, unsigned __int128 b, bool is_signed)
{
	unsigned __int128 quotient;

	if (!b)
		return 0;
	if (!is_signed)
		return a / b;
	quotient = wide_magnitude(a) / wide_magnitude(b);
	return (__int128)(a ^ b) < 0 ? -quotient : quotient;
}

unsigned __int128 mt_arith_wide(enum mt_op op, unsigned __int128 a, unsigned __int128 b,
                                bool is_signed)
{
	unsigned count = (unsigned)b & 127;

	switch (op) {
	case MT_OP_ADD:
		return a + b;
	case MT_OP_SUB:
		return a - b;
	case MT_OP_MUL:
		return a * b;
	case MT_OP_DIV:
		return wide_quotient(a, b, is_signed);
	case MT_OP_MOD:
		return a - wide_quotient(a, b, is_signed) * b;
	case MT_OP_SHL:
		return a << count;
	case MT_OP_SHR:
		return is_signed ? (unsigned __int128)((__int128)a >> count) : a >> count;
	case MT_OP_AND:
		return a & b;
	case MT_OP_OR:
		return a | b;
	default: /* MT_OP_XOR */
		return a ^ b;
	}
}

static unsigned __int128 widened(uint64_t value, bool is_signed)
{
	return is_signed ? (unsigned __int128)(__int128)(int64_t)value : value;
}

/* Canonical numbers are what they are in 128 bits too; but a shift goes around at the type's. */
uint64_t mt_arith_integers(enum mt_op op, uint64_t a, uint64_t b, struct mt_arith type)
{
	bool is_shift = op == MT_OP_SHL || op == MT_OP_SHR;
	unsigned __int128 by = is_shift ? b & (8u * type.size - 1) : widened(b, type.is_signed);

	return mt_arith_canonical(
	    (uint64_t)mt_arith_wide(op, widened(a, type.is_signed), by, type.is_signed), type);
}

/* ---- Floating numbers ---------------------------------------------------- */

static double compute_double(enum mt_op op, double a, double b)
{
	switch (op) {
	case MT_OP_ADD:
		return a + b;
	case MT_OP_SUB:
		return a - b;
	case MT_OP_MUL:
		return a * b;
	default: /* MT_OP_DIV */
		return a / b;
	}
}

static long double compute_extended(enum mt_op op, long double a, long double b)
{
	switch (op) {
	case MT_OP_ADD:
		return a + b;
	case MT_OP_SUB:
		return a - b;
	case MT_OP_MUL:
		return a * b;
	default: /* MT_OP_DIV */
		return a / b;
	}
}

/* A float's operation in double, rounded once more, is the float's own: 53 bits suffice twice over
 * (Figueroa 1995). A double's in long double is not, so it has its own. */
long double mt_arith_floats(enum mt_op op, long double a, long double b, unsigned size)
{
	if (size > 8)
		return compute_extended(op, a, b);
	return mt_arith_round((long double)compute_double(op, (double)a, (double)b), size);
}

long double mt_arith_round(long double value, unsigned size)
{
	if (size == 4)
		return (long double)(float)value;
	return size == 8 ? (long double)(double)value : value;
}

/* Straight to the type: by way of a wider one a long would be rounded twice. */
long double mt_arith_wide_to_float(unsigned __int128 value, bool is_signed, unsigned size)
{
	__int128 number = (__int128)value;

	if (size == 4)
		return (long double)(is_signed ? (float)number : (float)value);
	if (size == 8)
		return (long double)(is_signed ? (double)number : (double)value);
	return is_signed ? (long double)number : (long double)value;
}

long double mt_arith_to_float(uint64_t value, bool is_signed, unsigned size)
{
	return mt_arith_wide_to_float(widened(value, is_signed), is_signed, size);
}

/* C leaves out-of-range values open; here they become the nearest integer, and NaN becomes 0. */
unsigned __int128 mt_arith_to_integer(long double value, struct mt_arith type)
{
	unsigned bits = 8u * type.size;
	long double limit = ldexpl(1.0L, (int)(type.is_signed ? bits - 1 : bits));
	unsigned __int128 largest = ~(unsigned __int128)0 >> (128 - bits + type.is_signed);

	if (isnan(value))
		return 0;
	if (value >= limit)
		return largest;
	if (value <= (type.is_signed ? -limit : 0.0L))
		return type.is_signed ? ~largest : 0;
	return type.is_signed ? (unsigned __int128)(__int128)value : (unsigned __int128)value;
}

/* ---- Comparisons --------------------------------------------------------- */

static bool holds(enum mt_op op, bool less, bool equal, bool greater)
{
	switch (op) {
	case MT_OP_EQ:
		return equal;
	case MT_OP_NE:
		return !equal;
	case MT_OP_LT:
		return less;
	case MT_OP_LE:
		return less || equal;
	case MT_OP_GT:
		return greater;
	default: /* MT_OP_GE */
		return greater || equal;
	}
}

bool mt_arith_compare_wide(enum mt_op op, unsigned __int128 a, unsigned __int128 b, bool is_signed)
{
	bool less = is_signed ? (__int128)a < (__int128)b : a < b;

	return holds(op, less, a == b, !less && a != b);
}

bool mt_arith_compare_integers(enum mt_op op, uint64_t a, uint64_t b, bool is_signed)
{
	return mt_arith_compare_wide(op, widened(a, is_signed), widened(b, is_signed), is_signed);
}

bool mt_arith_compare_floats(enum mt_op op, long double a, long double b)
{
	return holds(op, a<b, a == b, a> b);
}
