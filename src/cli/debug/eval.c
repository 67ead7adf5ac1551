/* SPDX-License-Identifier: MIT */
/* Expressions come to values: a walk over the tree of expr/parser.h. */
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/arith.h"
#include "cli/debug/registers.h"
#include "cli/debug/shell.h"
#include "expr/arena.h"
#include "expr/member.h"
#include "expr/parser.h"
#include "symbol/variable.h"

struct evaluation {
	struct mt_shell *shell;
	const char *text;
};

static struct mt_error *eval(struct evaluation *evaluation, const struct mt_ast *ast,
                             struct mt_value *value);

/* ---- Names ----------------------------------------------------------------- */

static const struct mt_type code_type = { .kind = MT_TYPE_FUNCTION, .name = "code", .size = 1 };

/* A function, where no variable has the name. */
static bool find_function(struct mt_image *image, const struct mt_ast *ast, struct mt_value *value)
{
	struct mt_buf name MT_AUTO_BUF = { 0 };
	struct mt_location *locations;
	struct mt_error *error;
	size_t count;

	if (ast->scope)
		mt_buf_printf(&name, "%s::", ast->scope);
	mt_buf_text(&name, ast->name);
	if (!mt_buf_ok(&name))
		return false;
	error = mt_image_locate(image, name.data, &locations, &count);
	if (error) {
		mt_error_free(error);
		return false;
	}
	*value = (struct mt_value){ .type = &code_type,
		                    .home = MT_HOME_MEMORY,
		                    .addr = locations[0].entry };
	mt_locations_free(locations, count);
	return true;
}

static struct mt_error *eval_name(struct evaluation *evaluation, const struct mt_ast *ast,
                                  struct mt_value *value)
{
	struct mt_variable_query query = { .scope = ast->scope, .name = ast->name };
	struct mt_variable variable;
	struct mt_image *image;
	struct mt_error *error;

	MT_TRY(mt_shell_image(evaluation->shell, &image));
	error = mt_variable_find(image, &query, &variable);
	/* A local of some function must not hide the function of that name. */
	if (error && mt_error_kind(error) != MT_ERR_AMBIGUOUS && find_function(image, ast, value)) {
		mt_error_free(error);
		return NULL;
	}
	MT_TRY(error);
	*value = (struct mt_value){ .type = variable.type,
		                    .home = MT_HOME_MEMORY,
		                    .addr = variable.addr };
	return NULL;
}

/* ---- Pointers -------------------------------------------------------------- */

static struct mt_error *not_a(const struct evaluation *evaluation, const struct mt_ast *ast,
                              const struct mt_value *value, const char *wanted)
{
	struct mt_buf name MT_AUTO_BUF = { 0 };

	mt_type_format(value->type, &name);
	return mt_error_at((long)ast->start, "%.*s is of type %s, not %s",
	                   MT_SOURCE(evaluation->text, ast), name.data ? name.data : "?", wanted);
}

/* What `pointer`, written as `ast`, points to. An integer points to a long, as in gdb. */
static struct mt_error *follow(struct evaluation *evaluation, const struct mt_ast *ast,
                               const struct mt_value *pointer, struct mt_value *value)
{
	const struct mt_type *target = mt_type_base("long");
	struct mt_number number;

	if (pointer->type->kind == MT_TYPE_FUNCTION) {
		*value = *pointer;
		return NULL;
	}
	if (pointer->type->kind == MT_TYPE_POINTER || pointer->type->kind == MT_TYPE_ARRAY)
		target = pointer->type->target;
	else if (!mt_type_is_scalar(pointer->type) || pointer->type->kind == MT_TYPE_FLOAT)
		return not_a(evaluation, ast, pointer, "a pointer");
	MT_TRY(mt_value_number(evaluation->shell, pointer, &number));
	if (!target || target->kind == MT_TYPE_VOID)
		return mt_error_at(
		    (long)ast->start, "%.*s points to void; a cast says to what: *(int *)%.*s",
		    MT_SOURCE(evaluation->text, ast), MT_SOURCE(evaluation->text, ast));
	mt_type_complete(target);
	*value = (struct mt_value){ .type = target, .home = MT_HOME_MEMORY, .addr = number.bits };
	return NULL;
}

