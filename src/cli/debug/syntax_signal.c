/* SPDX-License-Identifier: MIT */
/* Signals by name, and the arguments of handle. */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/debug/syntax.h"

const char *mt_signal_name(int signal)
{
	static char text[16];
	const char *name = sigabbrev_np(signal);

	if (name)
		snprintf(text, sizeof(text), "SIG%s", name);
	else
		snprintf(text, sizeof(text), "SIG%d", signal);
	return text;
}

/* Without SIG, in any case: "usr1". */
static int signal_named(const char *name, size_t len)
{
	static const struct {
		const char *name;
		int signal;
	} others[] = { { "CLD", SIGCHLD }, { "IOT", SIGABRT }, { "POLL", SIGIO } };

	for (int signal = 1; signal <= MT_SIGNAL_MAX; signal++) {
		const char *known = sigabbrev_np(signal);

		if (known && strlen(known) == len && !strncasecmp(known, name, len))
			return signal;
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (strlen(others[i].name) == len && !strncasecmp(others[i].name, name, len))
			return others[i].signal;
	return 0;
}

/* All digits, after an optional sign when `sign` is given: 0 otherwise. */
static int small_number(const char *text, size_t len)
{
	int value = 0;

	if (!len || len > 2)
		return 0;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return 0;
		value = value * 10 + (text[i] - '0');
	}
	return value <= MT_SIGNAL_MAX ? value : 0;
}

/* The numbers that libc keeps for itself (32 and 33) are below SIGRTMIN: signal(7). */
static int realtime_signal(const char *name, size_t len)
{
	size_t head = strlen("RTMIN");
	int signal;

	if (len < head)
		return 0;
	if (!strncasecmp(name, "RTMIN", head)) {
		signal = SIGRTMIN;
		if (len > head && name[head] == '+')
			signal += small_number(name + head + 1, len - head - 1);
		else if (len > head)
			return 0;
	} else if (!strncasecmp(name, "RTMAX", head)) {
		signal = SIGRTMAX;
		if (len > head && name[head] == '-')
			signal -= small_number(name + head + 1, len - head - 1);
		else if (len > head)
			return 0;
	} else {
		return 0;
	}
	return signal >= SIGRTMIN && signal <= SIGRTMAX ? signal : 0;
}

struct mt_error *mt_signal_parse(const char *word, size_t len, int *signal)
{
	bool prefixed = len > 3 && !strncasecmp(word, "SIG", 3);
	const char *name = prefixed ? word + 3 : word;
	size_t name_len = prefixed ? len - 3 : len;
	int found = signal_named(name, name_len);

	if (!found)
		found = realtime_signal(name, name_len);
	if (!found)
		found = small_number(name, name_len);
	if (!found)
		return mt_error_new(MT_ERR_USAGE,
		                    "'%.*s' is no signal; 'info signals' lists them all",
		                    (int)(len < 40 ? len : 40), word);
	*signal = found;
	return NULL;
}

/* ---- handle ---------------------------------------------------------------- */

static bool take_action(const char *word, size_t len, struct mt_handle_text *parsed)
{
	/* To print is the least that a stop does, and not to print is not to stop: gdb's rule. */
	static const struct {
		const char *word;
		int stop, print, pass;
	} actions[] = {
		{ "stop", 1, 1, 0 },      { "nostop", -1, 0, 0 }, { "print", 0, 1, 0 },
		{ "noprint", -1, -1, 0 }, { "pass", 0, 0, 1 },    { "noignore", 0, 0, 1 },
		{ "nopass", 0, 0, -1 },   { "ignore", 0, 0, -1 },
	};

	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
		if (strlen(actions[i].word) != len || memcmp(actions[i].word, word, len) != 0)
			continue;
		parsed->stop = actions[i].stop ? actions[i].stop : parsed->stop;
		parsed->print = actions[i].print ? actions[i].print : parsed->print;
		parsed->pass = actions[i].pass ? actions[i].pass : parsed->pass;
		return true;
	}
	return false;
}

/* "all" leaves out what the debugger itself uses, as gdb does. */
static void take_all(struct mt_handle_text *parsed)
{
	for (int signal = 1; signal <= MT_SIGNAL_MAX; signal++)
		parsed->signals[signal] = signal != SIGTRAP && signal != SIGINT;
}

static struct mt_error *take_signals(const char *word, size_t len, struct mt_handle_text *parsed)
{
	const char *dash = memchr(word, '-', len);
	int first, last;

	if (len == 3 && !memcmp(word, "all", 3)) {
		take_all(parsed);
		return NULL;
	}
	if (!dash || !isdigit((unsigned char)*word)) {
		MT_TRY(mt_signal_parse(word, len, &first));
		last = first;
	} else {
		MT_TRY(mt_signal_parse(word, (size_t)(dash - word), &first));
		MT_TRY(mt_signal_parse(dash + 1, len - (size_t)(dash - word) - 1, &last));
	}
	for (int signal = first; signal <= last; signal++)
		parsed->signals[signal] = true;
	return NULL;
}

struct mt_error *mt_handle_parse(const char *text, struct mt_handle_text *parsed)
{
	struct mt_handle_text made = { 0 };
	bool any = false;

	for (text = mt_text_skip(text); *text; text = mt_text_skip(text)) {
		size_t len = mt_text_word(text);

		if (!take_action(text, len, &made)) {
			MT_TRY(take_signals(text, len, &made));
			any = true;
		}
		text += len;
	}
	if (!any)
		return mt_error_new(MT_ERR_USAGE,
		                    "handle takes signals and what to do with them: handle SIGUSR1 "
		                    "nostop noprint pass");
	*parsed = made;
	return NULL;
}
