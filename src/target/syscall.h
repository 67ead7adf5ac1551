/* SPDX-License-Identifier: MIT */
/*
 * System calls by number, and how to show a call's arguments. The numbers and registers are those
 * of the entry that was taken: `syscall` is x86-64's (asm/unistd_64.h), all entries of a 32-bit
 * program and `int $0x80` in any program are i386's (asm/unistd_32.h).
 */
#ifndef MT_TARGET_SYSCALL_H
#define MT_TARGET_SYSCALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "x86/machine.h"
#include "x86/regs.h"

/* "read"; "syscall_999" for a number that has no name (the string lives until the next such call).
 */
const char *mt_syscall_name(enum mt_machine machine, uint64_t number);

/* The arguments in their order: syscall(2), "Architecture calling conventions". */
enum mt_reg mt_syscall_arg(enum mt_machine machine, unsigned i);
void mt_syscall_args(enum mt_machine machine, const struct mt_regs *regs, uint64_t args[6]);

/* Whether the first argument is a file descriptor, as far as we know the call. */
bool mt_syscall_takes_fd(enum mt_machine machine, uint64_t number);

/* "read(3 </tmp/data>, 0x7ffc12, 64)"; `fd_name` may be empty. Calls that we don't know show six
 * numbers. */
void mt_syscall_format(enum mt_machine machine, uint64_t number, const uint64_t args[6],
                       const char *fd_name, struct mt_buf *out);

#endif