/* A C++ reference stands for what it refers to. */
static struct mt_error *follow_reference(struct evaluation *evaluation, const struct mt_ast *ast,
                                         struct mt_value *value)
{
	struct mt_value reference = *value;

	if (reference.type->kind != MT_TYPE_POINTER || !reference.type->is_reference)
		return NULL;
	return follow(evaluation, ast, &reference, value);
}

static struct mt_error *eval_address(struct evaluation *evaluation, const struct mt_ast *ast,
                                     struct mt_value *value)
{
	struct mt_image *image = mt_debug_image(evaluation->shell->debug);
	struct mt_value place;

	MT_TRY(eval(evaluation, ast->a, &place));
	if (place.type->kind != MT_TYPE_FUNCTION && place.home != MT_HOME_MEMORY)
		return mt_error_at((long)ast->start, "%.*s is not in memory: it has no address",
		                   MT_SOURCE(evaluation->text, ast->a));
	if (place.bit_size)
		return mt_error_at((long)ast->start, "%.*s is a bit-field: it has no address",
		                   MT_SOURCE(evaluation->text, ast->a));
	*value = mt_value_of_address(place.addr, place.type, image);
	return NULL;
}

/* ---- Parts of values ------------------------------------------------------- */

/* The part of `whole` at `offset`. */
static struct mt_value part_of(const struct mt_value *whole, const struct mt_type *type,
                               uint64_t offset)
{
	struct mt_value part = *whole;

	part.type = type;
	if (whole->home == MT_HOME_MEMORY)
		part.addr += offset;
	else if (whole->kept)
		part.kept += offset;
	else
		memmove(part.bytes, whole->bytes + offset, sizeof(part.bytes) - offset);
	if (whole->home != MT_HOME_MEMORY)
		part.home = MT_HOME_NOWHERE; /* a part of a register cannot be set by itself */
	return part;
}

static struct mt_error *check_inside(const struct mt_value *whole, uint64_t offset, uint64_t size)
{
	if (whole->home == MT_HOME_MEMORY)
		return NULL;
	if (offset > whole->type->size || size > whole->type->size - offset)
		return mt_error_new(MT_ERR_SYNTAX, "this part lies outside of its value");
	return NULL;
}

static struct mt_error *eval_member(struct evaluation *evaluation, const struct mt_ast *ast,
                                    struct mt_value *value)
{
	const struct mt_member *member;
	struct mt_value whole;
	uint64_t offset;

	MT_TRY(eval(evaluation, ast->a, &whole));
	/* gdb takes . and -> for each other; so do people's fingers. */
	if (whole.type->kind == MT_TYPE_POINTER) {
		struct mt_value pointer = whole;

		MT_TRY(follow(evaluation, ast->a, &pointer, &whole));
	}
	if (whole.type->kind != MT_TYPE_STRUCT && whole.type->kind != MT_TYPE_UNION)
		return not_a(evaluation, ast->a, &whole, "a struct or union");
	MT_TRY(mt_member_find(whole.type, ast->name, ast->at, &member, &offset));
	MT_TRY(check_inside(&whole, offset, member->type->size));
	*value = part_of(&whole, member->type, offset);
	value->bit_offset = member->bit_offset;
	value->bit_size = member->bit_size;
	return follow_reference(evaluation, ast, value);
}

static struct mt_error *eval_index(struct evaluation *evaluation, const struct mt_ast *ast,
                                   struct mt_value *value)
{
	struct mt_value whole, index, first;
	struct mt_number number;
	uint64_t offset;

	MT_TRY(eval(evaluation, ast->a, &whole));
	MT_TRY(eval(evaluation, ast->b, &index));
	MT_TRY(mt_value_number(evaluation->shell, &index, &number));
	if (number.is_float)
		return not_a(evaluation, ast->b, &index, "an integer");
	if (whole.type->kind == MT_TYPE_ARRAY && whole.home != MT_HOME_MEMORY) {
		const struct mt_type *element = whole.type->target;

		if (number.bits >= whole.type->count)
			return mt_error_at((long)ast->b->start, "the elements go from 0 to %llu",
			                   (unsigned long long)whole.type->count - 1);
		MT_TRY(check_inside(&whole, number.bits * element->size, element->size));
		*value = part_of(&whole, element, number.bits * element->size);
		return NULL;
	}
	MT_TRY(follow(evaluation, ast->a, &whole, &first));
	if (__builtin_mul_overflow(number.bits, first.type->size, &offset) && !number.is_signed)
		return mt_error_at((long)ast->b->start, "the index is too large");
	*value = part_of(&first, first.type, number.bits * first.type->size);
	return follow_reference(evaluation, ast, value);
}

