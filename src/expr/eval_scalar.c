/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "expr/overload.h"
#include "expr/value_internal.h"

/* ---- Making values */

/* C's type for a promoted number, and for gdb what a long of i386 can't hold. */
static const struct mt_type *type_of(const struct mt_eval *eval, struct mt_arith arith)
{
	bool wide = eval->world->machine == MT_MACHINE_I386;

	if (arith.is_float)
		return mt_eval_base(eval, arith.size == 4   ? "float"
		                          : arith.size == 8 ? "double"
		                                            : "long double");
	if (arith.size == 4)
		return mt_eval_base(eval, arith.is_signed ? "int" : "unsigned int");
	if (arith.size == MT_NUMBER_MAX)
		return mt_eval_base(eval, arith.is_signed ? "__int128" : "unsigned __int128");
	if (wide)
		return mt_eval_base(eval, arith.is_signed ? "long long" : "unsigned long long");
	return mt_eval_base(eval, arith.is_signed ? "long" : "unsigned long");
}

static struct mt_error *value_of(const struct mt_eval *eval, uint64_t bits, struct mt_arith arith,
                                 struct mt_value *value)
{
	struct mt_number number = { .size = arith.size,
		                    .is_signed = arith.is_signed,
		                    .bits = mt_arith_canonical(bits, arith) };

	return mt_value_of_number(eval->arena, &number, type_of(eval, arith), value);
}

static struct mt_error *value_of_wide(const struct mt_eval *eval, unsigned __int128 bits,
                                      struct mt_arith arith, struct mt_value *value)
{
	struct mt_number number = mt_number_of_wide(bits, arith.is_signed);

	return mt_value_of_number(eval->arena, &number, type_of(eval, arith), value);
}

static struct mt_error *value_of_float(const struct mt_eval *eval, long double floating,
                                       struct mt_arith arith, struct mt_value *value)
{
	struct mt_number number = { .is_float = true, .size = arith.size, .floating = floating };

	return mt_value_of_number(eval->arena, &number, type_of(eval, arith), value);
}

struct mt_error *mt_eval_integer_of(const struct mt_eval *eval, const char *name, uint64_t bits,
                                    struct mt_value *value)
{
	struct mt_number number = { .size = 8, .bits = bits };

	return mt_value_of_number(eval->arena, &number, mt_eval_base(eval, name), value);
}

struct mt_error *mt_eval_int(const struct mt_eval *eval, int64_t number, struct mt_value *value)
{
	return mt_eval_integer_of(eval, "int", (uint64_t)number, value);
}

struct mt_error *mt_eval_literal(const struct mt_eval *eval, const struct mt_ast *ast,
                                 struct mt_value *value)
{
	const struct mt_literal *literal = &ast->number;
	struct mt_arith type =
	    eval->world->machine == MT_MACHINE_I386 ? literal->type_i386 : literal->type;

	if (type.is_float)
		return value_of_float(eval, literal->floating, type, value);
	if (literal->name) /* an int to C, a character to people */
		return mt_eval_integer_of(eval, literal->name, literal->integer, value);
	return value_of(eval, literal->integer, type, value);
}

/* ---- Operands */

static bool decays(const struct mt_type *type)
{
	return type->kind == MT_TYPE_ARRAY || type->kind == MT_TYPE_FUNCTION;
}

static struct mt_error *decay(const struct mt_eval *eval, const struct mt_ast *ast,
                              const struct mt_value *value, struct mt_scalar *scalar)
{
	const struct mt_type *type = value->type;
	struct mt_value placed = *value;

	MT_TRY(mt_eval_pointer_to(eval, type->kind == MT_TYPE_ARRAY ? type->target : type,
	                          &scalar->pointer));
	if (eval->only_type)
		return NULL;
	MT_TRY(mt_eval_place(eval, ast, &placed));
	return mt_value_number(eval->world, &placed, &scalar->number);
}

