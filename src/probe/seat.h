/* SPDX-License-Identifier: MIT */
/*
 * Inside src/probe: a seat is one debug register, in all threads of a process, for all filters of
 * data that watch the same piece for the same kind of access. Its events' program calls theirs, one
 * behind the other.
 */
#ifndef MT_PROBE_SEAT_H
#define MT_PROBE_SEAT_H

#include "probe/armed.h"
#include "probe/relay.h"

struct mt_seat {
	unsigned refs;
	struct mt_armed *events; /* it has nothing else */
	struct mt_relay relay;
	MT_VEC(pid_t) covered; /* threads of other processes */
	/* The processor's value: whether one of the filters wants the thread to be trapped. */
	int wanted;
};

/* A new one, on all threads of the process that there are: of mt_armed.uncovered there may be
 * some. Errors as mt_watch_arm() has them. */
struct mt_error *mt_seat_create(struct mt_probe *probe, const struct mt_watch_spec *spec,
                                const struct mt_dr_piece *piece, pid_t pid, struct mt_seat **seat);
/* In that thread of another process too. */
struct mt_error *mt_seat_cover(struct mt_seat *seat, pid_t tid);
/* One user less. */
void mt_seat_put(struct mt_seat *seat);

/* Writes what looks the processor's value of such a map up, as r0, or jumps. Spoils r1 to r5. */
void mt_seat_value(struct mt_asm *as, int map, mt_asm_label none);

/* The same for what listens to the ends of all system calls of the machine: the probe's, made when
 * it is needed first. MT_ERR_UNSUPPORTED: the kernel lets nobody listen, or the threads of the
 * process have other numbers for it than for us. */
struct mt_error *mt_exits_get(struct mt_probe *probe, pid_t pid, struct mt_relay **relay);

/* Makes mt_probe.reading, which is set while a program of ours reads what may be watched. */
struct mt_error *mt_exits_make_reading(struct mt_probe *probe);
void mt_exits_put(struct mt_probe *probe);

#endif
