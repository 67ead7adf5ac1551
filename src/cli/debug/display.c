/* SPDX-License-Identifier: MIT */
/* Expressions that are shown at each stop. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/memory.h"
#include "cli/debug/show.h"

/* "/4xw ", as it was typed. */
static void say_format(struct mt_shell *shell, const struct mt_format *format)
{
	if (!format->letter && !format->size && !format->has_count)
		return;
	mt_say(shell, "/");
	if (format->has_count)
		mt_say(shell, "%" PRId64, format->count);
	if (format->letter)
		mt_say(shell, "%c", format->letter);
	if (format->size)
		mt_say(shell, "%c", format->size);
	mt_say(shell, " ");
}

static struct mt_error *show_display(struct mt_shell *shell, const struct mt_display *display)
{
	const struct mt_format *format = &display->format;
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_value value;
	uint64_t addr;

	if (format->letter == 'i' || format->letter == 's' || format->has_count || format->size) {
		MT_TRY(mt_eval_address(shell, display->expression, &addr));
		mt_say(shell, "%d: x", display->number);
		say_format(shell, format);
		mt_say(shell, "%s\n", display->expression);
		return mt_examine(shell, addr, format);
	}
	MT_TRY(mt_eval(shell, display->expression, &arena, &value));
	mt_say(shell, "%d: ", display->number);
	say_format(shell, format);
	mt_say(shell, "%s = ", display->expression);
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

static struct mt_error *switch_displays(struct mt_shell *shell, const char *args, bool enabled)
{
	struct mt_number_list numbers MT_CLEANUP(mt_number_list_deinit) = { 0 };
	bool any = false;

	MT_TRY(mt_text_numbers(args, enabled ? "enable display" : "disable display", &numbers));
	for (size_t i = 0; i < shell->displays.len; i++) {
		struct mt_display *one = &shell->displays.data[i];

		if (*args && !mt_number_list_has(&numbers, one->number))
			continue;
		one->enabled = enabled;
		any = true;
	}
	if (*args && !any)
		return mt_error_new(MT_ERR_NOT_FOUND, "there is no display %.40s", args);
	return NULL;
}

static struct mt_error *enable(struct mt_shell *shell, const char *args)
{
	return switch_displays(shell, args, true);
}

static struct mt_error *disable(struct mt_shell *shell, const char *args)
{
	return switch_displays(shell, args, false);
}

static struct mt_error *info_display(struct mt_shell *shell, const char *args)
{
	MT_TRY(mt_text_end(args, "info display"));
	if (!shell->displays.len) {
		mt_say(shell, "There are no auto-display expressions now.\n");
		return NULL;
	}
	mt_say(shell, "Auto-display expressions now in effect:\nNum Enb Expression\n");
	for (size_t i = 0; i < shell->displays.len; i++) {
		const struct mt_display *one = &shell->displays.data[i];

		mt_say(shell, "%d:   %c  ", one->number, one->enabled ? 'y' : 'n');
		say_format(shell, &one->format);
		mt_say(shell, "%s\n", one->expression);
	}
	return NULL;
}

#define SWITCH(verb_name, function, text)                                                          \
	{                                                                                          \
		.name = verb_name, .run = function, .usage = "[N...]", .summary = text,            \
		.topic = MT_TOPIC_DATA                                                             \
	}

static const struct mt_verb verbs[] = {
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
	SWITCH("enable display", enable, "shows these displays again"),
	SWITCH("disable display", disable, "keeps these displays from being shown"),
	{ .name = "info display",
	  .run = info_display,
	  .usage = "",
	  .summary = "the displays",
	  .topic = MT_TOPIC_DATA },
};

MT_VERB_LIST(mt_verbs_display, verbs);
