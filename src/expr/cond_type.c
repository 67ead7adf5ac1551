/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/near.h"
#include "expr/arith.h"
#include "expr/cond_internal.h"
#include "expr/cond_part.h"
#include "expr/enumerator.h"
#include "x86/regs.h"

/* ---- Names */

static const struct {
	const char *name;
	enum mt_op op;
	struct mt_arith type;
	uint64_t constant;
} known_names[] = {
	{ "tid", MT_OP_TID, { .size = 4, .is_signed = true }, 0 }, /* pid_t is an int */
	{ "pid", MT_OP_PID, { .size = 4, .is_signed = true }, 0 },
	{ "hits", MT_OP_HITS, { .size = 8 }, 0 },
	{ "pc", MT_OP_PC, { .size = 8 }, 0 },
	{ "true", MT_OP_CONST, { .size = 4, .is_signed = true }, 1 },
	{ "false", MT_OP_CONST, { .size = 4, .is_signed = true }, 0 },
	{ "NULL", MT_OP_CONST, { .size = 8 }, 0 },
};

enum { KNOWN_COUNT = sizeof(known_names) / sizeof(*known_names) };

bool mt_cond_is_word(const struct mt_cond_typer *typer, const struct mt_ast *ast)
{
	if (!ast->scope) {
		for (size_t i = 0; i < KNOWN_COUNT; i++)
			if (!strcmp(known_names[i].name, ast->name))
				return true;
		if (!strcmp(ast->name, "comm") || !strcmp(ast->name, "old") ||
		    !strcmp(ast->name, "new"))
			return true;
	}
	return typer->watched && mt_enumerator_find(typer->watched, ast->scope, ast->name);
}

static bool is_comm(const struct mt_ast *ast)
{
	return ast->kind == MT_AST_NAME && !ast->scope && !strcmp(ast->name, "comm");
}

static struct mt_error *unknown_name(const struct mt_cond_typer *typer, const struct mt_ast *ast)
{
	struct mt_near near = { .wanted = ast->name };
	struct mt_buf hint MT_AUTO_BUF = { 0 };

	if (mt_reg_part_find(ast->name))
		return mt_error_at((long)ast->at, "a register is written with a $: $%s", ast->name);
	mt_near_offer(&near, "old");
	mt_near_offer(&near, "new");
	mt_near_offer(&near, "comm");
	for (size_t i = 0; i < KNOWN_COUNT; i++)
		mt_near_offer(&near, known_names[i].name);
	if (typer->watched)
		mt_enumerator_offer(typer->watched, &near);
	mt_near_append(&near, &hint);
	if (!mt_buf_ok(&hint))
		return mt_error_nomem();
	return mt_error_at((long)ast->at, "a condition does not know %.60s%s", ast->name,
	                   hint.len ? hint.data
	                            : ": it knows old, new, tid, pid, hits, pc, comm and "
	                              "registers such as $rax");
}

/* An enumerator is an int where an int can hold it (C11 6.7.2.2), else a long, as GNU C has it. */
static struct mt_error *type_enumerator(const struct mt_cond_typer *typer,
                                        const struct mt_enumerator *enumerator,
                                        const struct mt_cond_node **node)
{
	bool fits = enumerator->value == (int32_t)enumerator->value;
	struct mt_cond_node constant = { .op = MT_OP_CONST, .type = mt_arith_int };

	constant.type.size = fits ? 4 : 8;
	constant.u.constant = (uint64_t)enumerator->value;
	return mt_cond_node_new(typer->arena, constant, node);
}

static struct mt_error *bare_comm(const struct mt_ast *ast)
{
	return mt_error_at((long)ast->at,
	                   "comm is compared with == or != to a string, as in comm == \"worker\"");
}

static struct mt_error *type_name(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                  const struct mt_cond_node **node)
{
	const struct mt_enumerator *enumerator =
	    typer->watched ? mt_enumerator_find(typer->watched, ast->scope, ast->name) : NULL;

	if (is_comm(ast))
		return bare_comm(ast);
	for (size_t i = 0; !ast->scope && i < KNOWN_COUNT; i++) {
		struct mt_cond_node leaf = { .op = known_names[i].op, .type = known_names[i].type };

		if (strcmp(known_names[i].name, ast->name))
			continue;
		leaf.u.constant = known_names[i].constant;
		return mt_cond_node_new(typer->arena, leaf, node);
	}
	if (enumerator)
		return type_enumerator(typer, enumerator, node);
	return unknown_name(typer, ast);
}

