/* SPDX-License-Identifier: MIT */
/* From what a mechanism has noticed to a hit, or to nothing. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "engine/engine_private.h"
#include "target/syscall.h"

/* What is found out about one watchpoint at one stop. */
struct look_at {
	struct mt_thread *thread;
	struct mt_break *breakpoint;
	struct mt_watched *watched;
	bool by_syscall; /* what has changed, a system call has written */
	uint64_t syscall;
	bool touched;              /* by an access that is certain, or may be */
	bool on_the_way;           /* of what is on the way */
	bool lost;                 /* its frame is gone */
	bool gone;                 /* its memory is, since this system call */
	struct mt_watch_part part; /* the first that was touched */
	struct mt_watch_doer doer;
	struct mt_port_access port; /* of a port's; else size 0 */
};

/* ---- What was touched ---------------------------------------------------- */

static bool waits_for_change(const struct look_at *at)
{
	return at->breakpoint->watch->kind.access == MT_WATCH_CHANGE;
}

/* What a filter says that it has held the thread for. True: that is all there is to find out. What
 * another one has been told for meanwhile is none of this thread's. */
static bool ask_filter(const struct look_at *at, const struct mt_trap *trap,
                       struct mt_watch_doer *doer, bool *touched)
{
	const struct mt_held_values *held = mt_filtered_held(at->watched->proc, trap);

	*touched = false;
	*doer = (struct mt_watch_doer){ .who = MT_WATCH_BY_SYSCALL };
	if (!held)
		return at->thread->how == MT_RESUME_STEP && mt_trap_stepped_call(at->thread);
	if (held->why & MT_HOLD_EXIT)
		*touched = mt_filtered_learn(at->watched->proc, trap);
	if (!(held->why & MT_HOLD_KERNEL))
		return held->why == MT_HOLD_EXIT;
	*touched = true;
	doer->did =
	    trap->kind == MT_DR_WRITE || held->why & MT_HOLD_INTO ? MT_INSN_WRITE : MT_INSN_READ;
	if ((int64_t)at->thread->regs.orig_rax < 0)
		doer->who = MT_WATCH_BY_KERNEL;
	return true;
}

/* Whether the part was touched, and by whom; or may have been. */
static bool was_touched(const struct look_at *at, const struct mt_watch_part *part,
                        struct mt_watch_doer *doer)
{
	const struct mt_trap trap = mt_watch_trap(at->breakpoint, part);
	bool touched;

	*doer = (struct mt_watch_doer){ .who = MT_WATCH_BY_SYSCALL };
	if (at->by_syscall)
		return true;
	if (!part->by || !part->by->may_be_hit(at->thread, &trap))
		return false;
	if (part->by == &mt_by_filter && ask_filter(at, &trap, doer, &touched))
		return touched;
	mt_watch_find_doer(at->thread, part->addr, part->len, trap.kind, doer);
	/* What a stepped call has written is asked for by itself: see mt_watches_look(). */
	if (doer->who == MT_WATCH_BY_SYSCALL && part->by != &mt_by_filter)
		return false;
	/* Who has only read what changes has not changed it. */
	return doer->who != MT_WATCH_BY_INSN ||
	       doer->did & (trap.kind == MT_DR_WRITE ? MT_INSN_WRITE : ~0u);
}

static void look_at_part(struct look_at *at, const struct mt_watch_part *part)
{
	struct mt_watch_doer doer;

	if (!was_touched(at, part, &doer))
		return;
	at->on_the_way = at->on_the_way || part->on_the_way;
	if (part->on_the_way && at->touched)
		return;
	if (at->touched && !at->part.on_the_way) {
		at->doer.did |= doer.did;
		return;
	}
	at->touched = true;
	at->part = *part;
	at->doer = doer;
}

/* Another thread of the process cannot change those of the one that it was set for. */
static bool has_other_registers(const struct look_at *at)
{
	return at->watched->tid && at->watched->tid != at->thread->tid &&
	       at->watched->proc == at->thread->proc;
}

static void look_at_parts(struct look_at *at)
{
	for (size_t i = 0; i < at->watched->parts.len; i++)
		look_at_part(at, &at->watched->parts.data[i]);
	if (!at->watched->steps || at->thread->how != MT_RESUME_STEP || at->touched ||
	    has_other_registers(at))
		return;
	at->touched = true; /* a register may be another */
	mt_watch_find_stepped(at->thread, &at->doer);
}

/* ---- The value ----------------------------------------------------------- */

