/* SPDX-License-Identifier: MIT */
/*
 * Values: what an expression comes to, the history of those that were printed ($1, $2 …), and the
 * shell's own variables ($name).
 */
#ifndef MT_CLI_DEBUG_VALUE_H
#define MT_CLI_DEBUG_VALUE_H

#include "base/vec.h"
#include "cli/debug/syntax.h"
#include "symbol/type.h"

struct mt_shell;

enum mt_value_home {
	MT_HOME_NOWHERE,  /* the result of an operator: `bytes` */
	MT_HOME_MEMORY,   /* at `addr` */
	MT_HOME_REGISTER, /* `name` without $; `bytes` are what it held */
	MT_HOME_OWN,      /* the shell's variable `name`; `kept` or `bytes` */
	MT_HOME_KEPT,     /* in the history: `kept` */
};

#define MT_VALUE_INLINE 64
#define MT_VALUE_NAME 32

/* Nothing to release: `kept` belongs to the history or to a variable. */
struct mt_value {
	const struct mt_type *type;
	enum mt_value_home home;
	uint64_t addr;
	uint8_t bit_offset, bit_size; /* of a bit-field; bit_size 0: none */
	char name[MT_VALUE_NAME];
	uint8_t bytes[MT_VALUE_INLINE];
	const uint8_t *kept;
};

/* One value that lasts. */
struct mt_kept_value {
	char *name; /* of a variable; NULL in the history */
	struct mt_value value;
	uint8_t *bytes;
	uint64_t addr; /* where it was read; 0: nowhere */
};

struct mt_values {
	MT_VEC(struct mt_kept_value) history;
	MT_VEC(struct mt_kept_value) variables;
};

void mt_values_deinit(struct mt_values *values);

/* Types of an image are about to go: scalars become C's own types, the rest is lost. */
void mt_values_forget_types(struct mt_values *values);

/* ---- Making and reading values --------------------------------------------- */

struct mt_value mt_value_of_int(int64_t number);
struct mt_value mt_value_of_address(uint64_t addr, const struct mt_type *target,
                                    struct mt_image *image);

/* The value's bytes, `type->size` of them; a bit-field's are extended to its type. Owned by the
 * caller. UNREADABLE; UNSUPPORTED when it is of no size, or larger than MT_VALUE_MAX. */
#define MT_VALUE_MAX (1u << 20)
struct mt_error *mt_value_load(struct mt_shell *shell, const struct mt_value *value,
                               uint8_t **bytes);

/* An integer, pointer, enumerator, bool, character or float as a number. */
struct mt_number {
	bool is_float, is_signed;
	uint8_t size;
	uint64_t bits; /* extended by its sign to 64 bits */
	double floating;
};

/* The number as a value of that scalar type, converted as C does. */
struct mt_value mt_value_of_number(const struct mt_number *number, const struct mt_type *type);

/* SYNTAX when the value is an aggregate. An array is the address of its first element. */
struct mt_error *mt_value_number(struct mt_shell *shell, const struct mt_value *value,
                                 struct mt_number *number);

/* Writes `from` to where `to` lives, converted to its type. */
struct mt_error *mt_value_assign(struct mt_shell *shell, const struct mt_value *to,
                                 const struct mt_value *from);

/* ---- Evaluating (eval.c) ---------------------------------------------------- */

/*
 * A C expression over variables, registers ($rax), values of the history ($1, $, $$) and the
 * shell's variables ($name), with & and *, members, subscripts, casts, C's operators, `value@count`
 * (an array of that many from there), and an assignment at its top. Errors have an offset in
 * `text` where there is one.
 */
struct mt_error *mt_eval(struct mt_shell *shell, const char *text, struct mt_value *value);

/* The same as an address: of a function or an array its own, else the value as a number. */
struct mt_error *mt_eval_address(struct mt_shell *shell, const char *text, uint64_t *addr);

/* The same as an integer. */
struct mt_error *mt_eval_integer(struct mt_shell *shell, const char *text, int64_t *number);

/* ---- The history and variables ---------------------------------------------- */

/* Keeps a copy; *number is its place from 1 on. */
struct mt_error *mt_values_record(struct mt_shell *shell, const struct mt_value *value,
                                  size_t *number);

/* Sets the shell's variable `name`. */
struct mt_error *mt_values_set(struct mt_shell *shell, const char *name,
                               const struct mt_value *value);

/* $NAME, without the $: of the history, a variable or a register. NOT_FOUND. */
struct mt_error *mt_values_find(struct mt_shell *shell, const char *name, struct mt_value *value);

/* ---- Showing (format.c) ------------------------------------------------------ */

/* Appends the value as print shows it, without "$1 = ". */
struct mt_error *mt_value_show(struct mt_shell *shell, const struct mt_value *value,
                               const struct mt_format *format, struct mt_buf *out);

/* Appends `size` bytes as one number of that format: what x and print/x show. */
void mt_number_show(struct mt_shell *shell, char letter, const uint8_t *bytes, size_t size,
                    bool pad, struct mt_buf *out);

/* Appends "<main+4>" when a symbol covers the address. */
void mt_symbol_show(struct mt_shell *shell, uint64_t addr, struct mt_buf *out);

/* Appends the text at `addr` in quotes, up to its NUL or `max` bytes; *next is the address past it.
 * UNREADABLE when its first byte is not there. */
struct mt_error *mt_string_show(struct mt_shell *shell, uint64_t addr, size_t max,
                                struct mt_buf *out, uint64_t *next);

#endif
