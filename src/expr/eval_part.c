/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "expr/dynamic.h"
#include "expr/member.h"
#include "expr/overload.h"

/* ---- Pointers */

static struct mt_error *follow_void(const struct mt_eval *eval, const struct mt_ast *ast)
{
	return mt_error_at((long)ast->start,
	                   "%.*s points to void; a cast says to what: *(int *)%.*s",
	                   MT_SOURCE(eval->text, ast), MT_SOURCE(eval->text, ast));
}

static bool has_elements(const struct mt_value *value)
{
	return value->type->kind == MT_TYPE_ARRAY || value->type->kind == MT_TYPE_POINTER;
}

static bool points_to_void(const struct mt_type *type)
{
	return type->kind == MT_TYPE_POINTER &&
	       (!type->target || type->target->kind == MT_TYPE_VOID);
}

struct mt_error *mt_eval_follow(const struct mt_eval *eval, const struct mt_ast *ast,
                                const struct mt_value *pointer, struct mt_value *target)
{
	static const uint8_t zeroes[MT_NUMBER_MAX];
	struct mt_value unread = { .type = pointer->type, .bytes = zeroes };

	if (points_to_void(pointer->type))
		return follow_void(eval, ast);
	switch (pointer->type->kind) {
	case MT_TYPE_POINTER:
	case MT_TYPE_INT:
		return mt_value_deref(eval->world, eval->arena, eval->only_type ? &unread : pointer,
		                      target);
	case MT_TYPE_ARRAY:
	case MT_TYPE_FUNCTION:
		return mt_value_deref(eval->world, eval->arena, pointer, target);
	default:
		return mt_eval_type_error(eval, ast, pointer->type, "it is no pointer");
	}
}

struct mt_error *mt_eval_deref(const struct mt_eval *eval, const struct mt_ast *ast,
                               struct mt_value *value)
{
	struct mt_value pointer;

	MT_TRY(mt_eval_operand(eval, ast->a, &pointer));
	if (pointer.type->kind == MT_TYPE_STRUCT)
		return mt_eval_class_unary(eval, ast, "operator*", &pointer, value);
	return mt_eval_follow(eval, ast->a, &pointer, value);
}

struct mt_error *mt_eval_address_of(const struct mt_eval *eval, const struct mt_ast *ast,
                                    struct mt_value *value)
{
	struct mt_number number = { .size = mt_machine_word(eval->world->machine) };
	const struct mt_type *type;
	struct mt_value place;

	MT_TRY(mt_eval_operand(eval, ast->a, &place));
	if (place.bit_size)
		return mt_error_at((long)ast->start, "%.*s is a bit-field: it has no address",
		                   MT_SOURCE(eval->text, ast->a));
	if (place.home != MT_HOME_MEMORY && !place.is_function)
		return mt_error_at((long)ast->start, "%.*s is not in memory: it has no address",
		                   MT_SOURCE(eval->text, ast->a));
	MT_TRY(mt_eval_pointer_to(eval, place.type, &type));
	number.bits = place.addr;
	return mt_value_of_number(eval->arena, &number, type, value);
}

/* ---- Members */

struct method_search {
	const struct mt_eval *eval;
	const char *name;
	struct mt_value found;
};

/* "Class::name" */
static bool find_in_class(const struct mt_eval *eval, const struct mt_type *class, const char *name,
                          struct mt_value *value)
{
	return class->name && mt_eval_has_value(eval, class->name, name, value);
}

static bool take_method(const struct mt_type *owner, const struct mt_method *method, void *arg)
{
	struct method_search *search = arg;

	if (!find_in_class(search->eval, owner, search->name, &search->found))
		return true;
	if (search->found.is_function && method->type)
		search->found.type = method->type;
	return false;
}

/* A static member or a method. */
static bool find_class_member(const struct mt_eval *eval, const struct mt_type *type,
                              const char *name, struct mt_value *value)
{
	struct method_search search = { .eval = eval, .name = name };
	const struct mt_class *class = mt_type_class(type);

	for (size_t i = 0; class && i < class->static_count; i++)
		if (class->statics[i].name && !strcmp(class->statics[i].name, name))
			return find_in_class(eval, type, name, value);
	mt_type_methods(type, name, take_method, &search);
	if (!search.found.type)
		return false;
	*value = search.found;
	return true;
}

