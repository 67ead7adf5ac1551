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

/* One that runs as long as it likes would keep us from ever ending it (sched(7)). */
static bool gives_way(pid_t tid)
{
	int policy = sched_getscheduler(tid) & ~SCHED_RESET_ON_FORK;

	return policy == SCHED_OTHER || policy == SCHED_BATCH || policy == SCHED_IDLE;
}

void mt_processor_share(pid_t tid, struct mt_shared_processor *shared)
{
	size_t processor;

	if (!gives_way(tid) ||
	    sched_getaffinity(tid, sizeof(shared->theirs), &shared->theirs) != 0 ||
	    sched_getaffinity(0, sizeof(shared->ours), &shared->ours) != 0)
		return;
	processor = choose(shared);
	if (processor == NONE)
		return;
	CPU_ZERO(&shared->one);
	CPU_SET(processor, &shared->one);
	if (sched_setaffinity(tid, sizeof(shared->one), &shared->one) != 0)
		return;
	shared->tid = tid;
	shared->is_shared = true;
	if (sched_setaffinity(0, sizeof(shared->one), &shared->one) != 0)
		mt_processor_unshare(shared);
}

static void give_back(pid_t tid, const cpu_set_t *one, const cpu_set_t *before)
{
	cpu_set_t now;

	CPU_ZERO(&now);
	if (sched_getaffinity(tid, sizeof(now), &now) == 0 && CPU_EQUAL(&now, one))
		sched_setaffinity(tid, sizeof(*before), before);
}

void mt_processor_unshare(struct mt_shared_processor *shared)
{
	if (!shared->is_shared)
		return;
	shared->is_shared = false;
	give_back(shared->tid, &shared->one, &shared->theirs);
	give_back(0, &shared->one, &shared->ours);
}
