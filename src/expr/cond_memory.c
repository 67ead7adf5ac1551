/* SPDX-License-Identifier: MIT */
/*
 * The program's memory in a condition: variables, and what pointers lead to, as loads from computed
 * addresses. C's types are followed as far as they say where the next load is.
 */
#include <string.h>

#include "base/cleanup.h"
#include "expr/cond_internal.h"
#include "expr/cond_part.h"
#include "expr/eval_internal.h"
#include "expr/member.h"
#include "expr/parser.h"
#include "symbol/enumerator.h"
#include "symbol/where.h"

/* What a tree comes to: a place in memory, or a value. */
struct operand {
	const struct mt_type *type; /* of a place */
	const struct mt_cond_node *addr;
	uint8_t bit_offset, bit_size;
	struct mt_cond_typed value;
	bool is_place;
};

static const struct mt_arith arith_long = { .size = 8, .is_signed = true };

static struct mt_error *find(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                             struct operand *operand);

/* ---- Nodes ------------------------------------------------------------------------- */

static struct mt_error *constant(const struct mt_cond_typer *typer, uint64_t bits,
                                 struct mt_arith type, const struct mt_cond_node **node)
{
	const struct mt_cond_node made = { .op = MT_OP_CONST,
		                           .type = type,
		                           .u.constant = mt_arith_canonical(bits, type) };

	return mt_cond_node_new(typer->arena, made, node);
}

/* Addresses are computed with 64 bits, and wrap at the machine's width. */
static struct mt_error *wrap(const struct mt_cond_typer *typer, const struct mt_cond_node **addr)
{
	static const struct mt_arith word = { .size = 4 };

	if (typer->machine == MT_MACHINE_I386)
		MT_TRY(mt_cond_convert(typer->arena, *addr, word, addr));
	return mt_cond_convert(typer->arena, *addr, mt_arith_ulong, addr);
}

static struct mt_error *add(const struct mt_cond_typer *typer, enum mt_op op,
                            const struct mt_cond_node *addr, const struct mt_cond_node *bytes,
                            const struct mt_cond_node **sum)
{
	struct mt_cond_node made = { .op = op, .type = mt_arith_ulong, .a = addr };

	MT_TRY(mt_cond_convert(typer->arena, addr, mt_arith_ulong, &made.a));
	MT_TRY(mt_cond_convert(typer->arena, bytes, mt_arith_ulong, &made.b));
	MT_TRY(mt_cond_node_new(typer->arena, made, sum));
	return wrap(typer, sum);
}

static struct mt_error *add_constant(const struct mt_cond_typer *typer,
                                     const struct mt_cond_node *addr, uint64_t offset,
                                     const struct mt_cond_node **sum)
{
	const struct mt_cond_node *bytes;

	*sum = addr;
	if (!offset)
		return NULL;
	MT_TRY(constant(typer, offset, mt_arith_ulong, &bytes));
	return add(typer, MT_OP_ADD, addr, bytes, sum);
}

/* `index` elements of that size, as bytes. */
static struct mt_error *scale(const struct mt_cond_typer *typer, const struct mt_cond_node *index,
                              uint64_t size, const struct mt_cond_node **bytes)
{
	struct mt_cond_node made = { .op = MT_OP_MUL, .type = arith_long };

	MT_TRY(mt_cond_convert(typer->arena, index, arith_long, &made.a));
	MT_TRY(constant(typer, size, arith_long, &made.b));
	return mt_cond_node_new(typer->arena, made, bytes);
}

static struct mt_error *type_error(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                   const struct mt_type *type, const char *what)
{
	struct mt_buf name MT_AUTO_BUF = { 0 };

	mt_type_format(type, &name);
	if (!mt_buf_ok(&name))
		return mt_error_nomem();
	return mt_error_at((long)ast->start, "%.*s is of type %s: %s", MT_SOURCE(typer->text, ast),
	                   name.data, what);
}

