/* SPDX-License-Identifier: MIT */
/* Inside src/self: the SIGTRAP handler, and who stands behind it. */
#ifndef MT_SELF_ARRIVAL_H
#define MT_SELF_ARRIVAL_H

#include <signal.h>

/* Installs our handler, once; the action that was there becomes the next one. 0 or a negative errno
 * with the sentence. Under the lock. */
int mt_arrival_install(void);

/*
 * Does with a SIGTRAP that is not ours what the kernel would have done, if ours were not there:
 * calls the program's handler, drops the signal, or lets the process die of it once the handler has
 * returned. In next_action.c.
 */
void mt_next_action_run(siginfo_t *info, ucontext_t *context);

#endif
