/* SPDX-License-Identifier: MIT */
#include <unistd.h>

#include "self/context.h"
#include "self/frames.h"
#include "self/registry.h"
#include "self/report.h"

size_t memtrap_backtrace(const struct memtrap_hit *hit, uintptr_t *frames, size_t max)
{
	struct mt_regs regs;

	mt_context_regs(hit->context, &regs);
	return mt_frames_put_culprit(frames, mt_frames_walk(&regs, frames, max), hit->culprit);
}

int memtrap_dump(const struct memtrap_hit *hit, int fd)
{
	struct mt_say say;

	mt_say_begin(&say, fd);
	mt_report_hit_fully(&say, hit);
	return mt_say_end(&say);
}

size_t memtrap_history(const struct memtrap *trap, struct memtrap_past_hit *hits, size_t max)
{
	return trap->history ? mt_history_read(trap->history, hits, max) : 0;
}

static bool print_trap(struct memtrap *trap, void *say)
{
	if (trap->history)
		mt_report_history(say, trap);
	return true;
}

int memtrap_print_history(int fd)
{
	struct mt_say say;

	mt_say_begin(&say, fd);
	mt_traps_each(print_trap, &say);
	return mt_say_end(&say);
}
