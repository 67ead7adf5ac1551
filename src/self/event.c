/* SPDX-License-Identifier: MIT */
#include "self/event.h"

#include "self/cell.h"
#include "self/context.h"
#include "self/pieces.h"
#include "self/thread.h"

/* ---- Traps --------------------------------------------------------------- */

static bool is_at_pc(const struct mt_event *event, const struct memtrap *trap)
{
	return trap->spec.kind == MEMTRAP_EXEC &&
	       (uintptr_t)trap->spec.addr == event->regs.r[MT_REG_RIP];
}

static bool has_fired(const struct mt_event *event, const struct memtrap *trap)
{
	for (size_t i = 0; i < event->fired_count; i++) {
		if (mt_trap_has_piece(trap, event->fired[i]))
			return true;
	}
	return false;
}

/* What the hardware fires for. */
static unsigned fires_for(const struct memtrap *trap)
{
	return mt_kind_in_hardware(trap->spec.kind) == MT_DR_WRITE ? MT_INSN_WRITE
	                                                           : MT_INSN_READ | MT_INSN_WRITE;
}

static bool certainly_touched(const struct mt_event *event, const struct memtrap *trap)
{
	struct mt_touch touch;

	if (!event->known || trap->spec.kind == MEMTRAP_EXEC)
		return false;
	mt_culprit_touch(&event->insn, &event->regs, (uintptr_t)trap->spec.addr, trap->spec.len,
	                 &touch);
	return touch.certain && (touch.access & fires_for(trap));
}

/*
 * Without the instruction a hit is the handler's and no more. That suffices where no trap of the
 * thread wants to know more, and none but those on the piece that fired can have been touched.
 */
static bool wants_instruction(const struct mt_event *event, const struct memtrap *trap)
{
	if (trap->spec.kind == MEMTRAP_EXEC)
		return false;
	return !(trap->spec.flags & MEMTRAP_BARE) || !has_fired(event, trap);
}

/* Whether the answer is yes for any trap of the thread. */
static bool any_trap(const struct mt_event *event,
                     bool (*question)(const struct mt_event *, const struct memtrap *))
{
	struct memtrap *trap = NULL;
	bool yes = false;

	while (!yes && (trap = mt_trap_hold_next(trap, event->tid))) {
		yes = question(event, trap);
		mt_trap_release(trap);
	}
	return yes;
}

/* ---- Who fired ----------------------------------------------------------- */

static void ask_back_end(struct mt_event *event)
{
	const struct mt_backend *backend = mt_backend_in_use();

	if (backend->fired)
		event->fired_count = backend->fired(event->fired, MT_DR_COUNT);
}

static bool find_for_piece(struct mt_piece *piece, void *arg)
{
	struct mt_event *event = arg;
	struct mt_piece copy;

	if (!mt_piece_read(piece, &copy) || copy.kind == MT_DR_EXEC ||
	    (copy.thread && copy.thread != event->tid))
		return true;
	event->known = mt_culprit_of(&event->regs, &copy.range, copy.kind, &event->insn);
	return !event->known;
}

/* The signal names the piece. */
static void tell_by_cookie(struct mt_event *event)
{
	struct mt_piece piece;

	if (!mt_piece_find(event->arrival->cookie, &piece)) {
		event->strict = true;
		if (!event->arrival->late)
			mt_pieces_each(find_for_piece, event);
		return;
	}
	event->fired[event->fired_count++] = event->arrival->cookie;
	event->exec = piece.kind == MT_DR_EXEC;
	if (!event->exec && !event->arrival->late && any_trap(event, wants_instruction))
		event->known = mt_culprit_of(&event->regs, &piece.range, piece.kind, &event->insn);
}

/*
 * The instruction tells. RF is how the kernel steps over an execute breakpoint
 * (arch/x86/kernel/hw_breakpoint.c, hw_breakpoint_handler()), and is clear after most data
 * accesses.
 */
static void tell_by_instruction(struct mt_event *event)
{
	event->exec = mt_context_resumes(event->arrival->context) && any_trap(event, is_at_pc);
	if (event->exec)
		return;
	mt_pieces_each(find_for_piece, event);
	if (event->arrival->stray || any_trap(event, certainly_touched))
		return;
	ask_back_end(event);
	event->strict = event->fired_count == 0;
}

bool mt_event_of(const struct mt_arrival *arrival, struct mt_event *event)
{
	event->arrival = arrival;
	event->tid = mt_thread_id();
	event->exec = event->known = false;
	event->fired_count = 0;
	event->strict = arrival->stray;
	mt_context_regs(arrival->context, &event->regs);
	if (arrival->cookie)
		tell_by_cookie(event);
	else
		tell_by_instruction(event);
	if (!arrival->stray || any_trap(event, certainly_touched))
		return true;
	/* The kernel, which knew of no breakpoint, has not set RF either: it would fire again. */
	event->exec = any_trap(event, is_at_pc);
	if (event->exec)
		mt_context_set_resumes(arrival->context, true);
	return event->exec;
}

/* ---- Whom it concerns ---------------------------------------------------- */

static bool value_changed(const struct memtrap *trap)
{
	return !(trap->spec.flags & MEMTRAP_BARE) && mt_cell_differs(trap);
}

/*
 * Of a trap whose piece is not known to have fired: what certainly touched it did; where something
 * may have touched it, a value that is another one now tells.
 */
static bool concerns_too(const struct mt_event *event, const struct memtrap *trap,
                         const struct mt_touch *touch)
{
	unsigned access = touch->access & fires_for(trap);

	if (touch->certain)
		return access;
	if (event->strict || (event->known && !(access & MT_INSN_WRITE)))
		return false;
	return (event->known || event->arrival->late) && value_changed(trap);
}

bool mt_event_concerns(const struct mt_event *event, const struct memtrap *trap,
                       struct mt_touch *touch)
{
	*touch = (struct mt_touch){ .addr = (uintptr_t)trap->spec.addr, .len = trap->spec.len };
	if (event->exec != (trap->spec.kind == MEMTRAP_EXEC))
		return false;
	if (event->exec)
		return is_at_pc(event, trap) || has_fired(event, trap);
	if (event->known)
		mt_culprit_touch(&event->insn, &event->regs, touch->addr, touch->len, touch);
	return has_fired(event, trap) || concerns_too(event, trap, touch);
}
