/* SPDX-License-Identifier: MIT */
/*
 * What a signal handler returns to where no information describes it. musl and Go give the kernel
 * restorers of their own without CFI; glibc's and the vDSO's have it.
 */
#ifndef MT_CFI_SIGRETURN_H
#define MT_CFI_SIGRETURN_H

#include "cfi/walk.h"

/* Where the interrupted registers are, seen from one instruction of a restorer. */
struct mt_sigreturn {
	uint64_t offset;     /* of the saved words from the stack pointer */
	const uint8_t *regs; /* enum mt_reg of each word, MT_REG_NONE for others */
	size_t reg_count;
};

/* Whether `pc` is on an instruction of a restorer. */
bool mt_sigreturn_at(const struct mt_cfi_code *code, enum mt_machine machine, uint64_t pc,
                     struct mt_sigreturn *sigreturn);

#endif
