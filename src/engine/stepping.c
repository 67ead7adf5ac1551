/* SPDX-License-Identifier: MIT */
/*
 * Watching by single steps: every instruction of every thread of the process is stepped, and after
 * each it is looked whether something is another value than before.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "engine/engine_private.h"
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

/* ---- Step after step ------------------------------------------------------ */

#define CODE_LEN 4
#define MAX_SPANS (64 + 1)
#define STEPS_BETWEEN_LOOKS 64
/* Before it is looked whether somebody else wants something. */
#define STEPS_IN_A_ROW 8192

/* All that a step is looked at for, read at once: the code that is next, and what is watched. */
struct spans {
	pid_t tid;
	size_t count; /* of what is watched; the code is behind it */
	struct iovec there[MAX_SPANS], here[MAX_SPANS];
	const uint8_t *before[MAX_SPANS];
	uint8_t *buffer;
	uint8_t code[CODE_LEN];
};

static bool add_span(struct spans *spans, const struct mt_watch_part *part)
{
	size_t i = spans->count;

	if (i == MAX_SPANS - 1 || !part->bytes || part->by != &mt_by_stepping)
		return false;
	spans->there[i] = (struct iovec){ (void *)(uintptr_t)part->addr, (size_t)part->len };
	spans->here[i].iov_len = (size_t)part->len;
	spans->before[i] = part->bytes;
	spans->count++;
	return true;
}

/* False: there is more to be looked at than bytes. */
static bool add_watched(struct spans *spans, const struct mt_break *breakpoint,
                        const struct mt_watched *watched)
{
	if (watched->steps || breakpoint->watch->kind.access != MT_WATCH_CHANGE)
		return false;
	for (size_t i = 0; i < watched->parts.len; i++)
		if (!add_span(spans, &watched->parts.data[i]))
			return false;
	return true;
}

static bool collect(const struct mt_thread *thread, struct spans *spans)
{
	const struct mt_debug *debug = thread->proc->debug;
	size_t total = 0;

	for (size_t i = 0; i < debug->breaks.len; i++) {
		const struct mt_break *breakpoint = debug->breaks.data[i];
		const struct mt_watched *watched =
		    breakpoint->watch && !breakpoint->gone
		        ? mt_watch_in(breakpoint, mt_proc_memory(thread->proc))
		        : NULL;

		if (watched && watched->armed && !add_watched(spans, breakpoint, watched))
			return false;
	}
	for (size_t i = 0; i < spans->count; i++)
		total += spans->here[i].iov_len;
	spans->buffer = mt_alloc(total + 1);
	total = 0;
	for (size_t i = 0; spans->buffer && i < spans->count; i++) {
		spans->here[i].iov_base = spans->buffer + total;
		total += spans->here[i].iov_len;
	}
	spans->tid = thread->tid;
	spans->here[spans->count] = (struct iovec){ spans->code, CODE_LEN };
	return spans->buffer != NULL;
}

/* The code at the end of a mapping is for the slow way, as all that cannot be read is. */
static bool is_unchanged(struct spans *spans, uint64_t pc)
{
	size_t count = spans->count + 1;
	ssize_t total = CODE_LEN;

	spans->there[spans->count] = (struct iovec){ (void *)(uintptr_t)pc, CODE_LEN };
	for (size_t i = 0; i < spans->count; i++)
		total += (ssize_t)spans->here[i].iov_len;
	if (process_vm_readv(spans->tid, spans->here, count, spans->there, count, 0) != total)
		return false;
	for (size_t i = 0; i < spans->count; i++)
		if (memcmp(spans->here[i].iov_base, spans->before[i], spans->here[i].iov_len) != 0)
			return false;
	return true;
}

static bool is_string(uint8_t opcode)
{
	return (opcode >= 0x6c && opcode <= 0x6f) || (opcode >= 0xa4 && opcode <= 0xa7) ||
	       (opcode >= 0xaa && opcode <= 0xaf);
}

/* What a step shows of itself, or must not step over: int3 and int, pushf and popf, iret, int1,
 * system calls; and what only the registers before it can tell of: repetitions. After prefixes. */
