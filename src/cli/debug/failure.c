/* SPDX-License-Identifier: MIT */
/*
 * When memtrap itself fails: its attached processes must not die of its breakpoints. Nothing here
 * calls what is not async-signal-safe (signal-safety(7)); it runs on a stack of its own, since the
 * usual one may be what has run out.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "cli/debug/shell.h"

enum { STACK_SIZE = 64 << 10 };

static const int caught[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL };
static struct mt_debug *session;
static pid_t tracer; /* the thread that the session belongs to */
static struct termios modes;
static bool has_modes;

/* ---- Saying ---------------------------------------------------------------- */

struct line {
	char text[128];
	size_t len;
};

static void add(struct line *line, const char *text)
{
	for (; *text && line->len < sizeof(line->text); text++)
		line->text[line->len++] = *text;
}

static void add_number(struct line *line, uint64_t number, unsigned base)
{
	char digits[24], *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do
		*--at = "0123456789abcdef"[number % base];
	while (number /= base);
	add(line, at);
}

static void say(struct line *line)
{
	add(line, "\n");
	/* Where it cannot be said nobody hears of it. */
	if (write(STDERR_FILENO, line->text, line->len) < 0)
		line->len = 0;
	line->len = 0;
}

static const char *name_of(int signal)
{
	switch (signal) {
	case SIGSEGV:
		return "SIGSEGV";
	case SIGBUS:
		return "SIGBUS";
	case SIGABRT:
		return "SIGABRT";
	case SIGFPE:
		return "SIGFPE";
	default:
		return "SIGILL";
	}
}

static void say_failure(const siginfo_t *info)
{
	struct line line = { .len = 0 };

	add(&line, "\nmemtrap debug: internal error: ");
	add(&line, name_of(info->si_signo));
	if (info->si_code > 0) {
		add(&line, " at 0x");
		add_number(&line, (uintptr_t)info->si_addr, 16);
	} else if (info->si_pid != getpid()) {
		add(&line, ", sent by process ");
		add_number(&line, (uint64_t)info->si_pid, 10);
	}
	say(&line);
}

static void say_rescued(const struct mt_rescued *rescued)
{
	struct line line = { .len = 0 };

	for (size_t i = 0; i < rescued->count; i++) {
		add(&line, "process ");
		add_number(&line, (uint64_t)rescued->pids[i], 10);
		add(&line, rescued->whole[i]
		               ? " goes on without our breakpoints"
		               : ": our breakpoints are out, but a thread that does not stop "
		                 "is still traced");
		say(&line);
	}
}

/* ---- Failing --------------------------------------------------------------- */

/* Every signal is blocked: the terminal's change does not stop us. */
static void give_terminal_back(void)
{
	if (!has_modes)
		return;
	tcsetpgrp(STDIN_FILENO, getpgrp());
	tcsetattr(STDIN_FILENO, TCSANOW, &modes);
}

static void send_to(pid_t tid, int signal)
{
	syscall(SYS_tgkill, getpid(), tid, signal);
}

/* One that fails here too ends memtrap: it is blocked. */
static void on_failure(int signal, siginfo_t *info, void *context)
{
	struct mt_rescued rescued = { .count = 0 };
	pid_t self = (pid_t)syscall(SYS_gettid);

	(void)context;
	if (self != tracer) { /* who alone may speak to tracees */
		send_to(tracer, signal);
		for (;;)
			pause();
	}
	if (session)
		mt_debug_rescue(session, &rescued);
	give_terminal_back();
	say_failure(info);
	say_rescued(&rescued);
	sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	send_to(self, signal); /* comes on the return, with the place of the failure */
}

struct mt_error *mt_shell_catch_failures(struct mt_debug *debug)
{
	static char stack[STACK_SIZE];
	const stack_t own = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_sigaction = on_failure,
		                    .sa_flags = SA_SIGINFO | SA_ONSTACK };

	session = debug;
	tracer = (pid_t)syscall(SYS_gettid);
	has_modes = isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp() &&
	            tcgetattr(STDIN_FILENO, &modes) == 0;
	sigfillset(&action.sa_mask);
	if (sigaltstack(&own, NULL) < 0)
		return mt_error_sys(errno, "cannot have a stack for signals");
	for (size_t i = 0; i < sizeof(caught) / sizeof(*caught); i++)
		if (sigaction(caught[i], &action, NULL) < 0)
			return mt_error_sys(errno, "cannot catch %s", name_of(caught[i]));
	return NULL;
}