/* The walk to its frame ends too early just now, or the thread that has it does not stop. */
static struct mt_error *keep_unknown(const struct look_at *at, struct mt_watch_content *now)
{
	char text[96];

	snprintf(text, sizeof(text),
	         "the frame of thread %d that it depends on cannot be found here",
	         (int)at->watched->tid);
	now->error = mt_strdup(text);
	return now->error ? NULL : mt_error_nomem();
}

/* Evaluates the expression anew, in its frame, and waits for what it depends on now. */
static struct mt_error *evaluate_again(struct look_at *at, struct mt_watch_content *now)
{
	struct mt_debug *debug = at->thread->proc->debug;
	struct mt_watched fresh = { .proc = at->watched->proc, .frame = at->watched->frame };
	struct mt_reads reads = { 0 };
	struct mt_error *error;
	struct mt_look look;
	unsigned level;
	struct mt_thread *thread = mt_watched_thread(at->watched, at->thread, &level);

	if (!thread)
		return keep_unknown(at, now);
	mt_look_begin(thread, level, &look);
	debug->reads = at->watched->steps ? &reads : NULL;
	error = mt_watched_evaluate(debug, at->breakpoint, &fresh);
	debug->reads = NULL;
	if (!error && at->watched->steps)
		mt_watched_learn(at->watched, at->breakpoint->location, thread, level, &fresh,
		                 &reads);
	mt_look_end(&look);
	if (!error && fresh.parts.len && !fresh.now.gone)
		error = mt_watched_rearm(at->breakpoint, at->watched, &fresh);
	*now = fresh.now;
	mt_watched_free_parts(&fresh);
	return error;
}

/* What a filter says of the value; NULL: nothing, or its bytes are no value by themselves. */
static const struct mt_held_values *held_of(const struct look_at *at)
{
	const struct mt_trap trap = mt_watch_trap(at->breakpoint, &at->part);

	if (at->part.by != &mt_by_filter || !at->watched->plain || at->watched->place.bit_size)
		return NULL;
	return mt_filtered_held(at->watched->proc, &trap);
}

/* What the kernel has read at the write itself; NULL: nothing. */
static const struct mt_held_values *held_for(const struct look_at *at)
{
	const struct mt_held_values *held = held_of(at);

	return held && held->why & MT_HOLD_VALUES && !(held->why & MT_HOLD_EXIT) ? held : NULL;
}

/* Where others have written meanwhile, the instruction still says what it has stored itself. */
static void mend(const struct look_at *at, struct mt_watch_content *now)
{
	/* A step's flag may be in what a filter has read: see trap.c. */
	const struct mt_held_values *held = at->thread->how == MT_RESUME_STEP ? NULL : held_for(at);
	struct mt_regs after;

	if (held && now->bytes && now->size <= sizeof(held->now))
		memcpy(now->bytes, held->now, now->size);
	if (at->doer.who != MT_WATCH_BY_INSN || !now->bytes || at->watched->place.bit_size)
		return;
	mt_regs_from_user(&at->thread->regs, &after);
	mt_insn_stored(&at->doer.insn, &after, at->watched->place.addr, now->size, now->bytes);
}

static struct mt_error *read_now(struct look_at *at, struct mt_watch_content *now)
{
	if (!at->watched->plain) {
		MT_TRY(evaluate_again(at, now));
		mt_watched_note_parts(at->watched);
		return NULL;
	}
	MT_TRY(mt_watched_read(at->watched, now));
	mt_watched_note_value(at->watched, now);
	mend(at, now);
	return NULL;
}

/* ---- Whether it is a hit ------------------------------------------------- */

/* Of the kernel's accesses it is known where it was copying to, not what it did. */
static bool by_kernel_changed(const struct look_at *at, bool changed)
{
	return changed && at->doer.who != MT_WATCH_BY_INSN;
}

/* Of an access that a register has noticed, and nobody can tell, the value says what it was. */
static bool is_wanted(const struct look_at *at, bool changed)
{
	bool untold = at->doer.who == MT_WATCH_BY_UNKNOWN && at->part.by != &mt_by_stepping;
	unsigned did = at->doer.did;

	switch (at->breakpoint->watch->kind.access) {
	case MT_WATCH_CHANGE:
		return changed;
	case MT_WATCH_WRITE:
		return did & MT_INSN_WRITE || changed || untold;
	case MT_WATCH_READ:
		return (did == MT_INSN_READ && !by_kernel_changed(at, changed)) ||
		       ((untold || at->doer.maybe_less) && !changed);
	default:
		return did || changed || untold;
	}
}

