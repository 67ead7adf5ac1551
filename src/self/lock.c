/* SPDX-License-Identifier: MIT */
#include "self/lock.h"

#include <linux/futex.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "self/mask.h"
#include "self/raw.h"
#include "self/thread.h"

/* As in Ulrich Drepper's "Futexes Are Tricky", section 5: who leaves a contended lock wakes one. */
enum {
	OPEN,
	TAKEN,
	CONTENDED,
};

static uint32_t word;
static mt_sigset mask_of_holder;

/* SIGTRAP among them: blocking it is fatal on some kernels, and it is no hit while we are busy. */
#define LEFT_OPEN                                                                                  \
	(MT_SIGBIT(SIGTRAP) | MT_SIGBIT(SIGSEGV) | MT_SIGBIT(SIGBUS) | MT_SIGBIT(SIGILL) |         \
	 MT_SIGBIT(SIGFPE))

static void change_mask(int how, mt_sigset mask, mt_sigset *old)
{
	mt_raw(SYS_rt_sigprocmask, how, MT_ARG(&mask), MT_ARG(old), sizeof(mask), 0);
}

void mt_lock(void)
{
	uint32_t expected = OPEN;
	mt_sigset old = 0;

	change_mask(SIG_BLOCK, ~LEFT_OPEN, &old);
	mt_thread_busy(true);
	if (!__atomic_compare_exchange_n(&word, &expected, TAKEN, false, __ATOMIC_ACQUIRE,
	                                 __ATOMIC_RELAXED)) {
		while (__atomic_exchange_n(&word, CONTENDED, __ATOMIC_ACQUIRE) != OPEN)
			mt_raw(SYS_futex, MT_ARG(&word), FUTEX_WAIT_PRIVATE, CONTENDED, 0, 0);
	}
	mask_of_holder = old;
}

void mt_unlock(void)
{
	mt_sigset old = mask_of_holder;

	if (__atomic_exchange_n(&word, OPEN, __ATOMIC_RELEASE) == CONTENDED)
		mt_raw(SYS_futex, MT_ARG(&word), FUTEX_WAKE_PRIVATE, 1, 0, 0);
	mt_thread_busy(false);
	change_mask(SIG_SETMASK, mt_mask_settle(old), NULL);
}

void mt_lock_forked(void)
{
	word = TAKEN;
}
