/* SPDX-License-Identifier: MIT */
/* From a stop to a record. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "probe/ring.h"
#include "probe/traced.h"
#include "target/process.h"

#define DR6 6
/* How long a thread's name is taken to be what it was. */
#define NAME_NS 10000000

/* ---- Values -------------------------------------------------------------- */

/* NULL: nothing is known of that instance. */
static uint64_t *value_of(struct mt_armed *armed, const struct mt_traced_place *place)
{
	pid_t tid = armed->spec.instances ? place->tid : 0;

	for (size_t i = 0; i < armed->values.len; i++) {
		struct mt_known_value *value = &armed->values.data[i];

		if (value->tid == tid && value->pid == place->pid && value->addr == place->addr)
			return value->words;
	}
	return armed->spec.instances ? NULL : armed->cell->last.value;
}

const uint64_t *mt_traced_value(struct mt_armed *armed, const struct mt_traced_place *place)
{
	return value_of(armed, place);
}

static void take_value(struct mt_armed *armed, struct mt_record *record)
{
	const struct mt_traced_place place = { (pid_t)record->memory, (pid_t)record->tid,
		                               record->addr };
	uint64_t *value = value_of(armed, &place);

	if (value) {
		memcpy(record->old_value, value, sizeof(record->old_value));
		memcpy(value, record->new_value, sizeof(record->new_value));
	} else {
		record->flags |= MT_RECORD_OLD_UNKNOWN;
	}
}

void mt_traced_exchange(struct mt_armed *armed, struct mt_record *record)
{
	record->turn = ++armed->cell->turn;
	if (mt_traced_is_wide(armed))
		mt_traced_exchange_slice(armed, record);
	else
		take_value(armed, record);
	if (armed->spec.condition || armed->spec.capture_count)
		record->hits = ++armed->cell->hits;
}

/* ---- At first ------------------------------------------------------------- */

static bool add_value(struct mt_armed *armed, const struct mt_known_value *where,
                      const uint8_t *bytes)
{
	struct mt_known_value value = *where;
	const struct mt_traced_place place = { where->pid, where->tid, where->addr };

	if (mt_traced_is_wide(armed))
		return mt_traced_shadow_add(armed, &place, bytes);
	memcpy(value.words, bytes, armed->spec.len);
	return mt_vec_push(&armed->values, value);
}

void mt_traced_seed(struct mt_armed *armed, pid_t pid, const uint8_t *bytes)
{
	const struct mt_traced_place place = { pid, 0, armed->spec.addr };

	if (!armed->spec.instances &&
	    (mt_traced_is_wide(armed) || value_of(armed, &place) == armed->cell->last.value))
		add_value(armed, &(struct mt_known_value){ .pid = pid, .addr = place.addr }, bytes);
}

bool mt_traced_know(struct mt_armed *armed, const struct mt_instance *instance,
                    const uint8_t *bytes)
{
	const struct mt_known_value value = { .pid = instance->pid,
		                              .tid = instance->tid,
		                              .addr = instance->addr };

	return add_value(armed, &value, bytes);
}

void mt_traced_unknow(struct mt_armed *armed, const struct mt_instance *instance)
{
	const struct mt_traced_place place = { instance->pid, instance->tid, instance->addr };

	mt_traced_shadow_remove(armed, &place);
	for (size_t i = armed->values.len; i-- > 0;)
		if (armed->values.data[i].tid == instance->tid &&
		    armed->values.data[i].addr == instance->addr)
			mt_vec_swap_remove(&armed->values, i);
}

/* ---- Records ------------------------------------------------------------- */

static const char *comm_of(struct mt_traced_thread *thread, uint64_t now)
{
	if (!thread->comm_ns || now - thread->comm_ns > NAME_NS) {
		mt_process_comm(thread->tid, thread->comm);
		thread->comm_ns = now;
	}
	return thread->comm;
}

/* The reader decides all: the thread stands at its hit meanwhile. */
static uint16_t undecided(const struct mt_armed *armed)
{
	return armed->spec.condition || armed->spec.changes_only ? MT_RECORD_UNDECIDED : 0;
}

void mt_traced_send(struct mt_probe *probe, struct mt_armed *armed, struct mt_traced_thread *thread,
                    struct mt_record *record)
{
	uint64_t now = mt_now_ns();

