/* SPDX-License-Identifier: MIT */
/* Catchpoints, and the table of breakpoints and catchpoints. */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/debug/breaks.h"

/* ---- catch ----------------------------------------------------------------- */

static struct mt_error *catch_kind(struct mt_shell *shell, enum mt_break_kind kind,
                                   const char *what, const char *args)
{
	struct mt_break_text parsed;
	struct mt_break_spec spec = { .kind = kind };
	struct mt_error *error;
	int number;

	MT_TRY(mt_break_parse(args, &parsed));
	spec.location = parsed.location;
	spec.condition = parsed.condition;
	spec.thread = parsed.thread;
	error = mt_debug_break(shell->debug, &spec, &number);
	if (!error)
		mt_say(shell, "Catchpoint %d (%s%s%s)\n", number, what, *parsed.location ? " " : "",
		       parsed.location);
	mt_break_text_deinit(&parsed);
	return error;
}

static struct mt_error *catch_syscall(struct mt_shell *shell, const char *args)
{
	return catch_kind(shell, MT_BREAK_CATCH_SYSCALL, *args ? "syscall" : "any syscall", args);
}

static struct mt_error *catch_signal(struct mt_shell *shell, const char *args)
{
	return catch_kind(shell, MT_BREAK_CATCH_SIGNAL, *args ? "signal" : "standard signals",
	                  args);
}

static struct mt_error *catch_load(struct mt_shell *shell, const char *args)
{
	return catch_kind(shell, MT_BREAK_CATCH_LOAD, "load", args);
}

static struct mt_error *catch_fork(struct mt_shell *shell, const char *args)
{
	MT_TRY(mt_text_end(args, "catch fork"));
	return catch_kind(shell, MT_BREAK_CATCH_FORK, "fork", args);
}

static struct mt_error *catch_vfork(struct mt_shell *shell, const char *args)
{
	MT_TRY(mt_text_end(args, "catch vfork"));
	return catch_kind(shell, MT_BREAK_CATCH_VFORK, "vfork", args);
}

static struct mt_error *catch_exec(struct mt_shell *shell, const char *args)
{
	MT_TRY(mt_text_end(args, "catch exec"));
	return catch_kind(shell, MT_BREAK_CATCH_EXEC, "exec", args);
}

static struct mt_error *catch_any(struct mt_shell *shell, const char *args)
{
	return mt_error_new(MT_ERR_USAGE,
	                    "catch takes what to stop for: syscall, signal, load, fork, vfork or "
	                    "exec%s%.40s",
	                    *args ? "; not " : "", args);
}

/* ---- info breakpoints ------------------------------------------------------ */

static const char *const type_names[] = {
	[MT_BREAK_SOFTWARE] = "breakpoint",      [MT_BREAK_HARDWARE] = "hw breakpoint",
	[MT_BREAK_CATCH_SYSCALL] = "catchpoint", [MT_BREAK_CATCH_FORK] = "catchpoint",
	[MT_BREAK_CATCH_VFORK] = "catchpoint",   [MT_BREAK_CATCH_EXEC] = "catchpoint",
	[MT_BREAK_CATCH_SIGNAL] = "catchpoint",  [MT_BREAK_CATCH_LOAD] = "catchpoint",
};

static const char *const catch_names[] = {
	[MT_BREAK_CATCH_SYSCALL] = "syscall", [MT_BREAK_CATCH_FORK] = "fork",
	[MT_BREAK_CATCH_VFORK] = "vfork",     [MT_BREAK_CATCH_EXEC] = "exec",
	[MT_BREAK_CATCH_SIGNAL] = "signal",   [MT_BREAK_CATCH_LOAD] = "load",
};

static const char *way_of(enum mt_break_way way)
{
	switch (way) {
	case MT_WAY_INT3:
		return "by an int3 in the program";
	case MT_WAY_REGISTER:
		return "by a debug register";
	case MT_WAY_REGISTER_KERNEL:
		return "by a debug register; the condition is decided in the kernel";
	default:
		return "by ptrace";
	}
}

static void show_places(struct mt_shell *shell, const struct mt_break_info *info)
{
	for (size_t i = 0; info->place_count > 1 && i < info->place_count; i++)
		mt_say(shell, "%d.%-22zu    %c   0x%016" PRIx64 " in %s\n", info->number, i + 1,
		       info->enabled ? 'y' : 'n', info->places[i].addr, info->places[i].what);
}