/* ---- Casts ----------------------------------------------------------------- */

static struct mt_error *cast_type(struct evaluation *evaluation, const struct mt_ast *ast,
                                  const struct mt_type **type)
{
	struct mt_image *image = mt_debug_image(evaluation->shell->debug);
	const struct mt_type *found = NULL;

	if (image)
		found = mt_type_find(image, ast->type.name);
	if (!found)
		found = mt_type_base_of(mt_shell_machine(evaluation->shell), ast->type.name);
	if (!found)
		return mt_error_at((long)ast->start, "there is no type %.80s", ast->type.name);
	for (unsigned i = 0; i < ast->type.pointers; i++) {
		MT_TRY(mt_shell_image(evaluation->shell, &image));
		found = mt_type_pointer(image, found);
		if (!found)
			return mt_error_nomem();
	}
	*type = found;
	return NULL;
}

static struct mt_error *eval_cast(struct evaluation *evaluation, const struct mt_ast *ast,
                                  struct mt_value *value)
{
	const struct mt_type *type = NULL;
	struct mt_value operand;
	struct mt_number number;

	MT_TRY(cast_type(evaluation, ast, &type));
	MT_TRY(eval(evaluation, ast->a, &operand));
	if (!mt_type_is_scalar(type) && operand.home == MT_HOME_MEMORY) {
		*value = operand; /* memory seen as another type */
		value->type = type;
		return NULL;
	}
	if (!mt_type_is_scalar(type))
		return mt_error_at((long)ast->start, "a value cannot become a %.80s",
		                   ast->type.name);
	MT_TRY(mt_value_number(evaluation->shell, &operand, &number));
	*value = mt_value_of_number(&number, type);
	return NULL;
}

/* ---- Operators ------------------------------------------------------------- */

static bool is_pointer_like(const struct mt_value *value)
{
	enum mt_type_kind kind = value->type->kind;

	return kind == MT_TYPE_POINTER || kind == MT_TYPE_FUNCTION ||
	       (kind == MT_TYPE_ARRAY && value->home == MT_HOME_MEMORY);
}

/* What a pointer, an array's or a function's address points to. */
static const struct mt_type *target_of(const struct mt_value *pointer)
{
	return pointer->type->kind == MT_TYPE_FUNCTION ? pointer->type : pointer->type->target;
}

static uint64_t step_of(const struct mt_value *pointer)
{
	const struct mt_type *target = target_of(pointer);

	return target && target->size ? target->size : 1;
}

/* p + n, n + p, p - n: in steps of what p points to. */
static struct mt_error *move_pointer(struct evaluation *evaluation, const struct mt_ast *ast,
                                     const struct mt_value *pointer, const struct mt_number *from,
                                     const struct mt_number *by, struct mt_value *value)
{
	uint64_t distance = by->bits * step_of(pointer);

	if (by->is_float)
		return mt_error_at((long)ast->at, "a pointer moves by whole steps only");
	*value = mt_value_of_address(ast->op == MT_OP_SUB ? from->bits - distance
	                                                  : from->bits + distance,
	                             target_of(pointer), mt_debug_image(evaluation->shell->debug));
	return NULL;
}

static struct mt_error *eval_logic(struct evaluation *evaluation, const struct mt_ast *ast,
                                   struct mt_value *value)
{
	struct mt_number number;
	struct mt_value operand;
	bool truth;

	MT_TRY(eval(evaluation, ast->a, &operand));
	MT_TRY(mt_value_number(evaluation->shell, &operand, &number));
	truth = mt_arith_truth(&number);
	if (truth == (ast->op == MT_OP_LAND)) {
		MT_TRY(eval(evaluation, ast->b, &operand));
		MT_TRY(mt_value_number(evaluation->shell, &operand, &number));
		truth = mt_arith_truth(&number);
	}
	*value = mt_value_of_int(truth);
	return NULL;
}

