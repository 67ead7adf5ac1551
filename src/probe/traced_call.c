/* SPDX-License-Identifier: MIT */
/*
 * What system calls write. Debug registers that ptrace has set do not fire in the kernel; but a
 * thread that is about to enter a system call, or has returned from one, stops, and what is watched
 * is compared with the last value known.
 */
#include <signal.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "probe/ring.h"
#include "probe/traced.h"
#include "target/mapping.h"
#include "target/process.h"
#include "target/syscall.h"

static bool is_looked_at(const struct mt_armed *armed, const struct mt_traced_thread *thread)
{
	return armed->kernel && !armed->spec.silent && mt_traced_applies(armed, thread);
}

bool mt_traced_wants_calls(const struct mt_traced *traced, const struct mt_traced_thread *thread)
{
	for (size_t i = 0; i < traced->armed.len; i++)
		if (is_looked_at(traced->armed.data[i], thread))
			return true;
	return false;
}

/* Whether memory is another than known; what it is now goes into the record. */
static bool differs(struct mt_armed *armed, struct mt_record *record)
{
	const struct mt_traced_place place = { (pid_t)record->memory, (pid_t)record->tid,
		                               record->addr };
	const uint64_t *known = mt_traced_value(armed, &place);

	if (mt_traced_is_wide(armed))
		return mt_traced_differs(armed, record);
	memset(record->new_value, 0, sizeof(record->new_value));
	return known &&
	       mt_process_read_some(place.pid, place.addr, record->new_value, armed->spec.len) ==
	           armed->spec.len &&
	       memcmp(record->new_value, known, armed->spec.len) != 0;
}

/*
 * Another thread may have written, whose stop has not been told yet. With all others stopped, those
 * hits are among the events that wait.
 */
static void settle(struct mt_probe *probe, const struct mt_traced_thread *thread)
{
	struct mt_traced *traced = probe->traced;

	mt_traced_stop_others(traced, thread);
	for (size_t i = 0; i < traced->held.len; i++) {
		struct mt_traced_held *held = &traced->held.data[i];
		struct mt_traced_thread *other;

		if (held->told || held->event.kind != MT_EVENT_SIGNAL ||
		    held->event.signal != SIGTRAP)
			continue;
		other = mt_traced_thread(traced, held->event.tid);
		if (!other || other->memory != thread->memory)
			continue;
		held->stop = mt_traced_trapped(probe, other);
		held->told = held->stop != MT_PROBE_NOT_OURS;
	}
}

/* Also when no other thread has a hit to tell that explains it. */
static bool differs_for_good(struct mt_probe *probe, struct mt_armed *armed,
                             const struct mt_traced_thread *thread, struct mt_record *record)
{
	if (!differs(armed, record))
		return false;
	settle(probe, thread);
	return differs(armed, record);
}

/* Of what is watched at `addr`. Between two system calls nobody in the process has changed it, or
 * there would have been a hit. */
static bool compare(struct mt_probe *probe, struct mt_armed *armed, struct mt_traced_thread *thread,
                    uint64_t addr, bool entering)
{
	struct mt_record *record MT_AUTO_FREE = mt_record_new();
	struct user_regs_struct user;

	if (!record)
		return false;
	record->pid = (uint32_t)thread->pid;
	record->tid = (uint32_t)thread->tid;
	record->memory = (uint64_t)thread->memory;
	record->addr = addr;
	record->whole = addr;
	if (!differs_for_good(probe, armed, thread, record) ||
	    !mt_tracee_user_regs(thread->tid, &user))
		return false;
	if (entering) {
		mt_traced_exchange(armed, record);
		armed->outside++;
		return true;
	}
	mt_regs_from_user(&user, &record->regs);
	record->flags = MT_RECORD_KERNEL;
	record->syscall = user.orig_rax;
	mt_traced_send(probe, armed, thread, record);
	return true;
}

/* Of one that has slices several may be others. */
static void compare_at(struct mt_probe *probe, struct mt_armed *armed,
                       struct mt_traced_thread *thread, uint64_t addr, bool entering)
{
	bool differed = compare(probe, armed, thread, addr, entering);

	while (differed && mt_traced_is_wide(armed))
		differed = compare(probe, armed, thread, addr, entering);
}

/* ---- Mappings --------------------------------------------------------------- */

static bool find_gone(const struct mt_armed *armed, pid_t pid, size_t *at)
{
	for (*at = 0; *at < armed->gone.len; ++*at)
		if (armed->gone.data[*at] == pid)
			return true;
	return false;
}