static void show_more(struct mt_shell *shell, const struct mt_break_info *info)
{
	const struct mt_block *commands = mt_script_of_break(shell, info->number);

	if (info->condition)
		mt_say(shell, "\tstop only if %s\n", info->condition);
	if (info->thread)
		mt_say(shell, "\tstop only in thread %d\n", info->thread);
	if (info->hits)
		mt_say(shell, "\tbreakpoint already hit %" PRIu64 " time%s\n", info->hits,
		       info->hits == 1 ? "" : "s");
	if (info->unmet)
		mt_say(shell, "\tthe condition was false %" PRIu64 " time%s\n", info->unmet,
		       info->unmet == 1 ? "" : "s");
	if (info->ignore)
		mt_say(shell, "\tignore next %" PRIu64 " hits\n", info->ignore);
	if (info->place_count)
		mt_say(shell, "\t%s\n", way_of(info->places[0].way));
	for (size_t i = 0; commands && i < commands->lines.len; i++)
		mt_say(shell, "        %s\n", mt_text_skip(commands->lines.data[i]));
	show_places(shell, info);
}

static void show_row(struct mt_shell *shell, const struct mt_break_info *info)
{
	size_t places = info->place_count, count;
	struct mt_location *expected;

	mt_break_expected(shell, info, &expected, &count);
	mt_say(shell, "%-7d %-14s %-4s %c   ", info->number, type_names[info->kind],
	       info->temporary ? "del" : "keep", info->enabled ? 'y' : 'n');
	if (info->kind > MT_BREAK_HARDWARE)
		mt_say(shell, "%-18s %s %s\n", "", catch_names[info->kind],
		       *info->location ? info->location : "<any>");
	else if (places == 1)
		mt_say(shell, "0x%016" PRIx64 " in %s\n", info->places[0].addr,
		       info->places[0].what);
	else if (count == 1)
		mt_say(shell, "0x%016" PRIx64 " in %s\n", expected[0].addr, expected[0].what);
	else
		mt_say(shell, "%-18s %s\n", places || count ? "<MULTIPLE>" : "<PENDING>",
		       info->location);
	mt_locations_free(expected, count);
	show_more(shell, info);
}

static struct mt_error *info_breakpoints(struct mt_shell *shell, const char *args)
{
	struct mt_break_list list MT_CLEANUP(mt_break_list_deinit) = { 0 };
	struct mt_number_list numbers MT_CLEANUP(mt_number_list_deinit) = { 0 };

	MT_TRY(mt_text_numbers(args, "info breakpoints", &numbers));
	MT_TRY(mt_breaks_list(shell, &list));
	if (!list.count) {
		mt_say(shell, "No breakpoints or catchpoints. 'break LOCATION' sets one.\n");
		return NULL;
	}
	mt_say(shell, "%s%-7s %-14s %-4s %-3s %-18s %s%s\n", mt_paint(shell, MT_PAINT_TITLE), "Num",
	       "Type", "Disp", "Enb", "Address", "What", mt_paint(shell, MT_PAINT_NONE));
	for (size_t i = 0; i < list.count; i++)
		if (!*args || mt_number_list_has(&numbers, list.infos[i].number))
			show_row(shell, &list.infos[i]);
	return NULL;
}

#define CATCH(verb_name, verb_usage, function, offers, text)                                       \
	{                                                                                          \
		.name = verb_name, .run = function, .usage = verb_usage, .summary = text,          \
		.topic = MT_TOPIC_BREAKPOINTS, .completes = offers                                 \
	}

static const struct mt_verb verbs[] = {
	CATCH("catch", "WHAT...", catch_any, MT_COMPLETE_NOTHING,
	      "stops the program when something of this kind happens"),
	CATCH("catch syscall", "[NAME|NUMBER...]", catch_syscall, MT_COMPLETE_SYSCALL,
	      "stops at system calls, before and after"),
	CATCH("catch signal", "[SIGNAL...|all]", catch_signal, MT_COMPLETE_SIGNAL,
	      "stops when the signal comes, whatever 'handle' says"),
	CATCH("catch load", "[REGEX]", catch_load, MT_COMPLETE_NOTHING,
	      "stops when libraries are loaded"),
	CATCH("catch fork", "", catch_fork, MT_COMPLETE_NOTHING, "stops at fork"),
	CATCH("catch vfork", "", catch_vfork, MT_COMPLETE_NOTHING, "stops at vfork"),
	CATCH("catch exec", "", catch_exec, MT_COMPLETE_NOTHING,
	      "stops when the process becomes another program"),
	{ .name = "info breakpoints",
	  .aliases = "b br bre",
	  .run = info_breakpoints,
	  .usage = "[N...]",
	  .summary =
	      "breakpoints and catchpoints: where, how often hit, and how they do their work",
	  .topic = MT_TOPIC_BREAKPOINTS,
	  .completes = MT_COMPLETE_BREAKPOINT },
};

MT_VERB_LIST(mt_verbs_catch, verbs);
