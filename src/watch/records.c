/* SPDX-License-Identifier: MIT */
/*
 * From records to hits: pieces of one copy are folded, the chain of values is put in order, the
 * value that the instruction stored replaces what memory had, and what the kernel left undecided is
 * decided.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#include "base/cleanup.h"
#include "target/process.h"
#include "target/syscall.h"
#include "watch/frames.h"

/* A thread may be preempted in the middle of a copy; so long its next piece is waited for. */
#define COPY_PATIENCE_NS 100000000
/* How often, and how long apart, it is looked for what comes before a thread's hit. */
#define LATE_LOOKS 50
#define LATE_LOOK_NS 20000

/* ---- What happened ------------------------------------------------------- */

/* System calls that read the caller's memory leave the value as it was; rdi points into what is
 * written. */
static unsigned kernel_access(const struct mt_watch *watch, const struct mt_record *record)
{
	uint64_t into = record->kernel_di - watch->view.addr;

	if (memcmp(record->old_value, record->new_value, watch->view.len) != 0)
		return MT_INSN_WRITE;
	if (watch->view.kind == MT_DR_WRITE || into <= watch->view.len + sizeof(uint64_t))
		return MT_INSN_WRITE;
	return MT_INSN_READ;
}

static unsigned access_of(const struct mt_watch *watch, const struct mt_record *record,
                          const struct mt_culprit *culprit)
{
	if (watch->view.kind == MT_DR_EXEC)
		return 0;
	if (record->flags & MT_RECORD_KERNEL)
		return kernel_access(watch, record);
	if (watch->view.kind == MT_DR_WRITE)
		return MT_INSN_WRITE;
	if (record->flags & MT_RECORD_STEPPED)
		return (unsigned)record->did;
	if (culprit->how == MT_CULPRIT_UNKNOWN)
		return 0;
	return mt_insn_touched(&culprit->insn, &record->regs, watch->view.addr, watch->view.len);
}

/* Replaces memory's word by the instruction's, where that is known. */
static bool take_stored(const struct mt_watch *watch, const struct mt_record *record,
                        const struct mt_culprit *culprit, uint8_t *value)
{
	if (record->flags & (MT_RECORD_KERNEL | MT_RECORD_UNREADABLE) ||
	    watch->view.kind == MT_DR_EXEC || culprit->how == MT_CULPRIT_UNKNOWN)
		return false;
	return mt_insn_stored(&culprit->insn, &record->regs, watch->view.addr, watch->view.len,
	                      value);
}

/* `int $0x80` is the 32-bit entry in a 64-bit program too. */
static enum mt_machine entry_of(const struct mt_watch *watch, const struct mt_insn *insn)
{
	if (insn->klass == MT_INSN_SYSCALL && insn->bytes[0] == 0xcd)
		return MT_MACHINE_I386;
	return mt_image_machine(watch->view.image);
}

static void describe_syscall(const struct mt_watch *watch, const struct mt_record *record,
                             const struct mt_insn *insn, struct mt_syscall *call)
{
	call->machine = entry_of(watch, insn);
	call->number = record->syscall;
	mt_syscall_args(call->machine, &record->regs, call->args);
	if (mt_syscall_takes_fd(call->machine, call->number))
		mt_process_fd_name((pid_t)record->pid, (int)call->args[0], call->fd_name,
		                   sizeof(call->fd_name));
}

/* ---- Whether it is told -------------------------------------------------- */

/*
 * What the kernel could not read at the hit may be a page that was not in memory. It can be read
 * now, and at the next hit, for reading brings it in; but what the condition would say now is not
 * what it would have said.
 */
static bool could_not_read(const struct mt_watch *watch, const struct mt_record *record)
{
	uint8_t byte;

	if (!(record->flags & MT_RECORD_UNREAD))
		return false;
	mt_error_free(mt_target_read(watch->target, record->unread, &byte, sizeof(byte)));
	return true;
}

/*
 * Where memory that it depends on couldn't be read, nobody knows, and the hit is told. So it is
 * where the kernel left the question to us, and memory as it is now says no: it may have said yes.
 */
