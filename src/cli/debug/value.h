/* SPDX-License-Identifier: MIT */
/*
 * The shell's values: expressions in the selected frame, the history of those that were printed
 * ($1, $2 …), and the shell's own variables ($name).
 */
#ifndef MT_CLI_DEBUG_VALUE_H
#define MT_CLI_DEBUG_VALUE_H

#include <signal.h>

#include "base/vec.h"
#include "cli/debug/syntax.h"
#include "engine/world.h"
#include "print/print.h"

struct mt_shell;

/* One value that lasts, with all that it is made of. */
struct mt_kept_value {
	char *name; /* of a variable; NULL in the history */
	struct mt_value value;
	struct mt_arena arena;
	uint8_t *bytes; /* the value's, in the arena; NULL: others hold them */
};

struct mt_values {
	MT_VEC(struct mt_kept_value) history;
	MT_VEC(struct mt_kept_value) variables;
	siginfo_t siginfo; /* what $_siginfo was when it was asked for last */
};

void mt_values_deinit(struct mt_values *values);

/* Types of an image are about to go: scalars become C's own types, the rest is lost. */
void mt_values_forget_types(struct mt_values *values);

/* ---- Evaluating (eval.c) ---------------------------------------------------- */

/* What expressions see, with the right to change it. `world` is not to be moved. */
void mt_shell_world(struct mt_shell *shell, struct mt_debug_world *world);

/* The value of an expression, as expr/value.h has it; it lives in `arena`. */
struct mt_error *mt_eval(struct mt_shell *shell, const char *text, struct mt_arena *arena,
                         struct mt_value *value);

/* The same for its effects only. */
struct mt_error *mt_eval_effects(struct mt_shell *shell, const char *text);

/* The same as an address: of a function or an array its own, else the value as a number of the
 * machine's word (an int in an i386 register may have its highest bit). */
struct mt_error *mt_eval_address(struct mt_shell *shell, const char *text, uint64_t *addr);

/* The same as a number, and as an integer. */
struct mt_error *mt_eval_number(struct mt_shell *shell, const char *text, struct mt_number *number);
struct mt_error *mt_eval_integer(struct mt_shell *shell, const char *text, int64_t *number);

/* ---- The history and variables (value.c) ------------------------------------ */

/* Keeps the value and takes its arena over; *number is its place from 1 on. */
struct mt_error *mt_values_record(struct mt_shell *shell, struct mt_arena *arena,
                                  const struct mt_value *value, size_t *number);

/* Sets the shell's variable `name` to a copy. */
struct mt_error *mt_values_set(struct mt_shell *shell, const char *name,
                               const struct mt_value *value);
struct mt_error *mt_values_set_integer(struct mt_shell *shell, const char *name, int64_t number);
struct mt_error *mt_values_set_address(struct mt_shell *shell, const char *name, uint64_t addr,
                                       const struct mt_type *target);

/* $NAME, without the $: of the history ("", "$", "$2", "7") or a variable. False: there is none, or
 * its type is of a program that is gone. */
bool mt_values_find(struct mt_values *values, const char *name, struct mt_value *value);

/* The two as expressions use them. */
struct mt_debug_names mt_values_names(struct mt_shell *shell);

/* ---- Showing (format.c) ------------------------------------------------------ */

/* The options of the room print, as they are set, for a format. */
struct mt_print_options mt_shell_print_options(const struct mt_shell *shell, char letter);

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
