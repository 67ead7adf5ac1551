/* SPDX-License-Identifier: MIT */
/* Catchpoints, and the table of breakpoints and catchpoints. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/debug/breaks.h"
#include "cli/debug/script.h"
#include "cli/debug/show.h"
#include "cli/debug/watch.h"

/* ---- catch ----------------------------------------------------------------- */

/* What can be caught. `all`: what is said where nothing is named; NULL: nothing can be. */
struct catchable {
	const char *name;
	enum mt_break_kind kind;
	const char *all;
};

static struct mt_error *set_catch(struct mt_shell *shell, const struct catchable *what,
                                  const char *args, bool temporary)
{
	struct mt_break_text parsed;
	struct mt_break_spec spec = { .kind = what->kind, .temporary = temporary };
	struct mt_error *error;
	int number;

	MT_TRY(mt_break_parse(args, &parsed));
	spec.location = parsed.location;
	spec.condition = parsed.condition;
	spec.thread = parsed.thread;
	error = what->all ? NULL : mt_text_end(parsed.location, what->name);
	if (!error)
		error = mt_debug_break(shell->debug, &spec, &number);
	if (!error)
		mt_say(shell, "Catchpoint %d (%s%s%s)\n", number,
		       what->all && !*parsed.location ? what->all : what->name,
		       *parsed.location ? " " : "", parsed.location);
	mt_break_text_deinit(&parsed);
	return error ? error : mt_break_made(shell, number);
}

