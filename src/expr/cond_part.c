/* SPDX-License-Identifier: MIT */
#include "expr/cond_part.h"

#include <string.h>

#include "expr/member.h"

/* A piece of the watched value, from its first byte on. */
struct part {
	const struct mt_type *type;
	uint64_t offset;
	uint8_t bit_offset, bit_size;
};

static bool is_watched_name(const struct mt_ast *ast)
{
	return ast->kind == MT_AST_NAME && !ast->scope &&
	       (!strcmp(ast->name, "old") || !strcmp(ast->name, "new"));
}

static const struct mt_ast *root_of(const struct mt_ast *ast)
{
	while (ast->kind == MT_AST_MEMBER || ast->kind == MT_AST_ARROW ||
	       ast->kind == MT_AST_INDEX || ast->kind == MT_AST_SLICE || ast->kind == MT_AST_DEREF)
		ast = ast->a;
	return ast;
}

bool mt_cond_is_part(const struct mt_ast *ast)
{
	return is_watched_name(root_of(ast));
}

static struct mt_error *find(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                             struct part *part);

static struct mt_error *find_member(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                    struct part *part)
{
	const struct mt_member *member;
	struct part whole;
	uint64_t offset;

	MT_TRY(find(typer, ast->a, &whole));
	if (whole.type->kind != MT_TYPE_STRUCT && whole.type->kind != MT_TYPE_UNION)
		return mt_error_at((long)ast->at, "%.*s is not a struct: it has no members",
		                   MT_SOURCE(typer->text, ast->a));
	MT_TRY(mt_member_find(whole.type, ast->name, ast->at, &member, &offset));
	*part = (struct part){ .type = member->type,
		               .offset = whole.offset + offset,
		               .bit_offset = member->bit_offset,
		               .bit_size = member->bit_size };
	return NULL;
}

/* The place of a piece is fixed when the condition is compiled. */
static struct mt_error *constant_index(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                       int64_t *index)
{
	const struct mt_cond_node *node;

	MT_TRY(mt_cond_type(typer, ast, &node));
	if (node->op != MT_OP_CONST)
		return mt_error_at((long)ast->start,
		                   "the index must be an integer constant in a condition");
	*index = (int64_t)node->u.constant;
	return NULL;
}

static struct mt_error *find_element(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                     struct part *part)
{
	struct part whole;
	int64_t index = -1;

	MT_TRY(find(typer, ast->a, &whole));
	if (whole.type->kind != MT_TYPE_ARRAY)
		return mt_error_at((long)ast->at, "%.*s is not an array: it has no elements",
		                   MT_SOURCE(typer->text, ast->a));
	MT_TRY(constant_index(typer, ast->b, &index));
	if (!whole.type->count)
		return mt_error_at((long)ast->at, "the length of %.*s is not known",
		                   MT_SOURCE(typer->text, ast->a));
	if (index < 0 || (uint64_t)index >= whole.type->count)
		return mt_error_at((long)ast->b->start, "%.*s has the elements 0 to %lld",
		                   MT_SOURCE(typer->text, ast->a),
		                   (long long)whole.type->count - 1);
	*part =
	    (struct part){ .type = whole.type->target,
		           .offset = whole.offset + (uint64_t)index * whole.type->target->size };
	return NULL;
}

static struct mt_error *find(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                             struct part *part)
{
	switch (ast->kind) {
	case MT_AST_NAME:
		*part = (struct part){ .type = typer->watched };
		return NULL;
	case MT_AST_MEMBER:
		return find_member(typer, ast, part);
	case MT_AST_INDEX:
		return find_element(typer, ast, part);
	case MT_AST_SLICE:
		return mt_error_at((long)ast->at, "a slice is no value: name one element");
	default: /* MT_AST_ARROW, MT_AST_DEREF */
		return mt_error_at((long)ast->at, "a condition sees the watched bytes only: it "
		                                  "cannot follow a pointer");
	}
}

/* ---- From a piece to a node */

static struct mt_error *not_scalar(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                   const struct mt_type *type)
{
	struct mt_buf name MT_AUTO_BUF = { 0 };

