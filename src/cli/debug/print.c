/* SPDX-License-Identifier: MIT */
/* Values on demand and at each stop: print, output, printf, echo, set var, display. */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/memory.h"
#include "cli/debug/show.h"

/* ---- print ----------------------------------------------------------------- */

static struct mt_error *show_last(struct mt_shell *shell, const char *args, struct mt_value *value)
{
	return mt_eval(shell, *args ? args : "$", value);
}

static struct mt_error *print(struct mt_shell *shell, const char *args)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };
	struct mt_format format;
	struct mt_value value;
	size_t number;

	MT_TRY(mt_format_parse(&args, "print", &format));
	MT_TRY(show_last(shell, args, &value));
	MT_TRY(mt_value_show(shell, &value, &format, &text));
	MT_TRY(mt_values_record(shell, &value, &number));
	mt_say(shell, "$%zu = %s\n", number, text.data ? text.data : "");
	return NULL;
}

static struct mt_error *output(struct mt_shell *shell, const char *args)
{
	struct mt_format format;
	struct mt_value value;

	MT_TRY(mt_format_parse(&args, "output", &format));
	if (!*args)
		return mt_error_new(MT_ERR_USAGE, "output takes an expression");
	MT_TRY(mt_eval(shell, args, &value));
	return mt_value_show(shell, &value, &format, &shell->out);
}

static struct mt_error *set_variable(struct mt_shell *shell, const char *args)
{
	struct mt_value value;

	if (!mt_text_outside(args, '='))
		return mt_error_new(MT_ERR_USAGE, "set variable takes an assignment: set variable "
		                                  "counter = 3");
	return mt_eval(shell, args, &value);
}

/* ---- echo and printf ------------------------------------------------------- */

static struct mt_error *echo(struct mt_shell *shell, const char *args)
{
	mt_text_unescape(&shell->out, args, strlen(args));
	return NULL;
}

/* The format is the person's, a conversion at a time, with the flags and widths that were read. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static struct mt_error *convert_text(struct mt_shell *shell, const char *spec,
                                     const struct mt_value *value)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };
	struct mt_number number;
	uint64_t next;
	char format[32];

	MT_TRY(mt_value_number(shell, value, &number));
	MT_TRY(mt_string_show(shell, number.bits, MT_VALUE_MAX, &text, &next));
	if (!mt_buf_ok(&text))
		return mt_error_nomem();
	snprintf(format, sizeof(format), "%ss", spec);
	text.data[text.len - 1] = '\0'; /* without its quotes */
	mt_say(shell, format, text.data + 1);
	return NULL;
}

static struct mt_error *convert(struct mt_shell *shell, const struct mt_conversion *conversion,
                                const char *expression)
{
	struct mt_value value;
	struct mt_number number;
	char format[32];

	MT_TRY(mt_eval(shell, expression, &value));
	if (conversion->letter == 's')
		return convert_text(shell, conversion->spec, &value);
	MT_TRY(mt_value_number(shell, &value, &number));
	if (strchr("fega", conversion->letter)) {
		snprintf(format, sizeof(format), "%s%c", conversion->spec, conversion->letter);
		mt_say(shell, format,
		       number.is_float ? number.floating : (double)(int64_t)number.bits);
		return NULL;
	}
	if (number.is_float)
		number.bits = (uint64_t)(int64_t)number.floating;
	if (conversion->letter == 'c' || conversion->letter == 'p') {
		snprintf(format, sizeof(format), "%s%c", conversion->spec, conversion->letter);
		if (conversion->letter == 'c')
			mt_say(shell, format, (int)number.bits);
		else
			mt_say(shell, format, (void *)(uintptr_t)number.bits); /* NOLINT */
		return NULL;
	}
	if (number.size < 8 && strchr("xXou", conversion->letter))
		number.bits &= (1ULL << 8 * number.size) - 1;
	snprintf(format, sizeof(format), "%sll%c", conversion->spec, conversion->letter);
	mt_say(shell, format, (unsigned long long)number.bits);
	return NULL;
}

#pragma GCC diagnostic pop

static struct mt_error *print_parsed(struct mt_shell *shell, const struct mt_printf_text *parsed)
{
	const char *format = parsed->format;
	size_t used = 0;

