/* SPDX-License-Identifier: MIT */
/* help, apropos, info, quit. */
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/debug/shell.h"

enum { NAME_WIDTH = 24 };

/* ---- Pages that belong to no command --------------------------------------- */

static const struct page {
	const char *name, *text;
} pages[] = {
	{ "tour", "A first session:\n"
	          "\n"
	          "  break main          stop at the start of main (or FILE:LINE, or *ADDRESS)\n"
	          "  run                 start the program; 'run ARGS <input >output'\n"
	          "  next, step          the next line, over or into calls; Enter does it again\n"
	          "  print counter       a variable; print/x, print $rax, print table[3].refs\n"
	          "  backtrace, up       how it came here; look at the caller\n"
	          "  continue            on to the next breakpoint; Ctrl-C stops the program\n"
	          "  quit                ends the session, and the program that it started\n"
	          "\n"
	          "Commands may be shortened as long as they stay clear; Tab completes them, and "
	          "names.\n" },
	{ "expressions",
	  "An expression is C's, over\n"
	  "\n"
	  "  counter, cache.c::head, f::state, ns::Class::total   variables with a fixed place\n"
	  "  $rax, $eax, $al, $xmm0.v4_float, $pc, $sp            registers\n"
	  "  $1, $, $$, $$3                                       values that were printed\n"
	  "  $name                                                your own, by 'set $name = ...'\n"
	  "\n"
	  "with & * . -> [] casts, C's operators, and 'value@count' for that many from\n"
	  "there. An assignment may be on top: 'print counter = 3'.\n"
	  "\n"
	  "The condition of a breakpoint is over registers, tid, pid, hits and constants: what "
	  "the\n"
	  "kernel itself can decide, without stopping the program.\n" },
	{ "locations", "A location is\n"
	               "\n"
	               "  main, file.c::main, ns::f    a function, behind its prologue\n"
	               "  file.c:12, 12                a line, of that file or of the current one\n"
	               "  +3, -3                       lines from here\n"
	               "  *0x401136, *main+4, *$pc     an address\n" },
};

static const struct page *find_page(const char *name)
{
	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++)
		if (!strcmp(pages[i].name, name))
			return &pages[i];
	return NULL;
}

/* ---- help ------------------------------------------------------------------ */

static void say_row(struct mt_shell *shell, const struct mt_verb *verb)
{
	mt_say(shell, "  %-*s %s\n", NAME_WIDTH, verb->name, verb->summary);
}

static void say_topic(struct mt_shell *shell, enum mt_topic topic)
{
	const struct mt_verb *verb;

	mt_say(shell, "%s%s%s\n", mt_paint(shell, MT_PAINT_TITLE), mt_topic_names[topic],
	       mt_paint(shell, MT_PAINT_NONE));
	for (size_t i = 0; (verb = mt_verb_at(i)); i++)
		if (verb->topic == topic)
			say_row(shell, verb);
}

static void say_topics(struct mt_shell *shell)
{
	mt_say(shell, "'help tour' shows a first session, 'help all' every command, 'apropos WORD' "
	              "looks for\none, 'help COMMAND' tells all about it. The topics are:\n\n");
	for (int topic = 0; topic < MT_TOPIC_COUNT; topic++)
		mt_say(shell, "  help %s\n", mt_topic_names[topic]);
	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++)
		mt_say(shell, "  help %s\n", pages[i].name);
}

static void say_verb(struct mt_shell *shell, const struct mt_verb *verb)
{
	size_t len = strlen(verb->name);
	const struct mt_verb *other;

	mt_say(shell, "%s%s%s%s%s\n", mt_paint(shell, MT_PAINT_TITLE), verb->name,
	       mt_paint(shell, MT_PAINT_NONE), *verb->usage ? " " : "", verb->usage);
	mt_say(shell, "  %s\n", verb->summary);
	if (verb->aliases)
		mt_say(shell, "  Short: %s\n", verb->aliases);
	if (verb->help)
		mt_say(shell, "\n%s\n", verb->help);
	if (mt_verb_has_more(verb))
		mt_say(shell, "\n");
	for (size_t i = 0; (other = mt_verb_at(i)); i++)
		if (!strncmp(other->name, verb->name, len) && other->name[len] == ' ')
			say_row(shell, other);
}

static bool say_topic_named(struct mt_shell *shell, const char *name)
{
	for (int topic = 0; topic < MT_TOPIC_COUNT; topic++) {
		if (strcmp(mt_topic_names[topic], name) != 0)
			continue;
		say_topic(shell, (enum mt_topic)topic);
		return true;
	}
	return false;
}

