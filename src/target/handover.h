/* SPDX-License-Identifier: MIT */
/*
 * A process that goes from one tracer to another in this program, without running in between: its
 * threads are tracees of the calling thread, stay so, and stand. Who takes them over answers the
 * events that they stand at as if they had just come.
 */
#ifndef MT_TARGET_HANDOVER_H
#define MT_TARGET_HANDOVER_H

#include "base/vec.h"
#include "target/event.h"

struct mt_handover {
	pid_t pid;     /* 0: none */
	pid_t tid;     /* of the thread that is meant */
	bool launched; /* by us */
	/* Each thread's last event, and what has come since. One that has none cannot stop where
	 * it is (vfork(2)), or has ended. */
	MT_VEC(struct mt_event) stops;
};

static inline void mt_handover_deinit(struct mt_handover *handover)
{
	mt_vec_deinit(&handover->stops);
}

#endif
