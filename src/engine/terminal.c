/* SPDX-License-Identifier: MIT */
/*
 * The terminal that we share with a launched program. It has a process group of its own, which is
 * the foreground one while it runs: Ctrl-C goes to it alone, and comes to us as its signal.
 *
 * But not where the program blocks SIGINT, or takes it by sigwait(3). So there is a listener, a
 * process of ours in the program's group, which does nothing but tell us of each Ctrl-C.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
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

/* ---- The listener -------------------------------------------------------- */

/* A child of a process that may have threads: async-signal-safe calls only. */
static _Noreturn void listen_for(pid_t parent, int fd)
{
	sigset_t all, interrupt;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || dup2(fd, STDIN_FILENO) < 0)
		_exit(0);
	close_range(STDIN_FILENO + 1, ~0U, 0);
	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	while (sigwaitinfo(&interrupt, NULL) > 0 && write(STDIN_FILENO, "", 1) == 1)
		continue;
	_exit(0);
}

static void end_listener(struct mt_listener *listener)
{
	if (listener->pid) {
		kill(listener->pid, SIGKILL);
		waitpid(listener->pid, NULL, 0); /* the session may have taken its end already */
		close(listener->fd);
	}
	*listener = (struct mt_listener){ 0 };
}

/* Where there can be none, a program that keeps Ctrl-C to itself cannot be interrupted by it. */
static void begin_listener(struct mt_listener *listener, pid_t group)
{
	pid_t self = getpid();
	int ends[2];

	if (listener->pid && listener->group == group && kill(listener->pid, 0) == 0)
		return;
	end_listener(listener);
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return;
	*listener = (struct mt_listener){ .pid = fork(), .group = group, .fd = ends[0] };
	if (listener->pid == 0)
		listen_for(self, ends[1]);
	close(ends[1]);
	if (listener->pid < 0) {
		close(ends[0]);
		listener->pid = 0;
	} else if (setpgid(listener->pid, group) < 0) {
		end_listener(listener);
	}
}

unsigned mt_debug_typed_interrupts(struct mt_debug *debug)
{
	char bytes[64];
	ssize_t got = debug->listener.pid ? read(debug->listener.fd, bytes, sizeof(bytes)) : 0;

	return got > 0 ? (unsigned)got : 0;
}

void mt_terminal_deinit(struct mt_debug *debug)
{
	mt_terminal_to_us(debug);
	end_listener(&debug->listener);
}

/* ---- Back and forth ------------------------------------------------------ */

void mt_terminal_to_program(struct mt_proc *proc)
{
	struct mt_debug *debug = proc->debug;

	if (!debug->has_terminal || proc->attached || proc->own_terminal)
		return;
	tcgetattr(TERMINAL, &debug->our_modes);
	if (proc->has_modes)
		tcsetattr(TERMINAL, TCSADRAIN, &proc->modes);
	begin_listener(&debug->listener, getpgid(proc->pid));
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