/* The commands catch_NAME() and tcatch_NAME(). */
#define CATCHER(what, of_kind, everything)                                                         \
	static const struct catchable what##_catchable = { #what, of_kind, everything };           \
                                                                                                   \
	static struct mt_error *catch_##what(struct mt_shell *shell, const char *args)             \
	{                                                                                          \
		return set_catch(shell, &what##_catchable, args, false);                           \
	}                                                                                          \
                                                                                                   \
	static struct mt_error *tcatch_##what(struct mt_shell *shell, const char *args)            \
	{                                                                                          \
		return set_catch(shell, &what##_catchable, args, true);                            \
	}

CATCHER(syscall, MT_BREAK_CATCH_SYSCALL, "any syscall")
CATCHER(signal, MT_BREAK_CATCH_SIGNAL, "standard signals")
CATCHER(load, MT_BREAK_CATCH_LOAD, NULL)
CATCHER(unload, MT_BREAK_CATCH_UNLOAD, NULL)
CATCHER(fork, MT_BREAK_CATCH_FORK, NULL)
CATCHER(vfork, MT_BREAK_CATCH_VFORK, NULL)
CATCHER(exec, MT_BREAK_CATCH_EXEC, NULL)

static struct mt_error *catch_any(struct mt_shell *shell, const char *args)
{
	return mt_error_new(MT_ERR_USAGE,
	                    "say what to stop for: syscall, signal, load, unload, fork, vfork or "
	                    "exec%s%.40s",
	                    *args ? "; not " : "", args);
}

/* ---- info breakpoints ------------------------------------------------------ */

static const char *const type_names[] = {
	[MT_BREAK_SOFTWARE] = "breakpoint",      [MT_BREAK_HARDWARE] = "hw breakpoint",
	[MT_BREAK_CATCH_SYSCALL] = "catchpoint", [MT_BREAK_CATCH_FORK] = "catchpoint",
	[MT_BREAK_CATCH_VFORK] = "catchpoint",   [MT_BREAK_CATCH_EXEC] = "catchpoint",
	[MT_BREAK_CATCH_SIGNAL] = "catchpoint",  [MT_BREAK_CATCH_LOAD] = "catchpoint",
	[MT_BREAK_CATCH_UNLOAD] = "catchpoint",
};

static const char *const catch_names[] = {
	[MT_BREAK_CATCH_SYSCALL] = "syscall", [MT_BREAK_CATCH_FORK] = "fork",
	[MT_BREAK_CATCH_VFORK] = "vfork",     [MT_BREAK_CATCH_EXEC] = "exec",
	[MT_BREAK_CATCH_SIGNAL] = "signal",   [MT_BREAK_CATCH_LOAD] = "load",
	[MT_BREAK_CATCH_UNLOAD] = "unload",
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
	case MT_WAY_UPROBE:
		return "by a uprobe";
	case MT_WAY_UPROBE_KERNEL:
		return "by a uprobe; the condition is decided in the kernel";
	default:
		return "by ptrace";
	}
}

static void show_place(struct mt_shell *shell, const struct mt_break_info *info, size_t number,
                       uint64_t addr, const char *what)
{
	mt_say(shell, "%d.%-22zu    %c   0x%0*" PRIx64 " in %s\n", info->number, number,
	       info->enabled ? 'y' : 'n', mt_address_digits(shell), addr, what);
}

/* In gdb's words: one is told by the disposition. */
static void show_limit(struct mt_shell *shell, const struct mt_break_info *info)
{
	if (info->disables && info->stops_left > 1)
		mt_say(shell, "\tdisable after %s %" PRIu64 " hits\n",
		       info->ignore ? "additional" : "next", info->stops_left);
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
	if (info->unchanged)
		mt_say(shell, "\t%" PRIu64 " write%s left the value as it was\n", info->unchanged,
		       info->unchanged == 1 ? "" : "s");
	if (info->ignore)
		mt_say(shell, "\tignore next %" PRIu64 " hits\n", info->ignore);
	show_limit(shell, info);
	if (info->kind == MT_BREAK_WATCH)
		mt_watch_say_way(shell, info);
	if (info->place_count)
		mt_say(shell, "\t%s\n", way_of(info->places[0].way));
	if (commands)
		mt_block_format(commands, 8, &shell->out);
	for (size_t i = 0; info->place_count > 1 && i < info->place_count; i++)
		show_place(shell, info, i + 1, info->places[i].addr, info->places[i].what);
}

static const char *disposition(const struct mt_break_info *info)
{
	if (info->temporary)
		return "del";
	return info->disables ? "dis" : "keep";
}

static void show_row(struct mt_shell *shell, const struct mt_break_info *info)
{
	size_t places = info->place_count, count;
	struct mt_location *expected;
	char thread[24] = "";

	mt_break_expected(shell, info, &expected, &count);
	mt_say(shell, "%-7d %-14s %-4s %c   ", info->number,
	       info->kind == MT_BREAK_WATCH ? mt_watch_type_name(info) : type_names[info->kind],
	       disposition(info), info->enabled ? 'y' : 'n');
	if (info->thread)
		snprintf(thread, sizeof(thread), " thread %d", info->thread);
	if (info->kind == MT_BREAK_WATCH)
		mt_say(shell, "%-18s %s%s%s\n", "", mt_watch_option(info), info->location, thread);
	else if (info->kind > MT_BREAK_HARDWARE)
		mt_say(shell, "%-18s %s %s%s\n", "", catch_names[info->kind],
		       *info->location ? info->location : "<any>", thread);
	else if (places == 1)
		mt_say(shell, "0x%0*" PRIx64 " in %s%s\n", mt_address_digits(shell),
		       info->places[0].addr, info->places[0].what, thread);
	else if (count == 1)
		mt_say(shell, "0x%0*" PRIx64 " in %s%s\n", mt_address_digits(shell),
		       expected[0].addr, expected[0].what, thread);
	else
		mt_say(shell, "%-18s %s%s\n", places || count ? "<MULTIPLE>" : "<PENDING>",
		       info->location, thread);
	show_more(shell, info);
	for (size_t i = 0; count > 1 && i < count; i++)
		show_place(shell, info, i + 1, expected[i].addr, expected[i].what);
	mt_locations_free(expected, count);
}

static void show_title(struct mt_shell *shell)
{
	mt_say(shell, "%s%-7s %-14s %-4s %-3s %-18s %s%s\n", mt_paint(shell, MT_PAINT_TITLE), "Num",
	       "Type", "Disp", "Enb", "Address", "What", mt_paint(shell, MT_PAINT_NONE));
}

/* Those that `args` names, or all; of one kind. How many there are. */
static struct mt_error *show_rows(struct mt_shell *shell, const char *args, const char *what,
                                  bool watches_only, size_t *count)
{
	struct mt_break_list list MT_CLEANUP(mt_break_list_deinit) = { 0 };
	struct mt_number_list numbers MT_CLEANUP(mt_number_list_deinit) = { 0 };

	MT_TRY(mt_break_numbers(shell, args, what, &numbers));
	MT_TRY(mt_breaks_list(shell, &list));
	*count = 0;
	for (size_t i = 0; i < list.count; i++) {
		if (watches_only && list.infos[i].kind != MT_BREAK_WATCH)
			continue;
		if (!(*count)++)
			show_title(shell);
		if (!*args || mt_number_list_has(&numbers, list.infos[i].number))
			show_row(shell, &list.infos[i]);
	}
	return NULL;
}

static struct mt_error *info_breakpoints(struct mt_shell *shell, const char *args)
{
	size_t count;

	MT_TRY(show_rows(shell, args, "info breakpoints", false, &count));
	if (!count)
		mt_say(shell, "No breakpoints, watchpoints or catchpoints. 'break LOCATION' sets "
		              "one.\n");
	return NULL;
}

static struct mt_error *info_watchpoints(struct mt_shell *shell, const char *args)
{
	size_t count;

	MT_TRY(show_rows(shell, args, "info watchpoints", true, &count));
	if (!count)
		mt_say(shell, "No watchpoints.\n");
	return NULL;
}

/* "catch NAME", and "tcatch NAME" for once. */
#define CATCH(what, verb_usage, offers, text)                                                      \
	{ .name = "catch " #what,                                                                  \
	  .run = catch_##what,                                                                     \
	  .usage = verb_usage,                                                                     \
	  .summary = text,                                                                         \
	  .topic = MT_TOPIC_BREAKPOINTS,                                                           \
	  .completes = offers },                                                                   \
	{                                                                                          \
		.name = "tcatch " #what, .run = tcatch_##what, .usage = verb_usage,                \
		.summary = text ", once", .topic = MT_TOPIC_BREAKPOINTS, .completes = offers       \
	}

static const struct mt_verb verbs[] = {
	{ .name = "catch",
	  .run = catch_any,
	  .usage = "WHAT...",
	  .summary = "stops the program when something of this kind happens",
	  .topic = MT_TOPIC_BREAKPOINTS },
	{ .name = "tcatch",
	  .run = catch_any,
	  .usage = "WHAT...",
	  .summary = "the same as catch, once",
	  .topic = MT_TOPIC_BREAKPOINTS },
	CATCH(syscall, "[NAME|NUMBER...]", MT_COMPLETE_SYSCALL,
	      "stops at system calls, before and after"),
	CATCH(signal, "[SIGNAL...|all]", MT_COMPLETE_SIGNAL,
	      "stops when the signal comes, whatever 'handle' says"),
	CATCH(load, "", MT_COMPLETE_NOTHING, "stops when libraries are loaded"),
	CATCH(unload, "", MT_COMPLETE_NOTHING, "stops when libraries are unloaded"),
	CATCH(fork, "", MT_COMPLETE_NOTHING, "stops at fork"),
	CATCH(vfork, "", MT_COMPLETE_NOTHING, "stops at vfork"),
	CATCH(exec, "", MT_COMPLETE_NOTHING, "stops when the process becomes another program"),
	{ .name = "info breakpoints",
	  .aliases = "b br bre",
	  .run = info_breakpoints,
	  .usage = "[N...]",
	  .summary =
	      "breakpoints and catchpoints: where, how often hit, and how they do their work",
	  .topic = MT_TOPIC_BREAKPOINTS,
	  .completes = MT_COMPLETE_BREAKPOINT },
	{ .name = "info watchpoints",
	  .run = info_watchpoints,
	  .usage = "[N...]",
	  .summary = "watchpoints: how often hit, and how they do their work",
	  .topic = MT_TOPIC_BREAKPOINTS,
	  .completes = MT_COMPLETE_BREAKPOINT },
};

MT_VERB_LIST(mt_verbs_catch, verbs);