/* A touch of what is on the way is none of what is waited for. */
static bool is_hit(const struct look_at *at, bool changed)
{
	if (at->part.on_the_way || !at->part.len)
		return changed && at->breakpoint->watch->kind.access != MT_WATCH_READ;
	return is_wanted(at, changed);
}

/* ---- Telling ------------------------------------------------------------- */

static struct mt_watch_value keep_value(struct mt_arena *arena,
                                        const struct mt_watch_content *content, uint64_t addr)
{
	struct mt_watch_value value = { .addr = addr, .error = "out of memory" };
	uint8_t *bytes = content->bytes ? mt_arena_alloc(arena, content->size + 1) : NULL;

	if (bytes) {
		memcpy(bytes, content->bytes, content->size);
		value.bytes = bytes;
		value.error = NULL;
	} else if (content->error) {
		const char *text = mt_arena_text(arena, content->error, strlen(content->error));

		value.error = text ? text : value.error;
	}
	return value;
}

static uint64_t syscall_of(const struct look_at *at)
{
	if (at->doer.who != MT_WATCH_BY_SYSCALL)
		return 0;
	return at->by_syscall ? at->syscall : at->thread->regs.orig_rax;
}

static void fill_syscall(const struct look_at *at, struct mt_watch_hit *hit)
{
	const struct mt_proc *memory = mt_proc_memory(at->thread->proc);
	uint64_t arguments[6];
	struct mt_regs regs;

	hit->syscall = syscall_of(at);
	mt_regs_from_user(&at->thread->regs, &regs);
	mt_syscall_args(mt_image_machine(memory->image), &regs, arguments);
	memcpy(hit->arguments, arguments, sizeof(hit->arguments));
}

static void keep_hit(const struct look_at *at, const struct mt_watch_content *before)
{
	const struct mt_watched *watched = at->watched;
	struct mt_debug *debug = at->thread->proc->debug;
	struct mt_watch_hit hit = {
		.number = at->breakpoint->number,
		.wanted = at->breakpoint->watch->kind.access,
		.stepped = at->breakpoint->watch->why_stepping != NULL,
		.gone = at->gone,
		.did = at->doer.did,
		.addr = at->part.addr,
		.len = at->part.len,
		.expression = at->breakpoint->location,
		.type = watched->type,
		.port = at->port,
		.who = at->doer.who,
		.insn = at->doer.insn,
		.tid = at->thread->tid,
		.thread = at->thread->number,
	};

	if (hit.who == MT_WATCH_BY_SYSCALL)
		fill_syscall(at, &hit);
	hit.before = keep_value(&debug->hit_arena, before, watched->place.addr);
	hit.now = keep_value(&debug->hit_arena, &watched->now, watched->place.addr);
	if (!mt_vec_push(&debug->hits, hit))
		mt_warn(debug, at->thread->proc->pid, "out of memory: hit %d is not told",
		        hit.number);
}

