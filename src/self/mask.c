/* SPDX-License-Identifier: MIT */
#include "self/mask.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "self/interpose.h"
#include "self/registry.h"

#define TIDS 64

/* Initial-exec: the general model may call malloc() at a thread's first use, in a signal handler.
 */
static _Thread_local bool believes_blocked __attribute__((tls_model("initial-exec")));

/* Threads that have not looked yet; 0: free. */
static uint32_t opened_tids[TIDS];

/* Bit n - 1: signal n's sa_mask. */
static uint64_t opened_handlers;

static bool stop_at_first(struct mt_piece *piece, void *any)
{
	*(bool *)any = true;
	return false;
}

bool mt_mask_handlers_must_be_open(void)
{
	const struct mt_backend *backend = mt_backend_in_use();

	return backend && backend->blocked_is_fatal();
}

bool mt_mask_must_be_open(void)
{
	bool any = false;

	if (mt_mask_handlers_must_be_open())
		mt_pieces_each(stop_at_first, &any);
	return any;
}

/* ---- Threads ------------------------------------------------------------- */

/* Whether the calling thread was among the opened ones; it is no longer. */
static bool take_own_entry(void)
{
	uint32_t tid = 0;

	for (size_t i = 0; i < TIDS; i++) {
		uint32_t entry = __atomic_load_n(&opened_tids[i], __ATOMIC_ACQUIRE);

		if (!entry)
			continue;
		if (!tid)
			tid = (uint32_t)mt_raw(SYS_gettid, 0, 0, 0, 0, 0);
		if (entry == tid) {
			__atomic_store_n(&opened_tids[i], 0, __ATOMIC_RELEASE);
			return true;
		}
	}
	return false;
}

bool mt_mask_believes_blocked(void)
{
	if (take_own_entry())
		believes_blocked = true;
	return believes_blocked;
}

void mt_mask_believe(bool blocked)
{
	take_own_entry();
	believes_blocked = blocked;
}

/* The helper asks too, which is not of the threads' process: so tkill(2), not tgkill(2). */
static bool is_gone(uint32_t tid)
{
	return mt_raw(SYS_tkill, MT_ARG(tid), 0, 0, 0, 0) == -ESRCH;
}

void mt_mask_opened(pid_t tid)
{
	for (size_t i = 0; i < TIDS; i++) {
		uint32_t entry = __atomic_load_n(&opened_tids[i], __ATOMIC_ACQUIRE);

		if ((!entry || is_gone(entry)) &&
		    __atomic_compare_exchange_n(&opened_tids[i], &entry, (uint32_t)tid, false,
		                                __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return;
	}
}

mt_sigset mt_mask_settle(mt_sigset mask)
{
	if ((mask & MT_SIGBIT(SIGTRAP)) == 0 || !mt_mask_must_be_open())
		return mask;
	mt_mask_believe(true);
	return mask & ~MT_SIGBIT(SIGTRAP);
}

/* ---- Handlers ------------------------------------------------------------ */

bool mt_mask_handler_opened(int signal)
{
	return signal > 0 && signal < _NSIG &&
	       __atomic_load_n(&opened_handlers, __ATOMIC_ACQUIRE) & MT_SIGBIT(signal);
}

void mt_mask_note_handler(int signal, bool opened)
{
	if (opened)
		__atomic_fetch_or(&opened_handlers, MT_SIGBIT(signal), __ATOMIC_ACQ_REL);
	else
		__atomic_fetch_and(&opened_handlers, ~MT_SIGBIT(signal), __ATOMIC_ACQ_REL);
}

static void open_handler(int signal)
{
	struct sigaction action;

	if (mt_libc_sigaction(signal, NULL, &action) < 0 || action.sa_handler == SIG_DFL ||
	    action.sa_handler == SIG_IGN || !sigismember(&action.sa_mask, SIGTRAP))
		return;
	sigdelset(&action.sa_mask, SIGTRAP);
	if (mt_libc_sigaction(signal, &action, NULL) == 0)
		mt_mask_note_handler(signal, true);
}

void mt_mask_open_handlers(void)
{
	for (int signal = 1; signal < _NSIG; signal++)
		if (signal != SIGTRAP)
			open_handler(signal);
}
