/* SPDX-License-Identifier: MIT */
/*
 * Inside src/engine: how accesses to memory are noticed. A trap is one range of memory that
 * somebody waits for; a mechanism is one way to notice that it was touched. Whoever sets traps
 * knows this header alone: which mechanism serves a trap changes nothing in what is told of a hit.
 *
 * A mechanism may notice too much: an access of the other kind, of a neighbour, a value that stays
 * the same. What it says is where to look; what the instruction has done decides (watch_access.h).
 */
#ifndef MT_ENGINE_MECHANISM_H
#define MT_ENGINE_MECHANISM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "x86/debugreg.h"

struct mt_cond;
struct mt_proc;
struct mt_thread;

struct mt_trap {
	int owner; /* the number of the breakpoint that it is for */
	enum mt_dr_kind kind;
	uint64_t addr, len;
	/* What has to hold for a hit to matter. A mechanism that cannot tell leaves it to who asks.
	 */
	const struct mt_cond *condition; /* NULL: nothing */
	pid_t tid;                       /* 0: any */
	uint64_t evaluated;              /* times that it was asked before */
};

enum mt_cost_unit {
	MT_COST_PER_HIT,         /* nothing else costs anything */
	MT_COST_PER_INSTRUCTION, /* of all threads of the process */
};

struct mt_cost {
	enum mt_cost_unit unit;
	uint64_t ns; /* measured on this machine; 0: not known */
};

struct mt_mechanism {
	const char *name;

	/* All of the trap or nothing. MT_ERR_NO_REGISTER: there is no room, and who has it. */
	struct mt_error *(*arm)(struct mt_proc *proc, const struct mt_trap *trap);

	/* With what was given to arm(). The process's memory is there. */
	void (*disarm)(struct mt_proc *proc, const struct mt_trap *trap);

	/* Whether what the thread has stopped for may be a hit of the trap. */
	bool (*may_be_hit)(const struct mt_thread *thread, const struct mt_trap *trap);

	struct mt_cost (*cost)(struct mt_proc *proc);
};

extern const struct mt_mechanism mt_by_registers; /* hardware.c */
extern const struct mt_mechanism mt_by_stepping;  /* stepping.c */
extern const struct mt_mechanism mt_by_filter;    /* filtered.c */

#endif
