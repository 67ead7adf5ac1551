/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "engine/engine_private.h"

static struct mt_error *find(struct mt_debug *debug, const char *name, size_t size,
                             const struct mt_register **reg)
{
	const struct mt_register *found = mt_register_find(name);

	if (!debug->thread)
		return mt_error_new(MT_ERR_USAGE, "no process is being debugged");
	if (debug->going)
		return mt_error_new(MT_ERR_USAGE, "the program runs: interrupt it first");
	if (!found)
		return mt_error_new(MT_ERR_NOT_FOUND, "there is no register %s", name);
	if (!mt_register_exists(found, &debug->layout))
		return mt_error_new(MT_ERR_NOT_FOUND, "this processor has no register %s", name);
	if (size != found->size)
		return mt_error_new(MT_ERR_USAGE, "register %s has %u bytes, not %zu", name,
		                    found->size, size);
	*reg = found;
	return NULL;
}

static struct mt_error *gone(const struct mt_thread *thread)
{
	return mt_error_new(MT_ERR_NOT_FOUND, "thread %d is ending: it has no registers",
	                    (int)thread->tid);
}

/* Adds the XSAVE area, of the processor's size. */
static struct mt_error *read_xsave(struct mt_thread *thread, uint8_t **xsave,
                                   struct mt_register_areas *areas)
{
	const struct mt_xsave_layout *layout = areas->layout;
	size_t got = 0;

	if (thread->task) {
		areas->xsave = (uint8_t *)(uintptr_t)thread->task->xstate;
		areas->xsave_size = thread->task->xstate_size;
		return NULL;
	}
	*xsave = mt_alloc(layout->size);
	if (!*xsave)
		return mt_error_nomem();
	if (!mt_tracee_xstate(thread->tid, *xsave, layout->size, &got))
		return gone(thread);
	areas->xsave = *xsave;
	areas->xsave_size = got;
	return NULL;
}

/* The thread's areas; `xsave` is only read where `reg` lies there. */
static struct mt_error *read_areas(struct mt_thread *thread, const struct mt_register *reg,
                                   uint8_t **xsave, struct mt_register_areas *areas)
{
	if (!mt_thread_regs(thread))
		return gone(thread);
	*areas = (struct mt_register_areas){ .general = &thread->regs,
		                             .layout = &thread->proc->debug->layout };
	return mt_register_in_xsave(reg) ? read_xsave(thread, xsave, areas) : NULL;
}

/* ---- In frames above the first ------------------------------------------- */

static struct mt_error *frame_areas(struct mt_debug *debug, const struct mt_register *reg,
                                    struct user_regs_struct *user, struct mt_register_areas *areas)
{
	const struct mt_frame *frame = mt_frame_selected(debug);

	if (!frame || reg->dwarf == MT_REG_NONE || !(frame->known >> reg->dwarf & 1))
		return mt_error_new(MT_ERR_UNSUPPORTED, "register %s is not saved in frame %u",
		                    reg->name, debug->frame);
	*mt_user_reg(user, reg->dwarf) = frame->regs.r[reg->dwarf];
	*areas = (struct mt_register_areas){ .general = user, .layout = &debug->layout };
	return NULL;
}

/* ---- Returning ----------------------------------------------------------- */

static void take_registers(struct mt_thread *thread, const struct mt_frame *frame)
{
	for (unsigned reg = 0; reg < MT_REG_RIP; reg++)
		if (frame->known >> reg & 1)
			*mt_user_reg(&thread->regs, (enum mt_reg)reg) = frame->regs.r[reg];
	mt_thread_set_pc(thread, frame->pc);
	thread->told = false;
}

struct mt_error *mt_debug_return(struct mt_debug *debug)
{
	const struct mt_frame *frame;
	struct mt_frame caller;

	MT_TRY(mt_need_stopped(debug));
	frame = mt_frame_selected(debug);
	if (frame && frame->is_inline)
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "%s is inlined in its caller: it has no return of its own",
		                    frame->function);
	MT_TRY(mt_frame_caller(debug, &caller));
	take_registers(debug->thread, &caller);
	mt_thread_select(debug, debug->thread);
	return NULL;
}

