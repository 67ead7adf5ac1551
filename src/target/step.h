/* SPDX-License-Identifier: MIT */
/* Single steps (PTRACE_SINGLESTEP): what each of those who go by them has to know. */
#ifndef MT_TARGET_STEP_H
#define MT_TARGET_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "target/event.h"

#define MT_TRAP_FLAG (1U << 8) /* TF of rflags, by which the processor steps */

/*
 * The trap flag by which we step must not be seen in what an instruction has stored: pushf on the
 * stack, syscall in r11. `code`: the first bytes of the instruction that the stopped thread has
 * stepped; `regs`: its registers. Whether those are to be written back.
 */
bool mt_step_hide_flag(pid_t tid, const uint8_t code[2], struct user_regs_struct *regs);

/* Whether an instruction that begins so is a pushf, where the thread has these registers: in 32-bit
 * code a REX prefix is an inc. */
bool mt_step_is_pushf(const uint8_t code[2], const struct user_regs_struct *regs);

/* How many bytes the instruction, all `len` bytes of it, pops into the flags where a word of the
 * stack has `word` bytes; 0: it is no popf. */
size_t mt_step_popf_size(const uint8_t *code, size_t len, size_t word);

/*
 * Carries out a popf of `len` bytes, which takes `size` bytes from the stack, in the registers. The
 * kernel must not step one: it then no longer knows that the trap flag was set by a debugger, and
 * leaves it to the program from then on (arch/x86/kernel/step.c, enable_single_step()). False: the
 * stack cannot be read.
 */
bool mt_step_popf(pid_t tid, size_t len, size_t size, struct user_regs_struct *regs);

/* The tracee's next event, if it comes within so many nanoseconds, else NONE; we do not sleep: to
 * be woken takes longer than most steps. `yields`: on our processor it is let run meanwhile. */
struct mt_event mt_step_look(pid_t tid, bool yields, uint64_t ns);

/* What a step costs on this machine, in nanoseconds, tried on a child of ours, with which we share
 * a processor or not; 0: it could not be tried. A few milliseconds. */
uint64_t mt_step_cost(bool shares);

#endif
