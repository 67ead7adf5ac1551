/* SPDX-License-Identifier: MIT */
/*
 * Inside src/self: SIGTRAP kept unblocked, where a hit that finds it blocked would end the program:
 * the kernel forces the signal of a debug register that ptrace has set (kernel/signal.c,
 * force_sig_info_to_task()). What the program blocked is remembered for each thread, so that it is
 * told what it expects.
 *
 * What remains: libc blocks all signals for moments of its own (in pthread_create(), raise(),
 * abort(), posix_spawn() …), in which it touches memory of its own only; siglongjmp(3),
 * setcontext(3) and the return from a signal handler put back a mask that was saved before the
 * first trap; a thread that has been waiting since then in sigsuspend(2), pselect(2), ppoll(2) or
 * epoll_pwait(2) runs its next handler with the mask that it gave there; and the static library,
 * which stands before nothing, sees a mask again only at the next visit.
 */
#ifndef MT_SELF_MASK_H
#define MT_SELF_MASK_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "self/raw.h"

/* Whether SIGTRAP must not be blocked now. Signal-safe, as all of this is. */
bool mt_mask_must_be_open(void);

/* What the calling thread believes: that it has blocked SIGTRAP, which is open in truth. */
bool mt_mask_believes_blocked(void);
void mt_mask_believe(bool blocked);

/* Another thread's SIGTRAP was opened behind its back: it believes so from its next look on. Only
 * so many threads can be remembered that have not looked yet; others learn the truth. */
void mt_mask_opened(pid_t tid);

/* `mask`, which the calling thread is about to go back to, as it may be: without SIGTRAP where that
 * must be open, which is then what the thread believes. */
mt_sigset mt_mask_settle(mt_sigset mask);

/* Opens SIGTRAP in the sa_mask of every handler that is installed; not signal-safe. */
void mt_mask_open_handlers(void);

/* Whether SIGTRAP must not be in the sa_mask of handlers. */
bool mt_mask_handlers_must_be_open(void);

/* For one handler: `opened` says that its sa_mask has SIGTRAP in the program's eyes only. */
bool mt_mask_handler_opened(int signal);
void mt_mask_note_handler(int signal, bool opened);

#endif
