/* SPDX-License-Identifier: MIT */
/* echo, printf, eval, dprintf: texts of a person's own, with values in them. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/breaks.h"
#include "cli/debug/script.h"

static struct mt_error *echo(struct mt_shell *shell, const char *args)
{
	mt_text_unescape(&shell->out, args, strlen(args));
	return NULL;
}

/* ---- One conversion -------------------------------------------------------- */

/* The bytes up to a NUL, as they are; read in pieces that cross no page. */
static struct mt_error *read_string(struct mt_shell *shell, uint64_t addr, struct mt_buf *text)
{
	enum { PIECE = 256 };
	char piece[PIECE];

	mt_buf_text(text, "");
	while (text->len < MT_VALUE_MAX) {
		size_t len = PIECE - addr % PIECE, used;
		struct mt_error *error = mt_shell_read_memory(shell, addr, piece, len);

		if (error && text->len) { /* what is there is shown */
			mt_error_free(error);
			break;
		}
		MT_TRY(error);
		used = strnlen(piece, len);
		mt_buf_bytes(text, piece, used);
		if (used < len)
			break;
		addr += len;
	}
	return mt_buf_ok(text) ? NULL : mt_error_nomem();
}

/* The format is the person's, a conversion at a time, with the flags and widths that were read. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static struct mt_error *convert_text(struct mt_shell *shell, const char *spec,
                                     const struct mt_world *world, const struct mt_value *value,
                                     struct mt_buf *out)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };
	struct mt_number number;
	char format[32];

	if (value->type->kind == MT_TYPE_ARRAY && value->bytes) { /* of the command's own */
		mt_buf_bytes(&text, value->bytes, (size_t)value->type->size);
	} else {
		MT_TRY(mt_value_number(world, value, &number));
		MT_TRY(read_string(shell, number.bits, &text));
	}
	if (!mt_buf_ok(&text))
		return mt_error_nomem();
	snprintf(format, sizeof(format), "%ss", spec);
	mt_buf_printf(out, format, text.data ? text.data : "");
	return NULL;
}

static void convert_number(const struct mt_conversion *conversion, struct mt_number number,
                           struct mt_buf *out)
{
	char letter = conversion->letter, format[32];

	if (strchr("fega", letter)) {
		snprintf(format, sizeof(format), "%s%c", conversion->spec, letter);
		mt_buf_printf(out, format,
		              number.is_float ? (double)number.floating
		                              : (double)(int64_t)number.bits);
		return;
	}
	if (number.is_float)
		number.bits = (uint64_t)(int64_t)number.floating;
	if (number.size < 8 && strchr("xXou", letter))
		number.bits &= (1ULL << 8 * number.size) - 1;
	snprintf(format, sizeof(format), "%s%s%c", conversion->spec,
	         strchr("cp", letter) ? "" : "ll", letter);
	if (letter == 'c')
		mt_buf_printf(out, format, (int)number.bits);
	else if (letter == 'p')
		mt_buf_printf(out, format, (void *)(uintptr_t)number.bits); /* NOLINT */
	else
		mt_buf_printf(out, format, (unsigned long long)number.bits);
}

#pragma GCC diagnostic pop

static struct mt_error *convert(struct mt_shell *shell, const struct mt_conversion *conversion,
                                const char *expression, struct mt_buf *out)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_debug_world made;
	struct mt_value value;
	struct mt_number number;

	MT_TRY(mt_eval(shell, expression, &arena, &value));
	mt_shell_world(shell, &made);
	if (conversion->letter == 's')
		return convert_text(shell, conversion->spec, &made.world, &value, out);
	MT_TRY(mt_value_number(&made.world, &value, &number));
	convert_number(conversion, number, out);
	return NULL;
}

/* ---- A format and its values ----------------------------------------------- */

static struct mt_error *format_parsed(struct mt_shell *shell, const struct mt_printf_text *parsed,
                                      struct mt_buf *out)
{
	const char *format = parsed->format;
	size_t used = 0;

	while (*format) {
		const char *begin = format;
		struct mt_conversion conversion;

		MT_TRY(mt_conversion_next(&format, &conversion));
		mt_buf_bytes(out, begin, conversion.text_len);
		if (conversion.letter == '%') {
			mt_buf_char(out, '%');
			continue;
		}
		if (!conversion.letter)
			break;
		if (used == parsed->values.len)
			return mt_error_new(MT_ERR_USAGE,
			                    "the format asks for more than the %zu value%s given",
			                    used, used == 1 ? "" : "s");
		MT_TRY(convert(shell, &conversion, parsed->values.data[used++], out));
	}
	if (used < parsed->values.len)
		return mt_error_new(MT_ERR_USAGE, "the format leaves %zu of the values out",
		                    parsed->values.len - used);
	return mt_buf_ok(out) ? NULL : mt_error_nomem();
}

