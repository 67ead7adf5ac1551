/* SPDX-License-Identifier: MIT */
/*
 * How places in the program look: frames, instructions, source lines. For all commands alike.
 */
#ifndef MT_CLI_DEBUG_SHOW_H
#define MT_CLI_DEBUG_SHOW_H

#include "cli/debug/shell.h"
#include "insn/insn.h"

/* How many hexadecimal digits an address has, where all of them are shown: "0x%0*". */
int mt_address_digits(struct mt_shell *shell);

/* "main () at demo.c:12", with the address where it tells more, and a newline. `level` shows
 * "#0  " before it. */
void mt_frame_show(struct mt_shell *shell, const struct mt_frame *frame, bool level);

/* Says the source and code of the frame, as `set view` has it. `alone`: no line about the frame
 * stands before it, so an address in the middle of a line is told here. */
void mt_view_show(struct mt_shell *shell, const struct mt_frame *frame, bool alone);

/* Reads and decodes the instruction at `addr`. UNREADABLE; FORMAT: the bytes are none. */
struct mt_error *mt_insn_read(struct mt_shell *shell, uint64_t addr, struct mt_insn *insn);

/* "   0x401136 <main+4>:\tnop", without a newline. */
void mt_insn_show(struct mt_shell *shell, const struct mt_insn *insn, uint64_t pc);

/* What the operands of the instruction hold before it runs: "rax = 5, 0x7ffe10: 41". */
void mt_operands_show(struct mt_shell *shell, const struct mt_insn *insn,
                      const struct mt_regs *regs, struct mt_buf *out);

/* The threads of the current process. */
struct mt_thread_list {
	struct mt_thread_info *infos;
	size_t count;
};

struct mt_error *mt_threads_list(struct mt_shell *shell, struct mt_thread_list *list);
void mt_thread_list_deinit(struct mt_thread_list *list);

/* All about the current thread; false: there is none. */
bool mt_current_thread(struct mt_shell *shell, struct mt_thread_info *info);

/* Says all displays that are enabled. */
void mt_displays_show(struct mt_shell *shell);

#endif