static struct mt_error *type_number(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                    const struct mt_cond_node **node)
{
	struct mt_cond_node leaf = { .op = MT_OP_CONST };

	leaf.type = typer->machine == MT_MACHINE_I386 ? ast->number.type_i386 : ast->number.type;

	if (leaf.type.is_float) {
		leaf.op = MT_OP_FCONST;
		leaf.u.fconstant = (double)ast->number.floating;
	} else {
		leaf.u.constant = ast->number.integer;
	}
	return mt_cond_node_new(typer->arena, leaf, node);
}

/* Registers are unsigned integers of their part's size. */
static struct mt_error *type_register(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                      const struct mt_cond_node **node)
{
	struct mt_cond_node leaf = { .op = MT_OP_REG };

	leaf.u.reg = mt_reg_part_find(ast->name);
	if (!leaf.u.reg)
		return mt_error_at((long)ast->at, "there is no register $%.40s", ast->name);
	leaf.type.size = leaf.u.reg->size;
	return mt_cond_node_new(typer->arena, leaf, node);
}

/* ---- Operators of one operand */

static struct mt_error *needs_integer(const struct mt_cond_node *node, const struct mt_ast *ast)
{
	if (node->type.is_float)
		return mt_error_at((long)ast->at, "this operator needs integers");
	return NULL;
}

static struct mt_error *type_unary(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                   const struct mt_cond_node **node)
{
	const struct mt_cond_node *operand;
	struct mt_cond_node made = { .op = ast->op };

	MT_TRY(mt_cond_type(typer, ast->a, &operand));
	if (ast->op == MT_OP_NOT)
		MT_TRY(needs_integer(operand, ast));
	if (ast->op == MT_OP_LNOT) {
		made.type = mt_arith_int;
		made.a = operand;
		return mt_cond_node_new(typer->arena, made, node);
	}
	made.type = mt_cond_promoted(operand);
	MT_TRY(mt_cond_convert(typer->arena, operand, made.type, &made.a));
	if (ast->kind == MT_AST_PLUS) {
		*node = made.a;
		return NULL;
	}
	return mt_cond_node_new(typer->arena, made, node);
}

/* What is left of a conversion to bool, which a promotion always follows: 0 or 1 (C11 6.3.1.2). */
static struct mt_error *type_bool_cast(const struct mt_cond_typer *typer,
                                       const struct mt_cond_node *operand,
                                       const struct mt_cond_node **node)
{
	struct mt_cond_node inner = { .op = MT_OP_LNOT, .type = mt_arith_int, .a = operand };
	struct mt_cond_node outer = { .op = MT_OP_LNOT, .type = mt_arith_int };

	MT_TRY(mt_cond_node_new(typer->arena, inner, &outer.a));
	return mt_cond_node_new(typer->arena, outer, node);
}

static struct mt_error *type_cast(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                  const struct mt_cond_node **node)
{
	const struct mt_type *type =
	    ast->type.derived ? NULL : mt_type_base_of(typer->machine, ast->type.name);
	struct mt_arith arith = { .size = mt_machine_word(typer->machine) }; /* of any pointer */
	const struct mt_cond_node *operand;

	if (!ast->type.derived && (!type || type->size > 8 || !mt_type_is_scalar(type)))
		return mt_error_at((long)ast->at,
		                   "a condition can cast to C's base types only, not to %.60s",
		                   ast->type.name);
	MT_TRY(mt_cond_type(typer, ast->a, &operand));
	if (type && type->kind == MT_TYPE_BOOL)
		return type_bool_cast(typer, operand, node);
	if (type)
		arith =
		    (struct mt_arith){ .size = (uint8_t)type->size,
			               .is_signed = type->is_signed && type->kind != MT_TYPE_FLOAT,
			               .is_float = type->kind == MT_TYPE_FLOAT };
	return mt_cond_convert(typer->arena, operand, arith, node);
}

/* ---- Operators of two operands */

