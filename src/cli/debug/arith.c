/* SPDX-License-Identifier: MIT */
#include "cli/debug/arith.h"

#include "expr/arith.h"

/* The type of an operator's result. */
static const struct mt_type *type_of(struct mt_arith arith)
{
	if (arith.is_float)
		return mt_type_base(arith.size == 4 ? "float" : "double");
	if (arith.size == 4)
		return mt_type_base(arith.is_signed ? "int" : "unsigned int");
	return mt_type_base(arith.is_signed ? "long" : "unsigned long");
}

static struct mt_arith promoted(const struct mt_number *number)
{
	struct mt_arith type = { .size = number->size <= 4 ? (uint8_t)number->size : 8,
		                 .is_signed = number->is_signed,
		                 .is_float = number->is_float };

	return mt_arith_promote(type);
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

static struct mt_error *binary_float(enum mt_op op, long at, double a, double b,
                                     struct mt_arith arith, struct mt_value *value)
{
	if (mt_op_is_comparison(op))
		*value = mt_value_of_int(mt_arith_compare_floats(op, a, b));
	else if (op >= MT_OP_ADD && op <= MT_OP_DIV)
		*value = value_of_float(mt_arith_floats(op, a, b), arith);
	else
		return mt_error_at(at, "this operator takes integers, not fractions");
	return NULL;
}

struct mt_error *mt_arith_binary(enum mt_op op, long at, const struct mt_number *a,
                                 const struct mt_number *b, struct mt_value *value)
{
	struct mt_arith left = promoted(a), common = mt_arith_common(left, promoted(b));
	bool is_shift = op == MT_OP_SHL || op == MT_OP_SHR;
	/* The left operand's own type counts in a shift. */
	struct mt_arith type = is_shift ? left : common;
	uint64_t x, y;

	if (common.is_float)
		return binary_float(op, at, floating_of(a), floating_of(b), common, value);
	x = mt_arith_canonical(a->bits, type);
	y = mt_arith_canonical(b->bits, type);
	if (!y && (op == MT_OP_DIV || op == MT_OP_MOD))
		return mt_error_at(at, "a division by zero");
	if (mt_op_is_comparison(op))
		*value = mt_value_of_int(mt_arith_compare_integers(op, x, y, type.is_signed));
	else
		*value = value_of(mt_arith_integers(op, x, y, type), type);
	return NULL;
}
