/* SPDX-License-Identifier: MIT */
#include "engine/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cfi/walk.h"
#include "engine/engine_private.h"

/* A frame that was asked for. */
struct mt_view {
	struct mt_debug *debug;
	unsigned level;
	unsigned inline_depth;
	bool has_vectors; /* the vector registers are as they were here */
	unsigned caller;  /* the level of the frame that called it; the functions inlined here have
	                    that one too */
	struct mt_regs regs;
	struct mt_where_uses uses;
	struct mt_where_frame where;
};

void mt_views_forget(struct mt_debug *debug)
{
	for (size_t i = 0; i < debug->views.len; i++)
		free(debug->views.data[i]);
	mt_vec_deinit(&debug->views);
}

const struct mt_where_uses *mt_view_uses(const struct mt_debug *debug, size_t i, unsigned *level)
{
	if (i >= debug->views.len)
		return NULL;
	*level = debug->views.data[i]->level;
	return &debug->views.data[i]->uses;
}

/* ---- What a frame answers ------------------------------------------------ */

static struct mt_error *read_memory(void *arg, uint64_t addr, void *out, size_t len)
{
	const struct mt_view *view = arg;

	mt_reads_note(view->debug, addr, len);
	if (mt_moment_read(view->debug, addr, out, len))
		return NULL;
	return mt_debug_read(view->debug, addr, out, len);
}

/* In i386's core files it stands in a note of its own, which not all that write cores write: gdb
 * does not. */
static struct mt_error *no_base(const struct mt_thread *thread)
{
	return mt_error_new(MT_ERR_UNSUPPORTED,
	                    "the core file does not tell where the variables of thread %d are: it "
	                    "has no NT_386_TLS note",
	                    (int)thread->tid);
}

/* The thread pointer is the base of fs, in programs for i386 of gs. */
static struct mt_error *find_tls(void *arg, const struct mt_module *module, uint64_t offset,
                                 uint64_t *addr)
{
	const struct mt_view *view = arg;
	struct mt_thread *thread = view->debug->thread;
	bool is_i386 = mt_image_machine(view->where.image) == MT_MACHINE_I386;

	if (!mt_thread_regs(thread))
		return mt_error_new(MT_ERR_NOT_FOUND, "thread %d is ending: it has no registers",
		                    (int)thread->tid);
	if (is_i386 && thread->task && !thread->regs.gs_base)
		return no_base(thread);
	return mt_tls_address(view->where.image, read_memory, arg,
	                      is_i386 ? thread->regs.gs_base : thread->regs.fs_base, module, offset,
	                      addr);
}

/* Registers that are numbered one after the other: System V ABI x86-64, figure 3.36; of i386, table
 * 2.14. */
static const struct numbered {
	enum mt_machine machine;
	unsigned first, count;
	const char *prefix;
	unsigned from; /* the number in the first one's name */
} numbered[] = {
	{ MT_MACHINE_X86_64, 17, 16, "xmm", 0 }, { MT_MACHINE_X86_64, 33, 8, "st", 0 },
	{ MT_MACHINE_X86_64, 41, 8, "mm", 0 },   { MT_MACHINE_X86_64, 67, 16, "xmm", 16 },
	{ MT_MACHINE_X86_64, 118, 8, "k", 0 },   { MT_MACHINE_I386, 11, 8, "st", 0 },
	{ MT_MACHINE_I386, 21, 8, "xmm", 0 },    { MT_MACHINE_I386, 29, 8, "mm", 0 },
};

/* A vector may be wider than xmm0, whose number it has: the widest name that is as wide. */
static const char *width_prefix(const struct numbered *range, size_t size)
{
	if (range->prefix[0] != 'x')
		return range->prefix;
	return size > 32 ? "zmm" : size > 16 ? "ymm" : "xmm";
}

bool mt_world_register_name(enum mt_machine machine, unsigned reg, size_t size, char name[16])
{
	uint8_t general = mt_cfi_register(machine, reg);

	if (general < MT_CFI_REGS) {
		snprintf(name, 16, "%s", mt_reg_name(general));
		return true;
	}
	for (size_t i = 0; i < sizeof(numbered) / sizeof(*numbered); i++) {
		const struct numbered *range = &numbered[i];

		if (range->machine != machine || reg < range->first ||
		    reg - range->first >= range->count)
			continue;
		snprintf(name, 16, "%s%u", width_prefix(range, size),
		         range->from + reg - range->first);
		return true;
	}
	return false;
}

