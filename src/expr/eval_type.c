/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "expr/eval_internal.h"

struct mt_error *mt_eval_type_error(const struct mt_eval *eval, const struct mt_ast *ast,
                                    const struct mt_type *type, const char *what)
{
	struct mt_buf name MT_AUTO_BUF = { 0 };

	mt_type_format(type, &name);
	if (!mt_buf_ok(&name))
		return mt_error_nomem();
	return mt_error_at((long)ast->start, "%.*s is of type %.120s: %s",
	                   MT_SOURCE(eval->text, ast), name.data ? name.data : "?", what);
}

/* ---- Types made here */

const struct mt_type *mt_eval_base(const struct mt_eval *eval, const char *name)
{
	return mt_type_base_of(eval->world->machine, name);
}

/* Without a program there is no image that would own the type. */
static struct mt_error *own_type(const struct mt_eval *eval, struct mt_type made,
                                 const struct mt_type **type)
{
	struct mt_type *copy = mt_arena_alloc(eval->arena, sizeof(*copy));

	if (!copy)
		return mt_error_nomem();
	*copy = made;
	*type = copy;
	return NULL;
}

struct mt_error *mt_eval_pointer_to(const struct mt_eval *eval, const struct mt_type *target,
                                    const struct mt_type **type)
{
	struct mt_type made = { .kind = MT_TYPE_POINTER,
		                .size = mt_machine_word(eval->world->machine),
		                .target = target };

	if (!eval->world->image)
		return own_type(eval, made, type);
	*type = mt_type_pointer(eval->world->image, target);
	return *type ? NULL : mt_error_nomem();
}

struct mt_error *mt_eval_array_of(const struct mt_eval *eval, const struct mt_type *element,
                                  uint64_t count, const struct mt_type **type)
{
	struct mt_type made = { .kind = MT_TYPE_ARRAY, .target = element, .count = count };

	if (__builtin_mul_overflow(element->size, count, &made.size) || made.size > INT64_MAX)
		return mt_error_new(MT_ERR_SYNTAX, "an array of %llu such elements is too large",
		                    (unsigned long long)count);
	if (!eval->world->image)
		return own_type(eval, made, type);
	*type = mt_type_array(eval->world->image, element, count);
	return *type ? NULL : mt_error_nomem();
}

static struct mt_error *reference_to(const struct mt_eval *eval, const struct mt_type *target,
                                     const struct mt_type **type)
{
	struct mt_type made = { .kind = MT_TYPE_POINTER,
		                .size = mt_machine_word(eval->world->machine),
		                .is_reference = true,
		                .target = target };

	if (!eval->world->image)
		return own_type(eval, made, type);
	*type = mt_type_reference(eval->world->image, target);
	return *type ? NULL : mt_error_nomem();
}

static struct mt_error *function_of(const struct mt_eval *eval, const struct mt_ast_derived *step,
                                    const struct mt_type *result, const struct mt_type **type)
{
	const struct mt_type **params =
	    mt_arena_alloc(eval->arena, step->param_count * sizeof(*params));
	struct mt_type made = { .kind = MT_TYPE_FUNCTION,
		                .target = result,
		                .params = params,
		                .param_count = step->param_count,
		                .is_varargs = step->is_varargs,
		                .is_prototyped = true };

	if (!params)
		return mt_error_nomem();
	for (size_t i = 0; i < step->param_count; i++)
		MT_TRY(mt_eval_type_of(eval, &step->params[i], &params[i]));
	if (!eval->world->image)
		return own_type(eval, made, type);
	*type = mt_type_function(eval->world->image, result, params, step->param_count,
	                         step->is_varargs);
	return *type ? NULL : mt_error_nomem();
}

/* ---- Types as they are written */

const struct mt_type *mt_eval_find_type(const struct mt_eval *eval, const char *name)
{
	const struct mt_type *type =
	    eval->world->image ? mt_type_find(eval->world->image, name) : NULL;

	return type ? type : mt_eval_base(eval, name);
}

static struct mt_error *qualified(const struct mt_eval *eval, unsigned qualifiers,
                                  const struct mt_type **type)
{
	if (!qualifiers || !eval->world->image)
		return NULL;
	*type = mt_type_qualified(eval->world->image, *type, qualifiers);
	return *type ? NULL : mt_error_nomem();
}

