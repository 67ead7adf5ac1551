/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "cli/debug/locals.h"
#include "cli/debug/show.h"
#include "symbol/lines.h"

int mt_address_digits(struct mt_shell *shell)
{
	return mt_shell_machine(shell) == MT_MACHINE_I386 ? 8 : 16;
}

/* gdb's names are what the compiler was given: a path from the folder that it worked in. */
static const char *file_of(struct mt_shell *shell, const struct mt_frame *frame)
{
	struct mt_image *image = mt_debug_image(shell->debug);
	const char *folder = image ? mt_source_folder_at(image, frame->lookup_pc) : NULL;
	size_t len = folder && *folder == '/' ? strlen(folder) : 0;

	if (len && !strncmp(frame->line.file, folder, len) && frame->line.file[len] == '/')
		return frame->line.file + len + 1;
	return frame->line.file;
}

void mt_frame_show(struct mt_shell *shell, const struct mt_frame *frame, bool level)
{
	if (level)
		mt_say(shell, "#%-3u", frame->level);
	if (frame->is_signal) {
		mt_say(shell, "<signal handler called>\n");
		return;
	}
	if (frame->in_line)
		mt_say(shell, "%s0x%0*" PRIx64 "%s in ", mt_paint(shell, MT_PAINT_ADDRESS),
		       mt_address_digits(shell), frame->pc, mt_paint(shell, MT_PAINT_NONE));
	mt_say(shell, "%s%s%s (", mt_paint(shell, MT_PAINT_FUNCTION),
	       frame->function ? frame->function : "??", mt_paint(shell, MT_PAINT_NONE));
	mt_arguments_say(shell, frame);
	mt_say(shell, ")");
	if (frame->has_line)
		mt_say(shell, " at %s%s%s:%u", mt_paint(shell, MT_PAINT_FILE),
		       file_of(shell, frame), mt_paint(shell, MT_PAINT_NONE), frame->line.line);
	else if (frame->module)
		mt_say(shell, " from %s", frame->module->path);
	mt_say(shell, "\n");
}
