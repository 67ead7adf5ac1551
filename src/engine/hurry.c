/* SPDX-License-Identifier: MIT */
/*
 * Watching by single steps, as fast as ptrace allows. Before a thread is stepped in the way of the
 * session, which looks at everything, it is taken here as far as nothing comes that anybody would
 * look at.
 *
 * Where its registers tell what its next instructions touch (insn/ahead.h), it runs so far, to an
 * int3 that stands there meanwhile. What is no memory, or is found through frames, is looked at
 * only where something is another thing than when it was evaluated (needs_private.h). A process
 * that outlives us gets no int3: if we were killed, so would it be. It is stepped.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "engine/engine_private.h"
#include "insn/ahead.h"
#include "target/process.h"
#include "target/processor.h"
#include "target/step.h"

#define MAX_SPANS 128
#define MAX_VALUES 8
#define INT3 0xcc
#define TF (1U << 8)
#define DR6 6
/* Before it is looked whether somebody else wants something, or has his turn. */
#define HURRY_NS 5000000u
/* So many moves first: then it pays to share a processor with the thread. */
#define MOVES_ALONE 16
/* An event is looked for before we sleep: to be woken takes longer than most of them. */
#define LOOKING_NS 200000

/* All that is watched by steps, read at once; and where everything is that is watched by whatever
 * mechanism: a step that touches it is looked at, since its trap hides the other's. */
struct spans {
	size_t count, total;
	struct iovec there[MAX_SPANS], here[MAX_SPANS];
	const uint8_t *before[MAX_SPANS];
	uint8_t *buffer;
	size_t range_count;
	struct mt_ahead_range ranges[MAX_SPANS];
	/* Of what takes an evaluation: what the last ones needed. Its memory is among the rest. */
	size_t value_count;
	const struct mt_needs *values[MAX_VALUES];
	uint32_t registers; /* that they need */
	bool need_vectors;
};

struct hurry {
	struct mt_debug *debug;
	struct mt_thread *thread;
	struct spans spans;
	bool is_alone;                /* no other thread has its memory */
	struct user_regs_struct regs; /* of the thread, which stands */
	struct mt_ahead ahead;
	int memory;                       /* what int3s are written through; -1: there are none */
	uint8_t under[MT_AHEAD_MAX_ENDS]; /* them */
};

enum moved {
	MOVED_ON,      /* it stands, and nothing has happened */
	MOVED_NOT,     /* the rest of the session is to go on with it */
	MOVED_TO_EVENT /* which is to be dealt with as any other */
};

/* ---- What is watched ----------------------------------------------------- */

static uint8_t access_of(const struct mt_break *breakpoint, const struct mt_watch_part *part)
{
	return mt_watch_trap(breakpoint, part).kind == MT_DR_WRITE ? MT_INSN_WRITE
	                                                           : MT_INSN_READ | MT_INSN_WRITE;
}

static bool add_range(struct spans *spans, uint64_t addr, uint64_t len, uint8_t access)
{
	if (spans->range_count == MAX_SPANS)
		return false;
	spans->ranges[spans->range_count++] = (struct mt_ahead_range){ addr, len, access };
	return true;
}

static void add_bytes(struct spans *spans, uint64_t addr, size_t len, const uint8_t *bytes)
{
	size_t i = spans->count++; /* < range_count */

	spans->there[i] = (struct iovec){ (void *)(uintptr_t)addr, len };
	spans->here[i].iov_len = len;
	spans->before[i] = bytes;
	spans->total += len;
}

static bool add_part(struct spans *spans, const struct mt_break *breakpoint,
                     const struct mt_watch_part *part)
{
	if (!add_range(spans, part->addr, part->len, access_of(breakpoint, part)))
		return false;
	if (part->by != &mt_by_stepping)
		return true;
	if (part->bytes)
		add_bytes(spans, part->addr, (size_t)part->len, part->bytes);
	return part->bytes != NULL;
}