static struct mt_error *derive(const struct mt_eval *eval, const struct mt_ast_derived *step,
                               const struct mt_type **type)
{
	switch (step->kind) {
	case MT_DERIVED_POINTER:
		MT_TRY(mt_eval_pointer_to(eval, *type, type));
		return qualified(eval, step->qualifiers, type);
	case MT_DERIVED_REFERENCE:
		return reference_to(eval, *type, type);
	case MT_DERIVED_ARRAY:
		mt_type_complete(*type);
		return mt_eval_array_of(eval, *type, step->count, type);
	default: /* MT_DERIVED_FUNCTION */
		return function_of(eval, step, *type, type);
	}
}

struct mt_error *mt_eval_type_of(const struct mt_eval *eval, const struct mt_ast_type *written,
                                 const struct mt_type **type)
{
	const struct mt_type *made = mt_eval_find_type(eval, written->name);

	if (!made)
		return mt_error_new(MT_ERR_NOT_FOUND, "there is no type %.120s", written->name);
	MT_TRY(qualified(eval, written->qualifiers, &made));
	for (const struct mt_ast_derived *step = written->derived; step; step = step->next)
		MT_TRY(derive(eval, step, &made));
	*type = made;
	return NULL;
}

/* ---- sizeof and _Alignof */

struct mt_error *mt_eval_size(const struct mt_eval *eval, const struct mt_ast *ast,
                              const struct mt_type *type, uint64_t *size)
{
	mt_type_complete(type);
	*size = type->size;
	if (type->kind == MT_TYPE_VOID || type->kind == MT_TYPE_FUNCTION)
		*size = 1;
	else if (type->is_declared || (type->kind == MT_TYPE_ARRAY && !type->size &&
	                               !type->is_empty && type->target && type->target->size))
		return mt_eval_type_error(eval, ast, type, "its size is not known");
	return NULL;
}

/* Damaged DWARF may nest structs without end. */
enum { MAX_NESTING = 32, MAX_MEMBERS = 2000 };

/* What the members ask for, unless their places show that they were packed. On i386 nothing in a
 * struct asks for more than 4 (System V ABI i386, table 2.1). */
static uint64_t alignment_of(const struct mt_eval *eval, const struct mt_type *type,
                             unsigned nesting, unsigned *members_left)
{
	uint64_t most = nesting && eval->world->machine == MT_MACHINE_I386 ? 4 : 16, found = 1;

	mt_type_complete(type);
	if (type->kind == MT_TYPE_ARRAY && type->target && nesting < MAX_NESTING)
		return alignment_of(eval, type->target, nesting + 1, members_left);
	if (type->kind == MT_TYPE_COMPLEX && type->target)
		return type->target->size;
	if (type->kind != MT_TYPE_STRUCT && type->kind != MT_TYPE_UNION) {
		while (found < most && 2 * found <= type->size)
			found *= 2;
		return found;
	}
	for (size_t i = 0; i < type->member_count && nesting < MAX_NESTING && *members_left; i++) {
		const struct mt_member *member = &type->members[i];
		uint64_t align;

		--*members_left;
		align = alignment_of(eval, member->type, nesting + 1, members_left);
		if (align > found && !member->bit_size && member->offset % align == 0 &&
		    type->size % align == 0)
			found = align;
	}
	return found;
}

struct mt_error *mt_eval_measure(const struct mt_eval *eval, const struct mt_ast *ast,
                                 struct mt_value *value)
{
	struct mt_eval unread = *eval;
	unsigned members_left = MAX_MEMBERS;
	struct mt_value operand;
	const struct mt_type *type;
	uint64_t size;

	unread.only_type = true;
	if (ast->a) {
		MT_TRY(mt_eval_operand(&unread, ast->a, &operand));
		type = operand.type;
	} else {
		MT_TRY(mt_eval_type_of(eval, &ast->type, &type));
		if (type->kind == MT_TYPE_POINTER && type->is_reference && type->target)
			type = type->target;
	}
	MT_TRY(mt_eval_size(eval, ast->a ? ast->a : ast, type, &size));
	if (ast->kind == MT_AST_ALIGNOF)
		size = alignment_of(eval, type, 0, &members_left);
	return mt_eval_integer_of(eval, "unsigned long", size, value);
}