static enum mt_mapping_effect effect_of(const struct mt_armed *armed,
                                        const struct mt_traced_thread *thread,
                                        const struct mt_regs *regs, uint64_t number)
{
	enum mt_machine machine = armed->spec.machine;
	struct mt_mapping_call call = {
		.machine = machine,
		.number = number,
		.result = mt_machine_wrap(machine, regs->r[MT_REG_RAX]),
	};
	uint64_t to = 0;
	enum mt_mapping_effect effect;
	enum mt_mapped mapped;

	mt_syscall_args(machine, regs, call.args);
	effect = mt_mapping_effect(&call, armed->spec.addr, armed->spec.len, &to);
	if (effect != MT_MAPPING_UNSURE)
		return effect;
	mapped = mt_process_mapped(thread->pid, armed->spec.addr, armed->spec.len);
	if (mapped == MT_MAPPED_NOTHING)
		return MT_MAPPING_NONE;
	return mapped == MT_MAPPED_ALL ? MT_MAPPING_NEW : MT_MAPPING_UNMAPPED;
}

/* The reader says what it was, by the same numbers. */
static void send_mapping(struct mt_probe *probe, struct mt_armed *armed,
                         struct mt_traced_thread *thread, const struct user_regs_struct *user,
                         unsigned flags)
{
	struct mt_record *record MT_AUTO_FREE = mt_record_new();

	if (!record)
		return;
	mt_regs_from_user(user, &record->regs);
	record->addr = record->whole = armed->spec.addr;
	record->flags = (uint16_t)(MT_RECORD_KERNEL | MT_RECORD_MAPPING | flags);
	record->syscall = user->orig_rax;
	record->result = user->rax;
	if (mt_traced_is_wide(armed)) /* its first slice stands for all of it */
		mt_traced_choose_slice(armed, record->whole, MT_DR_MAX_RANGE, record);
	if (flags & MT_RECORD_UNREADABLE)
		mt_traced_send(probe, armed, thread, record);
	else
		mt_traced_send_at(probe, armed, thread, record);
}

/*
 * Whether the call that has returned leaves something to compare: what is gone, or was and is there
 * again, is told here.
 */
static bool is_there(struct mt_probe *probe, struct mt_armed *armed,
                     struct mt_traced_thread *thread, const struct user_regs_struct *user)
{
	enum mt_mapping_effect effect;
	struct mt_regs regs;
	size_t at;
	bool gone = find_gone(armed, thread->memory, &at);

	mt_regs_from_user(user, &regs);
	if (mt_mapping_class(armed->spec.machine, user->orig_rax) == MT_MAPPING_OTHER)
		return !gone;
	effect = effect_of(armed, thread, &regs, user->orig_rax);
	if ((effect == MT_MAPPING_UNMAPPED || effect == MT_MAPPING_MOVED) && !gone) {
		mt_vec_push(&armed->gone, thread->memory);
		send_mapping(probe, armed, thread, user, MT_RECORD_UNREADABLE);
	} else if (effect == MT_MAPPING_NEW && gone) {
		mt_vec_swap_remove(&armed->gone, at);
		send_mapping(probe, armed, thread, user, MT_RECORD_OLD_UNKNOWN);
	}
	return !find_gone(armed, thread->memory, &at);
}

/* ---- Of a thread ------------------------------------------------------------ */

static void compare_all(struct mt_probe *probe, struct mt_armed *armed,
                        struct mt_traced_thread *thread, bool entering)
{
	if (!armed->spec.instances)
		compare_at(probe, armed, thread, armed->spec.addr, entering);
	for (size_t i = armed->instances.len; i-- > 0;) /* one that is told may be taken away */
		if (armed->instances.data[i].tid == thread->tid)
			compare_at(probe, armed, thread, armed->instances.data[i].addr, entering);
}

void mt_traced_compare(struct mt_probe *probe, struct mt_traced_thread *thread, bool entering)
{
	struct mt_traced *traced = probe->traced;

	struct user_regs_struct user;
	bool returned = !entering && mt_tracee_user_regs(thread->tid, &user);

	for (size_t i = 0; i < traced->armed.len; i++) {
		struct mt_armed *armed = traced->armed.data[i];

		if (is_looked_at(armed, thread) &&
		    (armed->spec.instances || !returned || is_there(probe, armed, thread, &user)))
			compare_all(probe, armed, thread, entering);
	}
}

void mt_traced_call(struct mt_probe *probe, struct mt_traced_thread *thread)
{
	struct mt_syscall_stop stop;

	if (mt_tracee_syscall_stop(thread->tid, &stop))
		mt_traced_compare(probe, thread, stop.entering);
}
