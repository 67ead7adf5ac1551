/* SPDX-License-Identifier: MIT */
/* Conditions of jcc, setcc and cmovcc. */
#ifndef MT_INSN_CONDITION_H
#define MT_INSN_CONDITION_H

#include <stdbool.h>
#include <stdint.h>

/* Whether the one in an opcode's low four bits is met by these flags (Intel SDM volume 1,
 * appendix B). */
bool mt_condition_met(unsigned code, uint64_t rflags);

#endif
