/* SPDX-License-Identifier: MIT */
/*
 * What the files of the evaluator share: eval.c walks the tree, eval_name.c finds what names mean,
 * eval_type.c makes types of their names, eval_scalar.c computes with numbers and pointers,
 * eval_part.c takes values apart, eval_change.c assigns, eval_call.c calls functions.
 */
#ifndef MT_EXPR_EVAL_INTERNAL_H
#define MT_EXPR_EVAL_INTERNAL_H

#include "expr/arith.h"
#include "expr/ast.h"
#include "expr/value.h"

struct mt_eval {
	const struct mt_world *world;
	const char *text;
	struct mt_arena *arena; /* of what is made on the way */
	bool only_type;         /* as the operand of sizeof: nothing is read, called or changed */
	struct mt_tree *tree;   /* that is kept, and outlived by values; NULL: it is in the arena */
};

/* The value of a tree. */
struct mt_error *mt_eval_ast(const struct mt_eval *eval, const struct mt_ast *ast,
                             struct mt_value *value);

/* The same as an operand: a C++ reference stands for what it refers to. */
struct mt_error *mt_eval_operand(const struct mt_eval *eval, const struct mt_ast *ast,
                                 struct mt_value *value);

/* ---- Scalars (eval_scalar.c) */

/* An operand of arithmetic. `type` is a pointer's, of arrays and functions the one that they decay
 * to; NULL: it is a number. */
struct mt_scalar {
	struct mt_number number;
	const struct mt_type *pointer;
};

/* SYNTAX, at the tree: it is no scalar. */
struct mt_error *mt_eval_scalar(const struct mt_eval *eval, const struct mt_ast *ast,
                                struct mt_scalar *scalar);
struct mt_error *mt_eval_scalar_of(const struct mt_eval *eval, const struct mt_ast *ast,
                                   const struct mt_value *value, struct mt_scalar *scalar);

/* a op b, where `ast` is the operator. */
struct mt_error *mt_eval_compute(const struct mt_eval *eval, const struct mt_ast *ast,
                                 const struct mt_scalar *a, const struct mt_scalar *b,
                                 struct mt_value *value);

struct mt_error *mt_eval_literal(const struct mt_eval *eval, const struct mt_ast *ast,
                                 struct mt_value *value);
struct mt_error *mt_eval_unary(const struct mt_eval *eval, const struct mt_ast *ast,
                               struct mt_value *value);
struct mt_error *mt_eval_binary(const struct mt_eval *eval, const struct mt_ast *ast,
                                struct mt_value *value);
struct mt_error *mt_eval_choice(const struct mt_eval *eval, const struct mt_ast *ast,
                                struct mt_value *value);

/* An int, and an integer of C's type `name`. */
struct mt_error *mt_eval_int(const struct mt_eval *eval, int64_t number, struct mt_value *value);
struct mt_error *mt_eval_integer_of(const struct mt_eval *eval, const char *name, uint64_t bits,
                                    struct mt_value *value);

/* ---- Types (eval_type.c) */

/* A base type as the machine has it. */
const struct mt_type *mt_eval_base(const struct mt_eval *eval, const char *name);

struct mt_error *mt_eval_pointer_to(const struct mt_eval *eval, const struct mt_type *target,
                                    const struct mt_type **type);
struct mt_error *mt_eval_array_of(const struct mt_eval *eval, const struct mt_type *element,
                                  uint64_t count, const struct mt_type **type);

/* The type called `name`; NULL: none is. */
const struct mt_type *mt_eval_find_type(const struct mt_eval *eval, const char *name);

/* NOT_FOUND. */
struct mt_error *mt_eval_type_of(const struct mt_eval *eval, const struct mt_ast_type *written,
                                 const struct mt_type **type);

/* The size as sizeof has it: of void and functions 1, as in GNU C. UNSUPPORTED: incomplete. */
struct mt_error *mt_eval_size(const struct mt_eval *eval, const struct mt_ast *ast,
                              const struct mt_type *type, uint64_t *size);

struct mt_error *mt_eval_measure(const struct mt_eval *eval, const struct mt_ast *ast,
                                 struct mt_value *value);