static bool add_needs(struct spans *spans, const struct mt_needs *needs)
{
	const uint8_t *bytes;

	if (!needs || spans->value_count == MAX_VALUES)
		return false;
	bytes = needs->bytes;
	for (size_t i = 0; i < needs->place_count; i++) {
		const struct mt_needs_place *place = &needs->places[i];

		if (!add_range(spans, place->addr, place->len, MT_INSN_WRITE))
			return false;
		add_bytes(spans, place->addr, (size_t)place->len, bytes);
		bytes += place->len;
	}
	spans->registers |= needs->regs;
	spans->need_vectors = spans->need_vectors || needs->vector_count;
	spans->values[spans->value_count++] = needs;
	return true;
}

/* Those of another thread of the process are none that this one could change. */
static bool has_registers(const struct mt_thread *thread, const struct mt_watched *watched)
{
	return watched->steps &&
	       (!watched->tid || watched->tid == thread->tid || watched->proc != thread->proc);
}

/* False: nobody knows what is to be looked at. */
static bool add_watched(const struct hurry *hurry, struct spans *spans,
                        const struct mt_break *breakpoint, const struct mt_watched *watched)
{
	for (size_t i = 0; i < watched->parts.len; i++)
		if (!add_part(spans, breakpoint, &watched->parts.data[i]))
			return false;
	return !has_registers(hurry->thread, watched) ||
	       add_needs(spans, mt_watched_recall(watched, hurry->thread, &hurry->regs,
	                                          hurry->debug->rows));
}

static bool collect(const struct hurry *hurry, struct spans *spans)
{
	const struct mt_debug *debug = hurry->debug;
	size_t at = 0;

	for (size_t i = 0; i < debug->breaks.len; i++) {
		const struct mt_break *breakpoint = debug->breaks.data[i];
		const struct mt_watched *watched = mt_watched_of(breakpoint, hurry->thread);

		if (watched && !add_watched(hurry, spans, breakpoint, watched))
			return false;
	}
	spans->buffer = mt_alloc(spans->total ? spans->total : 1);
	for (size_t i = 0; spans->buffer && i < spans->count; i++) {
		spans->here[i].iov_base = spans->buffer + at;
		at += spans->here[i].iov_len;
	}
	return spans->buffer != NULL;
}

/* What cannot be read is for the slow way. */
static bool is_unchanged(struct spans *spans, pid_t tid)
{
	if (spans->count && process_vm_readv(tid, spans->here, spans->count, spans->there,
	                                     spans->count, 0) != (ssize_t)spans->total)
		return false;
	for (size_t i = 0; i < spans->count; i++)
		if (memcmp(spans->here[i].iov_base, spans->before[i], spans->here[i].iov_len) != 0)
			return false;
	return true;
}

static bool do_values_hold(const struct hurry *hurry)
{
	for (size_t i = 0; i < hurry->spans.value_count; i++)
		if (!mt_needs_hold(hurry->spans.values[i], hurry->thread, &hurry->regs,
		                   hurry->debug->rows))
			return false;
	return true;
}

/* The thread has come to where other things are needed, which came to the same when they were
 * evaluated there before. */
static bool collect_again(struct hurry *hurry)
{
	struct spans spans = { 0 };

	if (!hurry->spans.value_count || !collect(hurry, &spans) ||
	    !is_unchanged(&spans, hurry->thread->tid)) {
		free(spans.buffer);
		return false;
	}
	free(hurry->spans.buffer);
	hurry->spans = spans;
	return true;
}

/* Nothing of what is watched has another value than before. */
static bool is_all_the_same(struct hurry *hurry)
{
	return (is_unchanged(&hurry->spans, hurry->thread->tid) && do_values_hold(hurry)) ||
	       collect_again(hurry);
}

/* ---- Whether it may be hurried ------------------------------------------- */

/* Of whom the session would hear, and who cannot come in between. */
static bool is_at_rest(const struct mt_thread *thread)
{
	return thread->state != MT_THREAD_RUNNING || mt_stepping_is_in_call(thread);
}

/* How many others have its memory and may come in between, or not. */
static size_t count_others(const struct mt_thread *thread, bool at_rest)
{
	const struct mt_debug *debug = thread->proc->debug;
	const struct mt_proc *memory = mt_proc_memory(thread->proc);
	size_t count = 0;

	for (size_t i = 0; i < debug->procs.len; i++) {
		struct mt_proc *proc = debug->procs.data[i];

		for (size_t j = 0; j < proc->threads.len && mt_proc_memory(proc) == memory; j++)
			count += proc->threads.data[j] != thread &&
			         is_at_rest(proc->threads.data[j]) == at_rest;
	}
	return count;
}

