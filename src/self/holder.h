/* SPDX-License-Identifier: MIT */
/*
 * Inside src/self: who is in whose handler, so that memtrap_remove() can wait for them, and need
 * not wait for a handler that was left by longjmp(3), or whose thread has ended. All of it is
 * signal-safe.
 */
#ifndef MT_SELF_HOLDER_H
#define MT_SELF_HOLDER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

#include "self/registry.h"

/* Around the handler of a trap that is held: the calling thread is in it. mt_holder_end() releases
 * the trap; where nothing is held it does nothing. */
void mt_holder_begin(struct memtrap *trap);
void mt_holder_end(void);

/* Waits until nobody but the caller holds the trap. */
void mt_holders_wait(struct memtrap *trap);

/* Whether a SIGTRAP is a question of mt_holders_wait(); it is answered then. */
bool mt_holders_asked(const siginfo_t *info, const ucontext_t *context);

/* In a child of fork(): the other threads are not there, nor what they held. */
void mt_holders_forked(void);
/* Then: how often the trap is held. */
uint32_t mt_holders_of(const struct memtrap *trap);

#endif
