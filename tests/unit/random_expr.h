/* SPDX-License-Identifier: MIT */
/*
 * Random expressions for the differential tests of conditions and values. Each is a tree that is
 * written twice: for memtrap with no more parentheses than precedence asks for (and now and then
 * some more), and for the C compiler with all of them, and with macros where memtrap defines what C
 * leaves open. So the compiler judges the parser too.
 */
#ifndef MT_TESTS_RANDOM_EXPR_H
#define MT_TESTS_RANDOM_EXPR_H

#include <inttypes.h>
#include <stdbool.h>

#include "base/buf.h"

/* xorshift64* (Vigna 2016): the same numbers on every machine. */
static uint64_t random_state = 88172645463325252u;

static uint64_t random_u64(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 2685821657736338717u;
}

static unsigned random_below(unsigned limit)
{
	return (unsigned)((random_u64() >> 32) % limit);
}

#define RANDOM_OF(array) ((array)[random_below(sizeof(array) / sizeof(*(array)))])

enum expr_kind { EXPR_LEAF, EXPR_PREFIX, EXPR_CAST, EXPR_BINARY, EXPR_CHOICE };

struct expr {
	enum expr_kind kind;
	int precedence; /* of its operator, as in C's grammar; leaves have the highest */
	bool is_float;
	char text[32];     /* leaf, or operator, or type */
	const char *macro; /* that stands for the operator in the compiler's text, or NULL */
	struct expr *a, *b, *c;
};

enum { EXPR_POOL = 4096, PRECEDENCE_CHOICE = 0, PRECEDENCE_PREFIX = 11, PRECEDENCE_LEAF = 12 };

static struct expr expr_pool[EXPR_POOL];
static size_t expr_count;

static struct expr *new_expr(enum expr_kind kind, int precedence, const char *text)
{
	struct expr *expr = &expr_pool[expr_count++ % EXPR_POOL];

	*expr = (struct expr){ .kind = kind, .precedence = precedence };
	snprintf(expr->text, sizeof(expr->text), "%s", text);
	return expr;
}

/* ---- Leaves */

static struct expr *random_constant(void)
{
	static const char *const suffixes[] = { "",  "",   "",   "u",  "U",   "l",
		                                "L", "ul", "LU", "ll", "uLL", "llu" };
	static const char *const special[] = { "0",
		                               "1",
		                               "-1",
		                               "'a'",
		                               "'\\xff'",
		                               "2147483647",
		                               "0x80000000",
		                               "255",
		                               "0377",
		                               "0b101",
		                               "0xffffffffffffffff",
		                               "4294967295",
		                               "'\\n'",
		                               "true",
		                               "0x7fffffffffffffff",
		                               "32768" };
	struct expr *expr = new_expr(EXPR_LEAF, PRECEDENCE_LEAF, "");

	if (!random_below(2)) {
		const char *text = RANDOM_OF(special);

		if (*text == '-')
			expr->precedence = PRECEDENCE_PREFIX;
		snprintf(expr->text, sizeof(expr->text), "%s", text);
		return expr;
	}
	uint64_t value = random_u64() >> random_below(64) >> 1;
	const char *suffix = RANDOM_OF(suffixes);
	if (random_below(2))
		value &= 63;
	switch (random_below(3)) {
	case 0:
		snprintf(expr->text, sizeof(expr->text), "%" PRIu64 "%s", value, suffix);
		break;
	case 1:
		snprintf(expr->text, sizeof(expr->text), "0x%" PRIx64 "%s", value, suffix);
		break;
	default:
		snprintf(expr->text, sizeof(expr->text), "0%" PRIo64 "%s", value, suffix);
		break;
	}
	return expr;
}

/* What the test has for operands besides constants. The text needs to last until the next call. */
static const char *random_name(bool is_float);

static struct expr *random_leaf(bool floats)
{
	if (floats && random_below(3)) {
		struct expr *expr = new_expr(EXPR_LEAF, PRECEDENCE_LEAF, random_name(true));

		expr->is_float = true;
		return expr;
	}
	if (!random_below(3))
		return random_constant();
	return new_expr(EXPR_LEAF, PRECEDENCE_LEAF, random_name(false));
}

/* ---- Operators */

static const struct operator_text {
	const char *text;
	int precedence;
	const char *macro;
	bool takes_floats, gives_int;
} operator_texts[] = {
	{ "*", 10, NULL, true, false },   { "/", 10, "DIV", true, false },
	{ "%", 10, "MOD", false, false }, { "+", 9, NULL, true, false },
	{ "-", 9, NULL, true, false },    { "<<", 8, "SHL", false, false },
	{ ">>", 8, "SHR", false, false }, { "<", 7, NULL, true, true },
	{ "<=", 7, NULL, true, true },    { ">", 7, NULL, true, true },
	{ ">=", 7, NULL, true, true },    { "==", 6, NULL, true, true },
	{ "!=", 6, NULL, true, true },    { "&", 5, NULL, false, false },
	{ "^", 4, NULL, false, false },   { "|", 3, NULL, false, false },
	{ "&&", 2, NULL, true, true },    { "||", 1, NULL, true, true },
};

