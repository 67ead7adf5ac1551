/* SPDX-License-Identifier: MIT */
#include "symbol/where_value.h"

#include <dwarf.h>
#include <string.h>

#include "symbol/die.h"

#define X87_SIZE 10 /* the bytes of a long double that count */

/* ---- Types and numbers --------------------------------------------------- */

bool mt_typed_of_type(Dwarf_Die *type, struct mt_typed *zero)
{
	int64_t size, encoding;

	if (dwarf_tag(type) != DW_TAG_base_type || !mt_die_integer(type, DW_AT_byte_size, &size) ||
	    !mt_die_integer(type, DW_AT_encoding, &encoding) || size < 1 || size > MT_TYPED_MAX)
		return false;
	*zero = (struct mt_typed){ .kind = MT_TYPED_UNSIGNED, .size = (uint8_t)size };
	if (encoding == DW_ATE_signed || encoding == DW_ATE_signed_char)
		zero->kind = MT_TYPED_SIGNED;
	if (encoding == DW_ATE_float)
		zero->kind = MT_TYPED_FLOAT;
	return encoding != DW_ATE_float || size == 4 || size == 8 || size >= X87_SIZE;
}

static unsigned __int128 cut(unsigned __int128 bits, unsigned size)
{
	return size < MT_TYPED_MAX ? bits & (((unsigned __int128)1 << 8 * size) - 1) : bits;
}

static __int128 extended(const struct mt_typed *value)
{
	unsigned unused = 8u * (MT_TYPED_MAX - value->size);

	return (__int128)(value->bits << unused) >> unused;
}

static long double floating(const struct mt_typed *value)
{
	long double widest = 0;
	double wide;
	float narrow;

	if (value->kind == MT_TYPED_SIGNED)
		return (long double)extended(value);
	if (value->kind != MT_TYPED_FLOAT)
		return (long double)value->bits;
	if (value->size == sizeof(narrow)) {
		memcpy(&narrow, &value->bits, sizeof(narrow));
		return (long double)narrow;
	}
	if (value->size == sizeof(wide)) {
		memcpy(&wide, &value->bits, sizeof(wide));
		return (long double)wide;
	}
	memcpy(&widest, &value->bits, X87_SIZE);
	return widest;
}

static struct mt_typed make_float(long double number, const struct mt_typed *type)
{
	struct mt_typed result = { .kind = MT_TYPED_FLOAT, .size = type->size };
	double wide = (double)number;
	float narrow = (float)number;

	if (type->size == sizeof(narrow))
		memcpy(&result.bits, &narrow, sizeof(narrow));
	else if (type->size == sizeof(wide))
		memcpy(&result.bits, &wide, sizeof(wide));
	else
		memcpy(&result.bits, &number, X87_SIZE);
	return result;
}

static struct mt_typed make_integer(unsigned __int128 bits, const struct mt_typed *type)
{
	return (struct mt_typed){ .kind = type->kind,
		                  .size = type->size,
		                  .bits = cut(bits, type->size) };
}

/* C leaves it open what a float beyond the integers becomes; here it is 0. */
static __int128 whole_part(long double number)
{
	const long double limit = 0x1p126L;

	return number > -limit && number < limit ? (__int128)number : 0;
}

__int128 mt_typed_integer(const struct mt_typed *value)
{
	if (value->kind == MT_TYPED_FLOAT)
		return whole_part(floating(value));
	return value->kind == MT_TYPED_SIGNED ? extended(value) : (__int128)value->bits;
}

struct mt_typed mt_typed_convert(const struct mt_typed *value, const struct mt_typed *type)
{
	if (type->kind == MT_TYPED_FLOAT)
		return make_float(floating(value), type);
	return make_integer((unsigned __int128)mt_typed_integer(value), type);
}

bool mt_typed_reinterpret(const struct mt_typed *value, const struct mt_typed *type,
                          struct mt_typed *result)
{
	if (value->size != type->size)
		return false;
	*result = *type;
	result->bits = value->bits;
	return true;
}

/* ---- Operations ---------------------------------------------------------- */

bool mt_typed_is_unary(uint8_t op)
{
	return op == DW_OP_abs || op == DW_OP_neg || op == DW_OP_not;
}

bool mt_typed_is_binary(uint8_t op)
{
	switch (op) {
	case DW_OP_and:
	case DW_OP_div ... DW_OP_mul:
	case DW_OP_or:
	case DW_OP_plus:
	case DW_OP_shl ... DW_OP_xor:
	case DW_OP_eq ... DW_OP_ne:
		return true;
	default:
		return false;
	}
}

bool mt_typed_unary(uint8_t op, const struct mt_typed *value, struct mt_typed *result)
{
	bool negative = value->kind == MT_TYPED_FLOAT ? floating(value) < 0 : extended(value) < 0;

	if (op == DW_OP_not && value->kind == MT_TYPED_FLOAT)
		return false;
	if (op == DW_OP_not)
		*result = make_integer(~value->bits, value);
	else if (op == DW_OP_abs && (!negative || value->kind == MT_TYPED_UNSIGNED))
		*result = *value;
	else if (value->kind == MT_TYPED_FLOAT)
		*result = make_float(-floating(value), value);
	else
		*result = make_integer(-value->bits, value);
	return true;
}

