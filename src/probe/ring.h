/* SPDX-License-Identifier: MIT */
/* Inside src/probe: what a probe consists of. */
#ifndef MT_PROBE_RING_H
#define MT_PROBE_RING_H

#include "probe/probe.h"
#include "probe/relay.h"

struct ring_buffer;
struct mt_traced;

struct mt_probe {
	int ring;                   /* the map */
	struct ring_buffer *buffer; /* libbpf's view of it */
	mt_record_handler handler;
	mt_record_capture capture; /* on a probe without perf */
	void *arg;
	size_t drained; /* records in the call of mt_probe_drain() that runs */
	int exec_program, exec_link;
	struct mt_traced
	    *traced; /* without perf and eBPF: the rest but `handler` and `arg` is nothing */
	/* For filters of data: what runs at the ends of system calls; see seat.h. */
	struct mt_relay exits;
	unsigned exits_refs;
	int exits_program, exits_link;
	int reading;       /* the processor's value: one of these reads what the thread has */
	bool heard_merged; /* it was tried */
	int merged, merged_program, merged_link;
	struct mt_task_layout {
		int blocked, pid, group_leader, parent, thread_pid;
		/* Of a struct pid: where it has them, and a struct upid its number. */
		int level, numbers, number, numbers_stride;
	} task; /* where struct task_struct has them; blocked 0: not yet known */
};

/* merged.c: from now on signals that are thrown away are kept for mt_probe_merged(), where the
 * kernel allows it. */
void mt_probe_hear_merged(struct mt_probe *probe);

/* filter.c: finds out `task`. MT_ERR_UNSUPPORTED: the kernel does not describe its types. */
struct mt_error *mt_probe_find_tasks(struct mt_probe *probe);

#endif