static struct mt_error *type_comm(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                  const struct mt_cond_node **node)
{
	const struct mt_ast *comm = is_comm(ast->a) ? ast->a : ast->b;
	const struct mt_ast *string = comm == ast->a ? ast->b : ast->a;
	struct mt_cond_node equal = { .op = MT_OP_COMM_EQ, .type = mt_arith_int };
	struct mt_cond_node differs = { .op = MT_OP_LNOT, .type = mt_arith_int };

	if (string->kind != MT_AST_STRING || (ast->op != MT_OP_EQ && ast->op != MT_OP_NE))
		return bare_comm(comm);
	size_t len = string->string.count;
	if (memchr(string->string.units, 0, len))
		return mt_error_at((long)string->at, "a string with a NUL inside");
	if (len >= sizeof(equal.u.comm))
		return mt_error_at((long)string->at,
		                   "a thread's name has at most 15 bytes, and this has %zu", len);
	memcpy(equal.u.comm, string->string.units, len);
	if (ast->op == MT_OP_EQ)
		return mt_cond_node_new(typer->arena, equal, node);
	MT_TRY(mt_cond_node_new(typer->arena, equal, &differs.a));
	return mt_cond_node_new(typer->arena, differs, node);
}

static struct mt_error *type_shift(const struct mt_cond_typer *typer, struct mt_cond_node made,
                                   const struct mt_cond_node **node)
{
	made.type = mt_cond_promoted(made.a);
	MT_TRY(mt_cond_convert(typer->arena, made.a, made.type, &made.a));
	MT_TRY(mt_cond_convert(typer->arena, made.b, mt_cond_promoted(made.b), &made.b));
	return mt_cond_node_new(typer->arena, made, node);
}

static struct mt_error *type_arithmetic(const struct mt_cond_typer *typer, struct mt_cond_node made,
                                        const struct mt_cond_node **node)
{
	struct mt_arith common = mt_cond_common(made.a, made.b);

	MT_TRY(mt_cond_convert(typer->arena, made.a, common, &made.a));
	MT_TRY(mt_cond_convert(typer->arena, made.b, common, &made.b));
	made.type = mt_op_is_comparison(made.op) ? mt_arith_int : common;
	return mt_cond_node_new(typer->arena, made, node);
}

static bool takes_floats(enum mt_op op)
{
	return op == MT_OP_ADD || op == MT_OP_SUB || op == MT_OP_MUL || op == MT_OP_DIV ||
	       mt_op_is_comparison(op);
}

/* Of strcmp() only "equal" and "different" are known, which is what comparing with 0 asks. */
static struct mt_error *check_comparison(const struct mt_cond_typer *typer,
                                         const struct mt_ast *ast)
{
	const struct mt_ast *call = mt_cond_is_comparison(ast->a)   ? ast->a
	                            : mt_cond_is_comparison(ast->b) ? ast->b
	                                                            : NULL;
	const struct mt_ast *other = call == ast->a ? ast->b : ast->a;

	if (!call || ast->op == MT_OP_LAND || ast->op == MT_OP_LOR ||
	    ((ast->op == MT_OP_EQ || ast->op == MT_OP_NE) && other->kind == MT_AST_NUMBER &&
	     !other->number.integer && !other->number.type.is_float))
		return NULL;
	return mt_error_at((long)ast->at, "%.*s is compared with == 0 or != 0",
	                   MT_SOURCE(typer->text, call));
}

static struct mt_error *type_numbers(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                     struct mt_cond_node made, const struct mt_cond_node **node)
{
	if (ast->op == MT_OP_LAND || ast->op == MT_OP_LOR)
		return mt_cond_node_new(typer->arena, made, node);
	if (!takes_floats(ast->op)) {
		MT_TRY(needs_integer(made.a, ast));
		MT_TRY(needs_integer(made.b, ast));
	}
	if (ast->op == MT_OP_SHL || ast->op == MT_OP_SHR)
		return type_shift(typer, made, node);
	return type_arithmetic(typer, made, node);
}

static struct mt_error *type_binary(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                    struct mt_cond_typed *typed)
{
	struct mt_cond_node made = { .op = ast->op, .type = mt_arith_int };
	struct mt_cond_typed a, b;

