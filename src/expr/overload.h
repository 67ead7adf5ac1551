/* SPDX-License-Identifier: MIT */
/*
 * C++: which of the functions of one name is meant, by what it is given (C++17, 16.3 "Overload
 * resolution", for calls without user-defined conversions), and calling it. The evaluator's own.
 */
#ifndef MT_EXPR_OVERLOAD_H
#define MT_EXPR_OVERLOAD_H

#include "expr/eval_internal.h"
#include "symbol/type_class.h"

/* More of one name than a person can tell apart. */
enum { MT_CHOICES_MAX = 128, MT_OPERANDS_MAX = 2 };

struct mt_choice {
	const char *name;               /* for messages */
	const struct mt_type *type;     /* of the function; a method's first parameter is `this` */
	const char *raw;                /* of a free function: as linkers write it */
	uint64_t entry;                 /* of it */
	bool is_template;               /* an instance of one */
	const struct mt_type *owner;    /* the class that has the method */
	const struct mt_method *method; /* NULL: a free function */
};

struct mt_choices {
	struct mt_choice data[MT_CHOICES_MAX];
	size_t len;
};

/* What is called, and with what. */
struct mt_callee {
	const struct mt_ast *ast;      /* of the call or the operator: messages point to it */
	const struct mt_value *object; /* of a method's class; NULL: there is none */
	bool is_qualified;             /* x.Base::f(): that one, not what overrides it */
	const struct mt_value *args;   /* references stand for what they refer to */
	const struct mt_ast *const *arg_asts;
	size_t arg_count;
};

/* ---- Gathering */

/* Free functions of that name, scope and all. */
void mt_choices_add_functions(const struct mt_eval *eval, const char *name,
                              struct mt_choices *choices);

/* Those of that name in the namespaces of the arguments' classes (C++17, 6.4.2). */
void mt_choices_add_associated(const struct mt_eval *eval, const char *name,
                               const struct mt_value *args, size_t count,
                               struct mt_choices *choices);

/* Methods of the class, or, where it has none of that name, of its bases. */
void mt_choices_add_methods(const struct mt_type *type, const char *name,
                            struct mt_choices *choices);

/* ---- Choosing and calling */

/* The best; NULL: none takes these arguments. AMBIGUOUS, with those that are as good. */
struct mt_error *mt_choose(const struct mt_eval *eval, const struct mt_choices *choices,
                           const struct mt_callee *callee, const struct mt_choice **chosen);

/* "no f takes these arguments: f(int), f(double)" */
struct mt_error *mt_no_choice(const struct mt_choices *choices, const struct mt_callee *callee,
                              const char *name);

/* Calls it; where only the type is asked for, that of its result. */
struct mt_error *mt_call_choice(const struct mt_eval *eval, const struct mt_choice *choice,
                                const struct mt_callee *callee, struct mt_value *value);

/* The values as a function of that type takes them. */
struct mt_error *mt_pass_arguments(const struct mt_eval *eval, const struct mt_type *type,
                                   const struct mt_callee *callee, size_t first,
                                   struct mt_value *passed);

/* ---- Operators (eval_operator.c) */

/* Whether operators of such an operand may be the program's: it is of a class, or an enum class. */
bool mt_is_overloadable(const struct mt_type *type);

/*
 * `operator` NAME of the operands, where the program has one that takes them; *found says whether.
 * The first operand's class may have it as a method.
 */
struct mt_error *mt_eval_operator(const struct mt_eval *eval, const struct mt_ast *ast,
                                  const char *name, const struct mt_value *operands, size_t count,
                                  bool *found, struct mt_value *value);

/* The same for an operator of the tree's kind, by its spelling. The error where there is none says
 * so. */
struct mt_error *mt_eval_class_binary(const struct mt_eval *eval, const struct mt_ast *ast,
                                      const struct mt_value *a, const struct mt_value *b,
                                      struct mt_value *value);
struct mt_error *mt_eval_class_unary(const struct mt_eval *eval, const struct mt_ast *ast,
                                     const char *name, const struct mt_value *operand,
                                     struct mt_value *value);

/* What an object comes to where a truth is needed: its `operator bool`. */
struct mt_error *mt_eval_class_truth(const struct mt_eval *eval, const struct mt_ast *ast,
                                     const struct mt_value *object, struct mt_value *value);

/* What -> of an object comes to: a pointer, through as many objects as it takes; *found false: its
 * class has no such operator. */
struct mt_error *mt_eval_class_arrow(const struct mt_eval *eval, const struct mt_ast *ast,
                                     const struct mt_value *object, bool *found,
                                     struct mt_value *pointer);

#endif
