/* SPDX-License-Identifier: MIT */
/* help, apropos, info, quit. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/debug/pattern.h"
#include "cli/debug/script.h"

enum { NAME_WIDTH = 24 };

/* The topic of commands that were made by define and alias; gdb's name for it. */
#define OWN_TOPIC "user-defined"

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
	  "An expression is C's, in the selected frame, over\n"
	  "\n"
	  "  x, this->x, x              locals, parameters, members in a method, globals\n"
	  "  cache.c::head, f::state    of a file; of a function, static or on the stack\n"
	  "  ns::Class::total, ::x      of a namespace or class; the global one\n"
	  "  $rax, $al, $xmm0.v4_float  registers; $pc and $sp\n"
	  "  $1, $, $$, $$3             values that were printed\n"
	  "  $name                      your own, by 'set $name = ...'\n"
	  "\n"
	  "with all of C's operators and casts, sizeof, strings and calls: f(1, \"x\"). Besides,\n"
	  "x@entry is what the parameter x was at the call, $_siginfo what the kernel says of a\n"
	  "signal, x@8 is an array of 8 from x on, a[2..5] elements 2 to 5, {T} addr what is there "
	  "as a\n"
	  "T. = and ++ change the program: 'print counter = 3'. Macros are expanded where the\n"
	  "program was compiled with -g3.\n"
	  "\n"
	  "In C++ the program's own operators and overloads are called (a == b, v[1], max<int>(1,\n"
	  "2)), virtual functions are the object's; dynamic_cast<T *>(p) and typeid(x) are known.\n"
	  "\n"
	  "The condition of a breakpoint may be any of these that changes nothing and calls\n"
	  "nothing. One over registers, tid, pid, hits and constants is decided by the kernel,\n"
	  "without stopping the program.\n" },
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

/* ---- Rows and topics ------------------------------------------------------- */

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
	if (shell->scripts.len)
		mt_say(shell, "  help " OWN_TOPIC "\n");
}

/* The commands whose names go on behind `parent`; false: there are none. */
static bool say_family(struct mt_shell *shell, const char *parent)
{
	size_t len = strlen(parent);
	const struct mt_verb *verb;
	bool any = false;

	for (size_t i = 0; (verb = mt_verb_at(i)); i++) {
		if (strncmp(verb->name, parent, len) != 0 || verb->name[len] != ' ')
			continue;
		say_row(shell, verb);
		any = true;
	}
	return any;
}

static void say_verb(struct mt_shell *shell, const struct mt_verb *verb)
{
	mt_say(shell, "%s%s%s%s%s\n", mt_paint(shell, MT_PAINT_TITLE), verb->name,
	       mt_paint(shell, MT_PAINT_NONE), *verb->usage ? " " : "", verb->usage);
	mt_say(shell, "  %s\n", verb->summary);
	if (verb->aliases)
		mt_say(shell, "  Short: %s\n", verb->aliases);
	if (verb->help)
		mt_say(shell, "\n%s\n", verb->help);
	if (mt_verb_has_more(verb))
		mt_say(shell, "\n");
	say_family(shell, verb->name);
}

/* ---- Commands of a person's own -------------------------------------------- */

/* A help text's first line says the most. */
static void say_own_row(struct mt_shell *shell, const struct mt_script *script)
{
	const char *text = script->alias ? script->alias : script->help ? script->help : "";

	mt_say(shell, "  %-*s %s%.*s\n", NAME_WIDTH, script->name, script->alias ? "as " : "",
	       (int)strcspn(text, "\n"), text);
}

static void say_own(struct mt_shell *shell)
{
	bool any = false;

	for (size_t i = 0; i < shell->scripts.len; i++) {
		if (!shell->scripts.data[i].name)
			continue;
		say_own_row(shell, &shell->scripts.data[i]);
		any = true;
	}
	if (!any)
		mt_say(shell,
		       "There are none; 'define NAME' and 'alias NAME = COMMAND' make one.\n");
}

static void say_own_help(struct mt_shell *shell, const struct mt_script *script)
{
	if (script->alias)
		mt_say(shell, "%s: an alias for '%s'.\n", script->name, script->alias);
	else if (script->help)
		mt_say(shell, "%s\n", script->help);
	else
		mt_say(shell,
		       "%s: a command of your own; 'show user %s' shows it, 'document %s' "
		       "gives it a text here.\n",
		       script->name, script->name, script->name);
}

/* ---- help ------------------------------------------------------------------ */

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
	const struct mt_script *script;
	const struct mt_verb *verb;
	struct mt_error *error;
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
	if (!strcmp(args, OWN_TOPIC)) {
		say_own(shell);
		return NULL;
	}
	script = mt_script_named(shell, args, true, &rest);
	if (script && !*rest) {
		say_own_help(shell, script);
		return NULL;
	}
	error = mt_verb_find(args, &verb, &rest);
	if (error && say_family(shell, args)) {
		mt_error_free(error);
		return NULL;
	}
	MT_TRY(error);
	MT_TRY(mt_text_end(rest, verb->name));
	say_verb(shell, verb);
	return NULL;
}

/* ---- apropos --------------------------------------------------------------- */

static bool speaks_of(const struct mt_verb *verb, const struct mt_pattern *pattern)
{
	return mt_pattern_matches(pattern, verb->name) ||
	       mt_pattern_matches(pattern, verb->summary) ||
	       (verb->help && mt_pattern_matches(pattern, verb->help));
}

static bool own_speaks_of(const struct mt_script *script, const struct mt_pattern *pattern)
{
	return script->name && (mt_pattern_matches(pattern, script->name) ||
	                        (script->help && mt_pattern_matches(pattern, script->help)));
}

static struct mt_error *apropos(struct mt_shell *shell, const char *args)
{
	struct mt_pattern pattern MT_AUTO_PATTERN = { 0 };
	const struct mt_verb *verb;
	bool any = false;

	if (!*args)
		return mt_error_new(MT_ERR_USAGE, "apropos takes a word to look for");
	MT_TRY(mt_pattern_compile(&pattern, args, REG_ICASE));
	for (size_t i = 0; (verb = mt_verb_at(i)); i++) {
		if (!speaks_of(verb, &pattern))
			continue;
		say_row(shell, verb);
		any = true;
	}
	for (size_t i = 0; i < shell->scripts.len; i++) {
		if (!own_speaks_of(&shell->scripts.data[i], &pattern))
			continue;
		say_own_row(shell, &shell->scripts.data[i]);
		any = true;
	}
	if (!any)
		mt_say(shell, "No command speaks of '%s'.\n", args);
	return NULL;
}

/* ---- info, show version, quit ------------------------------------------------------------ */

static struct mt_error *info(struct mt_shell *shell, const char *args)
{
	const struct mt_verb *verb;

	if (*args)
		return mt_verb_no_child("info", args);
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

static struct mt_error *show_version(struct mt_shell *shell, const char *args)
{
	MT_TRY(mt_text_end(args, "show version"));
	mt_say(shell, "memtrap " MT_VERSION ", a memory debugger for Linux on x86-64, for programs "
	              "of 64 and 32 bits.\n");
	return NULL;
}

static const struct mt_verb verbs[] = {
	{ .name = "show version",
	  .run = show_version,
	  .usage = "",
	  .summary = "which memtrap this is",
	  .topic = MT_TOPIC_STATUS },
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
