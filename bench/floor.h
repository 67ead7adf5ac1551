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

/* Counts the writes to 8 bytes by the caller and its later threads, those of the kernel too. */
static inline int floor_open(const volatile uint64_t *watched)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = (uintptr_t)watched,
		.bp_len = HW_BREAKPOINT_LEN_8,
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

static inline uint64_t floor_count(int fd)
{
	uint64_t count = 0;

	if (read(fd, &count, sizeof(count)) != sizeof(count))
		perror("cannot read the count");
	return count;
}

#endif
