/* SPDX-License-Identifier: MIT */
/*
 * What the files of conditions share: cond.c owns a condition, cond_type.c makes its tree of typed
 * nodes, cond_eval.c evaluates it.
 */
#ifndef MT_EXPR_COND_INTERNAL_H
#define MT_EXPR_COND_INTERNAL_H

#include "expr/arena.h"
#include "expr/ast.h"

struct mt_cond {
	struct mt_arena arena; /* of text and nodes */
	const char *text;
	const struct mt_cond_node *root;
	bool fits_kernel;
	bool reads_memory;
};

/* What the typing of a condition goes by. */
struct mt_cond_typer {
	enum mt_machine machine;
	const char *text;
	const struct mt_type *watched; /* NULL: there is no old and new */
	struct mt_image *image;        /* NULL: no memory is read */
	uint64_t pc;
	bool *frame_memory;     /* see struct mt_cond_scope */
	struct mt_arena *arena; /* of the nodes */
};

/* A value with C's type, where that matters: `pointer` is what it points to, or NULL. */
struct mt_cond_typed {
	const struct mt_cond_node *node;
	const struct mt_type *pointer;
	bool is_pointer;
};

/* Gives every node of `ast` its type by C's rules and makes conversions explicit. Errors: SYNTAX
 * with an offset. */
struct mt_error *mt_cond_type(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                              const struct mt_cond_node **node);

/* The same, for operands of + and -: pointers are told from numbers. */
struct mt_error *mt_cond_typed(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                               struct mt_cond_typed *typed);

/* Whether the name is a word of conditions, or an enumerator of the watched type. */
bool mt_cond_is_word(const struct mt_cond_typer *typer, const struct mt_ast *ast);

/* ---- Memory (cond_memory.c) */

/* The tree of a condition that may read memory: with all that values have. */
struct mt_error *mt_cond_parse(const struct mt_cond_typer *typer, struct mt_arena *arena,
                               const struct mt_ast **ast);

/* Whether the tree reads memory, or names what lies there, so that mt_cond_memory() is the one to
 * ask. */
bool mt_cond_is_memory(const struct mt_cond_typer *typer, const struct mt_ast *ast);
struct mt_error *mt_cond_memory(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                                struct mt_cond_typed *typed);

/* What the tree comes to: something of any size in memory at `addr`; or, where that is NULL, a
 * value. `type` is that of either, or NULL for a value that only its node's type is known of. */
struct mt_cond_place {
	const struct mt_type *type;
	const struct mt_cond_node *addr;
	struct mt_cond_typed value;
};
struct mt_error *mt_cond_place(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                               struct mt_cond_place *place);

/* strcmp(p, "abc") and its kin; of strcmp() and strncmp() only whether they are 0 is known. */
bool mt_cond_is_comparison(const struct mt_ast *ast);
struct mt_error *mt_cond_call(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                              const struct mt_cond_node **node);

/* a + b and a - b where one of them is a pointer, and differences of two. */
struct mt_error *mt_cond_move(const struct mt_cond_typer *typer, const struct mt_ast *ast,
                              const struct mt_cond_typed *a, const struct mt_cond_typed *b,
                              struct mt_cond_typed *typed);

/* Whether a node of the tree is of floating type. (cond_node.c) */
bool mt_cond_node_has_floats(const struct mt_cond_node *node);

/* ---- Building nodes (cond_node.c). Operators whose operands are constants become constants, by
 * the evaluator itself. All fail with NOMEM only. */

/* A copy of `node` in the arena. */
struct mt_error *mt_cond_node_new(struct mt_arena *arena, struct mt_cond_node node,
                                  const struct mt_cond_node **made);

/* `node` as a value of `type`: itself when it is of that type. */
struct mt_error *mt_cond_convert(struct mt_arena *arena, const struct mt_cond_node *node,
                                 struct mt_arith type, const struct mt_cond_node **made);

/* The integer promotions (C11 6.3.1.1). */
struct mt_arith mt_cond_promoted(const struct mt_cond_node *node);

/* The usual arithmetic conversions (C11 6.3.1.8): the common type of two operands. */
struct mt_arith mt_cond_common(const struct mt_cond_node *a, const struct mt_cond_node *b);

/* ---- Evaluating nodes (cond_eval.c). `input` may be NULL for a tree of constants. */

/* The canonical 64 bits of a node of integer type. */
uint64_t mt_cond_eval_int(const struct mt_cond_node *node, const struct mt_cond_input *input);

/* The value of a node of floating type. */
double mt_cond_eval_float(const struct mt_cond_node *node, const struct mt_cond_input *input);

static const struct mt_arith mt_arith_int = { .size = 4, .is_signed = true };
static const struct mt_arith mt_arith_ulong = { .size = 8 };

static inline bool mt_arith_same(struct mt_arith a, struct mt_arith b)
{
	return a.size == b.size && a.is_signed == b.is_signed && a.is_float == b.is_float;
}

#endif