/* ---- Places to values ---------------------------------------------------------------- */

static struct mt_error *load_bytes(const struct mt_cond_typer *typer, const struct operand *place,
                                   const struct mt_cond_node **node)
{
	const struct mt_type *type = place->type;
	unsigned bits = place->bit_size;
	unsigned bytes = bits ? (place->bit_offset % 8u + bits + 7) / 8 : (unsigned)type->size;
	struct mt_cond_node made = { .op = MT_OP_LOAD, .type = mt_cond_arith(type) };

	MT_TRY(add_constant(typer, place->addr, bits ? place->bit_offset / 8u : 0, &made.a));
	MT_TRY(mt_cond_convert(typer->arena, made.a, mt_arith_ulong, &made.a));
	made.u.part.width = bytes <= 1 ? 1 : bytes <= 2 ? 2 : bytes <= 4 ? 4 : 8;
	made.u.part.bit_offset = bits ? (uint8_t)(place->bit_offset % 8) : 0;
	made.u.part.bit_size = (uint8_t)bits;
	return mt_cond_node_new(typer->arena, made, node);
}

/* A place of C++ reference type stands for what it refers to. */
static struct mt_error *follow_reference(const struct mt_cond_typer *typer, struct operand *place)
{
	const struct mt_type *target = place->type->target;

	if (place->type->kind != MT_TYPE_POINTER || !place->type->is_reference || !target)
		return NULL;
	MT_TRY(load_bytes(typer, place, &place->addr));
	place->type = target;
	return NULL;
}

static bool is_loadable(const struct operand *place)
{
	const struct mt_type *type = place->type;
	uint64_t size = type->size;
	bool whole = size == 1 || size == 2 || size == 4 || size == 8;

	if (place->bit_size)
		return place->bit_offset % 8u + place->bit_size <= 64;
	return whole && mt_type_is_scalar(type);
}

static struct mt_error *value_of(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                 const struct operand *operand, struct mt_cond_typed *value)
{
	const struct mt_type *type = operand->type;

	if (!operand->is_place) {
		*value = operand->value;
		return NULL;
	}
	if (type->kind == MT_TYPE_ARRAY || type->kind == MT_TYPE_FUNCTION) {
		const struct mt_type *target = type->kind == MT_TYPE_ARRAY ? type->target : type;

		*value = (struct mt_cond_typed){ operand->addr, target, true };
		return NULL;
	}
	if (type->kind == MT_TYPE_STRUCT || type->kind == MT_TYPE_UNION)
		return type_error(typer, ast, type, "name a member");
	if (!is_loadable(operand))
		return mt_error_new(MT_ERR_UNSUPPORTED, "%.*s has %llu bytes",
		                    MT_SOURCE(typer->text, ast), (unsigned long long)type->size);
	*value = (struct mt_cond_typed){ .is_pointer = type->kind == MT_TYPE_POINTER,
		                         .pointer =
		                             type->kind == MT_TYPE_POINTER ? type->target : NULL };
	return load_bytes(typer, operand, &value->node);
}

/* ---- Variables ------------------------------------------------------------------------- */

static struct mt_error *make_register(const struct mt_cond_typer *typer, enum mt_reg reg,
                                      const struct mt_cond_node **node)
{
	struct mt_cond_node made = { .op = MT_OP_REG, .type = mt_arith_ulong };

	made.u.reg = mt_reg_part_find(mt_reg_name(reg));
	if (!made.u.reg)
		return mt_error_new(MT_ERR_UNSUPPORTED, "register %d is not followed", (int)reg);
	return mt_cond_node_new(typer->arena, made, node);
}

/* In a register: its low bytes. */
static struct mt_error *register_variable(const struct mt_cond_typer *typer,
                                          const struct mt_ast *ast, const struct mt_local *local,
                                          enum mt_reg reg, struct operand *operand)
{
	const struct mt_type *type = local->type;
	const struct mt_cond_node *whole;

