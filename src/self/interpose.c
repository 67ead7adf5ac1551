/* SPDX-License-Identifier: MIT */
/*
 * sigaction() and its relatives. sigset(3), sigignore(3) and siginterrupt(3) are left alone: libc
 * carries them out without passing here, and memtrap_coverage() tells when that has cost us our
 * handler.
 */
#include "self/interpose.h"

#include <errno.h>
#include <stddef.h>

#include "self/libc.h"
#include "self/mask.h"
#include "self/registry.h"

int mt_libc_sigaction(int signal, const struct sigaction *action, struct sigaction *old)
{
	return mt_libc()->sigaction(signal, action, old);
}

/* ---- SIGTRAP ------------------------------------------------------------- */

static bool kept_for_us(int signal)
{
	return signal == SIGTRAP && mt_handler_is_ours();
}

static int replace_next(const struct sigaction *action, struct sigaction *old)
{
	struct sigaction before;

	mt_next_action_get(&before);
	if (action)
		mt_next_action_set(action);
	if (old)
		*old = before;
	return 0;
}

static sighandler_t replace_next_handler(sighandler_t handler, int flags)
{
	struct sigaction action = { .sa_flags = flags }, old;

	if (handler == SIG_ERR) {
		errno = EINVAL;
		return SIG_ERR;
	}
	action.sa_handler = handler;
	sigemptyset(&action.sa_mask);
	replace_next(&action, &old);
	return old.sa_handler;
}

/* ---- Other signals: SIGTRAP stays open in their handlers ----------------- */

static bool must_be_opened(const struct sigaction *action)
{
	return action && action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN &&
	       sigismember(&action->sa_mask, SIGTRAP) == 1 && mt_mask_handlers_must_be_open();
}

static int replace_other(int signal, const struct sigaction *action, struct sigaction *old)
{
	bool was_opened = mt_mask_handler_opened(signal);
	bool opened = must_be_opened(action);
	struct sigaction open;

	if (opened) {
		open = *action;
		sigdelset(&open.sa_mask, SIGTRAP);
		action = &open;
	}
	if (mt_libc()->sigaction(signal, action, old) < 0)
		return -1;
	if (action)
		mt_mask_note_handler(signal, opened);
	if (old && was_opened)
		sigaddset(&old->sa_mask, SIGTRAP);
	return 0;
}

/* ---- The names ----------------------------------------------------------- */

MT_INTERPOSED int sigaction(int signal, const struct sigaction *action, struct sigaction *old)
{
	if (kept_for_us(signal))
		return replace_next(action, old);
	return replace_other(signal, action, old);
}

MT_INTERPOSED int __sigaction(int signal, const struct sigaction *action, struct sigaction *old)
    MT_ALIAS("sigaction");

MT_INTERPOSED sighandler_t signal(int signal, sighandler_t handler)
{
	if (kept_for_us(signal))
		return replace_next_handler(handler, SA_RESTART);
	return mt_libc()->signal(signal, handler);
}

MT_INTERPOSED sighandler_t bsd_signal(int signal, sighandler_t handler) MT_ALIAS("signal");
MT_INTERPOSED sighandler_t ssignal(int signal, sighandler_t handler) MT_ALIAS("signal");

/* What signal() is where BSD's ways are not asked for: a handler serves once (signal(2)). */
MT_INTERPOSED sighandler_t sysv_signal(int signal, sighandler_t handler)
{
	if (kept_for_us(signal))
		return replace_next_handler(handler, (int)(SA_RESETHAND | SA_NODEFER));
	return mt_libc()->sysv_signal(signal, handler);
}

MT_INTERPOSED sighandler_t __sysv_signal(int signal, sighandler_t handler) MT_ALIAS("sysv_signal");