/* An enumerator by its name is an int, where a variable of its type may be unsigned (C11 6.7.2.2).
 */
static bool is_int_enumerator(const struct mt_ast *ast, const struct mt_value *value,
                              const struct mt_number *number)
{
	return ast->kind == MT_AST_NAME && value->type->kind == MT_TYPE_ENUM &&
	       value->home == MT_HOME_NOWHERE && (int64_t)number->bits == (int32_t)number->bits;
}

/* Of what decays; the number is left out where only the type is asked for. */
static struct mt_error *scalar_of_decayed(const struct mt_eval *eval, const struct mt_ast *ast,
                                          const struct mt_value *value, struct mt_scalar *scalar)
{
	struct mt_scalar made = { .number.size = mt_machine_word(eval->world->machine) };

	MT_TRY(decay(eval, ast, value, &made));
	*scalar = made;
	return NULL;
}

struct mt_error *mt_eval_scalar_of(const struct mt_eval *eval, const struct mt_ast *ast,
                                   const struct mt_value *value, struct mt_scalar *scalar)
{
	const struct mt_type *type = value->type;

	scalar->pointer = NULL;
	if (type->kind == MT_TYPE_VOID)
		return mt_value_number(eval->world, value, &scalar->number);
	if (decays(type))
		return scalar_of_decayed(eval, ast, value, scalar);
	if (!mt_type_is_scalar(type) || !type->size)
		return mt_eval_type_error(eval, ast, type, "a number or a pointer is needed here");
	if (type->kind == MT_TYPE_POINTER)
		scalar->pointer = type;
	if (eval->only_type && !value->bytes)
		scalar->number = mt_value_number_type(value);
	else
		MT_TRY(mt_value_number(eval->world, value, &scalar->number));
	if (is_int_enumerator(ast, value, &scalar->number))
		scalar->number =
		    (struct mt_number){ .size = 4, .is_signed = true, .bits = scalar->number.bits };
	return NULL;
}

struct mt_error *mt_eval_scalar(const struct mt_eval *eval, const struct mt_ast *ast,
                                struct mt_scalar *scalar)
{
	struct mt_value value;

	MT_TRY(mt_eval_operand(eval, ast, &value));
	return mt_eval_scalar_of(eval, ast, &value, scalar);
}

/* The promoted type of a number; a pointer counts as an unsigned integer. */
static struct mt_arith promoted(const struct mt_number *number)
{
	struct mt_arith type = { .size = number->size,
		                 .is_signed = number->is_signed,
		                 .is_float = number->is_float };

	if (!type.is_float && type.size > 4)
		type.size = type.size > 8 ? MT_NUMBER_MAX : 8;
	return mt_arith_promote(type);
}

/* ---- One operand */

static struct mt_error *truth_of(const struct mt_eval *eval, const struct mt_ast *ast, bool *truth)
{
	struct mt_value value, object;
	struct mt_scalar scalar;

	MT_TRY(mt_eval_operand(eval, ast, &value));
	if (value.type->kind == MT_TYPE_STRUCT) {
		object = value;
		MT_TRY(mt_eval_class_truth(eval, ast, &object, &value));
	}
	MT_TRY(mt_eval_scalar_of(eval, ast, &value, &scalar));
	*truth = mt_number_is_true(&scalar.number);
	return NULL;
}

static const char *unary_name(const struct mt_ast *ast)
{
	if (ast->kind == MT_AST_PLUS)
		return "operator+";
	return ast->op == MT_OP_NEG ? "operator-" : "operator~";
}

static struct mt_error *unary_wide(const struct mt_eval *eval, const struct mt_ast *ast,
                                   unsigned __int128 operand, struct mt_arith type,
                                   struct mt_value *value)
{
	if (ast->kind != MT_AST_PLUS)
		operand = ast->op == MT_OP_NEG ? -operand : ~operand;
	return value_of_wide(eval, operand, type, value);
}

