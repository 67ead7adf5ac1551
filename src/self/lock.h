/* SPDX-License-Identifier: MIT */
/*
 * Inside src/self: the lock of all that is set and removed. It may be taken in a hit's handler and
 * in any signal handler: whoever holds it has signals blocked (but for those that the processor
 * raises), and its accesses are no hits, so that no handler runs on a thread that holds it.
 */
#ifndef MT_SELF_LOCK_H
#define MT_SELF_LOCK_H

void mt_lock(void);
void mt_unlock(void);

/* In a child of fork() whose parent held the lock for it: the child holds it now. */
void mt_lock_forked(void);

#endif