static bool is_comparison(uint8_t op)
{
	return op >= DW_OP_eq && op <= DW_OP_ne;
}

/* By the sign of their difference. Not a number is unequal to all, and neither less nor greater. */
static bool compare(uint8_t op, bool less, bool greater, bool equal)
{
	switch (op) {
	case DW_OP_eq:
		return equal;
	case DW_OP_ne:
		return !equal;
	case DW_OP_lt:
		return less;
	case DW_OP_gt:
		return greater;
	case DW_OP_le:
		return less || equal;
	default: /* DW_OP_ge */
		return greater || equal;
	}
}

static bool binary_float(uint8_t op, long double a, long double b, const struct mt_typed *type,
                         struct mt_typed *result)
{
	switch (op) {
	case DW_OP_plus:
		*result = make_float(a + b, type);
		return true;
	case DW_OP_minus:
		*result = make_float(a - b, type);
		return true;
	case DW_OP_mul:
		*result = make_float(a * b, type);
		return true;
	case DW_OP_div:
		*result = make_float(b == 0 ? 0 : a / b, type);
		return b != 0;
	default:
		return false;
	}
}

/* Signed of the type's own sign; the one quotient that overflows is its own negation. */
static bool divide(uint8_t op, const struct mt_typed *a, const struct mt_typed *b,
                   unsigned __int128 *bits)
{
	bool is_signed = a->kind == MT_TYPED_SIGNED;

	if (!b->bits)
		return false;
	if (!is_signed)
		*bits = op == DW_OP_div ? a->bits / b->bits : a->bits % b->bits;
	else if (extended(b) == -1)
		*bits = op == DW_OP_div ? -a->bits : 0;
	else
		*bits = (unsigned __int128)(op == DW_OP_div ? extended(a) / extended(b)
		                                            : extended(a) % extended(b));
	return true;
}

static unsigned __int128 shift(uint8_t op, const struct mt_typed *a, const struct mt_typed *b)
{
	unsigned count = b->bits < 8u * a->size ? (unsigned)b->bits : 8u * a->size;

	if (op == DW_OP_shra)
		return (unsigned __int128)(extended(a) >> (count < 128 ? count : 127));
	if (count >= 128)
		return 0;
	return op == DW_OP_shl ? a->bits << count : a->bits >> count;
}

static bool binary_integer(uint8_t op, const struct mt_typed *a, const struct mt_typed *b,
                           struct mt_typed *result)
{
	unsigned __int128 bits = 0;

	switch (op) {
	case DW_OP_and:
		bits = a->bits & b->bits;
		break;
	case DW_OP_or:
		bits = a->bits | b->bits;
		break;
	case DW_OP_xor:
		bits = a->bits ^ b->bits;
		break;
	case DW_OP_plus:
		bits = a->bits + b->bits;
		break;
	case DW_OP_minus:
		bits = a->bits - b->bits;
		break;
	case DW_OP_mul:
		bits = a->bits * b->bits;
		break;
	case DW_OP_div:
	case DW_OP_mod:
		if (!divide(op, a, b, &bits))
			return false;
		break;
	default: /* DW_OP_shl, DW_OP_shr, DW_OP_shra */
		bits = shift(op, a, b);
	}
	*result = make_integer(bits, a);
	return true;
}

static bool is_shift(uint8_t op)
{
	return op == DW_OP_shl || op == DW_OP_shr || op == DW_OP_shra;
}

static bool compare_values(uint8_t op, const struct mt_typed *a, const struct mt_typed *b)
{
	if (a->kind == MT_TYPED_FLOAT) {
		long double x = floating(a), y = floating(b);

		return compare(op, x<y, x> y, x == y);
	}
	if (a->kind == MT_TYPED_UNSIGNED)
		return compare(op, a->bits<b->bits, a->bits> b->bits, a->bits == b->bits);
	return compare(op, extended(a) < extended(b), extended(a) > extended(b),
	               a->bits == b->bits);
}

bool mt_typed_binary(uint8_t op, const struct mt_typed *a, const struct mt_typed *b, uint8_t word,
                     struct mt_typed *result)
{
	bool same = a->kind == b->kind && a->size == b->size;
	bool has_float = a->kind == MT_TYPED_FLOAT || b->kind == MT_TYPED_FLOAT;

	if (!same && (!is_shift(op) || has_float))
		return false;
	if (is_comparison(op)) {
		*result = mt_typed_generic(compare_values(op, a, b), word);
		return true;
	}
	if (has_float)
		return binary_float(op, floating(a), floating(b), a, result);
	return binary_integer(op, a, b, result);
}
