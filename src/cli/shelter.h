/* SPDX-License-Identifier: MIT */
/*
 * A process between the user and a tracer whose end would harm its tracees. Debug registers that
 * ptrace has set outlive the tracer, and the program would die at its next hit. So the work is done
 * by a child; whoever kills us, with SIGKILL too, kills this one, and the child learns of it and
 * lets its tracees go.
 */
#ifndef MT_CLI_SHELTER_H
#define MT_CLI_SHELTER_H

#include "base/error.h"

/*
 * Runs `work` in a child and ends as it does, by status or signal, which is returned where it is a
 * status. SIGINT, SIGTERM and SIGHUP that are sent to us are passed on. `lifeline` becomes readable
 * (end of file) in the child when we die. No other thread may exist.
 */
struct mt_error *mt_shelter_run(int (*work)(int lifeline, void *arg), void *arg, int *status);

/* Ends this process by the signal, without a core. Returns only where the signal does not end it.
 */
void mt_die_by(int signal);

#endif