	if (is_comm(ast->a) || is_comm(ast->b))
		return type_comm(typer, ast, &typed->node);
	MT_TRY(check_comparison(typer, ast));
	MT_TRY(mt_cond_typed(typer, ast->a, &a));
	MT_TRY(mt_cond_typed(typer, ast->b, &b));
	if (typer->image && (a.is_pointer || b.is_pointer) &&
	    (ast->op == MT_OP_ADD || ast->op == MT_OP_SUB))
		return mt_cond_move(typer, ast, &a, &b, typed);
	made.a = a.node;
	made.b = b.node;
	return type_numbers(typer, ast, made, &typed->node);
}

static struct mt_error *type_choice(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                    const struct mt_cond_node **node)
{
	struct mt_cond_node made = { .op = MT_OP_COND };

	MT_TRY(mt_cond_type(typer, ast->a, &made.a));
	MT_TRY(mt_cond_type(typer, ast->b, &made.b));
	MT_TRY(mt_cond_type(typer, ast->c, &made.c));
	made.type = mt_cond_common(made.b, made.c);
	MT_TRY(mt_cond_convert(typer->arena, made.b, made.type, &made.b));
	MT_TRY(mt_cond_convert(typer->arena, made.c, made.type, &made.c));
	return mt_cond_node_new(typer->arena, made, node);
}

/* ---- The tree */

/* What the grammar has for places and values. */
static const char *why_not(const struct mt_ast *ast)
{
	switch (ast->kind) {
	case MT_AST_STRING:
		return "only comm is compared with a string";
	case MT_AST_ADDRESS:
		return "a condition cannot take addresses";
	case MT_AST_DEREF:
	case MT_AST_ARROW:
		return "a condition sees the watched bytes only: it cannot follow a pointer";
	case MT_AST_MEMBER:
	case MT_AST_INDEX:
	case MT_AST_SLICE:
		return "only old and new have members and elements";
	case MT_AST_ASSIGN:
		return "a condition changes nothing: write == to compare";
	case MT_AST_UPDATE:
	case MT_AST_BEFORE:
	case MT_AST_AFTER:
		return "a condition changes nothing";
	case MT_AST_COMMA:
		return "a comma has no use here: write && or ||";
	default:
		return "a condition cannot have this";
	}
}

/* At a breakpoint the debugger can compute what the kernel cannot. */
static struct mt_error *not_in_conditions(const struct mt_cond_typer *typer,
                                          const struct mt_ast *ast)
{
	if (typer->watched)
		return mt_error_at((long)ast->at, "%s", why_not(ast));
	return mt_error_new(MT_ERR_UNSUPPORTED, "only the debugger computes such an expression");
}

/* The watched value, or a piece of it. Without a program it is a number, pointer or not. */
static struct mt_error *type_piece(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                   struct mt_cond_typed *typed)
{
	const struct mt_type *type;

	MT_TRY(mt_cond_part(typer, ast, &type, &typed->node));
	typed->is_pointer = type->kind == MT_TYPE_POINTER;
	typed->pointer = typed->is_pointer ? type->target : NULL;
	return NULL;
}

struct mt_error *mt_cond_typed(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                               struct mt_cond_typed *typed)
{
	*typed = (struct mt_cond_typed){ 0 };
	if (mt_cond_is_memory(typer, ast))
		return mt_cond_memory(typer, ast, typed);
	if (mt_cond_is_part(ast))
		return type_piece(typer, ast, typed);
	switch (ast->kind) {
	case MT_AST_NUMBER:
		return type_number(typer, ast, &typed->node);
	case MT_AST_NAME:
		return type_name(typer, ast, &typed->node);
	case MT_AST_REGISTER:
		return type_register(typer, ast, &typed->node);
	case MT_AST_PLUS:
	case MT_AST_UNARY:
		return type_unary(typer, ast, &typed->node);
	case MT_AST_CAST:
		return type_cast(typer, ast, &typed->node);
	case MT_AST_BINARY:
		return type_binary(typer, ast, typed);
	case MT_AST_COND:
		return type_choice(typer, ast, &typed->node);
	case MT_AST_CALL:
		return mt_cond_call(typer, ast, &typed->node);
	default:
		return not_in_conditions(typer, ast);
	}
}

struct mt_error *mt_cond_type(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                              const struct mt_cond_node **node)
{
	struct mt_cond_typed typed;

	MT_TRY(mt_cond_typed(typer, ast, &typed));
	*node = typed.node;
	return NULL;
}
