/* SPDX-License-Identifier: MIT */
/* The signal mask: what mask.h says. */
#include <stdbool.h>
#include <stddef.h>

#include "self/libc.h"
#include "self/mask.h"

typedef int mask_function(int how, const sigset_t *set, sigset_t *old);

static void change_trap(mask_function *function, int how)
{
	sigset_t trap;

	sigemptyset(&trap);
	sigaddset(&trap, SIGTRAP);
	function(how, &trap, NULL);
}

/* Between traps, the thread's mask is what it believes; and a trap may have been set meanwhile. */
static int change_freely(mask_function *function, int how, const sigset_t *set, sigset_t *old)
{
	sigset_t now;
	int result;

	if (mt_mask_believes_blocked()) {
		change_trap(function, SIG_BLOCK);
		mt_mask_believe(false);
	}
	result = function(how, set, old);
	if (result == 0 && set && mt_mask_must_be_open() && function(how, NULL, &now) == 0 &&
	    sigismember(&now, SIGTRAP)) {
		change_trap(function, SIG_UNBLOCK);
		mt_mask_believe(true);
	}
	return result;
}

static bool belief_after(bool before, int how, bool named)
{
	if (how == SIG_BLOCK)
		return before || named;
	return how == SIG_UNBLOCK ? before && !named : named;
}

static int change_but_open(mask_function *function, int how, const sigset_t *set, sigset_t *old)
{
	bool believed = mt_mask_believes_blocked();
	bool named = set && sigismember(set, SIGTRAP);
	sigset_t open;
	int result;

	if (named && how != SIG_UNBLOCK) {
		open = *set;
		sigdelset(&open, SIGTRAP);
		set = &open;
	}
	result = function(how, set, old);
	if (result != 0)
		return result;
	if (set)
		mt_mask_believe(belief_after(believed, how, named));
	if (old && believed)
		sigaddset(old, SIGTRAP);
	return 0;
}

static int change(mask_function *function, int how, const sigset_t *set, sigset_t *old)
{
	if (mt_mask_must_be_open())
		return change_but_open(function, how, set, old);
	return change_freely(function, how, set, old);
}

MT_INTERPOSED int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	return change(mt_libc()->sigprocmask, how, set, old);
}

MT_INTERPOSED int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	return change(mt_libc()->pthread_sigmask, how, set, old);
}

/* ---- Masks for the time of a wait ---------------------------------------- */

/* `mask`, or a copy of it in *open without SIGTRAP: a handler that runs during the wait has it. */
static const sigset_t *opened(const sigset_t *mask, sigset_t *open)
{
	if (!mask || !sigismember(mask, SIGTRAP) || !mt_mask_must_be_open())
		return mask;
	*open = *mask;
	sigdelset(open, SIGTRAP);
	return open;
}

MT_INTERPOSED int sigsuspend(const sigset_t *mask)
{
	sigset_t open;

	return mt_libc()->sigsuspend(opened(mask, &open));
}

MT_INTERPOSED int pselect(int count, fd_set *in, fd_set *out, fd_set *except,
                          const struct timespec *timeout, const sigset_t *mask)
{
	sigset_t open;

	return mt_libc()->pselect(count, in, out, except, timeout, opened(mask, &open));
}

MT_INTERPOSED int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                        const sigset_t *mask)
{
	sigset_t open;

	return mt_libc()->ppoll(fds, count, timeout, opened(mask, &open));
}

MT_INTERPOSED int epoll_pwait(int epoll, struct epoll_event *events, int max, int timeout,
                              const sigset_t *mask)
{
	sigset_t open;

	return mt_libc()->epoll_pwait(epoll, events, max, timeout, opened(mask, &open));
}
