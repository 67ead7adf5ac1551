/* SPDX-License-Identifier: MIT */
/* A watch's perf events: one for each register and thread that exists; later threads inherit them.
 */
#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "probe/armed.h"
#include "probe/ring.h"
#include "target/pause.h"
#include "target/process.h"

/* How often we try without stopping the process. */
#define TRIES 3

/* ---- One event ----------------------------------------------------------- */

unsigned mt_hw_type(enum mt_dr_kind kind)
{
	switch (kind) {
	case MT_DR_EXEC:
		return HW_BREAKPOINT_X;
	case MT_DR_WRITE:
		return HW_BREAKPOINT_W;
	default:
		return HW_BREAKPOINT_RW;
	}
}

static struct perf_event_attr event_attr(const struct mt_armed *armed,
                                         const struct mt_dr_piece *piece)
{
	bool inherit = !armed->spec.instances; /* a new thread's is at another address */
	bool exec = armed->spec.kind == MT_DR_EXEC;
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = mt_hw_type(armed->spec.kind),
		.bp_addr = piece->addr,
		.bp_len = exec ? sizeof(long) : piece->len,
		.sample_period = 1,
		.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
		.inherit = inherit,
		.inherit_thread = inherit && !armed->spec.follow,
		.remove_on_exec = 1,
		.exclude_kernel = !armed->kernel,
		.exclude_hv = 1,
		.sigtrap = armed->spec.traps,
		.sig_data = armed->spec.traps ? MT_HOLD_TRAP : 0,
	};

	return attr;
}