static bool condition_holds(const struct mt_session *session, const struct mt_watch *watch,
                            const struct mt_record *record, struct mt_hit *hit)
{
	struct mt_cond_input input = mt_watch_input(watch, record);
	bool holds;

	input.old_value = hit->old_value;
	input.new_value = hit->new_value;
	input.unreadable = &hit->undecided;
	if (could_not_read(watch, record)) {
		hit->undecided = true;
		return true;
	}
	holds = mt_cond_eval(watch->cond, &input);
	if (!holds && !session->at_hit && mt_cond_reads_memory(watch->cond))
		hit->undecided = true;
	return holds || hit->undecided;
}

static bool is_wanted(struct mt_session *session, const struct mt_watch *watch,
                      const struct mt_record *record, struct mt_hit *hit)
{
	if (watch->view.kind == MT_DR_READ && hit->access == MT_INSN_WRITE)
		return false;
	if (!(record->flags & MT_RECORD_UNDECIDED))
		return true;
	if (session->config->changes_only && mt_hit_unchanged(hit)) {
		session->summary->unchanged++;
		return false;
	}
	if (watch->cond && !condition_holds(session, watch, record, hit)) {
		session->summary->unmet++;
		return false;
	}
	return true;
}

/* --then for a hit that the kernel could not decide: done from here, as soon as we know. */
static void act(struct mt_session *session, const struct mt_record *record)
{
	enum mt_action action = session->config->action;

	if (action == MT_ACTION_HOLD && session->summary->hits >= session->config->max_hits)
		mt_handover_choose(session, record);
	if (action == MT_ACTION_NONE || action == MT_ACTION_HOLD || session->acted)
		return;
	session->acted = true;
	if (record->flags & (MT_RECORD_UNDECIDED | MT_RECORD_MAPPING) ||
	    session->config->engine == MT_ENGINE_PTRACE ||
	    session->watches.data[record->watch]->in_frame)
		kill((pid_t)record->pid, action == MT_ACTION_STOP ? SIGSTOP : SIGKILL);
	if (action == MT_ACTION_STOP)
		session->summary->stopped = (pid_t)record->pid;
	/* A program that dies of it ends the session by its end. */
	session->ending = action == MT_ACTION_STOP || (pid_t)record->pid != session->root;
}

/* ---- Telling it ---------------------------------------------------------- */

static bool is_unchanged(const struct mt_record *record)
{
	return !memcmp(record->old_value, record->new_value, sizeof(record->new_value));
}

static void fill_hit(struct mt_watch *watch, const struct mt_record *record, unsigned pieces,
                     struct mt_hit *hit)
{
	struct mt_enrich_query query = {
		.record = record,
		.watch = &watch->view,
		.single_store = watch->single_store,
	};

	hit->time_ns = record->time_ns;
	hit->pid = (pid_t)record->pid;
	hit->tid = (pid_t)record->tid;
	hit->comm = record->comm;
	hit->watch = &watch->view;
	hit->pc = record->regs.r[MT_REG_RIP];
	hit->kernel = record->flags & MT_RECORD_KERNEL;
	hit->pieces = pieces;
	hit->code = mt_enrich_culprit(watch->target->enricher, &query);
	if (!hit->code)
		return;
	hit->new_known = !(record->flags & MT_RECORD_UNREADABLE);
	hit->old_known = !(record->flags & MT_RECORD_OLD_UNKNOWN) &&
	                 (record->flags & MT_RECORD_MAPPING || hit->new_known);
	memcpy(hit->new_value, record->new_value, watch->view.len);
	memcpy(hit->old_value, record->old_value, watch->view.len);
	hit->from_instruction = take_stored(watch, record, &hit->code->culprit, hit->new_value);
	if (!mt_watch_moves(watch)) /* it is its thread's alone, or has come from elsewhere */
		mt_chain_link(&watch->chain, record, pieces, watch->view.len, hit->new_value,
		              hit->old_value);
	hit->access = access_of(watch, record, &hit->code->culprit);
	if (hit->access == MT_INSN_READ && is_unchanged(record))
		memcpy(hit->new_value, hit->old_value, watch->view.len);
}

static bool has_enough(const struct mt_session *session)
{
	return session->config->max_hits && session->summary->hits >= session->config->max_hits;
}

/* What happens until a process that is handed over stands is told too. */
static bool tells_no_more(const struct mt_session *session)
{
	return !mt_handover_is_wanted(session) && (session->acted || has_enough(session));
}

