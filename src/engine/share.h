/* SPDX-License-Identifier: MIT */
/*
 * Inside src/engine: a processor that we share with a tracee that stops all the time.
 */
#ifndef MT_ENGINE_SHARE_H
#define MT_ENGINE_SHARE_H

#include <stdint.h>
#include <sys/types.h>

#include "target/processor.h"

struct mt_debug;
struct mt_thread;

/* How quickly a thread stops after it has been resumed. */
struct mt_pace {
	pid_t tid;
	uint64_t resumed_ns;
	uint32_t quick;   /* stops in a row that came soon */
	uint32_t gained;  /* those since it shares our processor */
	uint32_t to_skip; /* so many more before it is to share it again */
	uint32_t skipped; /* so many it were at first; 0: the last time was worth it */
};

/* The stopped thread shares our processor from now on, if its program ends with us, until it comes
 * to what might show it that, or others go on. */
void mt_share(struct mt_thread *thread);
/* It has its processors back, and we have ours: before we sleep, or fork, or let it go. */
void mt_share_end(struct mt_debug *debug);
/* Before the thread goes on, as thread->how says, with `signal`: decides whether it is to share our
 * processor, and then lets it stop before system calls. */
void mt_share_note_resume(struct mt_thread *thread, int signal);
/* The thread has stopped, as thread->stop says. */
void mt_share_note_stop(const struct mt_thread *thread);

#endif