/* All or, with an error, nothing. */
static struct mt_error *format_text(struct mt_shell *shell, const char *args, struct mt_buf *out)
{
	struct mt_printf_text parsed MT_CLEANUP(mt_printf_text_deinit) = { 0 };

	MT_TRY(mt_printf_parse(args, &parsed));
	mt_buf_text(out, "");
	return format_parsed(shell, &parsed, out);
}

static struct mt_error *print_formatted(struct mt_shell *shell, const char *args)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };

	MT_TRY(format_text(shell, args, &text));
	mt_buf_bytes(&shell->out, text.data, text.len);
	return NULL;
}

static struct mt_error *do_formatted(struct mt_shell *shell, const char *args)
{
	struct mt_buf line MT_AUTO_BUF = { 0 };

	MT_TRY(format_text(shell, args, &line));
	return mt_shell_do(shell, line.data);
}

/* ---- dprintf --------------------------------------------------------------- */

static struct mt_error *add_line(struct mt_block *block, const char *before, const char *text)
{
	struct mt_buf line MT_AUTO_BUF = { 0 };
	char *made;

	mt_buf_printf(&line, "%s%s", before, text);
	made = mt_buf_take(&line);
	if (made && mt_vec_push(&block->lines, made))
		return NULL;
	free(made);
	return mt_error_nomem();
}

/* What a person would write under `commands`. */
static struct mt_error *keep_printing(struct mt_shell *shell, int number, const char *args)
{
	struct mt_script script = { .breakpoint = number };
	struct mt_error *error = add_line(&script.block, "silent", "");

	if (!error)
		error = add_line(&script.block, "printf ", args);
	if (!error)
		error = add_line(&script.block, "continue", "");
	if (!error)
		return mt_script_keep(shell, &script);
	mt_script_deinit(&script);
	return error;
}

static struct mt_error *break_and_print(struct mt_shell *shell, const char *args)
{
	struct mt_printf_text parsed MT_CLEANUP(mt_printf_text_deinit) = { 0 };
	const char *comma = mt_text_outside(args, ',');
	char *location MT_AUTO_FREE = NULL;
	int64_t number;

	if (!comma || comma == args)
		return mt_error_new(MT_ERR_USAGE,
		                    "dprintf takes LOCATION,\"FORMAT\",VALUE..., as in: "
		                    "dprintf cache.c:57,\"%%d\\n\",counter");
	MT_TRY(mt_printf_parse(mt_text_skip(comma + 1), &parsed));
	location = mt_strndup(args, (size_t)(comma - args));
	if (!location)
		return mt_error_nomem();
	MT_TRY(mt_break_set(shell, location));
	MT_TRY(mt_eval_integer(shell, "$bpnum", &number));
	return keep_printing(shell, (int)number, mt_text_skip(comma + 1));
}

#define FORMAT_HELP                                                                                \
	"FORMAT is C's: %d %u %x %o %c %s %f %g %p and %%, with flags and widths. %s takes a\n"    \
	"pointer into the program, or an array of characters."

static const struct mt_verb verbs[] = {
	{ .name = "echo",
	  .run = echo,
	  .usage = "TEXT",
	  .summary = "says TEXT, with \\n and its kin resolved",
	  .help = "A backslash before a blank keeps it where it would be at the text's edge.",
	  .topic = MT_TOPIC_SCRIPTS,
	  .only_looks = true },
	{ .name = "printf",
	  .run = print_formatted,
	  .usage = "\"FORMAT\", VALUE...",
	  .summary = "says values as C's printf has them",
	  .help = FORMAT_HELP,
	  .topic = MT_TOPIC_SCRIPTS,
	  .completes = MT_COMPLETE_VALUE,
	  .only_looks = true },
	{ .name = "eval",
	  .run = do_formatted,
	  .usage = "\"FORMAT\", VALUE...",
	  .summary = "does the command that printf would say",
	  .help = "As in: eval \"x/%di $pc\", $n\n\n" FORMAT_HELP,
	  .topic = MT_TOPIC_SCRIPTS,
	  .completes = MT_COMPLETE_VALUE },
	{ .name = "dprintf",
	  .run = break_and_print,
	  .usage = "LOCATION,\"FORMAT\",VALUE...",
	  .summary = "says values each time the program gets to LOCATION, and lets it go on",
	  .help =
	      "It is a breakpoint with commands, which 'info breakpoints' shows.\n\n" FORMAT_HELP,
	  .topic = MT_TOPIC_BREAKPOINTS,
	  .completes = MT_COMPLETE_PLACE },
};

MT_VERB_LIST(mt_verbs_printf, verbs);
