/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "self/arrival.h"
#include "self/interpose.h"
#include "self/mask.h"
#include "self/raw.h"
#include "self/registry.h"

/* si_code of a trap that a perf event sent (asm-generic/siginfo.h; glibc 2.36 lacks it). */
#ifndef TRAP_PERF
#define TRAP_PERF 6
#endif

/*
 * Written in a signal handler as well as read in one, so without a lock: each action is written
 * where no reader looks, and then made the current one. A reader that is overtaken by as many
 * writers as there are places reads again.
 */
#define PLACES 16

static struct sigaction places[PLACES];
static uint32_t written, current;

void mt_next_action_get(struct sigaction *action)
{
	uint32_t turn;

	do {
		turn = __atomic_load_n(&current, __ATOMIC_ACQUIRE);
		*action = places[turn % PLACES];
	} while (__atomic_fetch_add(&written, 0, __ATOMIC_ACQ_REL) - turn >= PLACES);
}

void mt_next_action_set(const struct sigaction *action)
{
	uint32_t turn = __atomic_add_fetch(&written, 1, __ATOMIC_ACQ_REL);

	places[turn % PLACES] = *action;
	__atomic_store_n(&current, turn, __ATOMIC_RELEASE);
}

/* ---- Running it ---------------------------------------------------------- */

/* The signal is sent again, to find the default action: what it says, and the registers that the
 * core file shows, are those of the first one. */
static void die(siginfo_t *info)
{
	struct sigaction fallback = { .sa_handler = SIG_DFL };

	mt_libc_sigaction(SIGTRAP, &fallback, NULL);
	mt_raw(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGTRAP, MT_ARG(info), 0);
}

/* Signals that tell of the thread's own doing are not ignored (kernel/signal.c,
 * force_sig_info_to_task()); perf's are sent as by another process (send_sig_perf()). */
static bool is_forced(const siginfo_t *info)
{
	return info->si_code > 0 && info->si_code != TRAP_PERF;
}

/* As the kernel does for a handler (handle_signal()); the return from ours takes it back. */
static void block_for(const struct sigaction *action)
{
	mt_sigset mask, now = 0;

	memcpy(&mask, &action->sa_mask, sizeof(mask));
	if (!(action->sa_flags & SA_NODEFER))
		mask |= MT_SIGBIT(SIGTRAP);
	mt_raw(SYS_rt_sigprocmask, SIG_BLOCK, 0, MT_ARG(&now), sizeof(now), 0);
	mask = mt_mask_settle(now | mask);
	mt_raw(SYS_rt_sigprocmask, SIG_SETMASK, MT_ARG(&mask), 0, sizeof(mask), 0);
}

static void call(const struct sigaction *action, siginfo_t *info, ucontext_t *context)
{
	bool believed = mt_mask_believes_blocked();

	if (action->sa_flags & (int)SA_RESETHAND) {
		struct sigaction fallback = { .sa_handler = SIG_DFL };

		mt_next_action_set(&fallback);
	}
	block_for(action);
	if (action->sa_flags & SA_SIGINFO)
		action->sa_sigaction(SIGTRAP, info, context);
	else
		action->sa_handler(SIGTRAP);
	mt_mask_believe(believed);
}

void mt_next_action_run(siginfo_t *info, ucontext_t *context)
{
	struct sigaction action;

	mt_next_action_get(&action);
	if (action.sa_handler == SIG_DFL || (action.sa_handler == SIG_IGN && is_forced(info)))
		die(info);
	else if (action.sa_handler != SIG_IGN)
		call(&action, info, context);
}
