/* SPDX-License-Identifier: MIT */
/* Inside src/self: an interrupted thread's registers, of x86-64 or i386 as we are built. */
#ifndef MT_SELF_CONTEXT_H
#define MT_SELF_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

#include "x86/machine.h"
#include "x86/regs.h"

#ifdef __x86_64__
#define MT_MACHINE_SELF MT_MACHINE_X86_64
#else
#define MT_MACHINE_SELF MT_MACHINE_I386
#endif

void mt_context_regs(const ucontext_t *context, struct mt_regs *regs);

uintptr_t mt_context_pc(const ucontext_t *context);

/* RF: whether the instruction at pc runs without its execute breakpoints (SDM volume 3, 18.3.1.1).
 */
bool mt_context_resumes(const ucontext_t *context);
void mt_context_set_resumes(ucontext_t *context, bool resumes);

/* Where the thread's own data (%fs on x86-64, %gs on i386) begins. */
uintptr_t mt_thread_base(void);

#endif
