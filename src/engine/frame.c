/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cfi/walk.h"
#include "engine/call.h"
#include "engine/engine_private.h"
#include "engine/world.h"
#include "symbol/lines.h"
#include "symbol/unwind.h"

#define MAX_FRAMES 1000000
#define PAGE 4096u

/* The current thread's frames as far as they were asked for. */
struct mt_frames {
	struct mt_proc *proc;
	const struct mt_thread *thread;
	struct mt_cfi_code code;
	struct mt_cfi_memory memory;
	struct mt_cfi_walk walk;
	size_t hidden; /* of what is inlined at the thread's pc */
	bool stays;    /* the walk is in the last frame of the list still */
	bool done;
	bool guesses; /* from the last frame of the list on */
	const char *note;
	MT_VEC(struct mt_frame) list;
	uint64_t page; /* which page of the stack is in `bytes`; 1: none */
	uint8_t bytes[PAGE];
};

/* ---- The stack ----------------------------------------------------------- */

static bool read_page(struct mt_frames *frames, uint64_t page)
{
	struct mt_error *error;

	if (frames->page == page)
		return true;
	error = mt_proc_read(frames->proc, page, frames->bytes, PAGE);
	frames->page = error ? 1 : page;
	mt_error_free(error);
	return !error;
}

static bool read_stack(void *arg, uint64_t addr, size_t size, uint64_t *value)
{
	struct mt_frames *frames = arg;
	uint64_t read = 0, page = addr & ~(uint64_t)(PAGE - 1);
	struct mt_error *error = NULL;

	if (addr - page + size > PAGE)
		error = mt_proc_read(frames->proc, addr, &read, size);
	else if (read_page(frames, page))
		memcpy(&read, frames->bytes + (addr - page), size);
	else
		return false;
	mt_error_free(error);
	if (error)
		return false;
	*value = read;
	return true;
}

/* ---- One activation, and what is inlined in it --------------------------- */

static void name_frame(struct mt_frames *frames, struct mt_frame *frame)
{
	struct mt_image *image = frames->proc->image;
	struct mt_symbol symbol;

	frame->module = mt_image_module_at(image, frame->pc);
	if (!mt_image_symbol_at(image, frame->lookup_pc, &symbol))
		return;
	frame->function = symbol.name;
	frame->offset = frame->pc - symbol.addr;
}

static void find_line(struct mt_image *image, struct mt_frame *frame)
{
	struct mt_line_range range;

	frame->has_line =
	    mt_line_range_at(image, frame->lookup_pc, &range) && range.line.file != NULL;
	frame->in_line = !frame->has_line || range.row != frame->pc;
	if (frame->has_line)
		frame->line = range.line;
}

/* The inlined functions are frames of their own, which share registers and address. */
static bool push_with_inlines(struct mt_frames *frames, struct mt_frame *frame)
{
	struct mt_image *image = frames->proc->image;
	struct mt_inline_frame inlines[MT_INLINES_MAX];
	size_t count = mt_image_inlines_at(image, frame->lookup_pc, inlines, MT_INLINES_MAX);
	struct mt_frame next = *frame;

	find_line(image, &next);
	for (size_t i = 0; i < count; i++) {
		struct mt_frame inlined = next;

		inlined.level = (unsigned)frames->list.len;
		inlined.function = inlines[i].name;
		inlined.is_inline = true;
		next.line = inlines[i].call;
		next.has_line = next.line.file != NULL;
		next.in_line = false;
		next.inline_depth = (unsigned)i + 1;
		if (i >= frames->hidden && !mt_vec_push(&frames->list, inlined))
			return false;
	}
	frames->hidden = 0;
	next.level = (unsigned)frames->list.len;
	return mt_vec_push(&frames->list, next);
}

/* By call frame information; 0 where there is none. */
static uint64_t cfa_of(struct mt_frames *frames, uint64_t lookup_pc)
{
	struct mt_cfi_value cfa = { .base = MT_REG_NONE };
	struct mt_cfi_row row;

	if (!frames->code.row_at(frames->code.arg, lookup_pc, &row) ||
	    !mt_cfi_cfa(&frames->walk.state, &row, &cfa) || cfa.base != MT_REG_NONE)
		return 0;
	return cfa.number;
}

static void begin_walk(struct mt_frames *frames, const struct user_regs_struct *user)
{
	struct mt_regs regs;

	mt_regs_from_user(user, &regs);
	frames->memory = (struct mt_cfi_memory){ .read = read_stack,
		                                 .arg = frames,
		                                 .start = regs.r[MT_REG_RSP] - MT_RED_ZONE };
	mt_cfi_walk_begin(&frames->walk, mt_image_machine(frames->proc->image), &regs,
	                  &frames->code, &frames->memory);
}