	if (!mt_type_is_scalar(type) || type->size > 8 || type->kind == MT_TYPE_FLOAT)
		return type_error(typer, ast, type, "in a register it is not followed");
	*operand = (struct operand){
		.type = type,
		.value = { .is_pointer = type->kind == MT_TYPE_POINTER,
		           .pointer = type->kind == MT_TYPE_POINTER ? type->target : NULL },
	};
	MT_TRY(make_register(typer, reg, &whole));
	return mt_cond_convert(typer->arena, whole, mt_cond_arith(type), &operand->value.node);
}

static struct mt_error *local_variable(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                       const struct mt_local *local, struct operand *operand)
{
	const struct mt_cond_node *base;
	struct mt_simple_where where;

	mt_where_simple(typer->image, typer->pc, local, &where);
	*operand = (struct operand){ .is_place = true, .type = local->type };
	switch (where.kind) {
	case MT_SIMPLE_FIXED:
		MT_TRY(constant(typer, where.addr, mt_arith_ulong, &operand->addr));
		return follow_reference(typer, operand);
	case MT_SIMPLE_BASED:
		if (typer->frame_memory)
			*typer->frame_memory = true;
		MT_TRY(make_register(typer, where.reg, &base));
		MT_TRY(add_constant(typer, base, (uint64_t)where.offset, &operand->addr));
		return follow_reference(typer, operand);
	case MT_SIMPLE_REGISTER:
		return register_variable(typer, ast, local, where.reg, operand);
	default:
		return mt_error_new(
		    MT_ERR_UNSUPPORTED,
		    "%.60s is in no one place at 0x%llx that can be told beforehand", local->name,
		    (unsigned long long)typer->pc);
	}
}

static bool find_local(const struct mt_cond_typer *typer, const char *name, struct mt_local *local)
{
	return typer->pc && mt_local_find(typer->image, typer->pc, 0, name, local);
}

/* A member of the object whose method this is. */
static bool find_through_this(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                              struct mt_error **error, struct operand *operand)
{
	const struct mt_member *member;
	struct mt_local this;
	struct operand object;
	uint64_t offset;

	if (!find_local(typer, "this", &this) || this.type->kind != MT_TYPE_POINTER ||
	    !this.type->target)
		return false;
	member = mt_type_member(this.type->target, ast->name, &offset);
	if (!member)
		return false;
	*error = local_variable(typer, ast, &this, &object);
	if (!*error)
		*error = value_of(typer, ast, &object, &object.value);
	if (*error)
		return true;
	*operand = (struct operand){ .is_place = true,
		                     .type = member->type,
		                     .bit_offset = member->bit_offset,
		                     .bit_size = member->bit_size };
	*error = add_constant(typer, object.value.node, offset, &operand->addr);
	if (!*error)
		*error = follow_reference(typer, operand);
	return true;
}

/* Takes the error over, and puts it where the name stands. */
static struct mt_error *unknown(const struct mt_ast *ast, struct mt_error *error)
{
	struct mt_error *at = mt_error_at((long)ast->at, "%s", mt_error_text(error));

	mt_error_free(error);
	return at;
}

static struct mt_error *find_enumerator(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                        struct mt_error *otherwise, struct operand *operand)
{
	const struct mt_type *type;
	int64_t value;

	if (!mt_enumerator_of_image(typer->image, ast->scope, ast->name, &type, &value))
		return otherwise;
	mt_error_free(otherwise);
	*operand = (struct operand){ 0 };
	return constant(typer, (uint64_t)value, value == (int32_t)value ? mt_arith_int : arith_long,
	                &operand->value.node);
}

static struct mt_error *find_variable(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                      struct operand *operand)
{
	const struct mt_variable_query query = { .scope = ast->scope, .name = ast->name };
	struct mt_variable variable;
	struct mt_local local;
	struct mt_error *error;

