/* SPDX-License-Identifier: MIT */
/* Threads, and what their debug registers should be. */
#include "probe/traced.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "probe/ring.h"
#include "target/process.h"

#define DR7 7

/* ---- Threads ------------------------------------------------------------- */

struct mt_error *mt_traced_create(struct mt_traced **traced)
{
	*traced = mt_alloc(sizeof(**traced));
	return *traced ? NULL : mt_error_nomem();
}

void mt_traced_destroy(struct mt_traced *traced)
{
	struct mt_traced_thread *thread, *next;

	if (!traced)
		return;
	HASH_ITER (hh, traced->threads, thread, next) {
		HASH_DEL(traced->threads, thread);
		free(thread);
	}
	mt_vec_deinit(&traced->armed);
	mt_vec_deinit(&traced->held);
	free(traced->insns);
	free(traced->xsave);
	free(traced);
}

static const struct mt_traced_thread *any_of(const struct mt_traced *traced, pid_t pid)
{
	for (const struct mt_traced_thread *thread = traced->threads; thread;
	     thread = thread->hh.next)
		if (thread->pid == pid)
			return thread;
	return NULL;
}

/* A new thread runs its process's program; a new process its parent's, if that is traced. */
static uint64_t program_of(struct mt_traced *traced, pid_t pid)
{
	const struct mt_traced_thread *relative = any_of(traced, pid);

	if (!relative)
		relative = any_of(traced, mt_process_parent(pid));
	return relative ? relative->program : ++traced->last_program;
}

/* A child of vfork(2), or of clone(2) with CLONE_VM, borrows its parent's. */
static pid_t memory_of(const struct mt_traced *traced, pid_t pid)
{
	const struct mt_traced_thread *relative = any_of(traced, pid);

	if (relative)
		return relative->memory;
	relative = any_of(traced, mt_process_parent(pid));
	return relative && mt_process_shares_memory(pid, relative->pid) ? relative->memory : pid;
}

struct mt_traced_thread *mt_traced_thread(struct mt_traced *traced, pid_t tid)
{
	struct mt_traced_thread *thread;
	pid_t pid;

	HASH_FIND(hh, traced->threads, &tid, sizeof(tid), thread);
	if (thread)
		return thread;
	pid = mt_process_of(tid);
	thread = pid ? mt_alloc(sizeof(*thread)) : NULL;
	if (!thread)
		return NULL;
	thread->tid = tid;
	thread->pid = pid;
	thread->program = program_of(traced, pid);
	thread->memory = memory_of(traced, pid);
	HASH_ADD(hh, traced->threads, tid, sizeof(tid), thread);
	return thread;
}

static void forget(struct mt_traced *traced, pid_t tid)
{
	struct mt_traced_thread *thread;

	HASH_FIND(hh, traced->threads, &tid, sizeof(tid), thread);
	if (!thread)
		return;
	HASH_DEL(traced->threads, thread);
	free(thread);
}

/* The kernel has cleared the registers, and ended all other threads; the one that is left has the
 * leader's id (ptrace(2), "execve(2) under ptrace"). */
static void on_exec(struct mt_traced *traced, const struct mt_event *event)
{
	struct mt_traced_thread *thread;

	if (event->child != event->tid)
		forget(traced, event->child);
	thread = mt_traced_thread(traced, event->tid);
	if (!thread)
		return;
	thread->program = ++traced->last_program;
	thread->memory = thread->pid;
	thread->written = (struct mt_traced_registers){ 0 };
	thread->stopped = true;
}

/* ---- Registers ----------------------------------------------------------- */

bool mt_traced_applies(const struct mt_armed *armed, const struct mt_traced_thread *thread)
{
	if (armed->program != thread->program ||
	    !__atomic_load_n(&armed->cell->live, __ATOMIC_RELAXED))
		return false;
	if (armed->spec.tid && armed->spec.tid != thread->tid)
		return false;
	return armed->spec.follow || armed->pid == thread->memory;
}

bool mt_traced_holds(const struct mt_dr_slot_state *slot, const struct mt_armed *armed, size_t i,
                     uint64_t by)
{
	return slot->addr == armed->pieces[i].addr + by && slot->len == armed->pieces[i].len &&
	       slot->type == mt_hw_type(armed->spec.kind);
}

/* False: all four hold something else. */
static bool add_piece(struct mt_traced_registers *wanted, const struct mt_armed *armed, size_t i,
                      uint64_t by)
{
	for (size_t j = 0; j < MT_DR_COUNT; j++) {
		struct mt_dr_slot_state *slot = &wanted->slots[j];

		if (slot->len && !mt_traced_holds(slot, armed, i, by))
			continue;
		slot->addr = armed->pieces[i].addr + by;
		slot->len = armed->pieces[i].len;
		slot->type = mt_hw_type(armed->spec.kind);
		return true;
	}
	return false;
}

