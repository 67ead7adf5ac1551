/* SPDX-License-Identifier: MIT */
/*
 * A processor that a tracee shares with us. Where each has its own, a stop costs a message to a
 * processor that sleeps, and another one back: on a virtual machine many times what the stop itself
 * does.
 */
#ifndef MT_TARGET_PROCESSOR_H
#define MT_TARGET_PROCESSOR_H

#include <sched.h>
#include <stdbool.h>
#include <sys/types.h>

struct mt_shared_processor {
	bool is_shared;
	pid_t tid;
	cpu_set_t theirs, ours; /* as they were before */
	cpu_set_t one;          /* as both are meanwhile */
};

/*
 * The stopped tracee and we may run on one and the same processor alone from here on
 * (sched_setaffinity(2)), until that is undone; where the kernel refuses it, or the tracee is a
 * real-time task, all is as it was. If we die meanwhile it stays so: only for tracees that end with
 * us. They must come to no system call, which might show it to them. What somebody else has chosen
 * for them meanwhile stays.
 */
void mt_processor_share(pid_t tid, struct mt_shared_processor *shared);
void mt_processor_unshare(struct mt_shared_processor *shared);

#endif