static void tell(struct mt_session *session, struct mt_watch *watch, const struct mt_record *record,
                 unsigned pieces)
{
	struct mt_hit hit = { 0 };

	if (tells_no_more(session))
		return;
	if (watch->in_frame && !mt_frames_alive(watch, record))
		return;
	if (watch->is_wide)
		mt_watch_show_slice(watch, record);
	else if (mt_watch_moves(watch))
		watch->view.addr = record->addr;
	fill_hit(watch, record, pieces, &hit);
	if (!hit.code) {
		session->summary->lost++;
		return;
	}
	if (record->flags & MT_RECORD_MAPPING && !mt_mappings_judge(session, watch, record, &hit))
		return;
	if (!hit.unmapped && !is_wanted(session, watch, record, &hit))
		return;
	hit.stack =
	    mt_enrich_stack(watch->target->enricher, record, watch->view.kind == MT_DR_EXEC);
	if (session->config->stack == MT_STACK_NONE)
		hit.stack = NULL; /* it was walked for the frame's sake */
	if (hit.kernel)
		describe_syscall(watch, record, &hit.code->culprit.insn, &hit.syscall);
	mt_prints_tell(watch, record, &hit);
	hit.n = ++session->summary->hits;
	mt_places_add(session->summary->places, &hit);
	if (!session->config->count_only)
		session->listener->hit(session->listener->arg, &hit);
	if (!hit.unmapped || mt_handover_is_wanted(session))
		act(session, record);
	if (has_enough(session))
		session->ending = true;
}

/* ---- Putting it in order ------------------------------------------------- */

/* Filters leave records out, so that a gap in the chain is no disorder. */
static bool chain_is_whole(const struct mt_session *session)
{
	return !session->config->condition && !session->config->changes_only &&
	       !session->config->count_only;
}

static void tell_late(struct mt_session *session, struct mt_watch *watch, uint64_t before_round)
{
	struct mt_held held;

	while (mt_chain_take(&watch->chain, before_round, &held)) {
		tell(session, watch, held.record, held.pieces);
		free(held.record);
	}
}

static void in_order(struct mt_session *session, struct mt_watch *watch,
                     const struct mt_record *record, unsigned pieces)
{
	if (watch->view.kind == MT_DR_EXEC || mt_watch_moves(watch) || !chain_is_whole(session)) {
		tell(session, watch, record, pieces);
		return;
	}
	if (!mt_chain_follows(&watch->chain, record, pieces)) {
		if (mt_chain_hold(&watch->chain, record, pieces, session->round))
			return;
		tell_late(session, watch, UINT64_MAX);
	}
	tell(session, watch, record, pieces);
	tell_late(session, watch, 0);
}

static void tell_copies(struct mt_session *session, struct mt_watch *watch, uint64_t before_ns)
{
	struct mt_held done;

	while (mt_fold_take(&watch->fold, before_ns, &done)) {
		in_order(session, watch, done.record, done.pieces);
		free(done.record);
	}
}

/* Those of a thread that has come out of its system call. */
static void tell_copies_of(struct mt_session *session, pid_t tid)
{
	struct mt_held done;

	for (size_t i = 0; i < session->watches.len; i++) {
		struct mt_watch *watch = session->watches.data[i];

		while (mt_fold_take_of(&watch->fold, tid, &done)) {
			in_order(session, watch, done.record, done.pieces);
			free(done.record);
		}
	}
}

static void kernel_record(struct mt_session *session, struct mt_watch *watch,
                          const struct mt_record *record)
{
	struct mt_held done;
	bool lost = false;

	if (mt_fold_add(&watch->fold, record, record->time_ns, &done, &lost)) {
		in_order(session, watch, done.record, done.pieces);
		free(done.record);
	}
	if (lost)
		session->summary->lost++;
}

static void take(struct mt_session *session, const struct mt_record *record)
{
	struct mt_watch *watch = session->watches.data[record->watch];

	if (record->flags & MT_RECORD_KERNEL && !(record->flags & MT_RECORD_MAPPING)) {
		kernel_record(session, watch, record);
		return;
	}
	tell_copies(session, watch, UINT64_MAX);
	in_order(session, watch, record, 1);
}

/* What the guard has recovered went by another way than the ring. */
static void take_recovered(struct mt_session *session, uint64_t before_ns)
{
	while (session->recovered.len && session->recovered.data[0]->time_ns < before_ns) {
		struct mt_record *record MT_AUTO_FREE = session->recovered.data[0];

		mt_vec_remove(&session->recovered, 0);
		take(session, record);
	}
}

