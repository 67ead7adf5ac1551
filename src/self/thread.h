/* SPDX-License-Identifier: MIT */
/*
 * Inside src/self: what the calling thread is in the middle of. All of it is signal-safe.
 *
 * A handler may be left by longjmp(3), by an exception, by the end of its thread. Nobody tells us;
 * so a handler leaves a mark on its stack, and whoever finds the mark looks whether the stack is
 * still in use there.
 */
#ifndef MT_SELF_THREAD_H
#define MT_SELF_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <ucontext.h>

#include "self/registry.h"

/* On the stack of the SIGTRAP handler. */
struct mt_mark {
	uintptr_t check; /* told from the address: whatever is written over it, isn't it */
};

/* Of the piece that memtrap_prove() is firing. */
struct mt_proof {
	uintptr_t addr; /* the byte */
	bool seen;
};

pid_t mt_thread_id(void);
/* In a child of fork(): the thread has another id. */
void mt_thread_forked(void);

/* Around calls of the library's whose accesses are no hits; they nest. */
void mt_thread_busy(bool busy);
bool mt_thread_is_busy(void);

/* The proof that is under way on this thread; NULL: none. */
struct mt_proof *mt_thread_proof(void);
void mt_thread_prove(struct mt_proof *proof);

/* Around a hit's handlers: between them, accesses are no hits. `context`: what was interrupted. */
void mt_thread_enter(struct mt_mark *mark, const ucontext_t *context);
void mt_thread_leave(void);

/* Whether so many bytes are left on the alternate stack, where a handler runs on one. */
bool mt_thread_has_room(size_t bytes);

/*
 * Whether code that was interrupted with this context runs inside a hit's handler. Where the mark
 * of a handler that is gone is found, it is wiped, and the trap that the handler held is let go.
 */
bool mt_thread_in_handler(const ucontext_t *context);

/* The same of the caller. */
bool mt_thread_is_in_handler(void);

#endif