static bool needs_care(const uint8_t code[CODE_LEN])
{
	bool repeats = false;
	size_t i = 0;

	while (i + 2 < CODE_LEN &&
	       (code[i] == 0x66 || code[i] == 0xf2 || code[i] == 0xf3 || code[i] >> 4 == 4))
		repeats |= code[i++] >> 1 == 0xf2 >> 1;
	if (repeats && is_string(code[i]))
		return true;
	switch (code[i]) {
	case 0xcc:
	case 0xcd:
	case 0xce:
	case 0xcf:
	case 0xf1:
	case 0x9c:
	case 0x9d:
		return true;
	case 0x0f:
		return code[i + 1] == 0x05 || code[i + 1] == 0x34;
	default:
		return false;
	}
}

static size_t count_threads(const struct mt_debug *debug)
{
	size_t count = 0;

	for (size_t i = 0; i < debug->procs.len; i++)
		count += debug->procs.data[i]->threads.len;
	return count;
}

/* Its steps are for watchpoints alone, and nothing but its own instructions can happen to it. */
static bool may_hurry(const struct mt_thread *thread, const struct mt_event *event)
{
	const struct mt_proc *memory = mt_proc_memory(thread->proc);

	return event->kind == MT_EVENT_SIGNAL && event->signal == SIGTRAP &&
	       thread->state == MT_THREAD_RUNNING && thread->how == MT_RESUME_STEP &&
	       mt_stepping_on(memory) && !mt_plan_wants_step(thread) && thread->lets_trap_in &&
	       !thread->asked_to_stop && !thread->deferred && !thread->sent && !thread->flag_trap &&
	       !thread->put_off.len && !thread->steps_out_of_exec && !memory->detours.len &&
	       !needs_care(thread->stepped_code) && !mt_dr_used(&memory->registers) &&
	       thread->proc->debug->held.len == 0 && count_threads(thread->proc->debug) == 1;
}

static bool is_plain_step(pid_t tid, uint64_t *pc)
{
	siginfo_t info;

	return mt_tracee_siginfo(tid, &info) && info.si_code == TRAP_TRACE && mt_tracee_pc(tid, pc);
}

static struct mt_event hurry(struct mt_debug *debug, struct mt_thread *thread, struct spans *spans,
                             struct mt_event event)
{
	uint64_t pc;

	for (unsigned i = 1; i < STEPS_IN_A_ROW; i++) {
		if (event.kind != MT_EVENT_SIGNAL || event.signal != SIGTRAP ||
		    !is_plain_step(thread->tid, &pc) || !is_unchanged(spans, pc) ||
		    needs_care(spans->code))
			return event;
		if (i % STEPS_BETWEEN_LOOKS == 0 && debug->interrupted)
			return event;
		thread->stepped_pc = pc;
		memcpy(thread->stepped_code, spans->code, sizeof(thread->stepped_code));
		if (!mt_tracee_go(thread->tid, MT_RESUME_STEP, 0))
			return event;
		event = mt_tracee_wait(thread->tid);
		debug->steps++;
	}
	return event;
}

struct mt_event mt_stepping_hurry(struct mt_debug *debug, const struct mt_event *event)
{
	struct mt_thread *thread = mt_thread_find(debug, event->tid);
	struct spans spans = { .count = 0 };
	struct mt_event last = *event;

	if (!thread || !may_hurry(thread, event))
		return last;
	if (collect(thread, &spans)) {
		thread->knows_before = false;
		last = hurry(debug, thread, &spans, last);
	}
	free(spans.buffer);
	return last;
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
	snprintf(text, sizeof(text), "%.2f million instructions were single-stepped so far",
	         (double)debug->steps / 1e6);
	mt_notify(debug, &(struct mt_notice){ .kind = MT_NOTICE_STEPPING,
	                                      .pid = mt_debug_pid(debug),
	                                      .text = text });
}

static struct mt_cost cost(struct mt_proc *proc)
{
	struct mt_debug *debug = proc->debug;

	if (!debug->step_ns)
		debug->step_ns = mt_step_cost();
	return (struct mt_cost){ .unit = MT_COST_PER_INSTRUCTION, .ns = debug->step_ns };
}

const struct mt_mechanism mt_by_stepping = {
	.name = "stepping",
	.arm = arm,
	.disarm = disarm,
	.may_be_hit = may_be_hit,
	.cost = cost,
};
