/* SPDX-License-Identifier: MIT */
/* Inside src/target only: ptrace's arguments. */
#ifndef MT_TARGET_PTRACE_H
#define MT_TARGET_PTRACE_H

#include <stdint.h>

/* What ptrace's addr and data arguments take: a number in the clothes of a pointer. */
static inline void *mt_ptrace_number(unsigned long number)
{
	return (void *)(uintptr_t)number;
}

/* PTRACE_O_* for enum mt_trace_flags. */
unsigned long mt_ptrace_options(unsigned flags);

#endif