struct mt_error *mt_eval_unary(const struct mt_eval *eval, const struct mt_ast *ast,
                               struct mt_value *value)
{
	bool is_negation = ast->kind == MT_AST_UNARY && ast->op == MT_OP_NEG;
	struct mt_value object;
	struct mt_scalar operand;
	struct mt_arith type;
	bool truth;

	if (ast->kind == MT_AST_UNARY && ast->op == MT_OP_LNOT) {
		MT_TRY(truth_of(eval, ast->a, &truth));
		return mt_eval_int(eval, !truth, value);
	}
	MT_TRY(mt_eval_operand(eval, ast->a, &object));
	if (object.type->kind == MT_TYPE_STRUCT)
		return mt_eval_class_unary(eval, ast, unary_name(ast), &object, value);
	MT_TRY(mt_eval_scalar_of(eval, ast->a, &object, &operand));
	if (operand.pointer)
		return mt_error_at((long)ast->at, "this cannot be done with a pointer");
	type = promoted(&operand.number);
	if (type.is_float && ast->kind == MT_AST_UNARY && ast->op == MT_OP_NOT)
		return mt_error_at((long)ast->at, "a fraction has no bits to turn over");
	if (type.is_float)
		return value_of_float(
		    eval, is_negation ? -operand.number.floating : operand.number.floating, type,
		    value);
	if (type.size == MT_NUMBER_MAX)
		return unary_wide(eval, ast, mt_number_wide(&operand.number), type, value);
	if (ast->kind == MT_AST_PLUS)
		return value_of(eval, operand.number.bits, type, value);
	return value_of(eval, is_negation ? -operand.number.bits : ~operand.number.bits, type,
	                value);
}

/* ---- Pointers */

static struct mt_error *step_of(const struct mt_eval *eval, const struct mt_ast *ast,
                                const struct mt_type *pointer, uint64_t *step)
{
	static const struct mt_type nothing = { .kind = MT_TYPE_VOID, .name = "void" };
	const struct mt_type *target = pointer->target ? pointer->target : &nothing;

	mt_type_complete(target);
	if (eval->world->frame && target->kind == MT_TYPE_ARRAY)
		MT_TRY(mt_where_type(eval->world->frame, target, &target));
	return mt_eval_size(eval, ast, target, step);
}

static struct mt_error *pointer_value(const struct mt_eval *eval, uint64_t addr,
                                      const struct mt_type *type, struct mt_value *value)
{
	struct mt_number number = { .size = (uint8_t)type->size, .bits = addr };

	return mt_value_of_number(eval->arena, &number, type, value);
}

/* p + n, n + p, p - n: in steps of what p points to. `at` is the pointer's tree. */
static struct mt_error *move_pointer(const struct mt_eval *eval, const struct mt_ast *ast,
                                     const struct mt_ast *at, const struct mt_scalar *pointer,
                                     const struct mt_number *by, struct mt_value *value)
{
	uint64_t step, from = pointer->number.bits;

	if (by->is_float)
		return mt_error_at((long)ast->at, "a pointer moves by whole steps only");
	MT_TRY(step_of(eval, at, pointer->pointer, &step));
	return pointer_value(eval,
	                     ast->op == MT_OP_SUB ? from - by->bits * step : from + by->bits * step,
	                     pointer->pointer, value);
}

/* p - q, in elements: a ptrdiff_t. */
static struct mt_error *distance(const struct mt_eval *eval, const struct mt_ast *ast,
                                 const struct mt_scalar *a, const struct mt_scalar *b,
                                 struct mt_value *value)
{
	struct mt_arith word = { .size = mt_machine_word(eval->world->machine), .is_signed = true };
	uint64_t step, other;

