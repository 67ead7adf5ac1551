/* SPDX-License-Identifier: MIT */
/*
 * A pause: every thread of a process stopped, so that none can be born. By ptrace, for processes
 * that we do not trace otherwise. System calls that were waiting go on by themselves afterwards,
 * but for the few that signal(7) names at the end ("Interruption of system calls by stop signals").
 */
#ifndef MT_TARGET_PAUSE_H
#define MT_TARGET_PAUSE_H

#include <sys/types.h>

#include "base/error.h"
#include "base/vec.h"

struct mt_paused_thread {
	pid_t tid;
	int signal; /* was about to be delivered, and will be when the pause ends; 0: none */
};

struct mt_pause {
	pid_t pid;
	MT_VEC(struct mt_paused_thread) threads;
};

/*
 * Stops all threads of `pid`. On failure all run again: MT_ERR_PERMISSION (another tracer, another
 * user), or MT_ERR_SYSTEM when a thread does not stop within a fifth of a second (it sits in the
 * kernel). If the caller dies during a pause, the kernel lets the threads go on.
 */
struct mt_error *mt_pause_begin(pid_t pid, struct mt_pause *pause);
void mt_pause_end(struct mt_pause *pause);

#endif
