/* SPDX-License-Identifier: MIT */
/*
 * The way up a stack, frame by frame: by call frame information in full (expressions, all
 * callee-saved registers, signal frames), and where none covers a pc, by what else can be known of
 * it. No allocation and little stack: it runs in signal handlers too.
 */
#ifndef MT_CFI_WALK_H
#define MT_CFI_WALK_H

#include "cfi/eval.h"

/* What a walk asks of whoever knows the code. */
struct mt_cfi_code {
	/* The row for `pc`; false where no information covers it, or none that makes sense. */
	bool (*row_at)(void *arg, uint64_t pc, struct mt_cfi_row *row);
	/* Reads `len` bytes of code and returns how many there were; 0: `addr` is not code. */
	size_t (*read)(void *arg, uint64_t addr, void *out, size_t len);
	void *arg;
};

struct mt_cfi_walk {
	const struct mt_cfi_code *code;
	struct mt_cfi_state state; /* the registers of the frame that the walk has come to */
	bool exact;                /* pc was interrupted here; otherwise it is a return address */
	bool ended;                /* at the outermost frame */
};

/* Starts in the frame of `regs`, a thread's registers as they are. */
void mt_cfi_walk_begin(struct mt_cfi_walk *walk, enum mt_machine machine,
                       const struct mt_regs *regs, const struct mt_cfi_code *code,
                       const struct mt_cfi_memory *memory);

/* Where the walk is: the first frame's pc; then return addresses, and interrupted pcs outside of
 * signal frames. */
uint64_t mt_cfi_walk_pc(const struct mt_cfi_walk *walk);

/*
 * Moves on to the caller. False: at the outermost frame (then `ended`), where memory or what is
 * known of the code ends, and where the stack does not grow.
 */
bool mt_cfi_walk_up(struct mt_cfi_walk *walk);

/* Whether the row of `section`'s entry for `addr` makes a frame for that machine, and which. */
bool mt_cfi_frame_row(const struct mt_cfi_section *section, const struct mt_cfi_fde *fde,
                      enum mt_machine machine, uint64_t addr, struct mt_cfi_row *row);

#endif
