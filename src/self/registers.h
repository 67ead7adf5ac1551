/* SPDX-License-Identifier: MIT */
/*
 * Inside src/self, the ptrace back end: what the debug registers of a stopped thread hold, and
 * should. Registers that hold something which is not ours are left alone.
 */
#ifndef MT_SELF_REGISTERS_H
#define MT_SELF_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "self/backend.h"
#include "x86/debugreg.h"

struct mt_registers {
	uint64_t addr[MT_DR_COUNT];
	uint64_t dr7;
};

bool mt_registers_hold(const struct mt_registers *registers, const struct mt_piece *piece);

/* Puts the piece into a free register, unless one holds it; false: none is free. */
bool mt_registers_add(struct mt_registers *registers, const struct mt_piece *piece);

void mt_registers_remove(struct mt_registers *registers, const struct mt_piece *piece);

/* Of a stopped tracee of the caller: 0 or a negative errno. No libc (raw.h). */
int mt_registers_read(pid_t tid, struct mt_registers *registers);

/* Changes a stopped tracee's registers from `from`, which was read, to `to`. -ENOSPC: the kernel
 * has given the registers to somebody else (perf); registers that were not to change are still as
 * they were. */
int mt_registers_write(pid_t tid, const struct mt_registers *from, const struct mt_registers *to);

/* The registers, as bits, that the last debug exception of a stopped tracee was for; 0 where that
 * can't be told. */
unsigned mt_registers_fired(pid_t tid);

#endif
