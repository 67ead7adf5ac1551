/* SPDX-License-Identifier: MIT */
/*
 * Thread-local variables: each thread has one of its own, at another address, so each thread gets
 * events of its own. The address is computed from the thread's registers, for which the thread has
 * to stand still: those that run when the watch begins are stopped one after the other, for as long
 * as it takes to open their events. A thread that is born later is a tracee from birth, and stops
 * before its first instruction; so no access of it is missed.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/user.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "symbol/where.h"
#include "target/process.h"
#include "target/tracee.h"
#include "watch/frames.h"

/* How long a thread is waited for that sleeps in the kernel and cannot be woken. */
#define SLEEP_LIMIT_US 200000
#define SLEEP_STEP_US 50

/* ---- Having threads stopped ---------------------------------------------- */

/* The tracer of a process that is not ours must not be stopped by the terminal: the process would
 * wait for it. */
static void ignore_terminal_stops(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigaddset(&set, SIGTTIN);
	sigaddset(&set, SIGTTOU);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

struct mt_error *mt_instances_trace(struct mt_session *session)
{
	session->traces_births = true;
	if (session->summary->launched || session->seized)
		return NULL;
	ignore_terminal_stops();
	return mt_error_context(mt_session_seize(session),
	                        "variables that each thread or call has of its own are found by "
	                        "tracing the process");
}

/* Stops the tracee, unless it stands already. `event`: the stop that go_on() answers; NONE:
 * somebody else does. */
static bool stop(struct mt_session *session, pid_t tid, struct mt_event *event)
{
	*event = (struct mt_event){ .kind = MT_EVENT_NONE };
	if (tid == session->held)
		return true;
	mt_tracee_interrupt(tid);
	for (int waited = 0; waited < SLEEP_LIMIT_US; waited += SLEEP_STEP_US) {
		*event = mt_tracee_next_stop(tid);
		if (event->kind != MT_EVENT_NONE)
			break;
		if (mt_tracee_stands(tid))
			return true;
		usleep(SLEEP_STEP_US);
	}
	if (!mt_event_is_end(event))
		return event->kind != MT_EVENT_NONE;
	mt_follow_handle(session, event);
	*event = (struct mt_event){ .kind = MT_EVENT_NONE };
	return false;
}

static void go_on(struct mt_session *session, const struct mt_event *event)
{
	if (event->kind != MT_EVENT_NONE)
		mt_follow_handle(session, event);
}

/* Holds some thread of the target that has not ended yet. */
static struct mt_error *hold_any(struct mt_session *session, struct mt_target *target)
{
	struct mt_tids tids MT_CLEANUP(mt_tids_deinit) = { 0 };

	if (session->held && mt_process_of(session->held) == target->pid)
		return NULL;
	MT_TRY(mt_instances_trace(session));
	MT_TRY(mt_process_threads(target->pid, &tids));
	for (size_t i = 0; i < tids.list.len; i++) {
		pid_t tid = tids.list.data[i];

		if (!mt_process_has_ended(tid) && stop(session, tid, &session->held_event)) {
			session->held = tid;
			return NULL;
		}
	}
	return mt_error_new(MT_ERR_NOT_FOUND, "no thread of process %d can be stopped",
	                    (int)target->pid);
}

void mt_instances_let_go(struct mt_session *session)
{
	struct mt_event event = session->held_event;

	session->held_event = (struct mt_event){ .kind = MT_EVENT_NONE };
	session->held = 0;
	go_on(session, &event);
}

/* ---- Where a thread has its own ------------------------------------------ */

struct looking {
	struct mt_session *session;
	struct mt_watch *watch;
	pid_t tid;                          /* 0: any thread's will do */
	const struct mt_where_frame *frame; /* NULL: of no call in particular */
	bool in_no_frame;                   /* a local was asked for, and there is no frame */
};

static struct mt_error *read_memory(void *arg, uint64_t addr, void *out, size_t len)
{
	const struct looking *looking = arg;

	if (looking->in_no_frame)
		return mt_frames_read_nothing(NULL, addr, out, len);
	return looking->tid ? mt_process_read(looking->tid, addr, out, len)
	                    : mt_target_read(looking->watch->target, addr, out, len);
}

static struct mt_error *find_tls(void *arg, const struct mt_module *module, uint64_t offset,
                                 uint64_t *addr)
{
	struct looking *looking = arg;
	struct mt_target *target = looking->watch->target;
	bool is_i386 = mt_image_machine(target->image) == MT_MACHINE_I386;
	struct user_regs_struct regs;
	struct mt_error *error;

	if (!looking->tid) {
		MT_TRY(hold_any(looking->session, target));
		looking->tid = looking->session->held;
	}
	if (!mt_tracee_user_regs(looking->tid, &regs))
		return mt_error_new(MT_ERR_NOT_FOUND, "thread %d has gone", (int)looking->tid);
	error = mt_tls_address(target->image, read_memory, looking,
	                       is_i386 ? regs.gs_base : regs.fs_base, module, offset, addr);
	looking->watch->waits_for_start = error != NULL;
	return error;
}

static struct mt_error *find_local(void *arg, const char *function, const char *name,
                                   struct mt_place_local *found)
{
	struct looking *looking = arg;
	const struct mt_frame_query query = { looking->watch, looking->frame };

	looking->in_no_frame = !looking->frame;
	return mt_frames_find(&query, function, name, found);
}

struct mt_error *mt_instances_resolve_frame(struct mt_session *session, struct mt_watch *watch,
                                            pid_t tid, const struct mt_where_frame *frame,
                                            struct mt_place *place)
{
	struct looking looking = { .session = session, .watch = watch, .tid = tid, .frame = frame };
	const struct mt_place_world world = {
		.image = watch->target->image,
		.read = read_memory,
		.tls = find_tls,
		.local = find_local,
		.arg = &looking,
	};

	return mt_place_resolve_in(&world, watch->request->expr, place);
}

struct mt_error *mt_instances_resolve(struct mt_session *session, struct mt_watch *watch, pid_t tid,
                                      struct mt_place *place)
{
	return mt_instances_resolve_frame(session, watch, tid, NULL, place);
}

/* ---- Arming -------------------------------------------------------------- */

const struct mt_instance *mt_instances_of(const struct mt_watch *watch, pid_t tid)
{
	for (size_t i = 0; i < watch->instances.len; i++)
		if (watch->instances.data[i].tid == tid)
			return &watch->instances.data[i];
	return NULL;
}

struct mt_error *mt_instances_add(struct mt_watch *watch, const struct mt_instance *instance)
{
	uint64_t len = mt_watch_whole(watch)->len;
	uint8_t *value MT_AUTO_FREE = mt_alloc(len > MT_DR_MAX_RANGE ? len : MT_DR_MAX_RANGE);
	struct mt_error *error;

	if (!value)
		return mt_error_nomem();
	MT_TRY(mt_process_read(instance->tid, instance->addr, value, len));
	if (!mt_vec_push(&watch->instances, *instance))
		return mt_error_nomem();
	error = mt_armed_add(watch->armed, instance, value);
	if (error)
		watch->instances.len--;
	else
		watch->coverage.threads++;
	return error;
}

/* Of a stopped thread. */
static struct mt_error *arm_thread(struct mt_session *session, struct mt_watch *watch, pid_t tid)
{
	struct mt_instance instance = { .pid = mt_process_of(tid), .tid = tid };
	struct mt_place place;

	if (mt_instances_of(watch, tid))
		return NULL;
	MT_TRY(mt_instances_resolve(session, watch, tid, &place));
	instance.addr = place.addr;
	return mt_instances_add(watch, &instance);
}

/* Takes the error over; a thread that has gone touches nothing. */
static void note_uncovered(struct mt_session *session, struct mt_watch *watch, pid_t tid,
                           struct mt_error *error)
{
	if (!error)
		return;
	if (mt_process_of(tid)) {
		mt_session_notice(session, MT_SESSION_WARNING, "%s: thread %d is not covered: %s",
		                  watch->request->expr, (int)tid, mt_error_text(error));
		watch->coverage.uncovered++;
		watch->coverage.why = "see the warnings";
	}
	mt_error_free(error);
}

static void arm_running(struct mt_session *session, struct mt_watch *watch, pid_t tid)
{
	struct mt_event event;

	if (stop(session, tid, &event))
		note_uncovered(session, watch, tid, arm_thread(session, watch, tid));
	else
		note_uncovered(
		    session, watch, tid,
		    mt_error_new(MT_ERR_SYSTEM, "it sleeps in the kernel, and does not stop"));
	go_on(session, &event);
}

/* Threads that are born meanwhile are tracees, and armed as they begin: see mt_instances_birth().
 */
struct mt_error *mt_instances_arm(struct mt_session *session, struct mt_watch *watch)
{
	struct mt_tids tids MT_CLEANUP(mt_tids_deinit) = { 0 };

	MT_TRY(mt_instances_trace(session));
	if (session->held && mt_process_of(session->held) == watch->target->pid)
		MT_TRY(arm_thread(session, watch, session->held));
	MT_TRY(mt_process_threads(watch->target->pid, &tids));
	for (size_t i = 0; i < tids.list.len; i++)
		if (!mt_process_has_ended(tids.list.data[i]))
			arm_running(session, watch, tids.list.data[i]);
	return NULL;
}

/* ---- Births and deaths --------------------------------------------------- */

static bool is_per_thread(const struct mt_watch *watch)
{
	return watch->per_thread && watch->state == MT_WATCH_ARMED;
}

void mt_instances_birth(struct mt_session *session, struct mt_target *target, pid_t tid)
{
	for (size_t i = 0; i < session->watches.len; i++) {
		struct mt_watch *watch = session->watches.data[i];

		if (is_per_thread(watch) && watch->target == target)
			note_uncovered(session, watch, tid, arm_thread(session, watch, tid));
	}
}

void mt_instances_death(struct mt_session *session, pid_t tid)
{
	for (size_t i = 0; i < session->watches.len; i++) {
		struct mt_watch *watch = session->watches.data[i];

		for (size_t k = watch->instances.len; k-- > 0;) {
			if (watch->instances.data[k].tid != tid)
				continue;
			mt_armed_remove(watch->armed, &watch->instances.data[k]);
			mt_vec_swap_remove(&watch->instances, k);
		}
	}
}
