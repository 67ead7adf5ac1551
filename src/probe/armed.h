/* SPDX-License-Identifier: MIT */
/* Inside src/probe: an armed watch. */
#ifndef MT_PROBE_ARMED_H
#define MT_PROBE_ARMED_H

#include "base/vec.h"
#include "probe/probe.h"

/* The last value known on a probe without perf: in a process that has joined by fork, or of an
 * instance. */
struct mt_known_value {
	pid_t pid, tid; /* tid 0: of the process */
	uint64_t addr;
	uint64_t words[MT_RECORD_WORDS];
};

struct mt_relay;
struct mt_seat;

/* Where a value is; `tid` is its thread's, of an instance. */
struct mt_traced_place {
	pid_t pid, tid;
	uint64_t addr;
};

struct mt_armed {
	struct mt_probe *probe;
	struct mt_space *space;
	struct mt_watch_spec spec; /* as given, but `kernel` is what the kernel allows */
	struct mt_dr_piece pieces[MT_DR_COUNT];
	size_t piece_count;
	bool condition_in_kernel;
	bool kernel;
	const char *kernel_why;

	/* Where the same piece was armed before, for another watch: its program calls ours. Else
	 * NULL. */
	struct mt_armed *host[MT_DR_COUNT];
	size_t own_count; /* pieces with events of our own */

	int next; /* the programs of later watches that share our registers, by piece */
	int cell_map, scratch, forks, places;
	int exit_scratch;           /* of a watch: its exit program's */
	struct mt_error *unheard;   /* why a watch has none */
	struct mt_watch_cell *cell; /* cell_map's only value, mapped */

	/* Of a filter of data: whom it shares its registers with; of that, and of a watch: the ends
	 * of system calls. */
	struct mt_seat *seats[MT_DR_COUNT];
	unsigned in_seat[MT_DR_COUNT], in_exits;
	struct mt_relay *exits; /* the probe's; NULL: it does not see them */
	int exit_program;

	pid_t pid; /* not of one with instances by perf */
	/* Its number: on a probe without perf mt_traced_thread.program, else that of
	 * mt_probe_know_memory(). */
	uint64_t program;
	/* On a probe without perf. */
	MT_VEC(struct mt_known_value) values;
	uint64_t sent, outside;
	MT_VEC(pid_t) gone; /* the processes where what is watched is unmapped */
	/* Of one that has slices: all of it, as it was last known; of an instance each. */
	MT_VEC(struct mt_traced_shadow {
		struct mt_traced_place place;
		uint8_t *bytes;
	})
	shadows;

	int programs[MT_DR_COUNT];
	MT_VEC(int) events; /* own_count a thread */
	/* Of a watch with instances: whose events those are, in the same order. */
	MT_VEC(struct mt_instance) instances;
	uint64_t gone_events; /* what the events of those that were taken away have counted */
	unsigned threads, uncovered;
	struct mt_error *why; /* why the first uncovered one is */
};

/* Which perf breakpoint a kind is: HW_BREAKPOINT_X, _W or _RW (linux/hw_breakpoint.h). */
unsigned mt_hw_type(enum mt_dr_kind kind);

/* One that has nothing yet; NULL without memory. */
struct mt_armed *mt_armed_new(struct mt_probe *probe, struct mt_space *space,
                              const struct mt_watch_spec *spec);

/* data_arm.c: gives up what a filter of data shares with others. */
void mt_filter_leave(struct mt_armed *armed);

/* load.c: the map of the cell, and the cell. */
struct mt_error *mt_armed_create_cell(struct mt_armed *armed);

/* load.c: a scratch area for each processor. */
struct mt_error *mt_armed_create_scratch(int *map);
/* load.c: what all programs of the watch have in common, for that register. */
struct mt_program mt_armed_program(const struct mt_armed *armed, size_t index);

/* mapping.c: has it told of system calls that change what is mapped there; where that cannot be,
 * `unheard` says why. */
void mt_armed_hear_mappings(struct mt_armed *armed);

/* load.c: maps and programs. A condition that is too large for the kernel is left to the reader. */
struct mt_error *mt_armed_load(struct mt_armed *armed);

/*
 * events.c: opens and enables the events of all threads of `pid`, and counts them. The process is
 * paused for it only where it bears threads all the time.
 */
struct mt_error *mt_armed_open_events(struct mt_armed *armed, pid_t pid);
void mt_armed_close_events(struct mt_armed *armed);

/* Opens the events of one thread, all or none, behind armed->events, `by` bytes further on than the
 * watch's pieces. */
struct mt_error *mt_armed_open_pieces(struct mt_armed *armed, pid_t tid, uint64_t by);

/* As mt_armed_exchange(), for the instance at record->addr. Its thread is stopped. */
void mt_armed_exchange_instance(struct mt_armed *armed, struct mt_record *record);

/* Whether a range there falls into the same pieces, as far from each other. */
bool mt_armed_is_alike(const struct mt_armed *armed, uint64_t addr);

/* Has all events, those that threads have inherited too, move `by` bytes; or rests them. */
struct mt_error *mt_armed_move_events(struct mt_armed *armed, uint64_t by, bool rest);

/* What the event has counted. */
uint64_t mt_armed_event_count(int fd);

/* uprobe.c: the same for a watch in a file. It is one event, for all processes. */
struct mt_error *mt_armed_open_uprobe(struct mt_armed *armed);
/* Takes the events that are open. */
void mt_armed_close_uprobe(struct mt_armed *armed);

/* Whether the kernel lets us see its own accesses; sets kernel and kernel_why. */
void mt_armed_decide_kernel(struct mt_armed *armed);

#endif