/* A function that we have called returns to a frame of our own; behind it is what there was. */
static bool add_dummy(struct mt_frames *frames)
{
	const struct mt_cfi_walk *walk = &frames->walk;
	struct mt_frame frame = {
		.pc = mt_cfi_walk_pc(walk),
		.level = (unsigned)frames->list.len,
		.function = MT_DUMMY_FRAME,
		.cfa = walk->state.regs.r[MT_REG_RSP],
		.regs = walk->state.regs,
		.known = walk->state.known,
	};
	const struct user_regs_struct *behind =
	    frames->list.len ? mt_dummy_behind(frames->thread, frame.pc, frame.cfa) : NULL;

	if (!behind)
		return false;
	frame.lookup_pc = frame.pc;
	if (!mt_vec_push(&frames->list, frame))
		frames->done = true;
	begin_walk(frames, behind);
	return true;
}

/* To the caller, which takes reading the stack: most stops ask for no more than their own frame. */
static void walk_up(struct mt_frames *frames)
{
	struct mt_cfi_walk *walk = &frames->walk;

	frames->stays = false;
	frames->done = !mt_cfi_walk_up(walk);
	if (frames->done && !walk->ended)
		frames->note = "the caller of the last frame is not known: no call frame "
		               "information, or a damaged stack";
}

/* Without such information the caller's stack pointer is as good. */
static void add_activation(struct mt_frames *frames)
{
	struct mt_cfi_walk *walk = &frames->walk;
	struct mt_frame frame = {
		.pc = mt_cfi_walk_pc(walk),
		.regs = walk->state.regs,
		.known = walk->state.known,
	};

	if (add_dummy(frames))
		return;
	frame.lookup_pc = walk->exact ? frame.pc : frame.pc - 1;
	name_frame(frames, &frame);
	frame.is_signal = mt_cfi_is_signal_frame(frames->proc->image, frame.pc);
	frame.cfa = cfa_of(frames, frame.lookup_pc);
	frames->stays = true;
	frames->guesses = frames->guesses || !frame.cfa;
	frame.is_guess = frames->guesses;
	if (!frame.cfa) {
		walk_up(frames);
		frame.cfa = walk->state.regs.r[MT_REG_RSP];
	}
	if (!push_with_inlines(frames, &frame))
		frames->done = true;
}

/* ---- The frames of the current thread ------------------------------------ */

void mt_frames_forget(struct mt_debug *debug)
{
	mt_views_forget(debug);
	mt_debug_moment_end(debug);
	if (!debug->frames)
		return;
	mt_vec_deinit(&debug->frames->list);
	free(debug->frames);
	debug->frames = NULL;
}

static struct mt_frames *frames_of(struct mt_debug *debug)
{
	struct mt_frames *frames = debug->frames;

	if (frames || !debug->thread || !mt_thread_regs(debug->thread))
		return frames;
	frames = mt_alloc(sizeof(*frames));
	if (!frames)
		return NULL;
	frames->proc = mt_proc_memory(debug->thread->proc);
	frames->thread = debug->thread;
	frames->page = 1;
	frames->hidden = debug->thread->hidden;
	frames->code = mt_image_cfi_code(frames->proc->image);
	begin_walk(frames, &debug->thread->regs);
	debug->frames = frames;
	return frames;
}

static struct mt_frames *frames_up_to(struct mt_debug *debug, size_t count)
{
	struct mt_frames *frames = frames_of(debug);

	while (frames && !frames->done && frames->list.len < count && frames->list.len < MAX_FRAMES)
		if (frames->stays)
			walk_up(frames);
		else
			add_activation(frames);
	return frames;
}

size_t mt_debug_frames(struct mt_debug *debug, unsigned from, struct mt_frame *frames, size_t max)
{
	const struct mt_frames *known = frames_up_to(debug, from + max);
	size_t count = 0;

	for (; known && count < max && from + count < known->list.len; count++)
		frames[count] = known->list.data[from + count];
	return count;
}

const char *mt_debug_frames_note(struct mt_debug *debug)
{
	return debug->frames ? debug->frames->note : NULL;
}

struct mt_error *mt_debug_select_frame(struct mt_debug *debug, unsigned level)
{
	const struct mt_frames *frames = frames_up_to(debug, (size_t)level + 1);

	if (!frames || level >= frames->list.len)
		return mt_error_new(MT_ERR_NOT_FOUND, "there is no frame %u", level);
	debug->frame = level;
	mt_debug_moment_end(debug);
	return NULL;
}

unsigned mt_debug_frame_level(const struct mt_debug *debug)
{
	return debug->frame;
}

struct mt_error *mt_frame_caller(struct mt_debug *debug, struct mt_frame *caller)
{
	const struct mt_frame *frame = mt_frame_selected(debug);
	unsigned level = debug->frame;
	uint64_t cfa;

	if (!frame)
		return mt_error_new(MT_ERR_USAGE, "the thread's frames are not known");
	cfa = frame->cfa;
	do {
		if (mt_debug_frames(debug, ++level, caller, 1) != 1)
			return mt_error_new(
			    MT_ERR_USAGE,
			    "frame %u is the outermost: there is nothing to return to",
			    debug->frame);
	} while (caller->cfa == cfa);
	return NULL;
}

const struct mt_frame *mt_frame_selected(struct mt_debug *debug)
{
	const struct mt_frames *frames = frames_up_to(debug, (size_t)debug->frame + 1);

	return frames && debug->frame < frames->list.len ? &frames->list.data[debug->frame] : NULL;
}
