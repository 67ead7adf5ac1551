/* SPDX-License-Identifier: MIT */
#include "self/frames.h"

#include <string.h>

#include "cfi/walk.h"
#include "insn/insn.h"
#include "self/context.h"
#include "self/modules.h"
#include "self/peek.h"

void mt_frames_refresh(void)
{
	struct mt_own_module ours;

	/* A linker that tells where this code is needs no help. */
	if (!mt_own_module_by_linker((uintptr_t)mt_frames_refresh, &ours))
		mt_own_modules_list();
}

bool mt_code_module(uintptr_t pc, uintptr_t *base, const char **path)
{
	struct mt_own_module module;

	if (!mt_own_module_at(pc, &module))
		return false;
	*base = module.base;
	*path = module.path;
	return true;
}

/* ---- What is known of the code ------------------------------------------- */

/* From `addr` to the module's end. That there are holes in it does no harm: what the linker has
 * made is read only where its own numbers lead. */
static struct mt_cfi_span rest_of(const struct mt_own_module *module, uint64_t addr)
{
	if (addr < module->start || addr >= module->end)
		return (struct mt_cfi_span){ 0 };
	return (struct mt_cfi_span){ (const uint8_t *)(uintptr_t)addr,
		                     module->end - (uintptr_t)addr };
}

/* The section, in memory, that tells of the code at `pc`, and the entry there. */
static bool find_entry(uintptr_t pc, struct mt_cfi_section *section, struct mt_cfi_fde *fde)
{
	struct mt_own_module module;

	if (!mt_own_module_at(pc, &module))
		return false;
	*section = (struct mt_cfi_section){ .machine = MT_MACHINE_SELF, .is_eh_frame = true };
	if (!mt_cfi_header_read(rest_of(&module, module.eh_frame_hdr), module.eh_frame_hdr,
	                        section))
		return false;
	section->span = rest_of(&module, section->addr);
	return mt_cfi_section_find(section, pc, fde);
}

bool mt_function_bounds(uintptr_t pc, uintptr_t *start, uintptr_t *end)
{
	struct mt_cfi_section section;
	struct mt_cfi_fde fde;

	if (!find_entry(pc, &section, &fde))
		return false;
	*start = (uintptr_t)fde.start;
	*end = (uintptr_t)fde.end;
	return true;
}

static bool row_at(void *arg, uint64_t pc, struct mt_cfi_row *row)
{
	struct mt_cfi_section section;
	struct mt_cfi_fde fde;

	return find_entry((uintptr_t)pc, &section, &fde) &&
	       mt_cfi_frame_row(&section, &fde, MT_MACHINE_SELF, pc, row);
}

static size_t read_code(void *arg, uint64_t addr, void *out, size_t len)
{
	return mt_peek((uintptr_t)addr, out, len);
}

static const struct mt_cfi_code own_code = { .row_at = row_at, .read = read_code };

/* ---- The stack ----------------------------------------------------------- */

/* What was read last: one system call serves the saved registers of a frame and its neighbours. A
 * block does not cross a page, so it is readable or it is not. */
#define BLOCK 256

struct stack {
	uintptr_t block; /* 0: none */
	uint8_t bytes[BLOCK];
};

static bool read_stack(void *arg, uint64_t addr, size_t size, uint64_t *value)
{
	struct stack *stack = arg;
	uintptr_t block = (uintptr_t)addr & ~(uintptr_t)(BLOCK - 1), offset = addr % BLOCK;
	uint64_t read = 0;

	if (offset + size > BLOCK) {
		if (mt_peek((uintptr_t)addr, &read, size) != size)
			return false;
	} else {
		if (stack->block != block &&
		    mt_peek(block, stack->bytes, sizeof(stack->bytes)) != BLOCK) {
			stack->block = 0;
			return false;
		}
		stack->block = block;
		memcpy(&read, stack->bytes + offset, size);
	}
	*value = read;
	return true;
}

/* Below it the signal handler's own frame has overwritten what was there. The red zone is left
 * alone (System V ABI x86-64, 3.2.2). */
static uintptr_t kept_from(const struct mt_regs *regs)
{
	const uintptr_t red_zone = MT_MACHINE_SELF == MT_MACHINE_X86_64 ? 128 : 0;

	return (uintptr_t)regs->r[MT_REG_RSP] - red_zone;
}

size_t mt_frames_walk(const struct mt_regs *regs, uintptr_t *frames, size_t max)
{
	struct stack stack = { .block = 0 };
	const struct mt_cfi_memory memory = { .read = read_stack,
		                              .arg = &stack,
		                              .start = kept_from(regs) };
	struct mt_cfi_walk walk;
	size_t count = 0;
	bool more = max > 0;

	mt_cfi_walk_begin(&walk, MT_MACHINE_SELF, regs, &own_code, &memory);
	while (more) {
		frames[count++] = (uintptr_t)mt_cfi_walk_pc(&walk);
		more = count < max && mt_cfi_walk_up(&walk);
	}
	return count;
}

/* So many frames are none that a program needs. */
#define MAX_DEPTH 4096

enum mt_frames_answer mt_frames_have(const struct mt_regs *regs, uintptr_t start, uintptr_t end)
{
	struct stack stack = { .block = 0 };
	const struct mt_cfi_memory memory = { .read = read_stack,
		                              .arg = &stack,
		                              .start = kept_from(regs) };
	struct mt_cfi_walk walk;

	mt_cfi_walk_begin(&walk, MT_MACHINE_SELF, regs, &own_code, &memory);
	for (unsigned depth = 0; depth < MAX_DEPTH && mt_cfi_walk_up(&walk); depth++) {
		if (mt_cfi_walk_pc(&walk) - start < end - start)
			return MT_FRAMES_YES;
	}
	return walk.ended ? MT_FRAMES_NO : MT_FRAMES_UNKNOWN;
}

size_t mt_frames_by_pointer(const struct mt_regs *regs, uintptr_t *frames, size_t max)
{
	const size_t word = sizeof(uintptr_t);
	struct stack stack = { .block = 0 };
	struct mt_own_module module;
	uint64_t frame = regs->r[MT_REG_RBP], low = regs->r[MT_REG_RSP], caller, return_address;
	size_t count = 0;

	if (max)
		frames[count++] = (uintptr_t)regs->r[MT_REG_RIP];
	for (; count < max; frame = caller) {
		if (frame < low || frame % word || !read_stack(&stack, frame, word, &caller) ||
		    !read_stack(&stack, frame + word, word, &return_address) ||
		    !mt_own_module_at((uintptr_t)return_address - 1, &module))
			break;
		frames[count++] = (uintptr_t)return_address;
		low = frame + 2 * word;
	}
	return count;
}

size_t mt_frames_put_culprit(uintptr_t *frames, size_t count, uintptr_t culprit)
{
	bool is_call;

	if (!count || !culprit)
		return count;
	is_call = frames[0] - culprit > MT_INSN_MAX_LEN && count > 1 &&
	          frames[1] - culprit <= MT_INSN_MAX_LEN;
	frames[0] = culprit;
	if (!is_call)
		return count;
	memmove(frames + 1, frames + 2, (count - 2) * sizeof(*frames));
	return count - 1;
}