static bool add_pieces(struct mt_traced_registers *wanted, const struct mt_armed *armed,
                       uint64_t by)
{
	bool fits = true;

	for (size_t i = 0; i < armed->piece_count; i++)
		fits = add_piece(wanted, armed, i, by) && fits;
	return fits;
}

static bool add_instances(struct mt_traced_registers *wanted, const struct mt_armed *armed,
                          pid_t tid)
{
	bool fits = true;

	for (size_t i = 0; i < armed->instances.len; i++)
		if (armed->instances.data[i].tid == tid)
			fits = add_pieces(wanted, armed,
			                  armed->instances.data[i].addr - armed->spec.addr) &&
			       fits;
	return fits;
}

static bool find_wanted(const struct mt_traced *traced, const struct mt_traced_thread *thread,
                        struct mt_traced_registers *wanted)
{
	bool fits = true;

	*wanted = (struct mt_traced_registers){ 0 };
	for (size_t i = 0; i < traced->armed.len; i++) {
		const struct mt_armed *armed = traced->armed.data[i];

		if (!mt_traced_applies(armed, thread))
			continue;
		if (armed->spec.instances)
			fits = add_instances(wanted, armed, thread->tid) && fits;
		else
			fits = add_pieces(wanted, armed, 0) && fits;
	}
	return fits;
}

static enum mt_dr_kind kind_of(const struct mt_dr_slot_state *slot)
{
	if (slot->type == mt_hw_type(MT_DR_EXEC))
		return MT_DR_EXEC;
	return slot->type == mt_hw_type(MT_DR_WRITE) ? MT_DR_WRITE : MT_DR_ACCESS;
}

/* An address is only taken while its register is disabled. False: a register is not to be had. */
static bool write_registers(struct mt_traced_thread *thread,
                            const struct mt_traced_registers *wanted)
{
	uint64_t dr7 = 0;
	bool written;

	if (!memcmp(thread->written.slots, wanted->slots, sizeof(wanted->slots)))
		return true;
	written = mt_tracee_set_debugreg(thread->tid, DR7, 0);
	for (unsigned i = 0; i < MT_DR_COUNT; i++) {
		const struct mt_dr_slot_state *slot = &wanted->slots[i];

		if (!slot->len)
			continue;
		written = mt_tracee_set_debugreg(thread->tid, i, slot->addr) && written;
		dr7 = mt_dr7_enable(dr7, i, kind_of(slot), slot->len);
	}
	if (dr7)
		written = mt_tracee_set_debugreg(thread->tid, DR7, dr7) && written;
	thread->written = written ? *wanted : (struct mt_traced_registers){ 0 };
	return written;
}

/* ---- Stopping ------------------------------------------------------------ */

void mt_traced_keep(struct mt_traced *traced, const struct mt_traced_held *held)
{
	if (held->event.kind != MT_EVENT_NONE)
		mt_vec_push(&traced->held, *held);
}

static void keep(struct mt_traced *traced, const struct mt_event *event)
{
	mt_traced_keep(traced, &(struct mt_traced_held){ .event = *event });
}

/* An interrupt's stop comes before the hit of an instruction that has been executed: then that is
 * what is waited for. What comes is kept for later. One that sleeps in the kernel is not waited
 * for: it has no hit to report, and stops before it can have one. */
static void stop(struct mt_traced *traced, struct mt_traced_thread *thread)
{
	struct mt_event event;

	mt_tracee_interrupt(thread->tid);
	event = mt_tracee_next_stop(thread->tid);
	if (event.kind == MT_EVENT_STOPPED && mt_tracee_trap_waits(thread->tid)) {
		mt_tracee_go(thread->tid, MT_RESUME_CONTINUE, 0);
		event = mt_tracee_next_stop(thread->tid);
	}
	thread->stopped =
	    event.kind == MT_EVENT_NONE ? mt_tracee_stands(thread->tid) : !mt_event_is_end(&event);
	keep(traced, &event);
}

void mt_traced_stop_others(struct mt_traced *traced, const struct mt_traced_thread *thread)
{
	struct mt_traced_thread *other, *next;

	HASH_ITER (hh, traced->threads, other, next) {
		/* cppcheck-suppress uninitvar ; HASH_ITER sets it */
		if (other != thread && other->memory == thread->memory && !other->stopped)
			stop(traced, other);
	}
}

/* ---- Arming -------------------------------------------------------------- */

static struct mt_error *add_thread(pid_t tid, bool *done, void *arg)
{
	*done = false;
	mt_traced_thread(arg, tid);
	return NULL;
}