	mt_type_format(type, &name);
	if (!mt_buf_ok(&name))
		return mt_error_nomem();
	if (type->kind == MT_TYPE_ARRAY)
		return mt_error_at(
		    (long)ast->start, "%.*s is of type %s: name an element, as in %.*s[0]",
		    MT_SOURCE(typer->text, ast), name.data, MT_SOURCE(typer->text, ast));
	if ((type->kind == MT_TYPE_STRUCT || type->kind == MT_TYPE_UNION) && type->member_count &&
	    type->members[0].name)
		return mt_error_at((long)ast->start, "%.*s is a %s: name a member, as in %.*s.%s",
		                   MT_SOURCE(typer->text, ast), name.data,
		                   MT_SOURCE(typer->text, ast), type->members[0].name);
	return mt_error_at((long)ast->start,
	                   "%.*s is of type %s, which a condition cannot compute with",
	                   MT_SOURCE(typer->text, ast), name.data);
}

/* Compilers make an enumeration without negative values unsigned. */
static bool is_signed(const struct mt_type *type)
{
	if (type->kind == MT_TYPE_ENUM)
		for (size_t i = 0; i < type->enumerator_count; i++)
			if (type->enumerators[i].value < 0)
				return true;
	return type->is_signed && type->kind != MT_TYPE_BOOL && type->kind != MT_TYPE_POINTER &&
	       type->kind != MT_TYPE_BYTES;
}

static bool is_register_size(uint64_t size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

static uint8_t width_for(unsigned bytes)
{
	return bytes <= 1 ? 1 : bytes <= 2 ? 2 : bytes <= 4 ? 4 : 8;
}

struct mt_arith mt_cond_arith(const struct mt_type *type)
{
	return (struct mt_arith){ .size = width_for((unsigned)type->size),
		                  .is_signed = is_signed(type),
		                  .is_float = type->kind == MT_TYPE_FLOAT };
}

/* How many bits are loaded, if not the whole type in one piece: a bit-field's, or those of an odd
 * number of bytes. */
static unsigned loaded_bits(const struct part *part)
{
	if (part->bit_size || is_register_size(part->type->size))
		return part->bit_size;
	return 8 * (unsigned)part->type->size;
}

/* Whether arithmetic has values of this type. */
static bool is_arithmetic(const struct mt_type *type)
{
	if (type->kind == MT_TYPE_FLOAT)
		return type->size == 4 || type->size == 8;
	return mt_type_is_scalar(type) && type->size > 0 && type->size <= 8;
}

/* Fills what is loaded; false when no load of at most 8 bytes inside the watched range does it. */
static bool describe(const struct mt_cond_typer *typer, const struct part *part,
                     struct mt_cond_node *node)
{
	const struct mt_type *type = part->type;

	if (!is_arithmetic(type))
		return false;
	unsigned first_bit = part->bit_size ? part->bit_offset % 8 : 0;
	uint64_t offset = part->offset + (part->bit_size ? part->bit_offset / 8 : 0);
	unsigned bits = loaded_bits(part);
	unsigned bytes = bits ? (first_bit + bits + 7) / 8 : (unsigned)type->size;
	if (bytes > 8 || bits > 8 * type->size || offset > UINT16_MAX ||
	    offset + bytes > typer->watched->size)
		return false;
	node->type = mt_cond_arith(type);
	node->u.part.offset = (uint16_t)offset;
	node->u.part.width = width_for(bytes);
	node->u.part.bit_offset = (uint8_t)first_bit;
	node->u.part.bit_size = (uint8_t)bits;
	return true;
}

struct mt_error *mt_cond_part(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                              const struct mt_type **type, const struct mt_cond_node **node)
{
	struct mt_cond_node load = { 0 };
	struct part part;

	if (!typer->watched)
		return mt_error_at((long)ast->start, "old and new are of watches: a breakpoint has "
		                                     "no value before and after");
	MT_TRY(find(typer, ast, &part));
	if (!describe(typer, &part, &load))
		return not_scalar(typer, ast, part.type);
	load.op = strcmp(root_of(ast)->name, "old") ? MT_OP_NEW : MT_OP_OLD;
	*type = part.type;
	return mt_cond_node_new(typer->arena, load, node);
}