	if (!ast->scope && find_local(typer, ast->name, &local) && !local.is_static)
		return local_variable(typer, ast, &local, operand);
	if (!ast->scope && find_through_this(typer, ast, &error, operand))
		return error;
	error = mt_variable_find(typer->image, &query, &variable);
	if (error && mt_error_kind(error) == MT_ERR_NOT_FOUND)
		return find_enumerator(typer, ast, unknown(ast, error), operand);
	if (error)
		return error;
	*operand = (struct operand){ .is_place = true, .type = variable.type };
	MT_TRY(constant(typer, variable.addr, mt_arith_ulong, &operand->addr));
	return follow_reference(typer, operand);
}

/* ---- Members, elements, what is pointed to ------------------------------------------------ */

/* A pointer's value, and what it points to. */
static struct mt_error *pointer_of(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                   struct mt_cond_typed *pointer)
{
	MT_TRY(mt_cond_typed(typer, ast, pointer));
	if (!pointer->is_pointer)
		return mt_error_at((long)ast->start, "%.*s is not a pointer",
		                   MT_SOURCE(typer->text, ast));
	return NULL;
}

static struct mt_error *pointed_to(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                   struct operand *place)
{
	struct mt_cond_typed pointer;

	MT_TRY(pointer_of(typer, ast, &pointer));
	if (!pointer.pointer || pointer.pointer->kind == MT_TYPE_VOID)
		return mt_error_at((long)ast->start, "%.*s does not say what it points to: cast it",
		                   MT_SOURCE(typer->text, ast));
	*place = (struct operand){ .is_place = true, .type = pointer.pointer };
	place->addr = pointer.node;
	return wrap(typer, &place->addr);
}

static struct mt_error *member_of(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                  const struct operand *whole, struct operand *place)
{
	const struct mt_member *member;
	uint64_t offset;

	if (!whole->is_place ||
	    (whole->type->kind != MT_TYPE_STRUCT && whole->type->kind != MT_TYPE_UNION))
		return mt_error_at((long)ast->at, "%.*s is not a struct: it has no members",
		                   MT_SOURCE(typer->text, ast->a));
	mt_type_complete(whole->type);
	MT_TRY(mt_member_find(whole->type, ast->name, ast->at, &member, &offset));
	*place = (struct operand){ .is_place = true,
		                   .type = member->type,
		                   .bit_offset = member->bit_offset,
		                   .bit_size = member->bit_size };
	MT_TRY(add_constant(typer, whole->addr, offset, &place->addr));
	return follow_reference(typer, place);
}

static struct mt_error *element_of(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                   struct operand *place)
{
	const struct mt_cond_node *index, *bytes;
	struct mt_cond_typed first;

	MT_TRY(pointer_of(typer, ast->a, &first));
	MT_TRY(mt_cond_type(typer, ast->b, &index));
	if (!first.pointer || !first.pointer->size)
		return mt_error_at((long)ast->at, "the elements of %.*s have no known size",
		                   MT_SOURCE(typer->text, ast->a));
	if (index->type.is_float)
		return mt_error_at((long)ast->b->start, "an index is an integer");
	MT_TRY(scale(typer, index, first.pointer->size, &bytes));
	*place = (struct operand){ .is_place = true, .type = first.pointer };
	MT_TRY(add(typer, MT_OP_ADD, first.node, bytes, &place->addr));
	return follow_reference(typer, place);
}

static struct mt_error *address_of(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                   struct operand *operand)
{
	struct operand place;

	MT_TRY(find(typer, ast->a, &place));
	if (!place.is_place || place.bit_size)
		return mt_error_at((long)ast->at, "%.*s has no address",
		                   MT_SOURCE(typer->text, ast->a));
	*operand = (struct operand){ .value = { place.addr, place.type, true } };
	return NULL;
}

/* A cast to a pointer. */
static struct mt_error *pointer_cast(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                     struct operand *operand)
{
	const struct mt_world world = { .image = typer->image, .machine = typer->machine };
	const struct mt_eval eval = { .world = &world, .text = typer->text, .arena = typer->arena };
	struct mt_cond_typed from;
	const struct mt_type *type;