	MT_TRY(step_of(eval, ast->a, a->pointer, &step));
	MT_TRY(step_of(eval, ast->b, b->pointer, &other));
	if (step != other)
		return mt_error_at((long)ast->at,
		                   "these point to things of %llu and %llu bytes: there is no "
		                   "distance between them",
		                   (unsigned long long)step, (unsigned long long)other);
	int64_t bytes = (int64_t)mt_arith_canonical(a->number.bits - b->number.bits, word);
	return mt_eval_integer_of(eval, word.size == 8 ? "long" : "int",
	                          (uint64_t)(step ? bytes / (int64_t)step : 0), value);
}

/* ---- Two operands */

static struct mt_error *compute_floats(const struct mt_eval *eval, const struct mt_ast *ast,
                                       const struct mt_number *a, const struct mt_number *b,
                                       struct mt_arith type, struct mt_value *value)
{
	long double x = a->is_float
	                    ? a->floating
	                    : mt_arith_wide_to_float(mt_number_wide(a), a->is_signed, type.size);
	long double y = b->is_float
	                    ? b->floating
	                    : mt_arith_wide_to_float(mt_number_wide(b), b->is_signed, type.size);

	if (mt_op_is_comparison(ast->op))
		return mt_eval_int(eval, mt_arith_compare_floats(ast->op, x, y), value);
	if (ast->op < MT_OP_ADD || ast->op > MT_OP_DIV)
		return mt_error_at((long)ast->at, "this operator takes integers, not fractions");
	return value_of_float(eval, mt_arith_floats(ast->op, x, y, type.size), type, value);
}

static struct mt_error *compute_wide(const struct mt_eval *eval, const struct mt_ast *ast,
                                     unsigned __int128 a, unsigned __int128 b, struct mt_arith type,
                                     struct mt_value *value)
{
	if (!b && !eval->only_type && (ast->op == MT_OP_DIV || ast->op == MT_OP_MOD))
		return mt_error_at((long)ast->at, "a division by zero");
	if (mt_op_is_comparison(ast->op))
		return mt_eval_int(eval, mt_arith_compare_wide(ast->op, a, b, type.is_signed),
		                   value);
	return value_of_wide(eval, mt_arith_wide(ast->op, a, b, type.is_signed), type, value);
}

static struct mt_error *compute_numbers(const struct mt_eval *eval, const struct mt_ast *ast,
                                        const struct mt_number *a, const struct mt_number *b,
                                        struct mt_value *value)
{
	struct mt_arith left = promoted(a), common = mt_arith_common(left, promoted(b));
	bool is_shift = ast->op == MT_OP_SHL || ast->op == MT_OP_SHR;
	/* The left operand's own type counts in a shift. */
	struct mt_arith type = is_shift ? left : common;
	uint64_t x, y;

	if (common.is_float)
		return compute_floats(eval, ast, a, b, common, value);
	if (type.size == MT_NUMBER_MAX)
		return compute_wide(eval, ast, mt_number_wide(a), mt_number_wide(b), type, value);
	x = mt_arith_canonical(a->bits, type);
	y = mt_arith_canonical(b->bits, type);
	if (!y && !eval->only_type && (ast->op == MT_OP_DIV || ast->op == MT_OP_MOD))
		return mt_error_at((long)ast->at, "a division by zero");
	if (mt_op_is_comparison(ast->op))
		return mt_eval_int(eval, mt_arith_compare_integers(ast->op, x, y, type.is_signed),
		                   value);
	return value_of(eval, mt_arith_integers(ast->op, x, y, type), type, value);
}

struct mt_error *mt_eval_compute(const struct mt_eval *eval, const struct mt_ast *ast,
                                 const struct mt_scalar *a, const struct mt_scalar *b,
                                 struct mt_value *value)
{
	if (a->pointer && b->pointer && ast->op == MT_OP_SUB)
		return distance(eval, ast, a, b, value);
	if (a->pointer && !b->pointer && (ast->op == MT_OP_ADD || ast->op == MT_OP_SUB))
		return move_pointer(eval, ast, ast->a, a, &b->number, value);
	if (b->pointer && !a->pointer && ast->op == MT_OP_ADD)
		return move_pointer(eval, ast, ast->b, b, &a->number, value);
	return compute_numbers(eval, ast, &a->number, &b->number, value);
}