struct mt_error *mt_eval_member_of(const struct mt_eval *eval, const struct mt_value *whole,
                                   const char *name, size_t at, struct mt_value *value)
{
	const struct mt_member *member;
	struct mt_error *error;
	uint64_t offset;

	error = mt_value_member(eval->world, whole, name, value);
	if (!error || mt_error_kind(error) != MT_ERR_SYNTAX)
		return error;
	if (find_class_member(eval, whole->type, name, value)) {
		mt_error_free(error);
		return NULL;
	}
	if (mt_type_member(whole->type, name, &offset))
		return error; /* it is there; something else is wrong */
	mt_error_free(error);
	return mt_member_find(whole->type, name, at, &member, &offset);
}

/* x.Base::y: the part of x that is a Base first. */
static struct mt_error *select_base(const struct mt_eval *eval, const struct mt_ast *ast,
                                    const char **name, struct mt_value *whole)
{
	const char *last = NULL;
	const struct mt_type *base;
	struct mt_value object = *whole;

	for (const char *at = strstr(*name, "::"); at; at = strstr(at + 2, "::"))
		last = at;
	if (!last)
		return NULL;
	char *scope = mt_arena_text(eval->arena, *name, (size_t)(last - *name));
	if (!scope)
		return mt_error_nomem();
	base = mt_eval_find_type(eval, scope);
	if (!base)
		return mt_error_at((long)ast->at, "there is no class %.80s", scope);
	*name = last + 2;
	if (mt_type_same(base, object.type))
		return NULL;
	for (size_t i = 0; i < object.type->member_count; i++) {
		const struct mt_member *member = &object.type->members[i];

		if (member->is_base && mt_type_same(member->type, base)) {
			*whole = mt_value_part(&object, member->type, member->offset);
			return NULL;
		}
	}
	return mt_eval_type_error(eval, ast->a, object.type, "it is not derived from that class");
}

/* gdb takes . and -> for each other; so do people's fingers. But -> of an object is its own. */
struct mt_error *mt_eval_object(const struct mt_eval *eval, const struct mt_ast *ast,
                                struct mt_value *whole)
{
	struct mt_value pointer;
	bool found = false;

	MT_TRY(mt_eval_operand(eval, ast->a, whole));
	if (ast->kind == MT_AST_ARROW && whole->type->kind == MT_TYPE_STRUCT)
		MT_TRY(mt_eval_class_arrow(eval, ast, whole, &found, &pointer));
	if (!found)
		pointer = *whole;
	if (!has_elements(&pointer))
		return NULL;
	return mt_eval_follow(eval, ast->a, &pointer, whole);
}

struct mt_error *mt_eval_member(const struct mt_eval *eval, const struct mt_ast *ast,
                                struct mt_value *value)
{
	const char *name = ast->name;
	struct mt_value whole;

	MT_TRY(mt_eval_object(eval, ast, &whole));
	if (ast->kind == MT_AST_ARROW && eval->world->whole_objects)
		mt_value_whole_object(eval->world, &whole, &whole);
	if (whole.type->kind != MT_TYPE_STRUCT && whole.type->kind != MT_TYPE_UNION)
		return mt_eval_type_error(eval, ast->a, whole.type, "it has no members");
	mt_type_complete(whole.type);
	MT_TRY(select_base(eval, ast, &name, &whole));
	return mt_eval_member_of(eval, &whole, name, ast->at, value);
}

/* ---- Elements */

static struct mt_error *integer_of(const struct mt_eval *eval, const struct mt_ast *ast,
                                   int64_t *integer)
{
	struct mt_scalar scalar;

	MT_TRY(mt_eval_scalar(eval, ast, &scalar));
	if (scalar.pointer || scalar.number.is_float)
		return mt_error_at((long)ast->start, "%.*s is no integer",
		                   MT_SOURCE(eval->text, ast));
	*integer = (int64_t)scalar.number.bits;
	return NULL;
}

/* Element `index` of the array, or of what the pointer points to. */
static struct mt_error *element_of(const struct mt_eval *eval, const struct mt_ast *ast,
                                   const struct mt_value *whole, int64_t index,
                                   struct mt_value *value)
{
	struct mt_value first;
	uint64_t size;

