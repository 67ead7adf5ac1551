/* SPDX-License-Identifier: MIT */
/*
 * Unwinding by call frame information (DWARF 5 section 6.4; .eh_frame, .debug_frame): the rule at a
 * pc in a form small enough for eBPF, and a walk over a copied piece of stack.
 */
#ifndef MT_SYMBOL_UNWIND_H
#define MT_SYMBOL_UNWIND_H

#include "cfi/walk.h"
#include "symbol/image.h"
#include "x86/regs.h"

/*
 * How to leave the frame at one pc, for the great majority of frames: CFA = (rsp or rbp) +
 * cfa_offset; the return address is the word below the CFA; the caller's rsp is CFA; the caller's
 * rbp is unchanged or saved at CFA + rbp_offset. Everything else (expressions, signal frames, a
 * saved rsp, other registers) is COMPLEX and is for mt_unwind() alone. An expression that depends
 * on pc only (PLT entries) is already evaluated: it is SIMPLE for this pc.
 */
enum mt_cfi_kind {
	MT_CFI_NONE, /* no information covers this pc */
	MT_CFI_SIMPLE,
	MT_CFI_COMPLEX,
	MT_CFI_END, /* the outermost frame: the return address is undefined (_start, clone) */
};

struct mt_cfi_rule {
	uint8_t kind;      /* enum mt_cfi_kind */
	uint8_t cfa_reg;   /* MT_REG_RSP or MT_REG_RBP */
	uint8_t rbp_saved; /* 1: the caller's rbp is at CFA + rbp_offset; 0: rbp is unchanged. After
	                      an epilogue's pop the place may be below rsp, within the red zone */
	int32_t cfa_offset;
	int32_t rbp_offset;
};

/* The rule for the frame whose next instruction is `pc`. For a caller's frame pass the return
 * address minus 1 (it may be the first byte of the next function after a call that does not
 * return). */
void mt_cfi_rule_at(struct mt_image *image, uint64_t pc, struct mt_cfi_rule *rule);

/*
 * Walks the stack from `regs`. frames[0] is regs' pc, each further one a return address (of a
 * signal frame: the interrupted pc). Full CFI: expressions, all callee-saved registers, signal
 * frames, DW_CFA_expression, val_offset, val_expression, same_value; where no CFI covers a pc, the
 * frame pointer is tried if it is plausible. Memory is read from the copy only. Ends at the
 * outermost frame, at the end of the copy, when the CFA does not grow, or at `max` frames. Returns
 * how many frames (at least 1). `truncated`, which may be NULL: the walk ended because the copy
 * or what is known of the code did, not because the stack did.
 */
size_t mt_unwind(struct mt_image *image, const struct mt_regs *regs,
                 const struct mt_stack_copy *stack, uint64_t *frames, size_t max, bool *truncated);

/* The image's code for walks of one's own (cfi/walk.h): with other memory than a copy, or when more
 * than the pcs is wanted. */
struct mt_cfi_code mt_image_cfi_code(struct mt_image *image);

/* Whether pc, a frame as mt_unwind() gives it, is where the kernel returns from a signal handler
 * (the 'S' augmentation): its caller's pc is an interrupted one, not a return address. */
bool mt_cfi_is_signal_frame(struct mt_image *image, uint64_t pc);

#endif
