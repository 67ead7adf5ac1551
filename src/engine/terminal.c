/* SPDX-License-Identifier: MIT */
/*
 * The terminal that we share with a launched program. It has a process group of its own, which is
 * the foreground one while it runs: Ctrl-C goes to it alone, and comes to us as its signal.
 */
#include <signal.h>
#include <unistd.h>

#include "engine/engine_private.h"

#define TERMINAL STDIN_FILENO

void mt_terminal_init(struct mt_debug *debug)
{
	debug->has_terminal = isatty(TERMINAL) && tcgetpgrp(TERMINAL) == getpgrp() &&
	                      tcgetattr(TERMINAL, &debug->our_modes) == 0;
}

/* A background process that sets the foreground group gets SIGTTOU, unless it is blocked. */
static void set_foreground(pid_t group)
{
	sigset_t stop, before;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTTOU);
	sigprocmask(SIG_BLOCK, &stop, &before);
	tcsetpgrp(TERMINAL, group);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

void mt_terminal_to_program(struct mt_proc *proc)
{
	struct mt_debug *debug = proc->debug;

	if (!debug->has_terminal || proc->attached || proc->own_terminal)
		return;
	tcgetattr(TERMINAL, &debug->our_modes);
	if (proc->has_modes)
		tcsetattr(TERMINAL, TCSADRAIN, &proc->modes);
	set_foreground(getpgid(proc->pid));
	debug->lent_terminal = true;
}

void mt_terminal_to_us(struct mt_debug *debug)
{
	if (!debug->lent_terminal)
		return;
	debug->lent_terminal = false;
	set_foreground(getpgrp());
	if (debug->proc)
		debug->proc->has_modes = tcgetattr(TERMINAL, &debug->proc->modes) == 0;
	tcsetattr(TERMINAL, TCSADRAIN, &debug->our_modes);
}
