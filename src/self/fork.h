/* SPDX-License-Identifier: MIT */
/* Inside src/self: what a child of fork() keeps of the traps: those with MEMTRAP_INHERIT_FORK. */
#ifndef MT_SELF_FORK_H
#define MT_SELF_FORK_H

/* From now on fork() is noticed. 0 or a negative errno with the sentence. Under the lock. */
int mt_fork_prepare(void);

#endif
