/* SPDX-License-Identifier: MIT */
#include "self/thread.h"

#include <stddef.h>
#include <unistd.h>

#include "self/context.h"
#include "self/frames.h"
#include "self/holder.h"
#include "self/peek.h"

#define INITIAL_EXEC __attribute__((tls_model("initial-exec")))

static __thread struct {
	pid_t id;
	unsigned busy;
	struct mt_proof *proof;
	const struct mt_mark *mark;
	uintptr_t low, high; /* the alternate stack at that time */
	uintptr_t caller;    /* code of the SIGTRAP handler */
} self INITIAL_EXEC;

pid_t mt_thread_id(void)
{
	if (!self.id)
		self.id = gettid();
	return self.id;
}

void mt_thread_forked(void)
{
	self.id = 0;
}

void mt_thread_busy(bool busy)
{
	self.busy += busy ? 1 : -1U;
}

bool mt_thread_is_busy(void)
{
	return self.busy;
}

struct mt_proof *mt_thread_proof(void)
{
	return self.proof;
}

void mt_thread_prove(struct mt_proof *proof)
{
	self.proof = proof;
}

/* ---- Marks --------------------------------------------------------------- */

#define MARK 0x6d61726b

static uintptr_t check_of(const struct mt_mark *mark)
{
	return (uintptr_t)mark ^ MARK;
}

void mt_thread_enter(struct mt_mark *mark, const ucontext_t *context)
{
	const stack_t *stack = &context->uc_stack;

	mark->check = check_of(mark);
	self.low = (uintptr_t)stack->ss_sp;
	self.high = self.low + (stack->ss_flags & SS_DISABLE ? 0 : stack->ss_size);
	self.caller = (uintptr_t)__builtin_return_address(0);
	self.mark = mark;
}

void mt_thread_leave(void)
{
	self.mark = NULL;
}

static bool on_alternate(uintptr_t addr)
{
	return addr - self.low < self.high - self.low;
}

bool mt_thread_has_room(size_t bytes)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	return !on_alternate(here) || here - self.low >= bytes;
}

static bool is_caller_on_stack(const struct mt_regs *regs)
{
	uintptr_t start, end;

	return !mt_function_bounds(self.caller, &start, &end) ||
	       mt_frames_have(regs, start, end) != MT_FRAMES_NO;
}

/*
 * What runs inside of a handler lies below its mark, on the same stack. What was called after a
 * longjmp may lie there too; it has overwritten the mark, or jumped over it with some array: then
 * the handler is not among those who called it.
 */
static bool mark_stands(const struct mt_regs *regs)
{
	uintptr_t mark = (uintptr_t)self.mark, sp = (uintptr_t)regs->r[MT_REG_RSP], check = 0;

	if (on_alternate(mark) && !on_alternate(sp))
		return false;
	if (on_alternate(mark) == on_alternate(sp) && sp > mark)
		return false;
	if (mt_peek(mark, &check, sizeof(check)) != sizeof(check) || check != check_of(self.mark))
		return false;
	return is_caller_on_stack(regs);
}

bool mt_thread_in_handler(const ucontext_t *context)
{
	struct mt_regs regs;
	bool stands;

	if (!self.mark)
		return false;
	mt_context_regs(context, &regs);
	mt_thread_busy(true);
	stands = mark_stands(&regs);
	mt_thread_busy(false);
	if (stands)
		return true;
	self.mark = NULL;
	mt_holder_end();
	return false;
}

bool mt_thread_is_in_handler(void)
{
	ucontext_t here;

	if (!self.mark)
		return false;
	getcontext(&here);
	return mt_thread_in_handler(&here);
}