static bool may_fork(const struct mt_thread *thread)
{
	const char *name = thread->knows_before ? mt_stepped_call(thread, &thread->before) : "fork";

	return !strcmp(name, "fork") || !strcmp(name, "vfork") || !strcmp(name, "clone") ||
	       !strcmp(name, "clone3");
}

/* Its child has the int3s that stand just then. */
static bool may_anybody_fork(const struct mt_debug *debug)
{
	for (size_t i = 0; i < debug->procs.len; i++)
		for (size_t j = 0; j < debug->procs.data[i]->threads.len; j++) {
			const struct mt_thread *thread = debug->procs.data[i]->threads.data[j];

			if (mt_stepping_is_in_call(thread) && may_fork(thread))
				return true;
		}
	return false;
}

static bool lets_trap_in(const struct mt_thread *thread)
{
	uint64_t mask;

	return mt_tracee_signal_mask(thread->tid, &mask) && !(mask & MT_SIGTRAP_BIT);
}

/* A system call that a stop has interrupted is begun again before anything else is executed
 * (kernel/signal.c: ERESTARTSYS to ERESTART_RESTARTBLOCK). */
static bool begins_call_again(const struct user_regs_struct *regs)
{
	return (int64_t)regs->orig_rax >= 0 && (int32_t)regs->rax <= -512 &&
	       (int32_t)regs->rax >= -516;
}

/* Its steps are for watchpoints alone, and nothing but its own instructions can happen to it. */
static bool may_hurry(struct mt_thread *thread)
{
	const struct mt_proc *memory = mt_proc_memory(thread->proc);

	return memory->debug->settings.watch_ahead &&
	       (thread->stop == MT_EVENT_SIGNAL || thread->stop == MT_EVENT_STOPPED) &&
	       !thread->new_born && mt_stepping_on(memory) && !mt_plan_wants_step(thread) &&
	       !thread->signal && !thread->deferred && !thread->sent && !thread->put_off.len &&
	       !memory->detours.len && mt_thread_regs(thread) && !(thread->regs.eflags & TF) &&
	       !begins_call_again(&thread->regs) &&
	       mt_slot_origin(thread->proc, thread->regs.rip) == thread->regs.rip &&
	       lets_trap_in(thread) && count_others(thread, false) == 0;
}

/* ---- Waiting for it ------------------------------------------------------ */

/*
 * A fault may keep it in the kernel until a thread that we hold has dealt with it: so one that
 * sleeps there is asked to stop, and takes its next step while others have their turns. Only where
 * there are no others we sleep ourselves; on a processor that is shared, that lets it run at once.
 */
static struct mt_event wait_for(struct hurry *hurry)
{
	static const struct timespec nap = { .tv_nsec = LOOKING_NS };
	struct mt_thread *thread = hurry->thread;

	if (hurry->debug->shared.is_shared && hurry->is_alone)
		return mt_tracee_wait(thread->tid);
	for (;;) {
		struct mt_event event =
		    mt_step_look(thread->tid, hurry->debug->shared.is_shared, LOOKING_NS);

		if (event.kind != MT_EVENT_NONE)
			return event;
		if (mt_process_sleeps(thread->tid)) {
			thread->was_kept = true;
			mt_tracee_interrupt(thread->tid);
		}
		nanosleep(&nap, NULL);
	}
}

/* ---- What has come of it ------------------------------------------------- */

/* The event is dealt with as any other, of a thread that was resumed in that way. */
static enum moved leave_to_others(struct hurry *hurry, const struct mt_event *event,
                                  enum mt_resume how)
{
	struct mt_thread *thread = hurry->thread;

	thread->how = how;
	thread->state = MT_THREAD_RUNNING;
	thread->has_regs = false;
	thread->settled_pc = 0;
	mt_event_hold(hurry->debug, event);
	return MOVED_TO_EVENT;
}

/* What the session is to know of a step. */
static void note_step(struct hurry *hurry)
{
	struct mt_thread *thread = hurry->thread;

	thread->has_regs = true;
	thread->regs_changed = false;
	thread->regs = hurry->regs;
	mt_thread_note_step(thread);
}