	while (*format) {
		const char *begin = format;
		struct mt_conversion conversion;

		MT_TRY(mt_conversion_next(&format, &conversion));
		mt_buf_bytes(&shell->out, begin, conversion.text_len);
		if (conversion.letter == '%') {
			mt_say(shell, "%%");
			continue;
		}
		if (!conversion.letter)
			break;
		if (used == parsed->values.len)
			return mt_error_new(MT_ERR_USAGE,
			                    "the format asks for more than the %zu value%s given",
			                    used, used == 1 ? "" : "s");
		MT_TRY(convert(shell, &conversion, parsed->values.data[used++]));
	}
	if (used < parsed->values.len)
		return mt_error_new(MT_ERR_USAGE, "the format leaves %zu of the values out",
		                    parsed->values.len - used);
	return NULL;
}

static struct mt_error *print_formatted(struct mt_shell *shell, const char *args)
{
	struct mt_printf_text parsed;
	struct mt_error *error;

	MT_TRY(mt_printf_parse(args, &parsed));
	error = print_parsed(shell, &parsed);
	mt_printf_text_deinit(&parsed);
	return error;
}

/* ---- display --------------------------------------------------------------- */

/* "x/3i $pc" */
static void say_examined(struct mt_shell *shell, const struct mt_display *display)
{
	const struct mt_format *format = &display->format;

	mt_say(shell, "%d: x/", display->number);
	if (format->has_count)
		mt_say(shell, "%" PRId64, format->count);
	if (format->letter)
		mt_say(shell, "%c", format->letter);
	if (format->size)
		mt_say(shell, "%c", format->size);
	mt_say(shell, " %s\n", display->expression);
}

static struct mt_error *show_display(struct mt_shell *shell, const struct mt_display *display)
{
	const struct mt_format *format = &display->format;
	struct mt_value value;
	uint64_t addr;

	if (format->letter == 'i' || format->letter == 's' || format->has_count || format->size) {
		MT_TRY(mt_eval_address(shell, display->expression, &addr));
		say_examined(shell, display);
		return mt_examine(shell, addr, format);
	}
	MT_TRY(mt_eval(shell, display->expression, &value));
	mt_say(shell, "%d: %s = ", display->number, display->expression);
	MT_TRY(mt_value_show(shell, &value, format, &shell->out));
	mt_say(shell, "\n");
	return NULL;
}

void mt_displays_show(struct mt_shell *shell)
{
	for (size_t i = 0; i < shell->displays.len; i++) {
		const struct mt_display *display = &shell->displays.data[i];
		struct mt_error *error;

		if (!display->enabled)
			continue;
		error = show_display(shell, display);
		if (error)
			mt_say(shell, "%d: %s: %s\n", display->number, display->expression,
			       mt_error_text(error));
		mt_error_free(error);
	}
	free(MT_TAKE(shell->blamed));
}

static struct mt_error *display(struct mt_shell *shell, const char *args)
{
	struct mt_display made = { .enabled = true };

	if (!*args) {
		mt_displays_show(shell);
		return NULL;
	}
	MT_TRY(mt_format_parse(&args, "display", &made.format));
	if (!*args)
		return mt_error_new(MT_ERR_USAGE, "display takes an expression");
	made.expression = mt_strdup(args);
	made.number = shell->display_count + 1;
	if (!made.expression || !mt_vec_push(&shell->displays, made)) {
		free(made.expression);
		return mt_error_nomem();
	}
	shell->display_count++;
	if (mt_debug_state(shell->debug) == MT_PROCESS_NONE)
		return NULL;
	return show_display(shell, &made);
}

static struct mt_error *undisplay(struct mt_shell *shell, const char *args)
{
	struct mt_number_list numbers MT_CLEANUP(mt_number_list_deinit) = { 0 };
	size_t kept = 0;

	MT_TRY(mt_text_numbers(args, "undisplay", &numbers));
	if (!*args && !mt_shell_confirm(shell, "Delete all displays?"))
		return NULL;
	for (size_t i = 0; i < shell->displays.len; i++) {
		struct mt_display *one = &shell->displays.data[i];

		if (!*args || mt_number_list_has(&numbers, one->number))
			free(one->expression);
		else
			shell->displays.data[kept++] = *one;
	}
	if (*args && kept == shell->displays.len)
		return mt_error_new(MT_ERR_NOT_FOUND, "there is no display %.40s", args);
	shell->displays.len = kept;
	return NULL;
}

static struct mt_error *info_display(struct mt_shell *shell, const char *args)
{
	MT_TRY(mt_text_end(args, "info display"));
	if (!shell->displays.len)
		mt_say(shell, "There are no auto-display expressions now.\n");
	for (size_t i = 0; i < shell->displays.len; i++)
		mt_say(shell, "%d:   %s\n", shell->displays.data[i].number,
		       shell->displays.data[i].expression);
	return NULL;
}

/* ---- Values that were printed ---------------------------------------------- */

