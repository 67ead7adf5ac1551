/* SPDX-License-Identifier: MIT */
/*
 * Watching by single steps: every instruction of every thread of the process is stepped, and after
 * each it is looked whether something is another value than before.
 */
#include <stdio.h>

#include "base/clock.h"
#include "engine/engine_private.h"
#include "target/process.h"
#include "target/step.h"

/* ---- As a mechanism ------------------------------------------------------ */

static struct mt_error *arm(struct mt_proc *proc, const struct mt_trap *trap)
{
	(void)trap;
	proc->stepped_traps++;
	return NULL;
}

static void disarm(struct mt_proc *proc, const struct mt_trap *trap)
{
	(void)trap;
	proc->stepped_traps--;
}

static bool may_be_hit(const struct mt_thread *thread, const struct mt_trap *trap)
{
	(void)trap;
	return thread->how == MT_RESUME_STEP;
}

/* ---- In turn ------------------------------------------------------------- */

/* Several threads are stepped one after the other, each for so long: who changes what is watched is
 * then never in doubt, and who is stepped has no need to wait for the others. */
#define TURN_NS 5000000u
/* So often it is asked whether one that has not stopped is kept in the kernel. */
#define ASKING_NS 1000000u

bool mt_stepping_is_in_call(const struct mt_thread *thread)
{
	return thread->state == MT_THREAD_RUNNING &&
	       (thread->runs_call || thread->lends_to ||
	        (thread->how == MT_RESUME_STEP && mt_trap_stepped_call(thread)));
}

bool mt_stepping_takes_turns(const struct mt_thread *thread)
{
	return thread->runs && !thread->group_stopped &&
	       mt_stepping_on(mt_proc_memory(thread->proc));
}

static bool can_use_turn(const struct mt_thread *thread)
{
	return mt_stepping_takes_turns(thread) && !mt_stepping_is_in_call(thread) &&
	       (thread->state == MT_THREAD_STOPPED || thread->state == MT_THREAD_RUNNING);
}

/* The first after `current` that can use it, itself included. */
static struct mt_thread *next_in_turn(struct mt_debug *debug, const struct mt_thread *current)
{
	struct mt_thread *first = NULL;
	bool passed = false;

	for (size_t i = 0; i < debug->procs.len; i++) {
		const struct mt_proc *proc = debug->procs.data[i];

		for (size_t j = 0; j < proc->threads.len; j++) {
			struct mt_thread *thread = proc->threads.data[j];
			bool can = can_use_turn(thread);

			if (passed && can)
				return thread;
			if (!first && can)
				first = thread;
			passed = passed || thread == current;
		}
	}
	return first;
}

/* One that runs is about to stop, unless a fault keeps it, which perhaps another one is to deal
 * with. */
static bool keeps_turn(const struct mt_debug *debug, uint64_t now)
{
	const struct mt_thread *stepper = debug->stepper;

	if (!stepper || !can_use_turn(stepper))
		return false;
	return stepper->state == MT_THREAD_RUNNING ? !mt_process_sleeps(stepper->tid)
	                                           : now < debug->turn_until_ns;
}

struct mt_thread *mt_stepping_turn(struct mt_debug *debug)
{
	uint64_t now = mt_now_ns();

	if (keeps_turn(debug, now))
		return debug->stepper;
	debug->stepper = next_in_turn(debug, debug->stepper);
	debug->turn_until_ns = now + TURN_NS;
	return debug->stepper;
}

uint64_t mt_stepping_deadline(const struct mt_debug *debug, uint64_t deadline_ns)
{
	uint64_t asking = mt_now_ns() + ASKING_NS;

	if (!mt_stepping_any(debug) || !debug->stepper ||
	    debug->stepper->state != MT_THREAD_RUNNING || mt_stepping_is_in_call(debug->stepper))
		return deadline_ns;
	return deadline_ns && deadline_ns < asking ? deadline_ns : asking;
}

bool mt_stepping_any(const struct mt_debug *debug)
{
	for (size_t i = 0; i < debug->procs.len; i++)
		if (mt_stepping_on(debug->procs.data[i]))
			return true;
	return false;
}

/* ---- What it costs ------------------------------------------------------- */

#define TELLING_NS 5000000000u

void mt_stepping_tell(struct mt_debug *debug)
{
	uint64_t now = mt_now_ns();
	char text[96];

	if (!debug->steps_told_ns)
		debug->steps_told_ns = now;
	if (now - debug->steps_told_ns < TELLING_NS)
		return;
	debug->steps_told_ns = now;
	snprintf(text, sizeof(text), "%.2f million instructions so far, watched by software",
	         (double)debug->steps / 1e6);
	mt_notify(debug, &(struct mt_notice){ .kind = MT_NOTICE_STEPPING,
	                                      .pid = mt_debug_pid(debug),
	                                      .text = text });
}

static struct mt_cost cost(struct mt_proc *proc)
{
	struct mt_debug *debug = proc->debug;

	uint64_t *ns = &debug->step_ns[!proc->attached];

	if (!*ns)
		*ns = mt_step_cost(!proc->attached);
	return (struct mt_cost){ .unit = MT_COST_PER_INSTRUCTION, .ns = *ns };
}

const struct mt_mechanism mt_by_stepping = {
	.name = "stepping",
	.arm = arm,
	.disarm = disarm,
	.may_be_hit = may_be_hit,
	.cost = cost,
};