	record->kind = MT_RECORD_HIT;
	record->flags |= undecided(armed);
	record->watch = armed->spec.id;
	record->tid = (uint32_t)thread->tid;
	record->pid = (uint32_t)thread->pid;
	record->memory = (uint64_t)thread->memory;
	record->time_ns = now;
	memcpy(record->comm, comm_of(thread, now), sizeof(record->comm));
	if (armed->spec.kind != MT_DR_EXEC)
		mt_traced_exchange(armed, record);
	if (armed->spec.capture_count)
		probe->capture(record, probe->arg);
	if (armed->spec.stack != MT_STACK_NONE)
		mt_record_copy_stack(record);
	armed->sent++;
	probe->traced->told++;
	probe->handler(record, probe->arg);
}

void mt_traced_send_at(struct mt_probe *probe, struct mt_armed *armed,
                       struct mt_traced_thread *thread, struct mt_record *record)
{
	size_t len = record->len ? record->len : armed->spec.len;

	if (armed->spec.kind != MT_DR_EXEC &&
	    mt_process_read_some(thread->pid, record->addr, record->new_value, len) != len)
		record->flags |= MT_RECORD_UNREADABLE;
	mt_traced_send(probe, armed, thread, record);
}

static void send_hit(struct mt_probe *probe, struct mt_armed *armed,
                     struct mt_traced_thread *thread, const struct mt_instance *instance)
{
	struct mt_record *record MT_AUTO_FREE = mt_record_new();

	if (!record || !mt_tracee_regs(thread->tid, &record->regs))
		return;
	record->addr = instance ? instance->addr : armed->spec.addr;
	if (instance) {
		record->frame_cfa = instance->cfa;
		record->call = instance->call;
	}
	mt_traced_send_at(probe, armed, thread, record);
}

/* ---- Who fired ----------------------------------------------------------- */

/* Of the watch's pieces, `by` bytes further on. */
static bool has_fired(const struct mt_armed *armed, const struct mt_traced_thread *thread,
                      unsigned fired, uint64_t by)
{
	for (size_t i = 0; i < armed->piece_count; i++)
		for (unsigned j = 0; j < MT_DR_COUNT; j++)
			if ((fired & 1U << j) &&
			    mt_traced_holds(&thread->written.slots[j], armed, i, by))
				return true;
	return false;
}

/* Of a variable that each thread has of its own: whose was it? One may be taken away when it has
 * been told, so from the last one on. */
static void tell_instances(struct mt_probe *probe, struct mt_armed *armed,
                           struct mt_traced_thread *thread, unsigned fired)
{
	for (size_t i = armed->instances.len; i-- > 0;) {
		const struct mt_instance instance = armed->instances.data[i];

		if (instance.tid == thread->tid &&
		    has_fired(armed, thread, fired, instance.addr - armed->spec.addr))
			send_hit(probe, armed, thread, &instance);
	}
}

static bool tell(struct mt_probe *probe, struct mt_traced_thread *thread, unsigned fired)
{
	struct mt_traced *traced = probe->traced;
	bool held = false;

	for (size_t i = 0; i < traced->armed.len; i++) {
		struct mt_armed *armed = traced->armed.data[i];

		if (!mt_traced_applies(armed, thread))
			continue;
		if (armed->spec.instances)
			tell_instances(probe, armed, thread, fired);
		else if (!has_fired(armed, thread, fired, 0))
			continue;
		else if (armed->spec.silent)
			held = held || armed->spec.action == MT_ACTION_HOLD;
		else
			send_hit(probe, armed, thread, NULL);
	}
	return held;
}

/* One whose watch has ended meanwhile is ours as well, and nobody's hit. */
static enum mt_probe_stop fired_registers(struct mt_probe *probe, struct mt_traced_thread *thread,
                                          bool stepped)
{
	siginfo_t info;
	uint64_t dr6;
	unsigned fired;

	if (!mt_tracee_siginfo(thread->tid, &info) || (info.si_code != TRAP_HWBKPT && !stepped) ||
	    !mt_tracee_debugreg(thread->tid, DR6, &dr6))
		return MT_PROBE_NOT_OURS;
	fired = mt_dr6_hits(dr6);
	if (!fired)
		return MT_PROBE_NOT_OURS;
	mt_tracee_set_debugreg(thread->tid, DR6, 0);
	return tell(probe, thread, fired) ? MT_PROBE_HELD : MT_PROBE_OURS;
}

/* One trap may be both (arch/x86/kernel/traps.c, get_si_code()). */
enum mt_probe_stop mt_traced_trapped(struct mt_probe *probe, struct mt_traced_thread *thread)
{
	enum mt_probe_stop stepped = mt_traced_stepped(probe, thread);
	enum mt_probe_stop hit = fired_registers(probe, thread, stepped == MT_PROBE_OURS);

	return hit == MT_PROBE_NOT_OURS ? stepped : hit;
}