	MT_TRY(mt_eval_type_of(&eval, &ast->type, &type));
	if (type->kind != MT_TYPE_POINTER)
		return mt_error_at((long)ast->at, "a condition can cast to numbers and pointers");
	MT_TRY(mt_cond_typed(typer, ast->a, &from));
	*operand = (struct operand){ .value = { .pointer = type->target, .is_pointer = true } };
	MT_TRY(mt_cond_convert(typer->arena, from.node, mt_arith_ulong, &operand->value.node));
	return wrap(typer, &operand->value.node);
}

static struct mt_error *find(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                             struct operand *operand)
{
	struct operand whole;

	if (!mt_cond_is_memory(typer, ast)) {
		*operand = (struct operand){ 0 };
		return mt_cond_typed(typer, ast, &operand->value);
	}
	switch (ast->kind) {
	case MT_AST_NAME:
		return find_variable(typer, ast, operand);
	case MT_AST_DEREF:
		return pointed_to(typer, ast->a, operand);
	case MT_AST_ARROW:
		MT_TRY(pointed_to(typer, ast->a, &whole));
		return member_of(typer, ast, &whole, operand);
	case MT_AST_MEMBER:
		MT_TRY(find(typer, ast->a, &whole));
		return member_of(typer, ast, &whole, operand);
	case MT_AST_INDEX:
		return element_of(typer, ast, operand);
	case MT_AST_ADDRESS:
		return address_of(typer, ast, operand);
	default: /* MT_AST_CAST */
		return pointer_cast(typer, ast, operand);
	}
}

struct mt_error *mt_cond_memory(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                struct mt_cond_typed *typed)
{
	struct operand operand;

	MT_TRY(find(typer, ast, &operand));
	return value_of(typer, ast, &operand, typed);
}

/* Bit-fields and functions are values. */
struct mt_error *mt_cond_place(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                               struct mt_cond_place *place)
{
	struct operand operand;
	const struct mt_cond_node *piece;

	MT_TRY(find(typer, ast, &operand));
	*place = (struct mt_cond_place){ .type = operand.type };
	if (operand.is_place && !operand.bit_size && operand.type->kind != MT_TYPE_FUNCTION) {
		place->addr = operand.addr;
		return NULL;
	}
	if (!operand.is_place && mt_cond_is_part(ast) && !mt_cond_is_memory(typer, ast))
		MT_TRY(mt_cond_part(typer, ast, &place->type, &piece));
	if (operand.is_place && operand.type->kind == MT_TYPE_FUNCTION)
		place->type = NULL;
	return value_of(typer, ast, &operand, &place->value);
}

/* ---- What reads memory -------------------------------------------------------------------- */

/* The type of a piece of the watched value; NULL: a pointer is followed on the way, or it has no
 * such piece. */
static const struct mt_type *piece_type(const struct mt_cond_typer *typer, const struct mt_ast *ast)
{
	const struct mt_type *whole;
	const struct mt_member *member;
	uint64_t offset;

	if (ast->kind == MT_AST_NAME)
		return typer->watched;
	if (ast->kind != MT_AST_MEMBER && ast->kind != MT_AST_INDEX)
		return NULL;
	whole = piece_type(typer, ast->a);
	if (!whole)
		return NULL;
	if (ast->kind == MT_AST_INDEX)
		return whole->kind == MT_TYPE_ARRAY ? whole->target : NULL;
	member = mt_type_member(whole, ast->name, &offset);
	return member ? member->type : NULL;
}

/* Whether a pointer is followed: by an operator, or by an index of what is one. */
static bool follows_pointer(const struct mt_cond_typer *typer, const struct mt_ast *ast)
{
	for (; ast->kind != MT_AST_NAME; ast = ast->a) {
		const struct mt_type *whole =
		    ast->kind == MT_AST_INDEX ? piece_type(typer, ast->a) : NULL;

		if (ast->kind == MT_AST_DEREF || ast->kind == MT_AST_ARROW ||
		    (whole && whole->kind == MT_TYPE_POINTER))
			return true;
	}
	return false;
}