static struct mt_error *no_register(const struct mt_armed *armed, pid_t tid)
{
	return mt_error_new(MT_ERR_NO_REGISTER,
	                    "thread %d has no %zu debug registers free: another debugger or perf "
	                    "holds some of its four",
	                    (int)tid, armed->own_count);
}

static void arm_thread(struct mt_armed *armed, struct mt_traced_thread *thread)
{
	struct mt_traced *traced = armed->probe->traced;
	struct mt_traced_registers wanted;

	if (!mt_traced_applies(armed, thread))
		return;
	if (!thread->stopped)
		stop(traced, thread);
	if (!thread->stopped) { /* it will have the registers when it goes on */
		armed->threads += !mt_process_has_ended(thread->tid);
		return;
	}
	if (find_wanted(traced, thread, &wanted) && write_registers(thread, &wanted)) {
		armed->threads++;
		return;
	}
	armed->uncovered++;
	if (!armed->why)
		armed->why = no_register(armed, thread->tid);
}

static struct mt_error *check(const struct mt_watch_spec *spec)
{
	if (spec->file || (spec->silent && spec->condition))
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "it takes perf events and eBPF, which this watch does without");
	return NULL;
}

static struct mt_error *make_cell(struct mt_armed *armed, const uint8_t *initial)
{
	armed->cell = mmap(NULL, sizeof(*armed->cell), PROT_READ | PROT_WRITE,
	                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (armed->cell == MAP_FAILED) {
		armed->cell = NULL;
		return mt_error_nomem();
	}
	armed->cell->hits = armed->spec.hits;
	armed->cell->live = 1;
	if (initial)
		memcpy(armed->cell->last.value, initial, armed->spec.len);
	return NULL;
}

/* What does not go into the cell. */
static struct mt_error *make_shadow(struct mt_armed *armed, pid_t pid)
{
	const struct mt_traced_place place = { .pid = pid, .addr = armed->spec.addr };
	uint8_t *bytes MT_AUTO_FREE = NULL;

	if (!mt_traced_is_wide(armed) || armed->spec.instances)
		return NULL;
	bytes = mt_alloc(armed->spec.len);
	if (!bytes)
		return mt_error_nomem();
	MT_TRY(mt_process_read(pid, armed->spec.addr, bytes, armed->spec.len));
	return mt_traced_shadow_add(armed, &place, bytes) ? NULL : mt_error_nomem();
}

struct mt_error *mt_traced_arm(struct mt_armed *armed, pid_t pid, const uint8_t *initial)
{
	struct mt_traced *traced = armed->probe->traced;
	const struct mt_traced_thread *any;
	struct mt_traced_thread *thread, *next;

	MT_TRY(check(&armed->spec));
	MT_TRY(make_cell(armed, initial));
	MT_TRY(make_shadow(armed, pid));
	MT_TRY(mt_process_each_thread(pid, add_thread, traced));
	any = any_of(traced, pid);
	armed->pid = pid;
	armed->program = any ? any->program : 0;
	if (!mt_vec_push(&traced->armed, armed))
		return mt_error_nomem();
	if (armed->spec.instances)
		return NULL;
	HASH_ITER (hh, traced->threads, thread, next) {
		arm_thread(armed, thread);
	}
	if (armed->threads)
		return NULL;
	return armed->why ? MT_TAKE(armed->why)
	                  : mt_error_new(MT_ERR_NOT_FOUND, "process %d has gone", (int)pid);
}

struct mt_error *mt_traced_add(struct mt_armed *armed, const struct mt_instance *instance,
                               const uint8_t *initial)
{
	struct mt_traced *traced = armed->probe->traced;
	struct mt_traced_thread *thread = mt_traced_thread(traced, instance->tid);
	struct mt_traced_registers wanted;

	if (!thread)
		return mt_error_new(MT_ERR_NOT_FOUND, "thread %d has gone", (int)instance->tid);
	if (!mt_traced_know(armed, instance, initial) || !mt_vec_push(&armed->instances, *instance))
		return mt_error_nomem();
	if (find_wanted(traced, thread, &wanted) && write_registers(thread, &wanted))
		return NULL;
	mt_traced_remove(armed, instance);
	return no_register(armed, instance->tid);
}

void mt_traced_remove(struct mt_armed *armed, const struct mt_instance *instance)
{
	mt_traced_unknow(armed, instance);
	for (size_t i = armed->instances.len; i-- > 0;)
		if (armed->instances.data[i].tid == instance->tid &&
		    armed->instances.data[i].addr == instance->addr)
			mt_vec_swap_remove(&armed->instances, i);
}

void mt_traced_disarm(struct mt_armed *armed)
{
	struct mt_traced *traced = armed->probe->traced;

	for (size_t i = 0; i < traced->armed.len; i++) {
		if (traced->armed.data[i] == armed) {
			mt_vec_remove(&traced->armed, i);
			return;
		}
	}
}

/* ---- Events -------------------------------------------------------------- */

struct mt_event mt_probe_next_event(struct mt_probe *probe)
{
	struct mt_traced *traced = probe->traced;