/* ---- Conversions */

static bool is_class_pointer(const struct mt_type *type)
{
	return type->kind == MT_TYPE_POINTER && type->target &&
	       type->target->kind == MT_TYPE_STRUCT;
}

/* More than any class has; damaged DWARF may derive one from itself. */
enum { MAX_BASES = 200 };

/* Where `base` lies in `type`; false: it is no base of it that lies at a fixed place. */
static bool base_offset(const struct mt_type *type, const struct mt_type *base,
                        unsigned *bases_left, uint64_t *offset)
{
	mt_type_complete(type);
	for (size_t i = 0; i < type->member_count && *bases_left; i++) {
		const struct mt_member *member = &type->members[i];
		uint64_t inner = 0;

		if (!member->is_base)
			continue;
		--*bases_left;
		if (!mt_type_same(member->type, base) &&
		    !base_offset(member->type, base, bases_left, &inner))
			continue;
		*offset = member->offset + inner;
		return true;
	}
	return false;
}

/* A pointer to a class becomes one to its base, or back; NULL stays NULL (C++17 7.3.11). */
static void move_to_base(const struct mt_type *from, const struct mt_type *to, uint64_t *addr)
{
	unsigned down_left = MAX_BASES, up_left = MAX_BASES;
	uint64_t offset;

	if (!*addr || !is_class_pointer(from) || !is_class_pointer(to))
		return;
	if (base_offset(from->target, to->target, &down_left, &offset))
		*addr += offset;
	else if (base_offset(to->target, from->target, &up_left, &offset))
		*addr -= offset;
}

/* What lies in memory, seen as another type. */
static struct mt_error *reinterpret(const struct mt_eval *eval, const struct mt_ast *ast,
                                    const struct mt_value *from, const struct mt_type *type,
                                    struct mt_value *value)
{
	if (mt_type_same(from->type, type)) {
		*value = *from;
		return NULL;
	}
	if (from->home != MT_HOME_MEMORY || from->bit_size)
		return mt_eval_type_error(eval, ast, from->type,
		                          "it cannot become one of another type here");
	*value = (struct mt_value){ .type = type, .home = MT_HOME_MEMORY, .addr = from->addr };
	return NULL;
}

struct mt_error *mt_eval_convert(const struct mt_eval *eval, const struct mt_ast *ast,
                                 const struct mt_value *from, const struct mt_type *type,
                                 bool is_raw, struct mt_value *value)
{
	struct mt_scalar scalar;

	mt_type_complete(type);
	if (type->kind == MT_TYPE_VOID) {
		*value = (struct mt_value){ .type = type };
		return NULL;
	}
	if (type->kind == MT_TYPE_POINTER && type->is_reference && type->target)
		return reinterpret(eval, ast, from, type->target, value);
	if (!mt_type_is_scalar(type))
		return reinterpret(eval, ast, from, type, value);
	MT_TRY(mt_eval_scalar_of(eval, ast, from, &scalar));
	if (type->kind == MT_TYPE_POINTER && scalar.number.is_float)
		return mt_eval_type_error(eval, ast, from->type, "a fraction is no address");
	if (scalar.pointer && !is_raw)
		move_to_base(scalar.pointer, type, &scalar.number.bits);
	return mt_value_of_number(eval->arena, &scalar.number, type, value);
}

/* What a call of a function returns that nothing is known about is said by a cast, as in gdb:
 * (long)malloc(8). */
struct mt_error *mt_eval_cast(const struct mt_eval *eval, const struct mt_ast *ast,
                              struct mt_value *value)
{
	const struct mt_type *type;
	struct mt_value operand;

	MT_TRY(mt_eval_type_of(eval, &ast->type, &type));
	if (ast->a->kind == MT_AST_CALL)
		MT_TRY(mt_eval_call(eval, ast->a, type, &operand));
	else
		MT_TRY(mt_eval_operand(eval, ast->a, &operand));
	if (operand.type->kind == MT_TYPE_POINTER && operand.type->is_reference) {
		struct mt_value reference = operand;

		MT_TRY(mt_eval_follow(eval, ast->a, &reference, &operand));
	}
	return mt_eval_convert(eval, ast->a, &operand, type, ast->kind == MT_AST_RECAST, value);
}