/* The value as one of that type, as a cast makes it; `is_raw`: pointers to classes do not move to
 * their bases (reinterpret_cast). */
struct mt_error *mt_eval_convert(const struct mt_eval *eval, const struct mt_ast *ast,
                                 const struct mt_value *from, const struct mt_type *type,
                                 bool is_raw, struct mt_value *value);
struct mt_error *mt_eval_cast(const struct mt_eval *eval, const struct mt_ast *ast,
                              struct mt_value *value);

/* ---- What objects are (eval_rtti.c) */

struct mt_error *mt_eval_dynamic_cast(const struct mt_eval *eval, const struct mt_ast *ast,
                                      struct mt_value *value);
struct mt_error *mt_eval_typeid(const struct mt_eval *eval, const struct mt_ast *ast,
                                struct mt_value *value);

/* "x is of type T: …" */
struct mt_error *mt_eval_type_error(const struct mt_eval *eval, const struct mt_ast *ast,
                                    const struct mt_type *type, const char *what);

/* ---- Names (eval_name.c) */

struct mt_error *mt_eval_entry(const struct mt_eval *eval, const struct mt_ast *ast,
                               struct mt_value *value);
struct mt_error *mt_eval_name(const struct mt_eval *eval, const struct mt_ast *ast,
                              struct mt_value *value);

/* Whether the name means a value; then `value` is it. */
bool mt_eval_has_value(const struct mt_eval *eval, const char *scope, const char *name,
                       struct mt_value *value);

/* $name */
struct mt_error *mt_eval_dollar(const struct mt_eval *eval, const struct mt_ast *ast,
                                struct mt_value *value);

/* ---- Parts (eval_part.c) */

/* What the pointer that the tree came to points to; a message names the tree. */
struct mt_error *mt_eval_follow(const struct mt_eval *eval, const struct mt_ast *ast,
                                const struct mt_value *pointer, struct mt_value *target);

struct mt_error *mt_eval_deref(const struct mt_eval *eval, const struct mt_ast *ast,
                               struct mt_value *value);
struct mt_error *mt_eval_address_of(const struct mt_eval *eval, const struct mt_ast *ast,
                                    struct mt_value *value);
struct mt_error *mt_eval_member(const struct mt_eval *eval, const struct mt_ast *ast,
                                struct mt_value *value);
struct mt_error *mt_eval_index(const struct mt_eval *eval, const struct mt_ast *ast,
                               struct mt_value *value);
struct mt_error *mt_eval_slice(const struct mt_eval *eval, const struct mt_ast *ast,
                               struct mt_value *value);
struct mt_error *mt_eval_repeat(const struct mt_eval *eval, const struct mt_ast *ast,
                                struct mt_value *value);

/* What stands before the . or -> of the tree: the object, or what the pointer points to. */
struct mt_error *mt_eval_object(const struct mt_eval *eval, const struct mt_ast *ast,
                                struct mt_value *whole);

/* A member by name, of the struct itself or what else its class has. `at`: for errors. */
struct mt_error *mt_eval_member_of(const struct mt_eval *eval, const struct mt_value *whole,
                                   const char *name, size_t at, struct mt_value *value);

/* ---- Changes (eval_change.c) and calls (eval_call.c) */

struct mt_error *mt_eval_assign(const struct mt_eval *eval, const struct mt_ast *ast,
                                struct mt_value *value);
struct mt_error *mt_eval_step(const struct mt_eval *eval, const struct mt_ast *ast,
                              struct mt_value *value);

/* f(x), T(x); `result`: what a function without debug information is said to return, or NULL. */
struct mt_error *mt_eval_call(const struct mt_eval *eval, const struct mt_ast *ast,
                              const struct mt_type *result, struct mt_value *value);

/* The type of a function that nothing is known about. */
extern const struct mt_type mt_eval_unknown_function;

struct mt_error *mt_eval_string(const struct mt_eval *eval, const struct mt_ast *ast,
                                struct mt_value *value);

/* Puts what lies nowhere into the program's memory, as strings that it is to read. */
struct mt_error *mt_eval_place(const struct mt_eval *eval, const struct mt_ast *ast,
                               struct mt_value *value);

#endif
