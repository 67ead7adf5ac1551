/* SPDX-License-Identifier: MIT */
/*
 * The floor of the benchmarks: a hardware breakpoint that only counts. What memtrap adds to it is
 * what memtrap costs.
 */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Counts for the caller and its later threads, in the kernel too. */
static inline int floor_open_at(uint32_t type, uintptr_t addr, uint64_t len)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = type,
		.bp_addr = addr,
		.bp_len = len,
		.inherit = 1,
		.inherit_thread = 1,
		.exclude_hv = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0) {
		perror("cannot count with a hardware breakpoint");
		exit(1);
	}
	return fd;
}

/* Writes to 8 bytes. */
static inline int floor_open(const volatile uint64_t *watched)
{
	return floor_open_at(HW_BREAKPOINT_W, (uintptr_t)watched, HW_BREAKPOINT_LEN_8);
}

/* Runs of the instruction at an address (linux/hw_breakpoint.h: its length is that of a long). */
static inline int floor_open_code(uintptr_t addr)
{
	return floor_open_at(HW_BREAKPOINT_X, addr, sizeof(long));
}

static inline uint64_t floor_count(int fd)
{
	uint64_t count = 0;

	if (read(fd, &count, sizeof(count)) != sizeof(count))
		perror("cannot read the count");
	return count;
}

#endif