static int open_event(const struct mt_armed *armed, const struct mt_dr_piece *piece, pid_t tid,
                      bool rests)
{
	struct perf_event_attr attr = event_attr(armed, piece);

	attr.disabled = rests;
	if (rests)
		attr.inherit = attr.inherit_thread = attr.sigtrap = 0;

	return (int)syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static struct mt_error *open_error(const struct mt_armed *armed, pid_t tid, int err)
{
	switch (err) {
	case ENOSPC:
		return mt_error_new(
		    MT_ERR_NO_REGISTER,
		    "thread %d has no %zu debug registers free: another debugger or "
		    "perf holds some of its four",
		    (int)tid, armed->own_count);
	case EACCES:
	case EPERM:
		return mt_error_new(
		    MT_ERR_PERMISSION,
		    "the kernel refuses a hardware breakpoint on thread %d: it needs root, "
		    "CAP_PERFMON (with kernel.perf_event_paranoid=2 or lower on Debian and "
		    "Ubuntu), or sysctl kernel.perf_event_paranoid=1 or lower and the right to "
		    "trace the process",
		    (int)tid);
	case EMFILE:
		return mt_error_new(MT_ERR_SYSTEM,
		                    "too many open files: each thread takes %zu; raise ulimit -n",
		                    armed->piece_count);
	case ESRCH:
		return mt_error_new(MT_ERR_NOT_FOUND, "thread %d has gone", (int)tid);
	default:
		return mt_error_sys(err, "cannot open a hardware breakpoint on thread %d",
		                    (int)tid);
	}
}

/* A kernel that does not know a bit of the attributes says EINVAL (perf_copy_attr()). */
struct mt_error *mt_probe_check_kernel(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.size = sizeof(attr),
		.disabled = 1,
		.inherit = 1,
		.inherit_thread = 1,
		.remove_on_exec = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	struct utsname kernel = { .release = "older" };

	if (fd >= 0)
		close(fd);
	else if (errno == ENOSYS)
		return mt_error_new(MT_ERR_OLD_KERNEL,
		                    "this kernel has no perf events (CONFIG_PERF_EVENTS is off)");
	else if (errno == EINVAL) {
		uname(&kernel);
		return mt_error_new(
		    MT_ERR_OLD_KERNEL,
		    "this kernel (Linux %s) has no breakpoints that a process's new "
		    "threads inherit: Linux 5.13 was the first",
		    kernel.release);
	}
	return NULL;
}

/* ---- All events ---------------------------------------------------------- */

struct mt_error *mt_armed_open_pieces(struct mt_armed *armed, pid_t tid, uint64_t by)
{
	size_t before = armed->events.len;

	for (size_t i = 0; i < armed->piece_count; i++) {
		if (armed->host[i])
			continue;

		struct mt_dr_piece piece = { armed->pieces[i].addr + by, armed->pieces[i].len };
		int fd = open_event(armed, &piece, tid, false);
		int err = errno;

		if (fd >= 0 && ioctl(fd, PERF_EVENT_IOC_SET_BPF, armed->programs[i]) == 0 &&
		    mt_vec_push(&armed->events, fd)) {
			ioctl(fd, PERF_EVENT_IOC_RESET, 0); /* what it counted without a program */
			continue;
		}
		if (fd >= 0) {
			err = errno;
			close(fd);
		}
		while (armed->events.len > before)
			close(armed->events.data[--armed->events.len]);
		return open_error(armed, tid, err);
	}
	return NULL;
}

static struct mt_error *arm_thread(struct mt_armed *armed, pid_t tid)
{
	struct mt_error *error = mt_armed_open_pieces(armed, tid, 0);

	if (!error) {
		armed->threads++;
		return NULL;
	}
	if (mt_error_kind(error) == MT_ERR_NOMEM)
		return error;
	if (mt_error_kind(error) == MT_ERR_NOT_FOUND) {
		mt_error_free(error); /* a thread that has ended touches nothing */
		return NULL;
	}
	armed->uncovered++;
	if (armed->why)
		mt_error_free(error);
	else
		armed->why = error;
	return NULL;
}

void mt_armed_close_events(struct mt_armed *armed)
{
	if (armed->spec.file)
		mt_armed_close_uprobe(armed);
	while (armed->events.len)
		close(armed->events.data[--armed->events.len]);
	armed->threads = armed->uncovered = 0;
	mt_error_free(armed->why);
	armed->why = NULL;
}

/* ---- Births ---------------------------------------------------------------- */

/* How many more breakpoints the kernel would give the thread; -1: it has gone. */
static int count_free(const struct mt_armed *armed, pid_t tid)
{
	static const uint64_t quiet;
	const struct mt_dr_piece piece = { (uint64_t)(uintptr_t)&quiet, 8 };
	int fds[MT_DR_COUNT], count = 0, err = 0;

	while (count < MT_DR_COUNT && (fds[count] = open_event(armed, &piece, tid, true)) >= 0)
		count++;
	if (count < MT_DR_COUNT)
		err = errno;
	for (int i = 0; i < count; i++)
		close(fds[i]);
	return err == ESRCH ? -1 : count;
}

/* A thread that has inherited the events has no more registers left than one that was armed. */
static bool has_inherited(const struct mt_armed *armed, const struct mt_tids *before, pid_t tid)
{
	int left = count_free(armed, tid);

	for (size_t i = 0; i < before->list.len; i++) {
		int of_armed = count_free(armed, before->list.data[i]);

		if (of_armed >= 0)
			return left <= of_armed;
	}
	return left < 0;
}

/* How many threads there are beside those; `late`: that have not inherited the events. */
static struct mt_error *count_new(const struct mt_armed *armed, pid_t pid,
                                  const struct mt_tids *before, bool late, size_t *count)
{
	struct mt_tids after MT_CLEANUP(mt_tids_deinit) = { 0 };

	MT_TRY(mt_process_threads(pid, &after));
	for (size_t i = 0; i < after.list.len; i++)
		*count += !mt_tids_contains(before, after.list.data[i]) &&
		          !(late && has_inherited(armed, before, after.list.data[i]));
	return NULL;
}

/* None of them can be in the middle of clone(2). */
static bool all_stand(const struct mt_tids *tids)
{
	for (size_t i = 0; i < tids->list.len; i++) {
		char state = mt_process_state(tids->list.data[i]);

		if (state != 't' && state != 'T')
			return false;
	}
	return true;
}

/*
 * A thread gets its parent's events in the middle of clone(2), and is listed at the end of it
 * (kernel/fork.c, copy_process()): one that is between the two when its parent's are opened has
 * none, and shows a moment later. So it is looked again, until long after a clone takes. Who comes
 * then and has them was born when all was armed; but for one whose parent's event had been opened
 * and had no program yet, whose hits are counted as unseen (mt_counts.events).
 */
static struct mt_error *await_births(const struct mt_armed *armed, pid_t pid,
                                     const struct mt_tids *before, size_t *born)
{
	static const long pauses_ns[] = { 200000, 1000000, 4000000 };

	MT_TRY(count_new(armed, pid, before, false, born));
	for (size_t i = 0; i < sizeof(pauses_ns) / sizeof(*pauses_ns); i++) {
		const struct timespec pause = { .tv_nsec = pauses_ns[i] };

		if (*born || all_stand(before))
			return NULL;
		nanosleep(&pause, NULL);
		MT_TRY(count_new(armed, pid, before, true, born));
	}
	return NULL;
}

/* Opens the events of the threads that exist now; `born` tells how many came meanwhile, and may
 * not have them. */
static struct mt_error *open_all(struct mt_armed *armed, pid_t pid, size_t *born)
{
	struct mt_tids before MT_CLEANUP(mt_tids_deinit) = { 0 };

	*born = 0;
	MT_TRY(mt_process_threads(pid, &before));
	for (size_t i = 0; i < before.list.len; i++)
		MT_TRY(arm_thread(armed, before.list.data[i]));
	return await_births(armed, pid, &before, born);
}

/*
 * A thread that is born while others are being armed has the events if its parent had, or some of
 * them, or such without a program, and nobody can tell: arming it too might count its hits twice.
 * So all is done again, until no thread is born meanwhile; if that does not come about, while the
 * process stands still.
 */
static struct mt_error *open_while_paused(struct mt_armed *armed, pid_t pid, size_t *born)
{
	struct mt_pause pause;
	struct mt_error *error;

	MT_TRY(mt_pause_begin(pid, &pause));
	mt_armed_close_events(armed);
	error = open_all(armed, pid, born);
	mt_pause_end(&pause);
	return error;
}

/* `why` is taken over. */
static void tell_born(struct mt_armed *armed, size_t born, struct mt_error *why)
{
	armed->uncovered += (unsigned)born;
	if (!armed->why)
		armed->why = mt_error_context(why, "threads are born faster than they are armed");
	else
		mt_error_free(why);
}

struct mt_error *mt_armed_open_events(struct mt_armed *armed, pid_t pid)
{
	struct mt_error *error = NULL;
	size_t born = 0;

	for (int try = 0; try < TRIES; try++) {
		mt_armed_close_events(armed);
		MT_TRY(open_all(armed, pid, &born));
		if (!born)
			return NULL;
	}
	if (armed->spec.may_pause)
		error = open_while_paused(armed, pid, &born);
	if (born)
		tell_born(armed, born,
		          error ? error : mt_error_new(MT_ERR_SYSTEM, "some may not be covered"));
	return born ? NULL : error;
}

/* PERF_EVENT_IOC_MODIFY_ATTRIBUTES takes inherited events along; all but the address and `disabled`
 * must be as they were (perf_event_modify_attr() in kernel/events/core.c). */
struct mt_error *mt_armed_move_events(struct mt_armed *armed, uint64_t by, bool rest)
{
	for (size_t i = 0; i < armed->events.len; i++) {
		struct mt_dr_piece piece = armed->pieces[i % armed->own_count];
		struct perf_event_attr attr;

		if (!rest)
			piece.addr += by;
		attr = event_attr(armed, &piece);
		attr.disabled = rest;
		if (ioctl(armed->events.data[i], PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr) < 0 &&
		    errno != ESRCH)
			return mt_error_sys(errno, "cannot move a hardware breakpoint");
	}
	return NULL;
}

/* Whether the kernel lets us see its own accesses: tried on ourselves, on a word that nobody
 * touches. */
void mt_armed_decide_kernel(struct mt_armed *armed)
{
	static uint64_t quiet;
	struct mt_dr_piece piece = { (uint64_t)(uintptr_t)&quiet, 8 };

	armed->kernel = armed->spec.kernel && armed->spec.kind != MT_DR_EXEC;
	if (!armed->kernel) {
		armed->kernel_why = armed->spec.kind == MT_DR_EXEC
		                        ? "the kernel executes nothing there"
		                        : "left out by --user-only";
		return;
	}

	if (armed->probe->traced)
		return;

	int fd MT_AUTO_FD = open_event(armed, &piece, 0, false);

	if (fd < 0 && (errno == EACCES || errno == EPERM)) {
		armed->kernel = false;
		armed->kernel_why =
		    "needs root, CAP_PERFMON, or kernel.perf_event_paranoid=1 or lower";
	}
	armed->spec.kernel = armed->kernel;
}