/* ---- Reading and writing ------------------------------------------------- */

static size_t read_memory(void *arg, uint64_t addr, void *out, size_t len)
{
	const struct mt_thread *thread = arg;

	return mt_proc_read_some(thread->proc, addr, out, len);
}

bool mt_thread_insn_state(struct mt_thread *thread, const struct mt_insn *insn,
                          struct mt_insn_state *state)
{
	uint8_t *xsave MT_AUTO_FREE = NULL;
	struct mt_register_areas areas = { .layout = &thread->proc->debug->layout };
	struct mt_error *error;
	struct mt_regs before;

	if (!mt_thread_regs(thread))
		return false;
	error = read_xsave(thread, &xsave, &areas);
	if (error) {
		mt_error_free(error);
		return false;
	}
	mt_regs_from_user(&thread->regs, &before);
	return mt_insn_state_take(insn, &before, &areas, read_memory, thread, state);
}

bool mt_thread_vector(struct mt_thread *thread, const struct mt_register *reg, void *out)
{
	uint8_t *xsave MT_AUTO_FREE = NULL;
	struct mt_register_areas areas;
	struct mt_error *error = read_areas(thread, reg, &xsave, &areas);
	bool had = !error && mt_register_get(reg, &areas, out);

	mt_error_free(error);
	return had;
}

struct mt_error *mt_thread_register(struct mt_debug *debug, const char *name, void *out,
                                    size_t size)
{
	uint8_t *xsave MT_AUTO_FREE = NULL;
	struct mt_register_areas areas;
	const struct mt_register *reg;

	MT_TRY(find(debug, name, size, &reg));
	MT_TRY(read_areas(debug->thread, reg, &xsave, &areas));
	if (!mt_register_get(reg, &areas, out))
		return mt_error_new(MT_ERR_NOT_FOUND, "the kernel does not give register %s", name);
	return NULL;
}

struct mt_error *mt_debug_reg_read(struct mt_debug *debug, const char *name, void *out, size_t size)
{
	struct user_regs_struct user = { 0 };
	struct mt_register_areas areas;
	const struct mt_register *reg;

	if (!debug->frame)
		return mt_thread_register(debug, name, out, size);
	MT_TRY(find(debug, name, size, &reg));
	MT_TRY(frame_areas(debug, reg, &user, &areas));
	mt_register_get(reg, &areas, out);
	return NULL;
}

static bool is_pc(const struct mt_register *reg)
{
	return reg->dwarf == MT_REG_RIP;
}

static struct mt_error *write_first_frame(struct mt_debug *debug, const struct mt_register *reg,
                                          const void *value)
{
	uint8_t *xsave MT_AUTO_FREE = NULL;
	struct mt_register_areas areas;
	struct mt_thread *thread = debug->thread;
	struct user_regs_struct before;

	MT_TRY(read_areas(debug->thread, reg, &xsave, &areas));
	before = thread->regs;
	if (!mt_register_put(reg, &areas, value))
		return mt_error_new(MT_ERR_UNSUPPORTED, "register %s cannot be written", reg->name);
	if (mt_register_in_xsave(reg)) {
		if (!mt_tracee_set_xstate(thread->tid, xsave, areas.xsave_size))
			return mt_error_new(MT_ERR_UNSUPPORTED,
			                    "the kernel does not take this value for register %s",
			                    reg->name);
		return NULL;
	}
	if (is_pc(reg))
		mt_thread_set_pc(thread, thread->regs.rip);
	thread->settled_pc = thread->regs.rip;
	if (!mt_tracee_set_user_regs(thread->tid, &thread->regs)) {
		thread->regs = before;
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "the kernel does not take this value for register %s",
		                    reg->name);
	}
	thread->has_regs = false; /* as the kernel has taken it */
	return NULL;
}

struct mt_error *mt_debug_reg_write(struct mt_debug *debug, const char *name, const void *value,
                                    size_t size)
{
	const struct mt_register *reg;

	MT_TRY(mt_need_stopped(debug));
	MT_TRY(find(debug, name, size, &reg));
	if (debug->frame)
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "registers can be written in the innermost frame only");
	mt_frames_forget(debug);
	return write_first_frame(debug, reg, value);
}