static struct expr *random_expr(int depth, bool floats);

static struct expr *random_binary(int depth, bool floats)
{
	struct operator_text op = RANDOM_OF(operator_texts);
	struct expr *expr = new_expr(EXPR_BINARY, op.precedence, op.text);

	floats = floats && op.takes_floats;
	expr->a = random_expr(depth - 1, floats);
	expr->b = random_expr(depth - 1, floats);
	expr->is_float = !op.gives_int && (expr->a->is_float || expr->b->is_float);
	expr->macro = op.macro;
	if (!strcmp(op.text, "/") && expr->is_float)
		expr->macro = NULL;
	return expr;
}

static struct expr *random_prefix(int depth, bool floats)
{
	static const char *const operators[] = { "-", "+", "!", "~" };
	struct expr *expr = new_expr(EXPR_PREFIX, PRECEDENCE_PREFIX, RANDOM_OF(operators));

	expr->a = random_expr(depth - 1, floats && *expr->text != '~');
	expr->is_float = expr->a->is_float && *expr->text != '!';
	return expr;
}

/* From floats C's casts to integers are open where the value does not fit, so there are none. */
static struct expr *random_cast(int depth)
{
	static const char *const types[] = {
		"char",     "signed char", "unsigned char", "short",     "int",
		"unsigned", "long",        "size_t",        "uint16_t",  "long unsigned int",
		"_Bool",    "int8_t",      "uint32_t",      "long long", "unsigned short"
	};
	struct expr *expr = new_expr(EXPR_CAST, PRECEDENCE_PREFIX, RANDOM_OF(types));

	expr->a = random_expr(depth - 1, false);
	return expr;
}

static struct expr *random_choice(int depth, bool floats)
{
	struct expr *expr = new_expr(EXPR_CHOICE, PRECEDENCE_CHOICE, "?");

	expr->a = random_expr(depth - 1, floats);
	expr->b = random_expr(depth - 1, floats);
	expr->c = random_expr(depth - 1, floats);
	expr->is_float = expr->b->is_float || expr->c->is_float;
	return expr;
}

static struct expr *random_expr(int depth, bool floats)
{
	if (depth <= 0 || !random_below(8))
		return random_leaf(floats);
	switch (random_below(10)) {
	case 0:
		return random_prefix(depth, floats);
	case 1:
		return floats ? random_prefix(depth, floats) : random_cast(depth);
	case 2:
		return random_choice(depth, floats);
	default:
		return random_binary(depth, floats);
	}
}

/* ---- As text */

static void write_blank(struct mt_buf *out)
{
	if (random_below(3))
		mt_buf_char(out, ' ');
}

static void write_terse(struct mt_buf *out, const struct expr *expr, int least)
{
	bool bracket = expr->precedence < least || !random_below(20);

	if (bracket)
		mt_buf_char(out, '(');
	switch (expr->kind) {
	case EXPR_LEAF:
		mt_buf_text(out, expr->text);
		break;
	case EXPR_PREFIX:
		mt_buf_printf(out, "%s ", expr->text); /* `- -1` is no decrement */
		write_terse(out, expr->a, PRECEDENCE_PREFIX);
		break;
	case EXPR_CAST:
		mt_buf_printf(out, "(%s)", expr->text);
		write_terse(out, expr->a, PRECEDENCE_PREFIX);
		break;
	case EXPR_BINARY:
		write_terse(out, expr->a, expr->precedence);
		write_blank(out);
		mt_buf_printf(out, "%s ", expr->text);
		write_terse(out, expr->b, expr->precedence + 1);
		break;
	case EXPR_CHOICE:
		write_terse(out, expr->a, 1);
		mt_buf_text(out, " ? ");
		write_terse(out, expr->b, PRECEDENCE_CHOICE);
		mt_buf_text(out, " :");
		write_blank(out);
		write_terse(out, expr->c, PRECEDENCE_CHOICE);
		break;
	}
	if (bracket)
		mt_buf_char(out, ')');
}

static void write_full(struct mt_buf *out, const struct expr *expr)
{
	mt_buf_char(out, '(');
	switch (expr->kind) {
	case EXPR_LEAF:
		mt_buf_text(out, expr->text);
		break;
	case EXPR_PREFIX:
		mt_buf_text(out, expr->text);
		write_full(out, expr->a);
		break;
	case EXPR_CAST:
		mt_buf_printf(out, "(%s)", expr->text);
		write_full(out, expr->a);
		break;
	case EXPR_BINARY:
		if (expr->macro)
			mt_buf_printf(out, "%s(", expr->macro);
		write_full(out, expr->a);
		mt_buf_text(out, expr->macro ? ", " : expr->text);
		write_full(out, expr->b);
		if (expr->macro)
			mt_buf_char(out, ')');
		break;
	case EXPR_CHOICE:
		write_full(out, expr->a);
		mt_buf_text(out, " ? ");
		write_full(out, expr->b);
		mt_buf_text(out, " : ");
		write_full(out, expr->c);
		break;
	}
	mt_buf_char(out, ')');
}

#endif
