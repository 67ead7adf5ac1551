/* SPDX-License-Identifier: MIT */
/*
 * Inlined functions are entered without an instruction: the first one of their code is the caller's
 * call of them, too. A thread that has come there is shown at the call, as if it were one; a step
 * then enters by hiding one function less, and moves nothing.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine_private.h"

static bool is_among(const struct mt_inline_frame *frame, size_t depth, const struct mt_inlined *in)
{
	return depth < in->count && in->frames[in->count - 1 - depth].start == frame->start;
}

/* Of those at pc, the ones that are not at the instruction before begin here. */
void mt_inlined_at(struct mt_proc *proc, uint64_t pc, struct mt_inlined *inlined)
{
	struct mt_image *image = mt_proc_memory(proc)->image;
	struct mt_inlined before;
	size_t inside = 0;

	inlined->begun = 0;
	inlined->count = mt_image_inlines_at(image, pc, inlined->frames, MT_INLINES_MAX);
	if (!inlined->count)
		return;
	before.count = mt_image_inlines_at(image, pc - 1, before.frames, MT_INLINES_MAX);
	while (inside < inlined->count &&
	       is_among(&inlined->frames[inlined->count - 1 - inside], inside, &before))
		inside++;
	inlined->begun = inlined->count - inside;
}

void mt_inlined_hide(struct mt_thread *thread)
{
	struct mt_inlined inlined;

	mt_inlined_at(thread->proc, thread->regs.rip, &inlined);
	thread->hidden = inlined.begun;
}

/* ---- Breakpoints --------------------------------------------------------- */

static bool is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

/* "file.c:12": the number; 0: no line is meant. */
static unsigned long line_of(const char *location)
{
	const char *colon = strrchr(location, ':');

	return colon && is_number(colon + 1) ? strtoul(colon + 1, NULL, 10) : 0;
}

/* As many as make the line the one that is shown; none, where it is that of the inlined code. */
static size_t hidden_for_line(const struct mt_inlined *inlined, const char *location)
{
	size_t hidden = inlined->begun;

	while (hidden && inlined->frames[hidden - 1].call.line != line_of(location))
		hidden--;
	return hidden;
}

/* All that begin in the function that is meant, which may be inlined itself. */
static size_t hidden_for_function(const struct mt_inlined *inlined, const char *what)
{
	const char *place = strstr(what, " at ");
	size_t len = place ? (size_t)(place - what) : strlen(what), hidden = 0;

	while (hidden < inlined->begun && (strlen(inlined->frames[hidden].name) != len ||
	                                   strncmp(inlined->frames[hidden].name, what, len) != 0))
		hidden++;
	return hidden;
}

/* "*0x401136", "0x401136", "module+0x1136". */
static bool is_address(const char *location)
{
	return *location == '*' || isdigit((unsigned char)*location) || strstr(location, "+0x");
}

void mt_inlined_hide_for(struct mt_thread *thread, const char *location, const char *what)
{
	struct mt_inlined inlined;

	mt_inlined_at(thread->proc, thread->regs.rip, &inlined);
	if (is_address(location))
		thread->hidden = 0;
	else if (line_of(location))
		thread->hidden = hidden_for_line(&inlined, location);
	else
		thread->hidden = hidden_for_function(&inlined, what);
}
