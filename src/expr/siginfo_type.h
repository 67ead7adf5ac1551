/* SPDX-License-Identifier: MIT */
/* $_siginfo: why a thread was stopped, as the kernel tells it. */
#ifndef MT_EXPR_SIGINFO_TYPE_H
#define MT_EXPR_SIGINFO_TYPE_H

#include "symbol/type.h"

/* The kernel's struct siginfo of x86-64 (asm-generic/siginfo.h), with gdb's names: what ptrace
 * gives a tracer of 64 bits, of programs for i386 too. Static. */
const struct mt_type *mt_siginfo_type(void);

#endif