/* Vector registers are nobody's to save (System V ABI x86-64, 3.2.1). */
static struct mt_error *read_vector(void *arg, unsigned reg, void *out, size_t size)
{
	const struct mt_view *view = arg;
	uint8_t bytes[MT_REGISTER_MAX_SIZE];
	const struct mt_register *found;
	char name[16];

	if (!mt_world_register_name(mt_image_machine(view->where.image), reg, size, name))
		return mt_error_new(MT_ERR_UNSUPPORTED, "register %u is not known", reg);
	if (!view->has_vectors)
		return mt_error_new(MT_ERR_UNSUPPORTED, "register %s is not saved in this frame",
		                    name);
	found = mt_register_find(name);
	if (!found || size > found->size)
		return mt_error_new(MT_ERR_UNSUPPORTED, "register %s has no %zu bytes", name, size);
	mt_reads_note_vector(view->debug, found);
	MT_TRY(mt_thread_register(view->debug, name, bytes, found->size));
	memcpy(out, bytes, size);
	return NULL;
}

/* ---- Frames -------------------------------------------------------------- */

static struct mt_error *find_view(struct mt_debug *debug, unsigned level, struct mt_view **view);

static bool find_caller(void *arg, const struct mt_where_frame *frame,
                        struct mt_where_frame *caller)
{
	const struct mt_view *view = arg;
	struct mt_view *found = NULL;
	struct mt_error *error = find_view(view->debug, view->caller, &found);

	(void)frame; /* it is the view's */
	if (!error)
		*caller = found->where;
	mt_error_free(error);
	return !error;
}

static bool frame_at(struct mt_debug *debug, unsigned level, struct mt_frame *frame)
{
	return mt_debug_frames(debug, level, frame, 1) == 1;
}

/* Registers that call frame information has lost, where they are still what they were: as in the
 * nearest frame that knows them. */
static void keep_registers(struct mt_view *view)
{
	struct mt_frame inner;

	if (!mt_where_keeps_registers(view->where.image, view->where.pc))
		return;
	view->has_vectors = true;
	for (unsigned i = view->level - view->inline_depth;
	     i-- > 0 && frame_at(view->debug, i, &inner);) {
		uint32_t more = inner.known & ~view->where.known & ((1u << MT_REG_RIP) - 1);

		for (unsigned reg = 0; reg < MT_REG_RIP; reg++)
			if (more >> reg & 1)
				view->regs.r[reg] = inner.regs.r[reg];
		view->where.known |= more;
		view->has_vectors = view->has_vectors && !inner.is_signal;
	}
}

static void fill_view(struct mt_view *view, const struct mt_frame *frame)
{
	struct mt_frame other = *frame;

	view->regs = frame->regs;
	view->inline_depth = frame->inline_depth;
	view->caller = view->level;
	while (other.is_inline && frame_at(view->debug, view->caller + 1, &other))
		view->caller++;
	view->caller++;
	view->uses = (struct mt_where_uses){ .high = UINT64_MAX };
	view->where = (struct mt_where_frame){
		.image = mt_debug_image(view->debug),
		.pc = frame->lookup_pc,
		.regs = &view->regs,
		.known = frame->known,
		.has_cfa = frame->cfa != 0,
		.cfa = frame->cfa,
		.uses = &view->uses,
		.read = read_memory,
		.arg = view,
		.tls = find_tls,
		.vector = read_vector,
		.caller = find_caller,
	};
	if (view->level > view->inline_depth)
		keep_registers(view);
	else
		view->has_vectors = true;
}

static struct mt_error *find_view(struct mt_debug *debug, unsigned level, struct mt_view **view)
{
	struct mt_frame frame;
	struct mt_view *made;

	for (size_t i = 0; i < debug->views.len; i++) {
		if (debug->views.data[i]->level == level) {
			*view = debug->views.data[i];
			return NULL;
		}
	}
	if (!frame_at(debug, level, &frame))
		return mt_error_new(MT_ERR_NOT_FOUND, "there is no frame %u", level);
	made = mt_alloc(sizeof(*made));
	if (!made || !mt_vec_push(&debug->views, made)) {
		free(made);
		return mt_error_nomem();
	}
	made->debug = debug;
	made->level = level;
	fill_view(made, &frame);
	*view = made;
	return NULL;
}

struct mt_error *mt_debug_where_frame(struct mt_debug *debug, unsigned level,
                                      struct mt_where_frame *frame, struct mt_scope_place *scope)
{
	struct mt_view *view;

	MT_TRY(find_view(debug, level, &view));
	*frame = view->where;
	*scope = (struct mt_scope_place){ view->where.pc, view->inline_depth };
	return NULL;
}
