/* SPDX-License-Identifier: MIT */
/*
 * An instruction as a part of what lies ahead: where it leads, and what it makes of the registers.
 * Not for other rooms.
 */
#ifndef MT_INSN_FLOW_H
#define MT_INSN_FLOW_H

#include "insn/decoded.h"

enum mt_flow_next {
	MT_FLOW_UNKNOWN,   /* it may do anything */
	MT_FLOW_ON,        /* to what follows it */
	MT_FLOW_JUMP,      /* to its target; a call too, whose push is a memory operand */
	MT_FLOW_BRANCH,    /* to its target if `condition` is met */
	MT_FLOW_REGISTER,  /* to where `target_reg` points: a jump, or a call */
	MT_FLOW_ELSEWHERE, /* memory says where: ret, and jumps and calls of that kind */
};

/* base + index + disp, cut to `size` bytes: what an instruction leaves in a general register. */
struct mt_flow_sum {
	uint8_t reg;                /* enum mt_reg; MT_REG_NONE: there is no such register */
	uint8_t base, index, scale; /* MT_REG_NONE: none; MT_REG_RIP: the next instruction */
	uint8_t size;               /* 4 or 8 */
	int64_t disp;
};

struct mt_flow {
	struct mt_insn insn; /* addr, len, klass, rep, target and memory operands alone */
	uint8_t next;        /* enum mt_flow_next */
	uint8_t condition;   /* the low four bits of the opcode */
	uint8_t target_reg;
	bool writes_flags;
	bool writes_vectors; /* or may: registers of SSE, AVX, MMX, x87, and masks */
	uint32_t writes;     /* a bit for each general register that is another one afterwards */
	struct mt_flow_sum sum;
};

/* As mt_insn_decode(). */
bool mt_flow_decode(enum mt_machine machine, const uint8_t *code, size_t len, uint64_t addr,
                    struct mt_flow *flow);

#endif
