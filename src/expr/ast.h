/* SPDX-License-Identifier: MIT */
/*
 * What the parser makes: a tree of C's operators without types, the same for places, conditions and
 * values. Which nodes make sense where is for those who read the tree (place.c, cond_type.c,
 * eval.c); those from MT_AST_ASSIGN on are made where values are written only.
 */
#ifndef MT_EXPR_AST_H
#define MT_EXPR_AST_H

#include "expr/expr.h"
#include "expr/literal.h"

enum mt_ast_kind {
	MT_AST_NUMBER,   /* number; characters too */
	MT_AST_STRING,   /* string */
	MT_AST_NAME,     /* name, and scope or NULL; scope "" is `::name` */
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
	MT_AST_SLICE,    /* a[b..c]; in a place only as the whole of it */
	MT_AST_SPAN,     /* a:b, the first b bytes; only as a whole place */
	MT_AST_MODULE,   /* module+offset, only as a whole place: name and number */
	MT_AST_ASSIGN,   /* a = b */
	MT_AST_UPDATE,   /* a op= b */
	MT_AST_BEFORE,   /* ++a or --a: op is MT_OP_ADD or MT_OP_SUB */
	MT_AST_AFTER,    /* a++ or a-- */
	MT_AST_COMMA,    /* a, b */
	MT_AST_CALL,     /* a(args), or type(args) in C++ */
	MT_AST_SIZEOF,   /* of a, or of type where a is NULL */
	MT_AST_ALIGNOF,  /* the same */
	MT_AST_REPEAT,   /* a@b: an array of b, of which a is the first */
	MT_AST_ENTRY,    /* a@entry, where a is a name */
	MT_AST_DYNAMIC,  /* dynamic_cast<type>(a) */
	MT_AST_TYPEID,   /* of a, or of type where a is NULL */
	MT_AST_RECAST,   /* reinterpret_cast<type>(a): a cast that does not move pointers */
};

struct mt_ast;
struct mt_ast_derived;

/* A type as it was written. */
struct mt_ast_type {
	const char *name;               /* "unsigned int", "struct conn" */
	unsigned qualifiers;            /* of enum mt_qualifier */
	struct mt_ast_derived *derived; /* what is made of it; NULL: the named type itself */
};

/* What is made of a type, step by step: `int (*)[3]` is an array of int, then a pointer to that.
 * Places and conditions have pointers only. */
struct mt_ast_derived {
	enum {
		MT_DERIVED_POINTER,
		MT_DERIVED_REFERENCE,
		MT_DERIVED_ARRAY,
		MT_DERIVED_FUNCTION,
	} kind;
	unsigned qualifiers; /* of the pointer itself */
	uint64_t count;      /* of the array; 0: [] */
	const struct mt_ast_type *params;
	size_t param_count;
	bool is_varargs;
	struct mt_ast_derived *next; /* what is made of this */
};

struct mt_ast {
	enum mt_ast_kind kind;
	unsigned depth;    /* of the tree below, itself included */
	size_t at;         /* what an error points to: the operator, or the first byte */
	size_t start, end; /* the bytes of the whole */
	const struct mt_ast *a, *b, *c;
	const struct mt_ast *const *args; /* arg_count of them */
	size_t arg_count;
	enum mt_op op;
	struct mt_literal number;
	struct mt_string string;
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
