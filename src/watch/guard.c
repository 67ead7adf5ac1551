/* SPDX-License-Identifier: MIT */
/*
 * Guarding a program against its hypervisor. Under some of them a debug exception now and then
 * arrives with an empty DR6: the kernel then knows no breakpoint that fired, takes it for the
 * program's own `int1`, and sends a SIGTRAP of which the program dies (arch/x86/kernel/traps.c,
 * exc_debug_user()). The tracer sees the signal first. It drops it, and tells the hit that it
 * stands for from the registers of the stop.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "target/process.h"
#include "target/tracee.h"
#include "watch/session_private.h"

#define OPCODE_INT1 0xf1
/* While nobody reads the hits. */
#define MAX_KEPT 256

bool mt_guard_is_stray(pid_t tid, int signal)
{
	uint8_t before = OPCODE_INT1;
	struct mt_error *error;
	siginfo_t info;

	if (signal != SIGTRAP || !mt_tracee_siginfo(tid, &info) || info.si_code != TRAP_BRKPT)
		return false;
	error = mt_process_read(tid, (uint64_t)(uintptr_t)info.si_addr - 1, &before, 1);
	mt_error_free(error);
	return !error && before != OPCODE_INT1;
}

/* Whether the instruction before the stop touched what is watched (its names are known from here
 * on), or the one that is next is the one that is watched. */
static bool did_touch(const struct mt_watch *watch, const struct mt_record *record)
{
	struct mt_enrich_query query = {
		.record = record,
		.watch = &watch->view,
		.single_store = watch->single_store,
	};
	const struct mt_culprit_code *code;

	if (watch->view.kind == MT_DR_EXEC)
		return record->regs.r[MT_REG_RIP] == watch->view.addr;
	code = mt_enrich_culprit(watch->target->enricher, &query);
	return code && code->culprit.how != MT_CULPRIT_UNKNOWN;
}

/* It takes its place among the ring's: see mt_session_record(). */
static void keep(struct mt_session *session, const struct mt_record *record)
{
	struct mt_record *copy = session->recovered.len < MAX_KEPT ? mt_record_copy(record) : NULL;

	if (copy && mt_vec_push(&session->recovered, copy)) {
		session->summary->recovered++;
		return;
	}
	free(copy);
	session->summary->lost++;
}

/* The registers of the stop are the record's; the value is read, where it is. */
static bool look(struct mt_watch *watch, pid_t tid, struct mt_record *record)
{
	const struct mt_instance *own = mt_instances_of(watch, tid);
	struct mt_error *error;

	if (watch->view.kind == MT_DR_EXEC)
		return true;
	if ((mt_watch_has_instances(watch) && !own) || watch->is_wide)
		return false;
	if (watch->request->deep && watch->is_away)
		return false;
	if (own || watch->request->deep)
		watch->view.addr = own ? own->addr : watch->at;
	record->addr = watch->view.addr;
	error = mt_process_read(watch->target->pid, watch->view.addr, record->new_value,
	                        watch->view.len);
	mt_error_free(error);
	return !error;
}

static void recover(struct mt_session *session, const struct mt_watch *watch,
                    struct mt_record *record)
{
	if (watch->view.kind != MT_DR_EXEC)
		mt_armed_exchange(watch->armed, record);
	if (session->config->condition || session->config->changes_only)
		record->flags |= MT_RECORD_UNDECIDED;
	mt_prints_take(watch, record);
	if (session->config->stack != MT_STACK_NONE)
		mt_record_copy_stack(record);
	keep(session, record);
}

bool mt_guard_recover(struct mt_session *session, struct mt_target *target, pid_t tid)
{
	struct mt_record *record MT_AUTO_FREE = mt_record_new();

	for (size_t i = 0; record && i < session->watches.len; i++) {
		struct mt_watch *watch = session->watches.data[i];

		memset(record, 0, sizeof(*record));
		if (watch->target != target || watch->state != MT_WATCH_ARMED ||
		    !mt_tracee_regs(tid, &record->regs))
			continue;
		record->watch = watch->id;
		record->tid = (uint32_t)tid;
		record->pid = (uint32_t)target->pid;
		record->memory = record->pid;
		record->time_ns = mt_now_ns();
		mt_process_comm(tid, record->comm);
		if (look(watch, tid, record) && did_touch(watch, record)) {
			recover(session, watch, record);
			return true;
		}
	}
	return false;
}
