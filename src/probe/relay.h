/* SPDX-License-Identifier: MIT */
/*
 * Inside src/probe: eBPF programs that run one behind the other, each of a filter of its own. Who
 * runs first is called by a program that is nobody's; each calls the next by a tail call, of which
 * the kernel allows 33 in a row (linux/bpf.h, MAX_TAIL_CALL_CNT). Members come and go while the
 * programs run.
 */
#ifndef MT_PROBE_RELAY_H
#define MT_PROBE_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "probe/asm.h"

#define MT_RELAY_MAX 32

struct mt_relay {
	int programs;    /* the map that tail calls go through; -1: it is not made */
	int links_map;   /* its only value is `links` */
	uint32_t *links; /* mapped. [0] is the first member, [i + 1] the one behind member i, each
	                    by its number + 1; 0: none */
	bool taken[MT_RELAY_MAX];
};

/* Nothing that deinit would have to give back. */
void mt_relay_init(struct mt_relay *relay);
struct mt_error *mt_relay_create(struct mt_relay *relay);
void mt_relay_deinit(struct mt_relay *relay);

/* A number for a new member, whose program can be written then; false: there are too many. */
bool mt_relay_take(struct mt_relay *relay, unsigned *number);
/* The member runs from here on, behind all others. */
struct mt_error *mt_relay_join(struct mt_relay *relay, unsigned number, int program);
/* It runs no more, if it ever has, and its number is free. */
void mt_relay_leave(struct mt_relay *relay, unsigned number);

/* Writes the call of the first member, or of the one behind `number`; where there is none it goes
 * on behind it. The program's context is at `context` on the stack. Spoils r1 to r5. */
#define MT_RELAY_FIRST (-1)
void mt_relay_call(struct mt_asm *as, const struct mt_relay *relay, int number, int context);

#endif
