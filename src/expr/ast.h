/* SPDX-License-Identifier: MIT */
/*
 * What the parser makes: a tree of C's operators without types, the same for places and for
 * conditions. Which nodes make sense where is for those who read the tree (place.c, cond_type.c).
 */
#ifndef MT_EXPR_AST_H
#define MT_EXPR_AST_H

#include "expr/expr.h"
#include "expr/literal.h"

enum mt_ast_kind {
	MT_AST_NUMBER,   /* number; characters too */
	MT_AST_STRING,   /* name */
	MT_AST_NAME,     /* name, and scope or NULL */
	MT_AST_REGISTER, /* name, without $ */
	MT_AST_PLUS,     /* +a */
	MT_AST_UNARY,    /* op of a: MT_OP_NEG, MT_OP_NOT, MT_OP_LNOT */
	MT_AST_DEREF,    /* *a */
	MT_AST_ADDRESS,  /* &a */
	MT_AST_CAST,     /* (type)a */
	MT_AST_BINARY,   /* a op b */
	MT_AST_COND,     /* a ? b : c */
	MT_AST_MEMBER,   /* a.name */
	MT_AST_ARROW,    /* a->name */
	MT_AST_INDEX,    /* a[b] */
	MT_AST_SLICE,    /* a[b..c], only as a whole place */
	MT_AST_SPAN,     /* a:b, the first b bytes; only as a whole place */
	MT_AST_MODULE,   /* module+offset, only as a whole place: name and number */
};

struct mt_ast_type {
	const char *name; /* "unsigned int", "struct conn" */
	unsigned pointers;
};

struct mt_ast {
	enum mt_ast_kind kind;
	unsigned depth;    /* of the tree below, itself included */
	size_t at;         /* what an error points to: the operator, or the first byte */
	size_t start, end; /* the bytes of the whole */
	const struct mt_ast *a, *b, *c;
	enum mt_op op;
	struct mt_literal number;
	struct mt_ast_type type;
	const char *scope, *name;
};

/* For messages: how the tree was written, and not more of it than a message bears. */
#define MT_SOURCE(text, ast) mt_source_len(ast), (text) + (ast)->start

static inline int mt_source_len(const struct mt_ast *ast)
{
	size_t len = ast->end - ast->start;

	return len < 60 ? (int)len : 60;
}

#endif
