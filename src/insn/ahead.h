/* SPDX-License-Identifier: MIT */
/*
 * What lies ahead of a thread: how far it comes before it may touch what is watched.
 *
 * Its registers tell where its next instructions go, and what they touch, until something comes of
 * which they tell nothing: an address out of memory, a return, a system call. So far it may be let
 * run, instead of being stepped. Of memory nothing is assumed but that code stays as it is.
 *
 * Pure: reads code through a function of the caller's, and runs nothing.
 */
#ifndef MT_INSN_AHEAD_H
#define MT_INSN_AHEAD_H

#include <stddef.h>
#include <stdint.h>

#include "insn/insn.h"

#define MT_AHEAD_MAX_ENDS 4

enum mt_ahead_how {
	MT_AHEAD_RUN,  /* it comes to one of `ends`, and touches nothing before */
	MT_AHEAD_STEP, /* its next instruction touches nothing in memory, but where that leads is
	                * not told, or not well, or it writes a kept register */
	MT_AHEAD_CARE, /* its next instruction may touch it, or may do anything */
};

struct mt_ahead_end {
	uint64_t addr;  /* never where the thread stands */
	unsigned count; /* of instructions until there, at least; > 0 */
};

struct mt_ahead {
	enum mt_ahead_how how;
	/* Of RUN. An int3 in each of them is in no way of what comes before. */
	struct mt_ahead_end ends[MT_AHEAD_MAX_ENDS];
	size_t end_count;
};

/* What is not to be touched in that way: MT_INSN_* bits. */
struct mt_ahead_range {
	uint64_t addr, len;
	uint8_t access;
};

struct mt_ahead_query {
	enum mt_machine machine;
	const struct mt_regs *regs; /* of the thread, before its next instruction */
	uint64_t fs_base, gs_base;
	const struct mt_ahead_range *ranges;
	size_t range_count;
	uint32_t kept;      /* a bit for each general register that is not to be written either */
	bool keeps_vectors; /* nor any register of SSE, AVX, MMX, x87, and masks */
	/* Whether all is well before the instruction at `regs`' pc; what is `unknown` of the
	 * general registers (a bit each) is anything. NULL: always. */
	bool (*stays)(void *arg, const struct mt_regs *regs, uint32_t unknown);
	mt_code_reader read_code;
	void *arg; /* of both functions */
};

/* Code that was decoded once; NULL without memory. */
struct mt_ahead_code *mt_ahead_code_create(void);
void mt_ahead_code_destroy(struct mt_ahead_code *code);

/* Nobody vouches for the code that was read before: it is read anew. */
void mt_ahead_code_forget(struct mt_ahead_code *code);

/*
 * What lies ahead. Code is read once and then taken from `code`, until that is told to forget it;
 * an instruction that writes to a page of such code is one for CARE.
 */
void mt_ahead_look(struct mt_ahead_code *code, const struct mt_ahead_query *query,
                   struct mt_ahead *ahead);

#endif
