/* SPDX-License-Identifier: MIT */
/* What a stop shows besides its reason: source, code, registers. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/debug/show.h"

/* The parts that AUTO stands for here. */
static unsigned parts_of(const struct mt_shell *shell)
{
	if (!(shell->settings.view & MT_VIEW_AUTO))
		return shell->settings.view;
	return shell->terminal ? MT_VIEW_SOURCE | MT_VIEW_ASM | MT_VIEW_REGS : MT_VIEW_LINE;
}

/* Where the source is not at hand, its name and number still say where we are; why it is not, and
 * what to do about it, is said once. */
static void show_missing(struct mt_shell *shell, const struct mt_frame *frame,
                         struct mt_error *error)
{
	if (shell->told_missing)
		mt_say(shell, "%u\tin %s\n", frame->line.line, frame->line.file);
	else
		mt_say(shell, "%u\t%s\n", frame->line.line, mt_error_text(error));
	shell->told_missing = true;
	mt_error_free(error);
}

static void show_source(struct mt_shell *shell, const struct mt_frame *frame, unsigned around,
                        bool alone)
{
	unsigned line = frame->line.line;
	struct mt_source_lines lines = {
		.path = frame->line.file,
		.pc = frame->lookup_pc,
		.first = line > around ? line - around : 1,
		.last = line + around,
		.here = around ? line : 0,
	};
	struct mt_error *error;

	if (alone && !around && frame->in_line)
		mt_say(shell, "0x%0*" PRIx64 "\t", mt_address_digits(shell), frame->pc);
	error = mt_source_show(shell, &lines, NULL);
	if (error)
		show_missing(shell, frame, error);
	/* list goes on from here, with the line in the middle. */
	shell->listing.first = shell->listing.last = 0;
}

static void show_code(struct mt_shell *shell, const struct mt_frame *frame)
{
	struct mt_buf operands MT_AUTO_BUF = { 0 };
	struct mt_insn insn;
	struct mt_error *error = mt_insn_read(shell, frame->pc, &insn);

	if (error) {
		mt_say(shell, "=> %s\n", mt_error_text(error));
		mt_error_free(error);
		return;
	}
	mt_insn_show(shell, &insn, frame->pc);
	mt_operands_show(shell, &insn, &frame->regs, &operands);
	if (operands.len)
		mt_say(shell, "\t%s# %s%s", mt_paint(shell, MT_PAINT_FAINT), operands.data,
		       mt_paint(shell, MT_PAINT_NONE));
	mt_say(shell, "\n");
}

static void show_changes(struct mt_shell *shell, const struct mt_regs *regs)
{
	const struct mt_regs *before = &shell->shown_regs;
	bool i386 = mt_shell_machine(shell) == MT_MACHINE_I386, any = false;

	/* Its eight registers are the first ones, and begin with e, not r. */
	for (int reg = 0; shell->has_shown_regs && reg < (i386 ? MT_REG_R8 : MT_REG_RIP); reg++) {
		if (regs->r[reg] == before->r[reg])
			continue;
		mt_say(shell, "%s%s%s%s%s = 0x%" PRIx64,
		       any ? "  " : "   changed: ", mt_paint(shell, MT_PAINT_CHANGED),
		       i386 ? "e" : "", mt_reg_name((enum mt_reg)reg) + i386,
		       mt_paint(shell, MT_PAINT_NONE), regs->r[reg]);
		any = true;
	}
	if (any)
		mt_say(shell, "\n");
	shell->shown_regs = *regs;
	shell->has_shown_regs = true;
}

void mt_view_show(struct mt_shell *shell, const struct mt_frame *frame, bool alone)
{
	unsigned parts = parts_of(shell);

	if (frame->has_line && parts & MT_VIEW_SOURCE)
		show_source(shell, frame, shell->settings.view_size / 2, alone);
	else if (frame->has_line && parts & MT_VIEW_LINE)
		show_source(shell, frame, 0, alone);
	if (parts & MT_VIEW_ASM)
		show_code(shell, frame);
	if (parts & MT_VIEW_REGS && !frame->level)
		show_changes(shell, &frame->regs);
}
