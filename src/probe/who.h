/* SPDX-License-Identifier: MIT */
/* Inside src/probe: who runs, by the numbers that we know threads and processes by. */
#ifndef MT_PROBE_WHO_H
#define MT_PROBE_WHO_H

#include <stdbool.h>
#include <sys/types.h>

#include "probe/asm.h"

/*
 * Leaves the thread's number in the lower half of r0 and its process's in the upper one, and in the
 * 8 bytes at `slot` of the stack; r1 to r5 are lost. In a pid namespace (pid_namespaces(7)) the
 * kernel is asked for the numbers of that: who is in another one, below ours, has the machine's.
 */
void mt_asm_who(struct mt_asm *as, int slot);

/* Whether what is found for the process's threads are the numbers that we know them by. */
bool mt_who_is_known(pid_t pid);

#endif