static struct mt_error *help(struct mt_shell *shell, const char *args)
{
	const struct page *page = find_page(args);
	const struct mt_verb *verb;
	const char *rest;

	if (!*args) {
		say_topics(shell);
		return NULL;
	}
	if (page) {
		mt_say(shell, "%s", page->text);
		return NULL;
	}
	if (!strcmp(args, "all")) {
		for (int topic = 0; topic < MT_TOPIC_COUNT; topic++)
			say_topic(shell, (enum mt_topic)topic);
		return NULL;
	}
	if (say_topic_named(shell, args))
		return NULL;
	MT_TRY(mt_verb_find(args, &verb, &rest));
	MT_TRY(mt_text_end(rest, verb->name));
	say_verb(shell, verb);
	return NULL;
}

/* ---- apropos --------------------------------------------------------------- */

static void regex_cleanup(regex_t *regex)
{
	regfree(regex);
}

static struct mt_error *apropos(struct mt_shell *shell, const char *args)
{
	regex_t regex MT_CLEANUP(regex_cleanup) = { 0 };
	const struct mt_verb *verb;
	bool any = false;

	if (!*args)
		return mt_error_new(MT_ERR_USAGE, "apropos takes a word to look for");
	if (regcomp(&regex, args, REG_EXTENDED | REG_NOSUB | REG_ICASE) != 0)
		return mt_error_new(MT_ERR_USAGE, "'%.60s' is no regular expression", args);
	for (size_t i = 0; (verb = mt_verb_at(i)); i++) {
		if (regexec(&regex, verb->name, 0, NULL, 0) != 0 &&
		    regexec(&regex, verb->summary, 0, NULL, 0) != 0 &&
		    (!verb->help || regexec(&regex, verb->help, 0, NULL, 0) != 0))
			continue;
		say_row(shell, verb);
		any = true;
	}
	if (!any)
		mt_say(shell, "No command speaks of '%s'.\n", args);
	return NULL;
}

/* ---- info, quit ------------------------------------------------------------ */

static struct mt_error *info(struct mt_shell *shell, const char *args)
{
	const struct mt_verb *verb;

	if (*args)
		return mt_error_new(
		    MT_ERR_USAGE,
		    "'info %.40s' is no command, or may be several; 'info' lists them", args);
	for (size_t i = 0; (verb = mt_verb_at(i)); i++)
		if (!strncmp(verb->name, "info ", 5))
			say_row(shell, verb);
	return NULL;
}

static struct mt_error *quit(struct mt_shell *shell, const char *args)
{
	enum mt_process_state state = mt_debug_state(shell->debug);
	struct mt_process_info info;
	uint64_t status;

	MT_TRY(mt_text_count(args, "quit", 0, &status));
	if ((state == MT_PROCESS_STOPPED || state == MT_PROCESS_RUNNING) &&
	    mt_debug_processes(shell->debug, &info, 1) > 0 &&
	    !mt_shell_confirm(shell, "Process %d will be %s. Quit?", (int)info.pid,
	                      info.attached ? "let go" : "killed"))
		return NULL;
	shell->quit = true;
	if (*args)
		shell->quit_status = (int)(status & 0xff);
	return NULL;
}

static const struct mt_verb verbs[] = {
	{ .name = "help",
	  .aliases = "h ?",
	  .run = help,
	  .usage = "[COMMAND|TOPIC|all]",
	  .summary = "what a command does; the topics",
	  .topic = MT_TOPIC_SCRIPTS,
	  .completes = MT_COMPLETE_COMMAND },
	{ .name = "apropos",
	  .run = apropos,
	  .usage = "REGEX",
	  .summary = "the commands that speak of something",
	  .topic = MT_TOPIC_SCRIPTS },
	{ .name = "info",
	  .aliases = "i inf",
	  .run = info,
	  .usage = "WHAT...",
	  .summary = "tells about the program and the session",
	  .topic = MT_TOPIC_STATUS,
	  .completes = MT_COMPLETE_COMMAND },
	{ .name = "quit",
	  .aliases = "q exit",
	  .run = quit,
	  .usage = "[STATUS]",
	  .summary = "ends the session: kills what it started, lets go what it attached to",
	  .topic = MT_TOPIC_SCRIPTS },
};

MT_VERB_LIST(mt_verbs_help, verbs);