static bool is_trap(const struct mt_event *event, pid_t tid, int code)
{
	siginfo_t info;

	return event->kind == MT_EVENT_SIGNAL && event->signal == SIGTRAP &&
	       mt_tracee_siginfo(tid, &info) && info.si_code == code;
}

/* ---- A step -------------------------------------------------------------- */

static enum moved step(struct hurry *hurry)
{
	pid_t tid = hurry->thread->tid;
	struct user_regs_struct before = hurry->regs;
	struct mt_event event;

	if (!mt_tracee_go(tid, MT_RESUME_STEP, 0))
		return MOVED_NOT;
	event = wait_for(hurry);
	hurry->debug->steps++;
	if (is_trap(&event, tid, TRAP_TRACE) && mt_tracee_user_regs(tid, &hurry->regs) &&
	    is_all_the_same(hurry))
		return MOVED_ON;
	hurry->regs = before;
	note_step(hurry);
	return leave_to_others(hurry, &event, MT_RESUME_STEP);
}

/* ---- A run --------------------------------------------------------------- */

static void take_out(const struct hurry *hurry, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (pwrite(hurry->memory, &hurry->under[i], 1, (off_t)hurry->ahead.ends[i].addr) <
		    0)
			mt_warn(hurry->debug, hurry->thread->proc->pid,
			        "an int3 of ours stays at 0x%llx",
			        (unsigned long long)hurry->ahead.ends[i].addr);
}

static bool put_in(struct hurry *hurry)
{
	static const uint8_t int3 = INT3;

	for (size_t i = 0; i < hurry->ahead.end_count; i++) {
		off_t at = (off_t)hurry->ahead.ends[i].addr;

		if (pread(hurry->memory, &hurry->under[i], 1, at) != 1 ||
		    pwrite(hurry->memory, &int3, 1, at) != 1) {
			take_out(hurry, i);
			return false;
		}
	}
	return true;
}

static const struct mt_ahead_end *end_at(const struct hurry *hurry, uint64_t addr)
{
	for (size_t i = 0; i < hurry->ahead.end_count; i++)
		if (hurry->ahead.ends[i].addr == addr)
			return &hurry->ahead.ends[i];
	return NULL;
}

/* It has come to an end: as far as the program is concerned, to the instruction there. */
static bool has_arrived(struct hurry *hurry, const struct mt_event *event)
{
	pid_t tid = hurry->thread->tid;
	const struct mt_ahead_end *end;

	if (!is_trap(event, tid, SI_KERNEL) || !mt_tracee_user_regs(tid, &hurry->regs))
		return false;
	end = end_at(hurry, hurry->regs.rip - 1);
	if (!end)
		return false;
	hurry->regs.rip--;
	hurry->debug->steps += end->count;
	return mt_tracee_set_user_regs(tid, &hurry->regs);
}

/* The session is told of it as of a step of its first instruction: nothing that it has done itself
 * has changed anything. */
static enum moved tell_of_others(struct hurry *hurry, const struct user_regs_struct *before,
                                 const struct mt_event *event)
{
	siginfo_t info = { .si_signo = SIGTRAP, .si_code = TRAP_TRACE };

	hurry->regs = *before;
	note_step(hurry);
	mt_tracee_set_siginfo(hurry->thread->tid, &info);
	mt_tracee_set_debugreg(hurry->thread->tid, DR6, 0);
	return leave_to_others(hurry, event, MT_RESUME_STEP);
}

static enum moved run(struct hurry *hurry)
{
	const struct user_regs_struct before = hurry->regs;
	pid_t tid = hurry->thread->tid;
	struct mt_event event;
	bool arrived;

	if (!put_in(hurry))
		return step(hurry);
	if (!mt_tracee_go(tid, MT_RESUME_CONTINUE, 0)) {
		take_out(hurry, hurry->ahead.end_count);
		return MOVED_NOT;
	}
	event = wait_for(hurry);
	if (mt_event_is_end(&event))
		return leave_to_others(hurry, &event, MT_RESUME_CONTINUE);
	take_out(hurry, hurry->ahead.end_count);
	arrived = has_arrived(hurry, &event);
	if (!arrived)
		return leave_to_others(hurry, &event, MT_RESUME_CONTINUE);
	return is_all_the_same(hurry) ? MOVED_ON : tell_of_others(hurry, &before, &event);
}