static void keep_past(const struct look_at *at, const struct mt_watch_content *before)
{
	struct mt_watchpoint *watch = at->breakpoint->watch;
	const struct mt_watch_content *now = &at->watched->now;
	struct mt_watch_past *past = &watch->past[watch->past_count++ % MT_WATCH_PAST_COUNT];
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	*past = (struct mt_watch_past){
		.turn = watch->past_count,
		.ns = (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec,
		.pid = at->thread->proc->pid,
		.tid = at->thread->tid,
		.did = at->doer.did,
		.who = at->doer.who,
		.pc = at->doer.insn.len ? at->doer.insn.addr : at->thread->regs.rip,
		.syscall = syscall_of(at),
		.had_before = before->bytes && before->size <= sizeof(past->before),
		.has_now = now->bytes && now->size <= sizeof(past->now),
	};
	past->size = (uint8_t)(past->has_now ? now->size : past->had_before ? before->size : 0);
	if (past->had_before)
		memcpy(past->before, before->bytes, before->size);
	if (past->has_now)
		memcpy(past->now, now->bytes, now->size);
}

/* ---- One watchpoint ------------------------------------------------------ */

/* What a filter has let pass has changed the value too. */
static void mend_before(const struct look_at *at, struct mt_watch_content *before)
{
	const struct mt_held_values *held = at->watched->decided ? held_of(at) : NULL;

	if (held && held->why & (MT_HOLD_VALUES | MT_HOLD_EXIT) && before->bytes &&
	    before->size <= sizeof(held->before))
		memcpy(before->bytes, held->before, before->size);
}

/* A condition that has held for a part of what a system call wrote need not hold for all of it. */
static bool asks(const struct look_at *at)
{
	struct mt_thread *thread = at->thread;
	enum mt_pending_kind decided = thread->decided;
	bool wanted;

	if (at->doer.who != MT_WATCH_BY_INSN)
		thread->decided = MT_PENDING_NONE;
	wanted = mt_break_asks(at->breakpoint, NULL, thread);
	thread->decided = decided;
	return wanted;
}

static void count_unchanged(const struct look_at *at)
{
	if (waits_for_change(at) && !at->part.on_the_way && at->doer.did & MT_INSN_WRITE)
		at->breakpoint->unchanged++;
}

/* The value is `now` from here on, whether anybody is told or not. */
static bool weigh(struct look_at *at, struct mt_watch_content *now)
{
	struct mt_watch_content before = at->watched->now;
	bool changed, told;

	mend_before(at, &before);
	changed = !mt_watch_content_same(&before, now);

	at->watched->now = *now;
	if (by_kernel_changed(at, changed))
		at->doer.did |= MT_INSN_WRITE;
	if (!changed)
		count_unchanged(at);
	at->gone = before.bytes && !now->bytes && at->doer.who == MT_WATCH_BY_SYSCALL &&
	           mt_watched_is_unmapped(at->watched, &at->part);
	told = at->gone ||
	       (is_hit(at, changed) && asks(at)); /* of what is gone nothing can be asked */
	if (told) {
		keep_past(at, &before);
		keep_hit(at, &before);
	}
	mt_watch_content_free(&before);
	return told;
}

/* ---- Frames that are gone ------------------------------------------------ */

/* What lies there now is somebody else's. */
static bool has_lost_frame(const struct look_at *at)
{
	return at->watched->frame.tid == at->thread->tid &&
	       mt_watched_has_ended(at->thread->proc->debug, at->watched);
}

/* ---- Whether there is anything to look at -------------------------------- */

/* Nothing but a value that has become another one is of interest, and nothing has. */
static bool is_as_before(const struct look_at *at)
{
	bool by_value =
	    at->by_syscall || (waits_for_change(at) && at->breakpoint->watch->why_stepping);

	return by_value && !at->watched->steps && !mt_watched_parts_changed(at->watched);
}

/* Of a thread that is alone a step that changes nothing is no news, and not looked at. */
static void count_if_several(struct look_at *at)
{
	if (at->by_syscall || at->thread->proc->threads.len < 2)
		return;
	look_at_parts(at);
	if (at->touched)
		count_unchanged(at);
}

/* A thread whose last step has not been looked at since; of one that waits for its turn it was. Of
 * one that is in a system call nobody knows how long it stays there: it is not waited for forever.
 */
static bool may_claim(const struct mt_watched *watched, const struct mt_thread *thread,
                      size_t patience)
{
	if (thread->state == MT_THREAD_GONE || thread->state == MT_THREAD_LEAVING ||
	    thread->looked_at > watched->unclaimed_since || !thread->runs)
		return false;
	if (thread->state == MT_THREAD_STOPPED)
		return thread->pending.kind != MT_PENDING_NONE;
	return watched->unclaimed < patience ||
	       (thread->how == MT_RESUME_STEP && !mt_trap_stepped_call(thread));
}

static bool may_anybody_claim(const struct look_at *at)
{
	const struct mt_proc *memory = mt_proc_memory(at->thread->proc);
	struct mt_thread *other = NULL;

	while ((other = mt_thread_beside(at->thread, other)))
		if (may_claim(at->watched, other, 2 * memory->threads.len))
			return true;
	return false;
}

/*
 * Something has changed under single steps, and this thread has not done it. Another one has, and
 * will tell of its step; or, if they all have told, somebody who is not stepped.
 */
static void claim_if_nobody_else(struct look_at *at)
{
	struct mt_watched *watched = at->watched;

	if (!at->breakpoint->watch->why_stepping || mt_trap_stepped_call(at->thread) ||
	    !mt_watched_parts_changed(watched))
		return;
	if (!watched->unclaimed_since)
		watched->unclaimed_since = at->thread->proc->debug->looks;
	watched->unclaimed++;
	if (may_anybody_claim(at))
		return;
	at->touched = true;
	at->part = watched->parts.data[0];
	at->part.on_the_way = false;
	at->doer = (struct mt_watch_doer){ .who = MT_WATCH_BY_UNKNOWN };
}

/* It is as it was, for all that can be known; once it has a value again, the two are compared. */
static void tell_gone(const struct look_at *at, struct mt_watch_content *now)
{
	struct mt_watched *watched = at->watched;

	if (!watched->told_gone)
		mt_warn(at->thread->proc->debug, at->thread->proc->pid,
		        "watchpoint %d has no value at 0x%llx: %s; a change is told where it has "
		        "one again",
		        at->breakpoint->number, at->thread->regs.rip, now->error);
	watched->told_gone = true;
	mt_watch_content_free(now);
	now->gone = true;
}

/* Its value is what went through the port. */
static bool is_port_hit(struct look_at *at)
{
	struct mt_watch_content *now = &at->watched->now, none = { 0 };

	if (at->by_syscall ||
	    !mt_watch_port_accessed(at->thread, &at->breakpoint->watch->kind, &at->doer, &at->port))
		return false;
	mt_watch_content_free(now);
	now->bytes = at->port.has_value ? mt_alloc(sizeof(at->port.value)) : NULL;
	if (now->bytes)
		memcpy(now->bytes, &at->port.value, sizeof(at->port.value));
	now->size = now->bytes ? at->port.size : 0;
	if (!asks(at))
		return false;
	keep_past(at, &none);
	keep_hit(at, &none);
	return true;
}

static bool is_hit_by(struct look_at *at)
{
	struct mt_watch_content now = { 0 };
	struct mt_error *error;

	if (at->breakpoint->watch->kind.port_count)
		return is_port_hit(at);

	/* A filter says by itself what a call has done. */
	if (at->by_syscall && mt_watched_is_filtered(at->watched))
		return false;
	if (is_as_before(at)) {
		count_if_several(at);
		return false;
	}
	look_at_parts(at);
	if (!at->touched)
		claim_if_nobody_else(at);
	if (!at->touched)
		return false;
	at->watched->unclaimed = at->watched->unclaimed_since = 0;
	at->lost = has_lost_frame(at);
	if (at->lost)
		return false;
	error = read_now(at, &now);
	if (now.gone)
		tell_gone(at, &now);
	else if (!error)
		return weigh(at, &now);
	if (error)
		mt_warn(at->thread->proc->debug, at->thread->proc->pid, "watchpoint %d: %s",
		        at->breakpoint->number, mt_error_text(error));
	mt_error_free(error);
	return false;
}

/* ---- All of them --------------------------------------------------------- */

/* Frames that are found gone are told when nothing was hit: they stay gone. */
static bool ask_all(const struct look_at *what, struct mt_stop *stop)
{
	struct mt_debug *debug = what->thread->proc->debug;
	struct mt_stop lost = *stop;

	for (size_t i = 0; i < debug->breaks.len; i++) {
		struct look_at at = *what;

		at.breakpoint = debug->breaks.data[i];
		at.watched = mt_watched_of(at.breakpoint, what->thread);
		if (!at.watched)
			continue;
		if (is_hit_by(&at))
			mt_stop_add_number(stop, at.breakpoint->number);
		else if (at.lost)
			mt_stop_add_number(&lost, at.breakpoint->number);
	}
	if (!stop->number_count && lost.number_count) {
		*stop = lost;
		stop->kind = MT_STOP_SCOPE;
	} else if (stop->number_count) {
		stop->kind = MT_STOP_WATCH;
		stop->hits = debug->hits.data;
		stop->hit_count = debug->hits.len;
	}
	return stop->number_count > 0;
}

void mt_watch_hits_forget(struct mt_debug *debug)
{
	debug->hits.len = 0;
	mt_arena_deinit(&debug->hit_arena);
}

bool mt_watches_hit(struct mt_thread *thread, struct mt_stop *stop)
{
	const struct look_at what = { .thread = thread };
	bool hit;

	mt_filtered_take(thread);
	thread->looked_at = ++thread->proc->debug->looks;
	if (thread->how == MT_RESUME_STEP)
		thread->proc->debug->steps++;
	hit = mt_watches_any(thread) && ask_all(&what, stop);
	thread->decided = MT_PENDING_NONE;
	return hit;
}

bool mt_watches_written(struct mt_thread *thread, uint64_t number, struct mt_stop *stop)
{
	const struct look_at what = { .thread = thread, .by_syscall = true, .syscall = number };

	return mt_watches_any(thread) && ask_all(&what, stop);
}
