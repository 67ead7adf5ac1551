/* SPDX-License-Identifier: MIT */
#include "cli/debug/arith.h"

#include <string.h>

/* The type of an operator's result. */
static const struct mt_type *type_of(struct mt_arith arith)
{
	if (arith.is_float)
		return mt_type_base(arith.size == 4 ? "float" : "double");
	if (arith.size == 4)
		return mt_type_base(arith.is_signed ? "int" : "unsigned int");
	return mt_type_base(arith.is_signed ? "long" : "unsigned long");
}

/* What C makes of a narrow operand: an int, which holds all its values. */
static struct mt_arith promoted(const struct mt_number *number)
{
	if (number->is_float)
		return (struct mt_arith){ .size = number->size == 4 ? 4 : 8, .is_float = true };
	if (number->size < 4)
		return (struct mt_arith){ .size = 4, .is_signed = true };
	return (struct mt_arith){ .size = number->size <= 4 ? 4 : 8,
		                  .is_signed = number->is_signed };
}

/* The usual arithmetic conversions. */
static struct mt_arith common(const struct mt_number *a, const struct mt_number *b)
{
	struct mt_arith x = promoted(a), y = promoted(b);

	if (x.is_float != y.is_float)
		return x.is_float ? x : y;
	if (x.size != y.size)
		return x.size > y.size ? x : y;
	x.is_signed = x.is_signed && y.is_signed;
	return x;
}

static struct mt_value value_of(uint64_t bits, struct mt_arith arith)
{
	struct mt_number number = { .size = arith.size,
		                    .is_signed = arith.is_signed,
		                    .bits = mt_arith_canonical(bits, arith) };

	return mt_value_of_number(&number, type_of(arith));
}

static struct mt_value value_of_float(double floating, struct mt_arith arith)
{
	struct mt_number number = { .is_float = true, .floating = floating };

	return mt_value_of_number(&number, type_of(arith));
}

bool mt_arith_truth(const struct mt_number *number)
{
	return number->is_float ? number->floating != 0 : number->bits != 0;
}

struct mt_value mt_arith_literal(const struct mt_literal *literal)
{
	if (literal->type.is_float)
		return value_of_float(literal->floating, literal->type);
	return value_of(literal->integer, literal->type);
}

struct mt_value mt_arith_promoted(const struct mt_number *number)
{
	struct mt_arith arith = promoted(number);

	if (arith.is_float)
		return value_of_float(number->floating, arith);
	return value_of(number->bits, arith);
}

struct mt_error *mt_arith_unary(enum mt_op op, long at, const struct mt_number *number,
                                struct mt_value *value)
{
	struct mt_arith arith = promoted(number);

	if (op == MT_OP_LNOT)
		*value = mt_value_of_int(!mt_arith_truth(number));
	else if (arith.is_float && op == MT_OP_NEG)
		*value = value_of_float(-number->floating, arith);
	else if (arith.is_float)
		return mt_error_at(at, "a fraction has no bits to turn over");
	else
		*value = value_of(op == MT_OP_NEG ? -number->bits : ~number->bits, arith);
	return NULL;
}

/* ---- Two operands ---------------------------------------------------------- */

static double floating_of(const struct mt_number *number)
{
	if (number->is_float)
		return number->floating;
	return number->is_signed ? (double)(int64_t)number->bits : (double)number->bits;
}

static bool is_comparison(enum mt_op op)
{
	return op == MT_OP_EQ || op == MT_OP_NE || op == MT_OP_LT || op == MT_OP_LE ||
	       op == MT_OP_GT || op == MT_OP_GE;
}

/* `order` is below, at or above 0; NaN compares unequal to all and neither below nor above. */
static bool compare(enum mt_op op, int order, bool ordered)
{
	switch (op) {
	case MT_OP_EQ:
		return ordered && order == 0;
	case MT_OP_NE:
		return !ordered || order != 0;
	case MT_OP_LT:
		return ordered && order < 0;
	case MT_OP_LE:
		return ordered && order <= 0;
	case MT_OP_GT:
		return ordered && order > 0;
	default:
		return ordered && order >= 0;
	}
}

static struct mt_error *binary_float(enum mt_op op, long at, double a, double b,
                                     struct mt_arith arith, struct mt_value *value)
{
	double result;

	if (is_comparison(op)) {
		*value =
		    mt_value_of_int(compare(op, (a > b) - (a < b), !__builtin_isunordered(a, b)));
		return NULL;
	}
	switch (op) {
	case MT_OP_ADD:
		result = a + b;
		break;
	case MT_OP_SUB:
		result = a - b;
		break;
	case MT_OP_MUL:
		result = a * b;
		break;
	case MT_OP_DIV:
		result = a / b;
		break;
	default:
		return mt_error_at(at, "this operator takes integers, not fractions");
	}
	*value = value_of_float(result, arith);
	return NULL;
}

static uint64_t divide(enum mt_op op, uint64_t a, uint64_t b, bool is_signed)
{
	if (!is_signed)
		return op == MT_OP_DIV ? a / b : a % b;
	if (b == UINT64_MAX) /* INT64_MIN / -1 traps */
		return op == MT_OP_DIV ? -a : 0;
	return (uint64_t)(op == MT_OP_DIV ? (int64_t)a / (int64_t)b : (int64_t)a % (int64_t)b);
}

/* The left operand's own type counts in a shift. */
static struct mt_value shift(enum mt_op op, const struct mt_number *a, const struct mt_number *b)
{
	struct mt_arith arith = promoted(a);
	unsigned count = (unsigned)b->bits & (8u * arith.size - 1);
	uint64_t bits = mt_arith_canonical(a->bits, arith);

	if (op == MT_OP_SHL)
		bits <<= count;
	else
		bits = arith.is_signed ? (uint64_t)((int64_t)bits >> count) : bits >> count;
	return value_of(bits, arith);
}

static uint64_t binary_bits(enum mt_op op, uint64_t a, uint64_t b, bool is_signed)
{
	switch (op) {
	case MT_OP_ADD:
		return a + b;
	case MT_OP_SUB:
		return a - b;
	case MT_OP_MUL:
		return a * b;
	case MT_OP_DIV:
	case MT_OP_MOD:
		return divide(op, a, b, is_signed);
	case MT_OP_AND:
		return a & b;
	case MT_OP_OR:
		return a | b;
	default: /* MT_OP_XOR */
		return a ^ b;
	}
}

struct mt_error *mt_arith_binary(enum mt_op op, long at, const struct mt_number *a,
                                 const struct mt_number *b, struct mt_value *value)
{
	struct mt_arith arith = common(a, b);
	uint64_t x, y;

	if (arith.is_float)
		return binary_float(op, at, floating_of(a), floating_of(b), arith, value);
	if (op == MT_OP_SHL || op == MT_OP_SHR) {
		*value = shift(op, a, b);
		return NULL;
	}
	x = mt_arith_canonical(a->bits, arith);
	y = mt_arith_canonical(b->bits, arith);
	if (is_comparison(op)) {
		bool below = arith.is_signed ? (int64_t)x < (int64_t)y : x < y;

		*value = mt_value_of_int(compare(op, x == y ? 0 : below ? -1 : 1, true));
		return NULL;
	}
	if (!y && (op == MT_OP_DIV || op == MT_OP_MOD))
		return mt_error_at(at, "a division by zero");
	*value = value_of(binary_bits(op, x, y, arith.is_signed), arith);
	return NULL;
}
