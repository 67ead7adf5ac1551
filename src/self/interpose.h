/* SPDX-License-Identifier: MIT */
/*
 * Inside src/self: functions of libc that the shared library stands before (interpose.c is not in
 * the static one): sigaction() and signal() for SIGTRAP, so that the program's handler becomes the
 * one that we pass on to; pthread_create(), where new threads don't inherit traps; sigprocmask()
 * and pthread_sigmask(), where a blocked SIGTRAP would kill.
 */
#ifndef MT_SELF_INTERPOSE_H
#define MT_SELF_INTERPOSE_H

#include <signal.h>
#include <stdbool.h>

/* libc's own sigaction(), also where ours is found first. */
int mt_libc_sigaction(int signal, const struct sigaction *action, struct sigaction *old);

/* Whether threads that are born from now on pass through our pthread_create(). */
bool mt_sees_new_threads(void);

#endif
