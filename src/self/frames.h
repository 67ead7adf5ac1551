/* SPDX-License-Identifier: MIT */
/*
 * Inside src/self: code of this process as the signal handler may look at it: which function holds
 * a pc, and who called. No lock is taken, nothing is allocated, nothing faults (modules.h, peek.h).
 */
#ifndef MT_SELF_FRAMES_H
#define MT_SELF_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "x86/regs.h"

/* Before signal handlers ask, and again when modules may have come: the table of modules is made
 * anew where one is needed. Not signal-safe. */
void mt_frames_refresh(void);

/* The bounds of the function (its FDE) that holds `pc`, from .eh_frame_hdr; false: none is known.
 */
bool mt_function_bounds(uintptr_t pc, uintptr_t *start, uintptr_t *end);

/* The module that holds `pc`: where it is loaded (what to subtract for a file address) and its path
 * ("" for the program itself where it has none); false: not in a module. */
bool mt_code_module(uintptr_t pc, uintptr_t *base, const char **path);

/* The call stack from `regs` (frames[0] is their pc) by call frame information, by frame pointers
 * where there is none. Bad stacks end the walk; nothing faults. */
size_t mt_frames_walk(const struct mt_regs *regs, uintptr_t *frames, size_t max);

enum mt_frames_answer {
	MT_FRAMES_NO,
	MT_FRAMES_YES,
	MT_FRAMES_UNKNOWN,
};

/* Whether a function whose code is [start, end) is among the callers on the stack from `regs`: NO
 * only where the walk came to the outermost frame. */
enum mt_frames_answer mt_frames_have(const struct mt_regs *regs, uintptr_t start, uintptr_t end);

/*
 * By frame pointers alone: cheap. A function without one, and the caller of the function where the
 * thread was interrupted before it had set up its own, are passed over or end the walk. The chain
 * must rise, in readable memory, from one module's code to another's.
 */
size_t mt_frames_by_pointer(const struct mt_regs *regs, uintptr_t *frames, size_t max);

/*
 * Puts the instruction that did it in the place of frames[0], a pc; 0: it is not known. Where it is
 * the call by which the thread came to pc, the function that it called is left out. Returns how
 * many frames there are.
 */
size_t mt_frames_put_culprit(uintptr_t *frames, size_t count, uintptr_t culprit);

#endif