static struct mt_error *show_kept(struct mt_shell *shell, const char *name)
{
	struct mt_format none = { 0 };
	struct mt_value value;

	MT_TRY(mt_values_find(shell, name, &value));
	mt_say(shell, "$%s = ", name);
	MT_TRY(mt_value_show(shell, &value, &none, &shell->out));
	mt_say(shell, "\n");
	return NULL;
}

static struct mt_error *show_values(struct mt_shell *shell, const char *args)
{
	MT_TRY(mt_text_end(args, "show values"));
	for (size_t i = 0; i < shell->values.history.len; i++) {
		char name[24];

		snprintf(name, sizeof(name), "%zu", i + 1);
		mt_error_free(show_kept(shell, name)); /* one whose type has gone */
	}
	return NULL;
}

static struct mt_error *show_convenience(struct mt_shell *shell, const char *args)
{
	MT_TRY(mt_text_end(args, "show convenience"));
	for (size_t i = 0; i < shell->values.variables.len; i++)
		mt_error_free(show_kept(shell, shell->values.variables.data[i].name));
	return NULL;
}

#define EXPRESSION_HELP                                                                            \
	"EXPRESSION is C's: variables, $registers, $1 (the first value that was printed), $ "      \
	"(the\n"                                                                                   \
	"last), & and *, members, subscripts, casts, operators; 'help expressions' tells more.\n"  \
	"/FORMAT is a letter: x d u o t (binary) a (address) c f z s."

static const struct mt_verb verbs[] = {
	{ .name = "print",
	  .aliases = "p inspect",
	  .run = print,
	  .usage = "[/FORMAT] [EXPRESSION]",
	  .summary = "what an expression comes to; it is kept as $1, $2 ...",
	  .help = EXPRESSION_HELP,
	  .topic = MT_TOPIC_DATA,
	  .completes = MT_COMPLETE_VALUE },
	{ .name = "output",
	  .run = output,
	  .usage = "[/FORMAT] EXPRESSION",
	  .summary = "as print, without a name and a newline: for scripts",
	  .help = EXPRESSION_HELP,
	  .topic = MT_TOPIC_DATA,
	  .completes = MT_COMPLETE_VALUE },
	{ .name = "set variable",
	  .aliases = "var v",
	  .run = set_variable,
	  .usage = "VARIABLE = EXPRESSION",
	  .summary = "changes a variable, a register or memory of the program",
	  .help =
	      "As in: set variable counter = 3, set variable $rax = 0, set variable *(int *)$rsp\n"
	      "= 7. 'set $name = ...' makes a variable of the debugger's own.",
	  .topic = MT_TOPIC_DATA,
	  .completes = MT_COMPLETE_VALUE },
	{ .name = "echo",
	  .run = echo,
	  .usage = "TEXT",
	  .summary = "says TEXT, with \\n and its kin resolved",
	  .topic = MT_TOPIC_SCRIPTS },
	{ .name = "printf",
	  .run = print_formatted,
	  .usage = "\"FORMAT\", VALUE...",
	  .summary = "says values as C's printf has them",
	  .topic = MT_TOPIC_SCRIPTS,
	  .completes = MT_COMPLETE_VALUE },
	{ .name = "display",
	  .run = display,
	  .usage = "[/FORMAT] [EXPRESSION]",
	  .summary = "shows an expression at each stop; without one, all displays now",
	  .help =
	      "With a format of x (a count, a size, i or s) it is memory that is shown: display/i\n"
	      "$pc",
	  .topic = MT_TOPIC_DATA,
	  .completes = MT_COMPLETE_VALUE },
	{ .name = "undisplay",
	  .run = undisplay,
	  .usage = "[N...]",
	  .summary = "ends displays",
	  .topic = MT_TOPIC_DATA },
	{ .name = "delete display",
	  .run = undisplay,
	  .usage = "[N...]",
	  .summary = "ends displays",
	  .topic = MT_TOPIC_DATA },
	{ .name = "info display",
	  .run = info_display,
	  .usage = "",
	  .summary = "the displays",
	  .topic = MT_TOPIC_DATA },
	{ .name = "show values",
	  .run = show_values,
	  .usage = "",
	  .summary = "the values that print has kept",
	  .topic = MT_TOPIC_DATA },
	{ .name = "show convenience",
	  .aliases = "conv",
	  .run = show_convenience,
	  .usage = "",
	  .summary = "the variables that 'set $name = ...' has made",
	  .topic = MT_TOPIC_DATA },
};

MT_VERB_LIST(mt_verbs_print, verbs);
