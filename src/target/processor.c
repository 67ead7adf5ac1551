/* SPDX-License-Identifier: MIT */
#include "target/processor.h"

#define NONE CPU_SETSIZE

static size_t first_of(const cpu_set_t *set)
{
	for (size_t i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, set))
			return i;
	return NONE;
}

/* Ours, if the tracee may run there; else the first that both have. */
static size_t choose(const struct mt_shared_processor *shared)
{
	int current = sched_getcpu();
	cpu_set_t both;

	CPU_AND(&both, &shared->theirs, &shared->ours);
	return current >= 0 && current < CPU_SETSIZE && CPU_ISSET((size_t)current, &both)
	           ? (size_t)current
	           : first_of(&both);
}

void mt_processor_share(pid_t tid, struct mt_shared_processor *shared)
{
	cpu_set_t one;
	size_t processor;

	if (sched_getaffinity(tid, sizeof(shared->theirs), &shared->theirs) != 0 ||
	    sched_getaffinity(0, sizeof(shared->ours), &shared->ours) != 0)
		return;
	processor = choose(shared);
	if (processor == NONE)
		return;
	CPU_ZERO(&one);
	CPU_SET(processor, &one);
	if (sched_setaffinity(tid, sizeof(one), &one) != 0)
		return;
	shared->tid = tid;
	shared->is_shared = true;
	if (sched_setaffinity(0, sizeof(one), &one) != 0)
		mt_processor_unshare(shared);
}

void mt_processor_unshare(struct mt_shared_processor *shared)
{
	if (!shared->is_shared)
		return;
	shared->is_shared = false;
	sched_setaffinity(shared->tid, sizeof(shared->theirs), &shared->theirs);
	sched_setaffinity(0, sizeof(shared->ours), &shared->ours);
}
