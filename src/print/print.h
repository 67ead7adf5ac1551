/* SPDX-License-Identifier: MIT */
/*
 * Values as text, in gdb's own form, so that eyes and scripts need not change: what `print`, `info
 * locals`, `watch --print` and reports of hits show.
 */
#ifndef MT_PRINT_PRINT_H
#define MT_PRINT_PRINT_H

#include "expr/value.h"
#include "print/formatter.h"

/* Named after gdb's settings ("set print pretty"). */
struct mt_print_options {
	char letter;  /* d u x o t z a c f s; 0: as the type has it */
	bool untyped; /* mt_print_top() leaves out the type, as `info locals` does */
	bool raw;     /* /r: formatters (print/formatter.h) are left out */
	bool pretty;  /* a member a line */
	bool array;   /* an element a line */
	bool array_indexes;
	bool address;   /* pointers show their addresses */
	bool symbol;    /* data pointers show what they point at */
	bool unions;    /* unions inside of structs are shown */
	bool null_stop; /* arrays of characters end at their first NUL */
	bool static_members;
	bool object;        /* C++ objects are shown as what they are (expr/dynamic.h) */
	bool utf8;          /* text may be shown as UTF-8; else its bytes are escaped */
	unsigned elements;  /* of an array or a text; 0: all */
	unsigned repeats;   /* equal elements in a row that are still shown one by one; 0: all */
	unsigned max_depth; /* deeper structs are {...} */
	bool captured;      /* memory is what was captured at a hit: no other was looked at then */
	bool shortest;      /* floating point: as few digits as read back the same, not gdb's 17 */
	size_t limit;       /* of the text in bytes, roughly; 0: none. What is left out is "..." */
	const struct mt_formatters *formatters; /* NULL: none */
};

/* gdb's defaults, and what a line of a report shows: bounded, text up to its NUL. */
struct mt_print_options mt_print_defaults(void);
struct mt_print_options mt_print_line(void);

/* Appends the value as it is shown inside of another one: without the type that print puts before a
 * pointer. What can't be read is told in its place; errors are NOMEM, and those of a value that
 * can't be read at all. */
struct mt_error *mt_print_value(const struct mt_world *world, const struct mt_value *value,
                                const struct mt_print_options *options, struct mt_buf *out);

/* The same as `print` shows it: "(int *) 0x404010 <counter>", "(int &) @0x7ffe10: 5". */
struct mt_error *mt_print_top(const struct mt_world *world, const struct mt_value *value,
                              const struct mt_print_options *options, struct mt_buf *out);

/*
 * `bytes`, `size` of them, as a value of `type`, on one line, by mt_print_line(). `image` finds
 * symbols for pointers and may be NULL. Fewer bytes than the type needs: what there is, as raw
 * hexadecimal.
 */
void mt_value_format(struct mt_image *image, const struct mt_type *type, const uint8_t *bytes,
                     size_t size, struct mt_buf *out);

/* `size` bytes as one number of that format: what x/ and print/ show. `pad`: hexadecimal and binary
 * with all their digits, as x has them. `image` may be NULL. */
void mt_print_number(struct mt_image *image, char letter, const uint8_t *bytes, size_t size,
                     bool pad, struct mt_buf *out);

/* " <main+4>", when a symbol covers the address. */
void mt_print_symbol(struct mt_image *image, uint64_t addr, struct mt_buf *out);

/*
 * The text at `addr` in quotes, its characters of type `unit` (NULL: of a byte each): up to its
 * NUL, or `max` characters and "...". *next is the address past it. UNREADABLE when its first
 * character is not there; text that ends at unreadable memory is followed by an error in its place.
 */
struct mt_error *mt_print_text_at(const struct mt_world *world, uint64_t addr,
                                  const struct mt_type *unit, size_t max,
                                  const struct mt_print_options *options, struct mt_buf *out,
                                  uint64_t *next);

#endif
