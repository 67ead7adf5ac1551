/* SPDX-License-Identifier: MIT */
/*
 * What the files that apply formatters share: formatted.c goes through a block, formatted_type.c
 * finds the types that it names, formatted_each.c shows what is numbered or lies in bases.
 */
#ifndef MT_PRINT_FORMATTING_H
#define MT_PRINT_FORMATTING_H

#include "print/formatter_private.h"
#include "print/printer.h"

/* More elements than this are no container's: the value was never initialised. */
#define COUNT_MAX (1ll << 40)

enum { NAMES_MAX = 16, TREE_MAX = 128, ITEMS_MAX = 1 << 20 };

struct mt_named_value {
	const char *name;
	struct mt_value value;
};

struct mt_formatting {
	struct mt_printer *printer;
	const struct mt_formatter *block;
	struct mt_part part;
	struct mt_world world; /* in which the block's expressions are evaluated */
	struct mt_named_value names[NAMES_MAX];
	size_t name_count;
	bool has_header;
	bool is_array;   /* its children are elements without names */
	size_t children; /* written */
};

/* The value of an expression of the block. */
struct mt_error *mt_formatting_eval(struct mt_formatting *formatting, const char *text,
                                    struct mt_value *value);
struct mt_error *mt_formatting_number(struct mt_formatting *formatting, const char *text,
                                      int64_t *number);

/* Sets $name; an earlier value of it is replaced. */
struct mt_error *mt_formatting_set(struct mt_formatting *formatting, const char *name,
                                   const struct mt_value *value);

/* The block's step of that verb; NULL: it has none. */
const struct mt_formatter_step *mt_formatting_step(const struct mt_formatter *block,
                                                   enum mt_formatter_verb verb);

/* What is wrong with a part is told in its place. */
void mt_formatting_write(struct mt_formatting *formatting, const struct mt_value *value);

/* Begins the next child. False: there are as many as may be shown. */
bool mt_formatting_child(struct mt_formatting *formatting);

/* "[key] = " where the block has a pair, and its value; false: it has none. */
struct mt_error *mt_formatting_pair(struct mt_formatting *formatting, struct mt_value *value,
                                    bool *has_pair);

/* ---- formatted_type.c */

/* A template's argument: T1, T2 …, T(EXPR), or the name of its parameter; a type that the class
 * declares; any other of the program. */
struct mt_error *mt_formatting_type(struct mt_formatting *formatting, const char *name,
                                    const struct mt_type **type);

/* The value of the step's operand; with `as`, what is of that type where it points to. */
struct mt_error *mt_formatting_operand(struct mt_formatting *formatting,
                                       const struct mt_formatter_step *step, size_t operand,
                                       struct mt_value *value);

/* Writes the type's name, as short as the formatters' files have it. False: `name` is no type of
 * the block's own. */
bool mt_formatting_type_name(struct mt_formatting *formatting, const char *name);
void mt_formatting_write_type(struct mt_formatting *formatting, const struct mt_type *type);

/* ---- formatted_each.c */

struct mt_error *mt_formatting_each(struct mt_formatting *formatting,
                                    const struct mt_formatter_step *step);
struct mt_error *mt_formatting_btree(struct mt_formatting *formatting,
                                     const struct mt_formatter_step *step);
struct mt_error *mt_formatting_bases(struct mt_formatting *formatting,
                                     const struct mt_formatter_step *step);

#endif
