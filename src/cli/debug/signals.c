/* SPDX-License-Identifier: MIT */
/* handle and info signals. */
#include <signal.h>
#include <string.h>

#include "cli/debug/shell.h"

static void show_title(struct mt_shell *shell)
{
	mt_say(shell, "%s%-14s%-8s%-8s%-16s%s%s\n", mt_paint(shell, MT_PAINT_TITLE), "Signal",
	       "Stop", "Print", "Pass to program", "Description", mt_paint(shell, MT_PAINT_NONE));
}

static void show_rule(struct mt_shell *shell, int signal)
{
	struct mt_signal_rule rule = mt_debug_signal_rule(shell->debug, signal);

	mt_say(shell, "%-14s%-8s%-8s%-16s%s\n", mt_signal_name(signal), rule.stop ? "Yes" : "No",
	       rule.print ? "Yes" : "No", rule.pass ? "Yes" : "No", strsignal(signal));
}

static bool chosen(int choice, bool otherwise)
{
	return choice ? choice > 0 : otherwise;
}

static struct mt_error *handle(struct mt_shell *shell, const char *args)
{
	struct mt_handle_text parsed;

	MT_TRY(mt_handle_parse(args, &parsed));
	show_title(shell);
	for (int signal = 1; signal <= MT_SIGNAL_MAX; signal++) {
		struct mt_signal_rule rule = mt_debug_signal_rule(shell->debug, signal);

		if (!parsed.signals[signal])
			continue;
		rule.stop = chosen(parsed.stop, rule.stop);
		rule.print = chosen(parsed.print, rule.print);
		rule.pass = chosen(parsed.pass, rule.pass);
		mt_debug_set_signal_rule(shell->debug, signal, rule);
		show_rule(shell, signal);
	}
	return NULL;
}

static struct mt_error *info_signals(struct mt_shell *shell, const char *args)
{
	int signal;

	if (*args) {
		MT_TRY(mt_signal_parse(args, strlen(args), &signal));
		show_title(shell);
		show_rule(shell, signal);
		return NULL;
	}
	show_title(shell);
	for (signal = 1; signal <= MT_SIGNAL_MAX; signal++)
		if (sigabbrev_np(signal) || signal >= SIGRTMIN)
			show_rule(shell, signal);
	mt_say(shell, "\nUse the \"handle\" command to change these tables.\n");
	return NULL;
}

static const struct mt_verb verbs[] = {
	{ .name = "handle",
	  .run = handle,
	  .usage = "SIGNAL... [stop|nostop] [print|noprint] [pass|nopass]",
	  .summary = "what happens when a signal comes for the program",
	  .help = "stop: the program stops. print: a line tells of it. pass: the program gets it.\n"
	          "SIGNAL is a name (SIGUSR1, usr1), a number, a range of numbers, or all.",
	  .topic = MT_TOPIC_RUNNING,
	  .completes = MT_COMPLETE_SIGNAL },
	{ .name = "info signals",
	  .aliases = "sig handle",
	  .run = info_signals,
	  .usage = "[SIGNAL]",
	  .summary = "what happens when signals come: stop, print, pass",
	  .topic = MT_TOPIC_STATUS,
	  .completes = MT_COMPLETE_SIGNAL },
};

MT_VERB_LIST(mt_verbs_signals, verbs);
