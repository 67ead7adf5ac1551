/* SPDX-License-Identifier: MIT */
/*
 * Inside src/self: which instruction of the calling thread was it, and what did it touch? Asked in
 * the signal handler; signal-safe.
 */
#ifndef MT_SELF_CULPRIT_H
#define MT_SELF_CULPRIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "insn/insn.h"
#include "x86/debugreg.h"

/*
 * Finds the instruction that made the access for which a register watching `range` for `kind`
 * (WRITE or ACCESS) fired, from the registers after it. False: not known. Operands relative to the
 * thread's own data (fs, gs) come as what they are for this thread: with an address like any other.
 */
bool mt_culprit_of(const struct mt_regs *after, const struct mt_dr_piece *range,
                   enum mt_dr_kind kind, struct mt_insn *insn);

/* The part of [addr, addr+len) that an instruction touched. */
struct mt_touch {
	unsigned access; /* enum mt_insn_access; 0: it touched nothing of it */
	bool certain;    /* it is known where it accessed; else it may have been elsewhere */
	uintptr_t addr;  /* the part; the whole range where it is not certain */
	size_t len;
};

void mt_culprit_touch(const struct mt_insn *insn, const struct mt_regs *after, uintptr_t addr,
                      size_t len, struct mt_touch *touch);

#endif