static struct mt_error *eval_binary(struct evaluation *evaluation, const struct mt_ast *ast,
                                    struct mt_value *value)
{
	bool moves = ast->op == MT_OP_ADD || ast->op == MT_OP_SUB;
	struct mt_value a, b;
	struct mt_number x, y;

	if (ast->op == MT_OP_LAND || ast->op == MT_OP_LOR)
		return eval_logic(evaluation, ast, value);
	MT_TRY(eval(evaluation, ast->a, &a));
	MT_TRY(eval(evaluation, ast->b, &b));
	MT_TRY(mt_value_number(evaluation->shell, &a, &x));
	MT_TRY(mt_value_number(evaluation->shell, &b, &y));
	if (moves && is_pointer_like(&a) && is_pointer_like(&b) && ast->op == MT_OP_SUB) {
		*value = mt_value_of_int((int64_t)(x.bits - y.bits) / (int64_t)step_of(&a));
		return NULL;
	}
	if (moves && is_pointer_like(&a) && !is_pointer_like(&b))
		return move_pointer(evaluation, ast, &a, &x, &y, value);
	if (ast->op == MT_OP_ADD && is_pointer_like(&b) && !is_pointer_like(&a))
		return move_pointer(evaluation, ast, &b, &y, &x, value);
	return mt_arith_binary(ast->op, (long)ast->at, &x, &y, value);
}

static struct mt_error *eval_unary(struct evaluation *evaluation, const struct mt_ast *ast,
                                   struct mt_value *value)
{
	struct mt_value operand;
	struct mt_number number;

	MT_TRY(eval(evaluation, ast->a, &operand));
	MT_TRY(mt_value_number(evaluation->shell, &operand, &number));
	if (ast->kind == MT_AST_PLUS) {
		*value = mt_arith_promoted(&number);
		return NULL;
	}
	return mt_arith_unary(ast->op, (long)ast->at, &number, value);
}

static struct mt_error *eval_choice(struct evaluation *evaluation, const struct mt_ast *ast,
                                    struct mt_value *value)
{
	struct mt_value condition;
	struct mt_number number;

	MT_TRY(eval(evaluation, ast->a, &condition));
	MT_TRY(mt_value_number(evaluation->shell, &condition, &number));
	return eval(evaluation, mt_arith_truth(&number) ? ast->b : ast->c, value);
}

static struct mt_error *eval_deref(struct evaluation *evaluation, const struct mt_ast *ast,
                                   struct mt_value *value)
{
	struct mt_value pointer;

	MT_TRY(eval(evaluation, ast->a, &pointer));
	return follow(evaluation, ast->a, &pointer, value);
}

static struct mt_error *eval(struct evaluation *evaluation, const struct mt_ast *ast,
                             struct mt_value *value)
{
	switch (ast->kind) {
	case MT_AST_NUMBER:
		*value = mt_arith_literal(&ast->number);
		if (evaluation->text[ast->start] == '\'') /* an int to C, a character to people */
			value->type = mt_type_base("char");
		return NULL;
	case MT_AST_NAME:
		MT_TRY(eval_name(evaluation, ast, value));
		return follow_reference(evaluation, ast, value);
	case MT_AST_REGISTER:
		return mt_values_find(evaluation->shell, ast->name, value);
	case MT_AST_PLUS:
	case MT_AST_UNARY:
		return eval_unary(evaluation, ast, value);
	case MT_AST_DEREF:
		return eval_deref(evaluation, ast, value);
	case MT_AST_ADDRESS:
		return eval_address(evaluation, ast, value);
	case MT_AST_CAST:
		return eval_cast(evaluation, ast, value);
	case MT_AST_BINARY:
		return eval_binary(evaluation, ast, value);
	case MT_AST_COND:
		return eval_choice(evaluation, ast, value);
	case MT_AST_MEMBER:
	case MT_AST_ARROW:
		return eval_member(evaluation, ast, value);
	case MT_AST_INDEX:
		return eval_index(evaluation, ast, value);
	default:
		return mt_error_at((long)ast->start, "%.*s has no value here",
		                   MT_SOURCE(evaluation->text, ast));
	}
}

/* ---- Whole texts ----------------------------------------------------------- */

static struct mt_error *eval_tree(struct mt_shell *shell, const char *text, struct mt_value *value)
{
	struct evaluation evaluation = { .shell = shell, .text = text };
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	const struct mt_ast *ast = NULL;

