/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "cli/debug/show.h"
#include "symbol/lines.h"

bool mt_frame_in_line(struct mt_shell *shell, const struct mt_frame *frame)
{
	struct mt_image *image = mt_debug_image(shell->debug);
	struct mt_line_range range;

	if (!frame->has_line || !image)
		return true;
	if (frame->is_inline)
		return false;
	return !mt_line_range_at(image, frame->lookup_pc, &range) || range.start != frame->pc;
}

void mt_frame_show(struct mt_shell *shell, const struct mt_frame *frame, bool level)
{
	if (level)
		mt_say(shell, "#%-3u", frame->level);
	if (frame->is_signal) {
		mt_say(shell, "<signal handler called>\n");
		return;
	}
	if (mt_frame_in_line(shell, frame))
		mt_say(shell, "%s0x%016" PRIx64 "%s in ", mt_paint(shell, MT_PAINT_ADDRESS),
		       frame->pc, mt_paint(shell, MT_PAINT_NONE));
	mt_say(shell, "%s%s%s ()", mt_paint(shell, MT_PAINT_FUNCTION),
	       frame->function ? frame->function : "??", mt_paint(shell, MT_PAINT_NONE));
	if (frame->has_line)
		mt_say(shell, " at %s%s%s:%u", mt_paint(shell, MT_PAINT_FILE), frame->line.file,
		       mt_paint(shell, MT_PAINT_NONE), frame->line.line);
	else if (frame->module)
		mt_say(shell, " from %s", frame->module->path);
	mt_say(shell, "\n");
}