	if (!traced || !traced->held.len)
		return mt_tracee_next();
	traced->next = traced->held.data[0];
	mt_vec_remove(&traced->held, 0);
	return traced->next.event;
}

/* Once only: the thread's next event is another one. */
static bool was_told(struct mt_traced *traced, const struct mt_event *event)
{
	bool told = traced->next.told && traced->next.event.tid == event->tid;

	traced->next.told = false;
	return told;
}

static enum mt_probe_stop stopped(struct mt_probe *probe, const struct mt_event *event)
{
	struct mt_traced *traced = probe->traced;
	struct mt_traced_thread *thread = mt_traced_thread(traced, event->tid);

	if (!thread)
		return MT_PROBE_NOT_OURS;
	thread->stopped = true;
	if (was_told(traced, event))
		return traced->next.stop;
	if (event->kind == MT_EVENT_SYSCALL) {
		mt_traced_call(probe, thread);
		return MT_PROBE_OURS;
	}
	if (event->kind == MT_EVENT_SIGNAL && event->signal == SIGTRAP)
		return mt_traced_trapped(probe, thread);
	mt_traced_step_left(thread);
	return MT_PROBE_NOT_OURS;
}

enum mt_probe_stop mt_probe_event(struct mt_probe *probe, const struct mt_event *event)
{
	struct mt_traced *traced = probe->traced;

	if (!traced)
		return MT_PROBE_NOT_OURS;
	if (mt_event_is_end(event)) {
		forget(traced, event->tid);
		return MT_PROBE_NOT_OURS;
	}
	if (event->kind == MT_EVENT_EXEC)
		on_exec(traced, event);
	return stopped(probe, event);
}

bool mt_probe_borrows(struct mt_probe *probe, pid_t tid)
{
	const struct mt_traced_thread *thread =
	    probe->traced ? mt_traced_thread(probe->traced, tid) : NULL;

	return thread && thread->memory != thread->pid;
}

void mt_probe_listen(struct mt_probe *probe, pid_t tid)
{
	struct mt_traced_thread *thread =
	    probe->traced ? mt_traced_thread(probe->traced, tid) : NULL;

	if (thread)
		thread->stopped = false;
	mt_tracee_listen(tid);
}

void mt_probe_go_on(struct mt_probe *probe, pid_t tid, int signal)
{
	struct mt_traced *traced = probe->traced;
	struct mt_traced_thread *thread = traced ? mt_traced_thread(traced, tid) : NULL;
	struct mt_traced_registers wanted;

	if (!thread) {
		mt_tracee_resume(tid, signal);
		return;
	}
	find_wanted(traced, thread, &wanted);
	write_registers(thread, &wanted);
	thread->stopped = false;
	if (mt_traced_wants_steps(traced, thread)) {
		mt_traced_step(probe, thread, signal);
		return;
	}
	mt_tracee_go(tid,
	             mt_traced_wants_calls(traced, thread) ? MT_RESUME_SYSCALL : MT_RESUME_CONTINUE,
	             signal);
}

/* A hit that has happened and was not reported would end the program, once nobody traces it. False:
 * the thread has ended meanwhile, or reports something else, which is kept. */
static bool take_waiting_trap(struct mt_traced *traced, struct mt_traced_thread *thread)
{
	struct mt_event event;

	while (mt_tracee_trap_waits(thread->tid)) {
		mt_tracee_go(thread->tid, MT_RESUME_CONTINUE, 0);
		event = mt_tracee_next_stop(thread->tid);
		if (event.kind == MT_EVENT_SIGNAL && event.signal == SIGTRAP)
			continue;
		keep(traced, &event);
		return false;
	}
	return true;
}

void mt_probe_hand_over(struct mt_probe *probe, pid_t tid)
{
	struct mt_traced *traced = probe->traced;
	struct mt_traced_thread *thread = traced ? mt_traced_thread(traced, tid) : NULL;

	if (!thread)
		return;
	mt_traced_step_left(thread);
	write_registers(thread, &(struct mt_traced_registers){ 0 });
	forget(traced, tid);
}

bool mt_probe_let_go(struct mt_probe *probe, pid_t tid, int signal)
{
	struct mt_traced *traced = probe->traced;
	struct mt_traced_thread *thread = traced ? mt_traced_thread(traced, tid) : NULL;

	if (thread) {
		mt_traced_step_left(thread);
		write_registers(thread, &(struct mt_traced_registers){ 0 });
		if (!take_waiting_trap(traced, thread))
			return false;
	}
	mt_tracee_detach(tid, signal);
	if (thread)
		forget(traced, tid);
	return true;
}
