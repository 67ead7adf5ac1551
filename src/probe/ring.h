/* SPDX-License-Identifier: MIT */
/* Inside src/probe: what a probe consists of. */
#ifndef MT_PROBE_RING_H
#define MT_PROBE_RING_H

#include "probe/probe.h"
#include "probe/relay.h"

#define MT_MEMORY_EVENTS 3 /* births, exec, and ends */

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
	/* memory.c: a map of processes, and what keeps it true; -1: the kernel does not allow it */
	bool tried_memories;
	uint32_t last_program;
	int memories, memory_programs[MT_MEMORY_EVENTS], memory_links[MT_MEMORY_EVENTS];
	struct mt_task_layout {
		int blocked, pid, tgid, group_leader, parent, thread_pid, mm;
		/* Of a struct pid: where it has them, and a struct upid its number. */
		int level, numbers, number, numbers_stride;
	} task; /* where struct task_struct has them; blocked 0: not yet known */
};

/* merged.c: from now on signals that are thrown away are kept for mt_probe_merged(), where the
 * kernel allows it. */
void mt_probe_hear_merged(struct mt_probe *probe);

/*
 * memory.c: whose memory each process has that is watched. From now on it is known of `pid`; of its
 * children that borrow its memory, and of those that have a copy where `follow`, it is as they are
 * born. Returns a number for the program that it runs, up to exec; 0: the kernel does not say whose
 * memory it is.
 */
uint32_t mt_probe_know_memory(struct mt_probe *probe, pid_t pid, bool follow);
void mt_probe_init_memories(struct mt_probe *probe); /* of a new probe: nothing is known */
void mt_probe_forget_memories(struct mt_probe *probe);

/* filter.c: finds out `task`. MT_ERR_UNSUPPORTED: the kernel does not describe its types. */
struct mt_error *mt_probe_find_tasks(struct mt_probe *probe);

#endif
