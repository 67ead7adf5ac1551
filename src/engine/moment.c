/* SPDX-License-Identifier: MIT */
/*
 * What was read of the program's memory while it stands still, for those who read the same words
 * again and again. Threads that are stopped change nothing, but others may: who shares the memory,
 * who writes into it through the kernel, and the kernel's own asynchronous work. So a moment is
 * kept only where nobody could tell the difference: what is read in it counts as read at one time,
 * when the moment began. It ends with anything that the session does, with what the front end says
 * or hears (mt_debug_moment_end()), and with a tick of the clock.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "engine/engine_private.h"
#include "engine/world.h"

#define PAGE 4096u
enum { PAGES = 16 };

struct mt_moment {
	unsigned keepers;
	uint64_t number; /* grows with each end */
	uint64_t tick;   /* of the clock when it began; 0: nothing was asked in it */
	struct page {
		uint64_t moment; /* in which it was read */
		uint64_t addr;
		uint8_t bytes[PAGE];
	} pages[PAGES];
};

void mt_debug_moment_keep(struct mt_debug *debug)
{
	if (!debug->moment) {
		debug->moment = mt_alloc(sizeof(*debug->moment));
		if (!debug->moment) /* then all is read anew */
			return;
		debug->moment->number = 1;
	}
	debug->moment->keepers++;
	mt_debug_moment_end(debug);
}

void mt_debug_moment_let_go(struct mt_debug *debug)
{
	if (debug->moment && debug->moment->keepers)
		debug->moment->keepers--;
}

void mt_debug_moment_end(struct mt_debug *debug)
{
	if (!debug->moment)
		return;
	debug->moment->number++;
	debug->moment->tick = 0;
}

/* The kernel's tick, of 1 to 10 ms: its time is had without a system call. */
static uint64_t tick_now(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t mt_moment_now(struct mt_debug *debug)
{
	struct mt_moment *moment = debug->moment;
	uint64_t tick;

	if (!moment || !moment->keepers || debug->going)
		return 0;
	tick = tick_now();
	if (moment->tick && moment->tick != tick)
		mt_debug_moment_end(debug);
	moment->tick = tick;
	return moment->number;
}

bool mt_moment_read(struct mt_debug *debug, uint64_t addr, void *out, size_t len)
{
	struct mt_moment *moment = debug->moment;
	uint64_t start = addr & ~(uint64_t)(PAGE - 1);
	struct page *page;
	struct mt_error *error;

	if (!moment || !moment->tick || !moment->keepers || !debug->proc ||
	    addr - start + len > PAGE)
		return false;
	page = &moment->pages[addr / PAGE % PAGES];
	if (page->moment != moment->number || page->addr != start) {
		error = mt_proc_read(debug->proc, start, page->bytes, PAGE);
		page->moment = error ? 0 : moment->number;
		page->addr = start;
		mt_error_free(error);
		if (!page->moment)
			return false;
	}
	memcpy(out, page->bytes + (addr - start), len);
	return true;
}