/* ---- One after the other ------------------------------------------------- */

static size_t read_code(void *arg, uint64_t addr, void *out, size_t len)
{
	const struct hurry *hurry = arg;

	return mt_process_read_some(hurry->thread->tid, addr, out, len);
}

static bool do_values_stay(void *arg, const struct mt_regs *regs, uint32_t unknown)
{
	const struct hurry *hurry = arg;

	for (size_t i = 0; i < hurry->spans.value_count; i++)
		if (!mt_needs_stay(hurry->spans.values[i], hurry->debug->rows, regs, unknown))
			return false;
	return true;
}

static enum moved move(struct hurry *hurry)
{
	struct mt_thread *thread = hurry->thread;
	struct mt_regs regs;
	const struct mt_ahead_query query = {
		.machine = mt_proc_machine(thread->proc),
		.regs = &regs,
		.fs_base = hurry->regs.fs_base,
		.gs_base = hurry->regs.gs_base,
		.ranges = hurry->spans.ranges,
		.range_count = hurry->spans.range_count,
		.kept = hurry->spans.registers,
		.keeps_vectors = hurry->spans.need_vectors,
		.stays = hurry->spans.value_count ? do_values_stay : NULL,
		.read_code = read_code,
		.arg = hurry,
	};

	mt_regs_from_user(&hurry->regs, &regs);
	mt_ahead_look(hurry->debug->ahead_code, &query, &hurry->ahead);
	switch (hurry->ahead.how) {
	case MT_AHEAD_RUN:
		return hurry->memory >= 0 ? run(hurry) : step(hurry);
	case MT_AHEAD_STEP:
		return step(hurry);
	default:
		return MOVED_NOT;
	}
}

static enum moved go_on(struct hurry *hurry)
{
	uint64_t until = mt_now_ns() + HURRY_NS;
	enum moved moved = MOVED_ON;
	unsigned moves = 0;

	while (moved == MOVED_ON && !hurry->debug->interrupted &&
	       (moves % MOVES_ALONE || mt_now_ns() < until)) {
		if (++moves == MOVES_ALONE)
			mt_share(hurry->thread);
		moved = move(hurry);
		if (moved == MOVED_ON)
			hurry->thread->stop = MT_EVENT_SIGNAL;
	}
	return moved;
}

static bool prepare(struct mt_debug *debug, struct mt_image *image)
{
	if (!debug->ahead_code)
		debug->ahead_code = mt_ahead_code_create();
	if (!debug->rows)
		debug->rows = mt_rows_create();
	if (!debug->ahead_code || !debug->rows)
		return false;
	mt_ahead_code_forget(debug->ahead_code);
	mt_rows_begin(debug->rows, image);
	return true;
}

static bool take_kept(struct mt_thread *thread)
{
	bool was_kept = thread->was_kept;

	thread->was_kept = false;
	return was_kept;
}

bool mt_hurry(struct mt_thread *thread)
{
	struct hurry hurry = { .debug = thread->proc->debug, .thread = thread, .memory = -1 };
	enum moved moved = MOVED_NOT;

	if (take_kept(thread) || !may_hurry(thread) ||
	    !prepare(hurry.debug, mt_proc_memory(thread->proc)->image))
		return false;
	mt_thread_flush(thread);
	hurry.regs = thread->regs;
	hurry.is_alone = count_others(thread, true) == 0;
	if (hurry.debug->shared.tid != thread->tid)
		mt_share_end(hurry.debug);
	if (!thread->proc->attached && !may_anybody_fork(hurry.debug))
		hurry.memory = mt_process_open_memory(thread->tid, O_RDWR);
	if (collect(&hurry, &hurry.spans)) {
		moved = go_on(&hurry);
		thread->looked_at = ++hurry.debug->looks;
	}
	free(hurry.spans.buffer);
	mt_fd_cleanup(&hurry.memory);
	if (moved != MOVED_TO_EVENT)
		thread->has_regs = false;
	return moved == MOVED_TO_EVENT;
}
