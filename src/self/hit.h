/* SPDX-License-Identifier: MIT */
/* Inside src/self: from a SIGTRAP to the hits that it stands for. In the signal handler. */
#ifndef MT_SELF_HIT_H
#define MT_SELF_HIT_H

#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

/* A SIGTRAP, as far as the back end could tell it. */
struct mt_arrival {
	ucontext_t *context;
	uint32_t cookie; /* of the piece that fired; 0: the signal does not say */
	bool late;       /* SIGTRAP was blocked at the access: the context is another one's */
	bool stray; /* it says nothing at all: only what certainly touched a trap makes it ours */
};

/*
 * Finds the traps of the calling thread that it is for, counts, keeps and calls. False: it is for
 * none of them, which only a stray one can be: one of ours that comes after the trap was removed is
 * still ours.
 */
bool mt_hit_deliver(const struct mt_arrival *arrival);

/* The same for an access that is no hit, as a handler made it: what it wrote is the last value
 * known from then on. */
bool mt_hit_absorb(const struct mt_arrival *arrival);

#endif
