/* SPDX-License-Identifier: MIT */
/*
 * What the arguments of single commands mean, from their text alone. Pure functions; any text is
 * safe. All errors are USAGE unless something else is said.
 */
#ifndef MT_CLI_DEBUG_SYNTAX_H
#define MT_CLI_DEBUG_SYNTAX_H

#include "cli/debug/text.h"

/* ---- /FORMAT of print, x, display and output ------------------------------- */

/* 0 where the text has none. */
struct mt_format {
	char letter;   /* d u x o t a c f s i z */
	char size;     /* b h w g */
	bool raw;      /* r: without formatters */
	int64_t count; /* x: negative: backwards */
	bool has_count;
};

/* "/8xg" at *text, when there is one; *text goes past it and the blanks behind. */
struct mt_error *mt_format_parse(const char **text, const char *what, struct mt_format *format);

/* "/mr": letters out of `allowed`; those that were given come back as a set of bits, by their
 * place in `allowed`. */
struct mt_error *mt_modifiers_parse(const char **text, const char *what, const char *allowed,
                                    unsigned *given);

/* ---- Breakpoints: [LOCATION] [thread N] [if CONDITION] -------------------- */

struct mt_break_text {
	char *location;  /* "" for none */
	char *condition; /* NULL: none */
	int thread;      /* 0: any */
};

struct mt_error *mt_break_parse(const char *text, struct mt_break_text *parsed);
void mt_break_text_deinit(struct mt_break_text *parsed);

/* ---- list ------------------------------------------------------------------ */

enum mt_list_kind {
	MT_LIST_ON,     /* what follows the lines that were shown last */
	MT_LIST_BACK,   /* "-": what stands before them */
	MT_LIST_AROUND, /* `first` */
	MT_LIST_FROM,   /* "first," */
	MT_LIST_UP_TO,  /* ",last" */
	MT_LIST_RANGE,  /* "first,last" */
};

struct mt_list_text {
	enum mt_list_kind kind;
	char *first, *last; /* locations, or NULL */
};

struct mt_error *mt_list_parse(const char *text, struct mt_list_text *parsed);
void mt_list_text_deinit(struct mt_list_text *parsed);

/* ---- run: words and redirections ------------------------------------------- */

/* Words as they were written, quotes and all. */
struct mt_run_text {
	MT_VEC(char *) words;
	char *in, *out, *err; /* redirections, NULL: none */
	bool append;
};

struct mt_error *mt_run_parse(const char *text, struct mt_run_text *parsed);
void mt_run_text_deinit(struct mt_run_text *parsed);

/* ---- printf ------------------------------------------------------------------ */

/* `"format", a, b`: the format with its escapes resolved, and the expressions. */
struct mt_printf_text {
	char *format;
	MT_VEC(char *) values;
};

struct mt_error *mt_printf_parse(const char *text, struct mt_printf_text *parsed);
void mt_printf_text_deinit(struct mt_printf_text *parsed);

/* One conversion of a format: the text before it, and itself without length modifiers. */
struct mt_conversion {
	size_t text_len;
	char spec[24]; /* "%-8" without the letter; empty: the format has ended */
	char letter;   /* d i u o x X c s p f e g a; '%' for "%%" */
};

/* The next conversion at *format, which goes past it. */
struct mt_error *mt_conversion_next(const char **format, struct mt_conversion *conversion);

/* ---- handle ------------------------------------------------------------------ */

#define MT_SIGNAL_MAX 64

/* A three-valued switch: 0 means that it was not named. */
struct mt_handle_text {
	bool signals[MT_SIGNAL_MAX + 1];
	int stop, print, pass; /* 1: on, -1: off */
};

struct mt_error *mt_handle_parse(const char *text, struct mt_handle_text *parsed);

/* "SIGUSR1", "USR1", "10", "SIGRTMIN+3". */
struct mt_error *mt_signal_parse(const char *word, size_t len, int *signal);

/* "SIGUSR1", "SIG34": static storage until the next such call. */
const char *mt_signal_name(int signal);

#endif
