/* SPDX-License-Identifier: MIT */
/*
 * What at-random.c tells of a program that it has made: each access of an instruction or a system
 * call to the arena, in order, and the arena before and after each. The test reads it as it is.
 */
#ifndef AT_RANDOM_H
#define AT_RANDOM_H

#include <stdint.h>

#define ARENA 128
#define MAX_EVENTS 80

enum { DID_READ = 1, DID_WRITE = 2 }; /* as enum mt_insn_access */

enum event_flags {
	EVENT_REP = 1,    /* one instruction, which may be noticed at each of its repetitions */
	EVENT_LEAVES = 2, /* a jump: from where it leads to nobody can tell where it came from */
	EVENT_MASKED = 4, /* which elements of its operand it touches, a vector says */
};

struct event {
	uint64_t pc;
	int32_t syscall; /* -1: an instruction */
	uint32_t flags;
	uint8_t did[ARENA]; /* to each byte: of a system call only what it has written */
};

struct made {
	uint64_t seed;
	uint64_t count;
	struct event events[MAX_EVENTS];
	uint8_t states[MAX_EVENTS + 1][ARENA]; /* before event n, and after the last */
};

#endif