bool mt_cond_is_memory(const struct mt_cond_typer *typer, const struct mt_ast *ast)
{
	struct mt_local local;

	if (!typer->image || (mt_cond_is_part(ast) && !follows_pointer(typer, ast)))
		return false;
	switch (ast->kind) {
	case MT_AST_NAME:
		return (!ast->scope && find_local(typer, ast->name, &local)) ||
		       !mt_cond_is_word(typer, ast);
	case MT_AST_DEREF:
	case MT_AST_ARROW:
	case MT_AST_ADDRESS:
	case MT_AST_MEMBER:
	case MT_AST_INDEX:
		return true;
	case MT_AST_CAST:
		return ast->type.derived != NULL;
	default:
		return false;
	}
}

/* ---- Pointer arithmetic ---------------------------------------------------------------------- */

static struct mt_error *difference(const struct mt_cond_typer *typer, const struct mt_cond_typed *a,
                                   const struct mt_cond_typed *b, uint64_t size,
                                   struct mt_cond_typed *typed)
{
	struct mt_cond_node bytes = { .op = MT_OP_SUB, .type = arith_long };
	struct mt_cond_node count = { .op = MT_OP_DIV, .type = arith_long };

	*typed = (struct mt_cond_typed){ 0 };
	MT_TRY(mt_cond_convert(typer->arena, a->node, arith_long, &bytes.a));
	MT_TRY(mt_cond_convert(typer->arena, b->node, arith_long, &bytes.b));
	MT_TRY(mt_cond_node_new(typer->arena, bytes, &count.a));
	MT_TRY(constant(typer, size, arith_long, &count.b));
	return mt_cond_node_new(typer->arena, count, &typed->node);
}

struct mt_error *mt_cond_move(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                              const struct mt_cond_typed *a, const struct mt_cond_typed *b,
                              struct mt_cond_typed *typed)
{
	const struct mt_cond_typed *pointer = a->is_pointer ? a : b;
	const struct mt_cond_typed *number = a->is_pointer ? b : a;
	uint64_t size = pointer->pointer && pointer->pointer->size ? pointer->pointer->size : 1;
	const struct mt_cond_node *bytes;

	if (a->is_pointer && b->is_pointer && ast->op == MT_OP_SUB)
		return difference(typer, a, b, size, typed);
	if (number->is_pointer || (ast->op == MT_OP_SUB && pointer == b))
		return mt_error_at((long)ast->at, "pointers are not %s so",
		                   ast->op == MT_OP_ADD ? "added" : "subtracted");
	if (number->node->type.is_float)
		return mt_error_at((long)ast->at, "a pointer moves by an integer");
	MT_TRY(scale(typer, number->node, size, &bytes));
	*typed = *pointer;
	return add(typer, ast->op, pointer->node, bytes, &typed->node);
}

/* ---- Parsing -----------------------------------------------------------------------------------
 */

static bool is_type(void *arg, const char *name)
{
	const struct mt_cond_typer *typer = arg;
	const struct mt_world world = { .image = typer->image, .machine = typer->machine };
	const struct mt_eval eval = { .world = &world, .text = typer->text, .arena = typer->arena };
	struct mt_local local;
	struct mt_value ignored;

	return !find_local(typer, name, &local) && mt_eval_find_type(&eval, name) &&
	       !mt_eval_has_value(&eval, NULL, name, &ignored);
}

struct mt_error *mt_cond_parse(const struct mt_cond_typer *typer, struct mt_arena *arena,
                               const struct mt_ast **ast)
{
	struct mt_cond_typer copy = *typer;
	const struct mt_parse_names names = { .is_type = is_type, .arg = &copy };

	return mt_parse_value(typer->text, &names, arena, ast);
}
