/* SPDX-License-Identifier: MIT */
/* Values as text, by the shell's settings. */
#include <langinfo.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/debug/shell.h"
#include "x86/regtable.h"

struct mt_print_options mt_shell_print_options(const struct mt_shell *shell, char letter)
{
	struct mt_print_options options = shell->settings.print;

	options.letter = letter;
	options.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	options.formatters = shell->formatters;
	return options;
}

void mt_symbol_show(struct mt_shell *shell, uint64_t addr, struct mt_buf *out)
{
	mt_print_symbol(mt_debug_image(shell->debug), addr, out);
}

void mt_number_show(struct mt_shell *shell, char letter, const uint8_t *bytes, size_t size,
                    bool pad, struct mt_buf *out)
{
	mt_print_number(mt_debug_image(shell->debug), letter, bytes, size, pad, out);
}

struct mt_error *mt_string_show(struct mt_shell *shell, uint64_t addr, size_t max,
                                struct mt_buf *out, uint64_t *next)
{
	struct mt_print_options options = mt_shell_print_options(shell, '\0');
	struct mt_debug_world made;

	mt_shell_world(shell, &made);
	options.elements = 0; /* `max` is the caller's bound */
	options.repeats = 0;
	return mt_print_text_at(&made.world, addr, NULL, max, &options, out, next);
}

static bool is_flags(const struct mt_value *value)
{
	return value->home == MT_HOME_REGISTER && !strcmp(value->name, "eflags");
}

static void show_flags(const uint8_t *bytes, struct mt_buf *out)
{
	uint64_t flags = 0;

	memcpy(&flags, bytes, sizeof(uint32_t));
	mt_buf_text(out, "[ ");
	mt_eflags_format(flags, out);
	mt_buf_text(out, " ]");
}

struct mt_error *mt_value_show(struct mt_shell *shell, const struct mt_value *value,
                               const struct mt_format *format, struct mt_buf *out)
{
	char letter = format->letter == 'i' ? '\0' : format->letter;
	struct mt_print_options options = mt_shell_print_options(shell, letter);
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_value shown = *value;
	struct mt_debug_world made;

	mt_shell_world(shell, &made);
	options.raw = format->raw;
	if (letter || !is_flags(value))
		return mt_print_top(&made.world, value, &options, out);
	MT_TRY(mt_value_fetch(&made.world, &arena, &shown));
	show_flags(shown.bytes, out);
	return NULL;
}