void mt_session_record(const struct mt_record *record, void *arg)
{
	struct mt_session *session = arg;

	if (record->kind == MT_RECORD_EXEC) {
		session->root_execed = true;
		return;
	}
	if (record->watch >= session->watches.len)
		return;
	take_recovered(session, record->time_ns);
	session->watches.data[record->watch]->received++;
	if (session->holder && (pid_t)record->tid == session->holder)
		session->holder_seen = session->at_hit = true;
	take(session, record);
	if (session->holder)
		session->at_hit = false;
}

void mt_session_record_at_hit(const struct mt_record *record, void *arg)
{
	struct mt_session *session = arg;

	if (session->backlog == MT_BACKLOG_FULL && !mt_handover_is_wanted(session)) {
		session->watches.data[record->watch]->received++;
		session->summary->lost++;
		return;
	}
	session->at_hit = true;
	mt_session_record(record, session);
	if (mt_handover_is_wanted(session)) /* it does not stand here any more at the next flush */
		tell_copies_of(session, (pid_t)record->tid);
	session->at_hit = false;
}

void mt_session_capture(struct mt_record *record, void *arg)
{
	const struct mt_session *session = arg;

	mt_prints_take(session->watches.data[record->watch], record);
}

size_t mt_session_drain(struct mt_session *session)
{
	size_t records;

	session->backlog = session->listener->pause(session->listener->arg);
	if (session->backlog == MT_BACKLOG_FULL)
		return 0;
	records = mt_probe_drain(session->probe);
	if (!records)
		take_recovered(session, UINT64_MAX);
	return records;
}

/* Of one that is late, another processor's program is about to send what comes before it. */
static bool has_late(const struct mt_session *session, pid_t tid)
{
	for (size_t i = 0; i < session->watches.len; i++) {
		const struct mt_chain *chain = &session->watches.data[i]->chain;

		for (size_t j = 0; j < chain->late.len; j++)
			if ((pid_t)chain->late.data[j].record->tid == tid)
				return true;
	}
	return false;
}

static void drain_all(struct mt_session *session)
{
	while (mt_probe_drain(session->probe))
		;
	take_recovered(session, UINT64_MAX);
}

void mt_session_settle(struct mt_session *session, pid_t tid)
{
	const struct timespec pause = { .tv_nsec = LATE_LOOK_NS };

	drain_all(session);
	tell_copies_of(session, tid);
	for (int i = 0; i < LATE_LOOKS && has_late(session, tid); i++) {
		nanosleep(&pause, NULL);
		drain_all(session);
	}
	for (size_t i = 0; i < session->watches.len && has_late(session, tid); i++)
		tell_late(session, session->watches.data[i], UINT64_MAX);
}

/* ---- What the kernel counted --------------------------------------------- */

struct counting {
	struct mt_session *session;
	struct mt_watch *watch;
};

static void add_counted(const struct mt_place_key *key, const struct mt_place_value *value,
                        void *arg)
{
	struct counting *counting = arg;
	struct mt_watch *watch = counting->watch;
	struct mt_record record = {
		.time_ns = value->first_ns,
		.tid = value->tid,
		.pid = value->pid,
		.regs = value->regs,
		.comm = "?",
	};
	struct mt_place_count count = { value->hits, value->first_ns, value->last_ns, value->min,
		                        value->max };
	struct mt_hit hit = { 0 };

	if (value->hits == 0)
		return;
	/* Watched memory as the sample needs it: see read_data() in enrich.c. */
	record.new_value[0] = value->min;
	fill_hit(watch, &record, 1, &hit);
	counting->session->summary->hits += value->hits;
	if (hit.code)
		mt_places_add_count(counting->session->summary->places, &hit, &count);
}

void mt_session_count_places(struct mt_session *session, struct mt_watch *watch)
{
	struct counting counting = { session, watch };

	mt_armed_places(watch->armed, add_counted, &counting);
}

/* ---- After each round of reading ----------------------------------------- */

void mt_session_flush(struct mt_session *session, bool all)
{
	for (size_t i = 0; i < session->watches.len; i++) {
		struct mt_watch *watch = session->watches.data[i];

		tell_copies(session, watch, all ? UINT64_MAX : mt_now_ns() - COPY_PATIENCE_NS);
		tell_late(session, watch, all ? UINT64_MAX : session->round);
		if (watch->armed)
			mt_armed_rules_learnt(watch->armed);
	}
	session->round++;
}
