/* SPDX-License-Identifier: MIT */
/*
 * Inside src/self: which pieces of memory the traps need, and on which threads. A thread's four
 * registers hold the pieces for all threads and those for itself. Under the lock, but for what is
 * marked.
 */
#ifndef MT_SELF_PIECES_H
#define MT_SELF_PIECES_H

#include <stdbool.h>
#include <stdint.h>

#include "self/backend.h"
#include "self/registry.h"

/* The kind of register that a trap of that kind needs. */
enum mt_dr_kind mt_kind_in_hardware(enum memtrap_kind kind);

/*
 * Finds or arms the pieces of a trap whose spec is filled in, all or none. 0, with `cover` what the
 * worst covered of them has; or a negative errno with the sentence.
 */
int mt_pieces_take(const struct mt_backend *backend, struct memtrap *trap,
                   struct mt_piece_cover *cover);

/* Lets them go; those that no other trap needs are disarmed. Signal-safe. */
void mt_pieces_give(const struct mt_backend *backend, struct memtrap *trap);

/* The same, where nothing is to be disarmed. */
void mt_pieces_forget(struct memtrap *trap);

/* Whether a child of fork() has the trap too: `parent_tid` is what the thread that forked is in the
 * parent. */
bool mt_trap_survives_fork(const struct memtrap *trap, pid_t parent_tid);

/*
 * In a child of fork(), whose only thread was `parent_tid` in the parent: notes which pieces are to
 * be armed there again. Their traps must still be live.
 */
void mt_pieces_forked(pid_t parent_tid);

/* How many registers of that thread the library wants: what all threads have, and what it alone
 * has; 0: the former. With the lock. */
unsigned mt_pieces_wanted(pid_t thread);

/* Where a piece lies, of which kind, and for which thread; the other fields are nothing. False: it
 * is in use no more. Signal-safe, without the lock. */
bool mt_piece_read(const struct mt_piece *piece, struct mt_piece *copy);

/* The same of the piece that a signal names. */
bool mt_piece_find(uint32_t cookie, struct mt_piece *copy);

/* Signal-safe, of a trap that is held. */
bool mt_trap_has_piece(const struct memtrap *trap, uint32_t cookie);

#endif