static struct mt_error *eval_logic(const struct mt_eval *eval, const struct mt_ast *ast,
                                   struct mt_value *value)
{
	bool truth;

	MT_TRY(truth_of(eval, ast->a, &truth));
	if (truth == (ast->op == MT_OP_LAND) || eval->only_type)
		MT_TRY(truth_of(eval, ast->b, &truth));
	return mt_eval_int(eval, truth, value);
}

static bool is_object(const struct mt_value *value)
{
	return value->type->kind == MT_TYPE_STRUCT || value->type->kind == MT_TYPE_UNION;
}

struct mt_error *mt_eval_binary(const struct mt_eval *eval, const struct mt_ast *ast,
                                struct mt_value *value)
{
	struct mt_value left, right;
	struct mt_scalar a, b;

	if (ast->op == MT_OP_LAND || ast->op == MT_OP_LOR)
		return eval_logic(eval, ast, value);
	MT_TRY(mt_eval_operand(eval, ast->a, &left));
	/* A number is read before the other operand may change it. */
	if (!is_object(&left))
		MT_TRY(mt_eval_scalar_of(eval, ast->a, &left, &a));
	MT_TRY(mt_eval_operand(eval, ast->b, &right));
	if (is_object(&left) || is_object(&right))
		return mt_eval_class_binary(eval, ast, &left, &right, value);
	MT_TRY(mt_eval_scalar_of(eval, ast->b, &right, &b));
	return mt_eval_compute(eval, ast, &a, &b, value);
}

/* ---- ?: */

static bool is_void_pointer(const struct mt_type *type)
{
	return !type->target || type->target->kind == MT_TYPE_VOID;
}

/* One of the two branches. */
struct branch {
	const struct mt_ast *ast;
	struct mt_value value;
};

/* The type of both (C11 6.5.15); NULL: as they are. */
static struct mt_error *branch_type(const struct mt_eval *eval, const struct branch *taken,
                                    const struct branch *other, const struct mt_type **type)
{
	struct mt_scalar a, b;

	*type = NULL;
	if ((!mt_type_is_scalar(taken->value.type) && !decays(taken->value.type)) ||
	    (!mt_type_is_scalar(other->value.type) && !decays(other->value.type)))
		return NULL;

	struct mt_eval unread = *eval;
	unread.only_type = true;
	MT_TRY(mt_eval_scalar_of(&unread, taken->ast, &taken->value, &a));
	MT_TRY(mt_eval_scalar_of(&unread, other->ast, &other->value, &b));
	if (a.pointer && b.pointer)
		*type = is_void_pointer(b.pointer) ? b.pointer : a.pointer;
	else if (a.pointer || b.pointer)
		*type = a.pointer ? a.pointer : b.pointer;
	else
		*type = type_of(eval, mt_arith_common(promoted(&a.number), promoted(&b.number)));
	return NULL;
}

struct mt_error *mt_eval_choice(const struct mt_eval *eval, const struct mt_ast *ast,
                                struct mt_value *value)
{
	struct mt_eval unread = *eval;
	struct branch taken, other;
	const struct mt_type *type;
	bool truth;

	unread.only_type = true;
	MT_TRY(truth_of(eval, ast->a, &truth));
	taken.ast = truth ? ast->b : ast->c;
	other.ast = truth ? ast->c : ast->b;
	MT_TRY(mt_eval_operand(eval, taken.ast, &taken.value));
	MT_TRY(mt_eval_operand(&unread, other.ast, &other.value));
	MT_TRY(branch_type(eval, &taken, &other, &type));
	if (!type) {
		*value = taken.value;
		return NULL;
	}
	return mt_eval_convert(eval, taken.ast, &taken.value, type, true, value);
}