	MT_TRY(mt_parse_expression(text, &arena, &ast));
	return eval(&evaluation, ast, value);
}

/* `text`, with what stands at `at` cut off. */
static struct mt_error *eval_before(struct mt_shell *shell, const char *text, const char *at,
                                    struct mt_value *value)
{
	char *left MT_AUTO_FREE = mt_strndup(text, (size_t)(at - text));

	return left ? eval_tree(shell, left, value) : mt_error_nomem();
}

static struct mt_error *eval_span(struct mt_shell *shell, const char *text, const char *at,
                                  struct mt_value *value)
{
	struct mt_image *image;
	struct mt_value first;
	int64_t count;

	MT_TRY(mt_shell_image(shell, &image));
	MT_TRY(eval_before(shell, text, at, &first));
	MT_TRY(mt_eval_integer(shell, at + 1, &count));
	if (first.home != MT_HOME_MEMORY)
		return mt_error_at(0, "only what is in memory can be followed by more of it");
	if (count < 1 || (uint64_t)count > MT_VALUE_MAX)
		return mt_error_at(at + 1 - text, "a count from 1 to %u belongs after @",
		                   MT_VALUE_MAX);
	first.type = mt_type_array(image, first.type, (uint64_t)count);
	if (!first.type)
		return mt_error_nomem();
	*value = first;
	return NULL;
}

/* $name = …, which needs not be there before. */
static bool is_own_variable(const char *text, const char *at, char name[MT_VALUE_NAME])
{
	size_t len;

	if (*text != '$')
		return false;
	len = strspn(++text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
	if (!len || len >= MT_VALUE_NAME || mt_text_skip(text + len) != at ||
	    (*text >= '0' && *text <= '9'))
		return false;
	memcpy(name, text, len);
	name[len] = '\0';
	return true;
}

static struct mt_error *eval_assignment(struct mt_shell *shell, const char *text, const char *at,
                                        struct mt_value *value)
{
	struct mt_value from, to = { .type = NULL };

	MT_TRY(mt_eval(shell, at + 1, &from));
	if (!is_own_variable(text, at, to.name) || mt_register_type(to.name)) {
		MT_TRY(eval_before(shell, text, at, &to));
		MT_TRY(mt_value_assign(shell, &to, &from));
		return eval_before(shell, text, at, value);
	}
	MT_TRY(mt_values_set(shell, to.name, &from));
	return mt_values_find(shell, to.name, value);
}

static struct mt_error *eval_whole(struct mt_shell *shell, const char *text, struct mt_value *value)
{
	const char *at = mt_text_outside(text, '=');

	if (at)
		return eval_assignment(shell, text, at, value);
	at = mt_text_outside(text, '@');
	if (at)
		return eval_span(shell, text, at, value);
	return eval_tree(shell, text, value);
}

struct mt_error *mt_eval(struct mt_shell *shell, const char *text, struct mt_value *value)
{
	char *expanded MT_AUTO_FREE =
	    mt_history_expand(mt_text_skip(text), shell->values.history.len);

	if (!expanded)
		return mt_error_nomem();
	return mt_shell_blame(shell, eval_whole(shell, expanded, value), expanded);
}

struct mt_error *mt_eval_address(struct mt_shell *shell, const char *text, uint64_t *addr)
{
	struct mt_value value;
	struct mt_number number;

	MT_TRY(mt_eval(shell, text, &value));
	if (value.home == MT_HOME_MEMORY && !mt_type_is_scalar(value.type)) {
		*addr = value.addr;
		return NULL;
	}
	MT_TRY(mt_value_number(shell, &value, &number));
	if (number.is_float)
		return mt_error_new(MT_ERR_SYNTAX, "an address is needed, not a fraction");
	*addr = number.bits;
	return NULL;
}

struct mt_error *mt_eval_integer(struct mt_shell *shell, const char *text, int64_t *number)
{
	struct mt_value value;
	struct mt_number found;

	MT_TRY(mt_eval(shell, text, &value));
	MT_TRY(mt_value_number(shell, &value, &found));
	if (found.is_float)
		return mt_error_new(MT_ERR_SYNTAX, "a whole number is needed, not a fraction");
	*number = (int64_t)found.bits;
	return NULL;
}
