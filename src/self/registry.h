/* SPDX-License-Identifier: MIT */
/*
 * Inside src/self: the traps that are set, and the pieces that they need. Writers hold a lock; the
 * signal handler reads without one. A slot is never freed, only used again.
 */
#ifndef MT_SELF_REGISTRY_H
#define MT_SELF_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "memtrap/memtrap.h"
#include "self/backend.h"
#include "self/history.h"

struct mt_contract; /* contract.c */

struct memtrap {
	struct memtrap_spec
	    spec; /* `name` is the trap's own copy or NULL; `thread` is 0 or a tid */
	char name[64];
	uint32_t state;  /* enum mt_trap_state; written last when it is set, first when removed */
	uint32_t in_use; /* handlers at work */
	int32_t thread;  /* spec.thread, to be looked at without holding the trap */
	/* Aligned for i386 too, where one instruction exchanges them only so. */
	uint64_t count __attribute__((aligned(8)));
	uint64_t late __attribute__((aligned(8)));
	uint64_t unread __attribute__((aligned(8)));
	/* The last one known; exchanged word by word. */
	uint64_t value[MT_DR_MAX_RANGE / 8] __attribute__((aligned(8)));
	struct mt_piece *pieces[MT_DR_COUNT];
	unsigned piece_count;
	unsigned shared;              /* pieces that were armed before it was set */
	struct mt_history *history;   /* NULL with MEMTRAP_BARE */
	struct mt_contract *contract; /* NULL: none */
	struct memtrap *next;         /* of all slots that ever were */
};

enum mt_trap_state {
	MT_TRAP_FREE,
	MT_TRAP_SETTING,
	MT_TRAP_LIVE,
	MT_TRAP_ENDING, /* no handler begins any more; freed when the last one is done */
};

/* As memtrap_set(), for contract.c. The trap owns `contract` (NULL: none) once it is set, and ends
 * it by mt_contract_destroy(), which is signal-safe and in contract.h. */
int mt_trap_set(struct memtrap **trap, const struct memtrap_spec *spec,
                struct mt_contract *contract);

/*
 * A trap is held (`in_use`) while somebody looks at it: the slot stays what it is until it is
 * released. False: it is not live. Whoever is the last to release a trap that was removed meanwhile
 * retires it. Signal-safe; in holder.c.
 */
bool mt_trap_hold(struct memtrap *trap);
void mt_trap_release(struct memtrap *trap);

/* The next live trap after `after` (NULL: the first one) that is for the thread (0: for any), held.
 * NULL: there is none. Signal-safe. */
struct memtrap *mt_trap_hold_next(struct memtrap *after, pid_t tid);

/* Calls `each` for every live trap until it returns false, each held (in_use) meanwhile.
 * Signal-safe. */
void mt_traps_each(bool (*each)(struct memtrap *trap, void *arg), void *arg);

enum mt_trap_state mt_trap_state(const struct memtrap *trap);
/* From one state to another; false: it was not in the first one. */
bool mt_trap_turn(struct memtrap *trap, enum mt_trap_state from, enum mt_trap_state to);

/* A slot of state SETTING for a new trap: zeroed but for `next`; NULL without memory. Under the
 * lock. */
struct memtrap *mt_trap_claim(void);
/* Ends what a trap of state SETTING owns but for its pieces, and makes the slot free. Signal-safe.
 */
void mt_trap_retire(struct memtrap *trap);

/* Every slot that ever was, whatever its state: the first one, and from there by `next`. */
struct memtrap *mt_traps_first(void);

/* The back end in use; NULL before the first trap. */
const struct mt_backend *mt_backend_in_use(void);

/* The program's own SIGTRAP action that ours stands before: asked and replaced by interpose.c, so
 * that sigaction() answers as if we were not there. `flags` as in struct sigaction. */
void mt_next_action_get(struct sigaction *action);
void mt_next_action_set(const struct sigaction *action);

/* Whether our SIGTRAP handler is the installed one (asks the kernel). */
bool mt_handler_is_ours(void);

#endif
