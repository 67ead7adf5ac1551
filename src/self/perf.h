/* SPDX-License-Identifier: MIT */
/* Inside src/self, the perf back end: what its files share. */
#ifndef MT_SELF_PERF_H
#define MT_SELF_PERF_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/vec.h"
#include "self/backend.h"

/* What a piece has in `armed`, from its first use on: closing is all that disarming does, as memory
 * can't be given back in a signal handler. */
struct mt_perf_armed {
	MT_VEC(int) fds;
	MT_VEC(pid_t) missed; /* threads that could not be armed */
};

/* Opens an event that sends SIGTRAP to the thread (0: the calling one), and in it the cookie; with
 * `born_too` to the threads that it creates from then on as well. A file descriptor or a negative
 * errno. No libc (raw.h). */
int mt_perf_open(const struct mt_piece *piece, pid_t tid, bool born_too);

/* The sentence for what mt_perf_open() returned, and that errno. */
int mt_perf_fail(int err, const struct mt_piece *piece, pid_t tid);

/* perf's mt_backend.cover; in perf_cover.c. */
void mt_perf_cover(const struct mt_piece *piece, struct mt_piece_cover *cover);

/*
 * perf's mt_backend.try, by a child process that blocks SIGTRAP and touches what it has armed:
 * whether a hit arrives, and whether it would kill, is seen there. In perf_try.c.
 */
int mt_perf_try(void);
bool mt_perf_blocked_is_fatal(void);

#endif