	if (whole->type->kind == MT_TYPE_ARRAY)
		return mt_value_element(eval->world, whole,
		                        eval->only_type ? whole->type->lower : index, value);
	MT_TRY(mt_eval_follow(eval, ast, whole, &first));
	MT_TRY(mt_eval_size(eval, ast, first.type, &size));
	*value = mt_value_part(&first, first.type, (uint64_t)index * size);
	return NULL;
}

struct mt_error *mt_eval_index(const struct mt_eval *eval, const struct mt_ast *ast,
                               struct mt_value *value)
{
	const struct mt_ast *array = ast->a, *subscript = ast->b;
	struct mt_value whole, other;
	int64_t index;

	MT_TRY(mt_eval_operand(eval, array, &whole));
	if (whole.type->kind == MT_TYPE_STRUCT) {
		struct mt_value operands[] = { whole, { .type = NULL } };
		bool found;

		MT_TRY(mt_eval_operand(eval, subscript, &operands[1]));
		MT_TRY(mt_eval_operator(eval, ast, "operator[]", operands, 2, &found, value));
		if (found)
			return NULL;
	}
	if (!has_elements(&whole)) { /* 2[a] is a[2] (C11 6.5.2.1) */
		MT_TRY(mt_eval_operand(eval, subscript, &other));
		if (!has_elements(&other))
			return mt_eval_type_error(eval, array, whole.type,
			                          "it is no array and no pointer");
		whole = other;
		array = ast->b;
		subscript = ast->a;
	}
	MT_TRY(integer_of(eval, subscript, &index));
	return element_of(eval, array, &whole, index, value);
}

/* ---- Arrays of what follows each other */

static struct mt_error *array_from(const struct mt_eval *eval, const struct mt_ast *ast,
                                   const struct mt_value *first, uint64_t count,
                                   struct mt_value *value)
{
	const struct mt_type *type;

	if (first->home != MT_HOME_MEMORY || first->bit_size)
		return mt_error_at((long)ast->a->start,
		                   "only what is in memory can be followed by more of it");
	MT_TRY(mt_eval_array_of(eval, first->type, count, &type));
	*value = (struct mt_value){ .type = type, .home = MT_HOME_MEMORY, .addr = first->addr };
	return NULL;
}

static struct mt_error *check_count(const struct mt_ast *ast, int64_t count)
{
	if (count >= 1 && count <= MT_VALUE_MAX)
		return NULL;
	return mt_error_at((long)ast->start, "a count from 1 to %u belongs here", MT_VALUE_MAX);
}

struct mt_error *mt_eval_repeat(const struct mt_eval *eval, const struct mt_ast *ast,
                                struct mt_value *value)
{
	struct mt_value first;
	int64_t count;

	MT_TRY(mt_eval_operand(eval, ast->a, &first));
	MT_TRY(integer_of(eval, ast->b, &count));
	MT_TRY(check_count(ast->b, eval->only_type ? 1 : count));
	return array_from(eval, ast, &first, (uint64_t)count, value);
}

struct mt_error *mt_eval_slice(const struct mt_eval *eval, const struct mt_ast *ast,
                               struct mt_value *value)
{
	struct mt_value whole, first;
	const struct mt_type *type;
	int64_t from, to, count;

	MT_TRY(mt_eval_operand(eval, ast->a, &whole));
	if (!has_elements(&whole))
		return mt_eval_type_error(eval, ast->a, whole.type,
		                          "it is no array and no pointer");
	MT_TRY(integer_of(eval, ast->b, &from));
	MT_TRY(integer_of(eval, ast->c, &to));
	if (to < from)
		return mt_error_at((long)ast->c->start, "the range ends before it begins");
	if (__builtin_sub_overflow(to, from, &count) || count == INT64_MAX)
		count = INT64_MAX - 1;
	MT_TRY(check_count(ast->c, count + 1));
	MT_TRY(element_of(eval, ast->a, &whole, from, &first));
	if (first.home == MT_HOME_MEMORY)
		return array_from(eval, ast, &first, (uint64_t)count + 1, value);
	MT_TRY(element_of(eval, ast->a, &whole, to, value)); /* the last one is there too */
	MT_TRY(mt_eval_array_of(eval, first.type, (uint64_t)count + 1, &type));
	first.type = type;
	*value = first;
	return NULL;
}
