/* SPDX-License-Identifier: MIT */
/*
 * Inside src/self, the ptrace back end: a visit. A thread cannot trace its own process, so a helper
 * process is cloned for the moment. It shares memory and nothing that the program could notice: no
 * SIGCHLD comes when it ends, and only a wait with __WALL or __WCLONE shows it. It seizes the
 * wanted threads, stops each for as long as it takes to write its debug registers, and lets it go
 * on as it was: a signal that was on its way is delivered, a stopped process stays stopped. The
 * registers keep what was written when the helper is gone.
 *
 * What a thread may notice: a system call that the stop interrupts goes on by itself, but for those
 * few that fail with EINTR after any stop (signal(7), "Interruption of system calls and library
 * functions by stop signals"): epoll_wait(2), semop(2), sigtimedwait(2), io_getevents(2), and calls
 * on sockets that have a timeout.
 */
#ifndef MT_SELF_VISIT_H
#define MT_SELF_VISIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "self/backend.h"
#include "self/registers.h"

enum mt_visit_goal {
	MT_VISIT_ARM,    /* the piece; without one, every piece for all threads */
	MT_VISIT_DISARM, /* the piece */
	MT_VISIT_LOOK,   /* which threads have the piece */
	MT_VISIT_FIRED,  /* what the thread's last debug exception was for */
};

struct mt_visit {
	enum mt_visit_goal goal;
	const struct mt_piece *piece; /* NULL: see ARM; FIRED needs none */
	pid_t thread;                 /* the one to visit; 0: all threads of the process */
	const struct mt_piece
	    *stale; /* what an earlier visit failed to remove, and this one tries to */
	unsigned stale_count;

	/* Inside. */
	pid_t caller;
	int task_fd; /* /proc/self/task of the caller */
	uint32_t gate;

	/* What was found. */
	unsigned threads; /* alive, visited or not */
	unsigned armed;   /* with the piece, when the helper left them */
	unsigned blocked; /* LOOK: with SIGTRAP blocked */
	int error; /* the negative errno of a thread that is not as it should be; 0: all are */
	pid_t error_thread;
	struct mt_registers registers; /* FIRED: the thread's registers, */
	unsigned fired;                /* and which of them it was, as bits */
};

/* Makes the visit and waits for its end; `visit` tells what came of it. Signal-safe, under the
 * lock; all signals wait meanwhile. */
void mt_visit(struct mt_visit *visit);

/* The helper's part: what clone(2) starts. In helper_child.c. */
int mt_visit_serve(void *visit);

/* Leaves the sentence for `visit->error`, which it returns. Not signal-safe. In visit_fail.c. */
int mt_visit_fail(const struct mt_visit *visit);

#endif
