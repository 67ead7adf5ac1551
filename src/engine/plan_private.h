/* SPDX-License-Identifier: MIT */
/*
 * Inside src/engine: plans, and how they step by instructions, lines and calls. Part of
 * engine_private.h, which has the structs.
 */
#ifndef MT_ENGINE_PLAN_PRIVATE_H
#define MT_ENGINE_PLAN_PRIVATE_H

#include "engine/engine_private.h"

/* ---- plan.c -------------------------------------------------------------- */

enum mt_plan_answer {
	MT_PLAN_GO_ON,
	MT_PLAN_STEPPED, /* reached */
	MT_PLAN_FINISHED,
};
struct mt_error *mt_plan_begin(struct mt_debug *debug, const struct mt_go *go);
void mt_plan_end(struct mt_debug *debug);
/* The plan's thread has forked, and what it was to reach is the child's to reach: `thread`, which
 * stands where its parent did. */
void mt_plan_move(struct mt_debug *debug, struct mt_thread *thread);
/* The process no longer has its memory; a plan's sites went with it, unless it was lent. */
void mt_plan_forget(struct mt_debug *debug, const struct mt_proc *proc);
/* The thread has done an instruction, or is at a site. */
enum mt_plan_answer mt_plan_stepped(struct mt_debug *debug);
enum mt_plan_answer mt_plan_at_site(struct mt_thread *thread, struct mt_site *site);
/* Whether the thread is to be stepped for the plan. */
bool mt_plan_wants_step(const struct mt_thread *thread);
/* The plan's thread runs until it is at addr with at least that stack pointer, or until a leap has
 * brought it there. */
struct mt_error *mt_plan_run_to(struct mt_debug *debug, uint64_t addr, uint64_t min_sp);
/* The thread is at a call: it runs until that has returned. False: it is at none. */
bool mt_plan_over_call(struct mt_debug *debug);
/* Whatever the plan's thread was to run to is no goal any more. */
void mt_plan_drop_places(struct mt_debug *debug);
/* Another of several steps: STEPPED, or what it takes is set up. */
enum mt_plan_answer mt_plan_next_step(struct mt_debug *debug);

/* ---- through.c ----------------------------------------------------------- */

/* Sites at which a leap begins, for the time of the plan. */
void mt_leaps_watch(struct mt_debug *debug);
/* Libraries came or went. */
void mt_leaps_renew(struct mt_proc *proc);
/* The program has gone. */
void mt_leaps_forget(struct mt_proc *proc);
/* The leap that begins at addr, or NOTHING. */
enum mt_through mt_leap_at(const struct mt_plan *plan, uint64_t addr);
/* The plan's thread, at the first instruction, is stepped through it, if there is anything. */
void mt_through_begin(struct mt_debug *debug, enum mt_through what);
enum mt_plan_answer mt_through_stepped(struct mt_debug *debug);

/* ---- inlined.c ----------------------------------------------------------- */

struct mt_inlined {
	struct mt_inline_frame frames[MT_INLINES_MAX]; /* innermost first */
	size_t count;
	size_t begun; /* the innermost ones whose code begins with this instruction */
};
void mt_inlined_at(struct mt_proc *proc, uint64_t pc, struct mt_inlined *inlined);
/* The thread is shown at the call of what begins at its pc. */
void mt_inlined_hide(struct mt_thread *thread);
/* At what a breakpoint's location means: `what` is a place of it, as in mt_break_place. */
void mt_inlined_hide_for(struct mt_thread *thread, const char *location, const char *what);

/* ---- step_line.c --------------------------------------------------------- */

struct mt_error *mt_line_begin(struct mt_debug *debug);
enum mt_plan_answer mt_line_stepped(struct mt_debug *debug);
/* The place is where the step, one of several perhaps, was to go. */
enum mt_plan_answer mt_line_reached(struct mt_debug *debug);
/* Steps until the thread is in no other inlined functions than the `depth` outermost of the frame.
 */
void mt_line_leave_inlined(struct mt_debug *debug, const struct mt_frame *frame, size_t depth);

/* ---- step_call.c --------------------------------------------------------- */

/* Before an instruction is stepped: straight code is run through, and with it a call that is not to
 * be entered. The stack pointer stays as it is, so that it tells this activation from others. */
void mt_call_before(struct mt_debug *debug);
/* At the first instruction of a function that a call, or a jump in its place, has led to. */
enum mt_plan_answer mt_call_entered(struct mt_debug *debug);
uint64_t mt_function_of(struct mt_proc *proc, uint64_t pc);

/* ---- straight.c ---------------------------------------------------------- */

/* The first instruction from pc on, before `end`, after which another one may be next than the one
 * behind it, or which moves the stack pointer; or the one at `end`. False: pc has none. */
bool mt_straight_end(struct mt_proc *proc, uint64_t pc, uint64_t end, struct mt_insn *insn);

/* ---- go.c ---------------------------------------------------------------- */

/* Lets the program go on until the current thread is at addr with at least that stack pointer:
 * FINISHED. */
struct mt_error *mt_debug_go_back_to(struct mt_debug *debug, uint64_t addr, uint64_t min_sp);

#endif
