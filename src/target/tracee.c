/* SPDX-License-Identifier: MIT */
#include "target/tracee.h"

#include <errno.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "target/process.h"
#include "target/ptrace.h"

/* How long we sleep between two looks at a thread that is to stop. */
#define LOOK_NS 20000
#define SIGNALS 64 /* the kernel has that many */

unsigned long mt_ptrace_options(unsigned flags)
{
	unsigned long options = PTRACE_O_TRACESYSGOOD;

	if (flags & MT_TRACE_EXEC)
		options |= PTRACE_O_TRACEEXEC;
	if (flags & MT_TRACE_THREADS)
		options |= PTRACE_O_TRACECLONE;
	if (flags & MT_TRACE_FORKS)
		options |= PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
	if (flags & MT_TRACE_VFORKED)
		options |= PTRACE_O_TRACEVFORKDONE;
	if (flags & MT_TRACE_EXITS)
		options |= PTRACE_O_TRACEEXIT;
	if (flags & MT_TRACE_END_WITH_US)
		options |= PTRACE_O_EXITKILL;
	return options;
}

/* ---- Attaching ----------------------------------------------------------- */

static struct mt_error *seize_error(pid_t pid, int err)
{
	pid_t tracer = mt_process_tracer(pid);

	if (err == EPERM && tracer > 0) {
		char name[MT_COMM_LEN];

		mt_process_comm(tracer, name);
		return mt_error_new(MT_ERR_PERMISSION,
		                    "cannot trace process %d: %s (process %d) traces it already",
		                    (int)pid, name, (int)tracer);
	}
	return mt_error_sys(
	    err, "cannot trace process %d%s", (int)pid,
	    err == EPERM ? " (another user's, or kernel.yama.ptrace_scope forbids it)" : "");
}

struct seizing {
	unsigned long options;
	struct mt_tids *seized; /* NULL: nobody asks */
};

/* Between any two looks a thread may end, or be born of one that we have seized and so be ours. */
static struct mt_error *seize_thread(pid_t tid, bool *done, void *arg)
{
	const struct seizing *seizing = arg;
	int err;

	if (ptrace(PTRACE_SEIZE, tid, NULL, mt_ptrace_number(seizing->options)) == 0)
		return !seizing->seized || mt_vec_push(&seizing->seized->list, tid)
		           ? NULL
		           : mt_error_nomem();
	err = errno;
	*done = mt_process_tracer(tid) == getpid();
	return *done || mt_process_has_ended(tid) ? NULL : seize_error(tid, err);
}

struct mt_error *mt_tracee_seize(pid_t pid, unsigned flags)
{
	return mt_tracee_seize_new(pid, flags, NULL);
}

struct mt_error *mt_tracee_seize_new(pid_t pid, unsigned flags, struct mt_tids *seized)
{
	struct seizing seizing = { mt_ptrace_options(flags), seized };

	if (seized)
		seized->list.len = 0;
	return mt_process_each_thread(pid, seize_thread, &seizing);
}

bool mt_tracee_set_flags(pid_t tid, unsigned flags)
{
	return ptrace(PTRACE_SETOPTIONS, tid, NULL, mt_ptrace_number(mt_ptrace_options(flags))) ==
	       0;
}

/* ---- Stops --------------------------------------------------------------- */

/* Fills event->child, which mt_event_decode() leaves open. */
static void complete(struct mt_event *event)
{
	unsigned long message = 0;

	switch (event->kind) {
	case MT_EVENT_CLONE:
	case MT_EVENT_FORK:
	case MT_EVENT_VFORK:
	case MT_EVENT_VFORKED:
	case MT_EVENT_EXEC:
		if (ptrace(PTRACE_GETEVENTMSG, event->tid, NULL, &message) == 0)
			event->child = (pid_t)message;
		break;
	default:
		break;
	}
}

bool mt_tracee_pass_signal(uint64_t kept)
{
	siginfo_t info = { 0 };

	if (waitid(P_ALL, 0, &info, WSTOPPED | WNOHANG | WNOWAIT | __WALL) < 0 || !info.si_pid ||
	    info.si_code != CLD_TRAPPED || info.si_status <= 0 || info.si_status > SIGNALS)
		return false; /* other stops of tracees have more bits than a signal's number */
	return !(kept >> (info.si_status - 1) & 1) &&
	       ptrace(PTRACE_CONT, info.si_pid, NULL,
	              mt_ptrace_number((unsigned long)info.si_status)) == 0;
}

struct mt_event mt_tracee_next(void)
{
	struct mt_event event = mt_tracee_next_of(-1);

	return event.tid > 0 ? event : (struct mt_event){ .kind = MT_EVENT_NONE };
}

static struct mt_event take_event(pid_t tid, int flags)
{
	struct mt_event event;
	int status;
	pid_t got;

	do
		got = waitpid(tid, &status, flags | __WALL);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return (struct mt_event){ .kind = MT_EVENT_KILLED, .tid = tid };
	if (got == 0)
		return (struct mt_event){ .kind = MT_EVENT_NONE };
	event = mt_event_decode(got, status);
	complete(&event);
	return event;
}

struct mt_event mt_tracee_next_of(pid_t tid)
{
	return take_event(tid, WNOHANG);
}

struct mt_event mt_tracee_wait(pid_t tid)
{
	return take_event(tid, 0);
}

bool mt_tracee_stands(pid_t tid)
{
	struct user_regs_struct regs;

	return mt_tracee_user_regs(tid, &regs);
}

static bool can_stop(pid_t tid)
{
	return mt_process_state(tid) != 'D' && !mt_process_has_ended(tid);
}

/* It may come to stand between two looks: then its event is there at the next one. */
struct mt_event mt_tracee_next_stop(pid_t tid)
{
	const struct timespec pause = { .tv_nsec = LOOK_NS };
	struct mt_event event;
	bool stood = false;

	while ((event = mt_tracee_next_of(tid)).kind == MT_EVENT_NONE && !stood && can_stop(tid)) {
		stood = mt_tracee_stands(tid);
		if (!stood)
			nanosleep(&pause, NULL);
	}
	return event;
}

bool mt_tracee_siginfo(pid_t tid, siginfo_t *info)
{
	return ptrace(PTRACE_GETSIGINFO, tid, NULL, info) == 0;
}

bool mt_tracee_signal_waits(pid_t tid, bool (*is_it)(const siginfo_t *info))
{
	siginfo_t infos[8];
	struct __ptrace_peeksiginfo_args which = { .nr = sizeof(infos) / sizeof(*infos) };

	for (;;) {
		long count = ptrace(PTRACE_PEEKSIGINFO, tid, &which, infos);

		for (long i = 0; i < count; i++)
			if (is_it(&infos[i]))
				return true;
		if (count <= 0)
			return false;
		which.off += (uint64_t)count;
	}
}

static bool is_trap(const siginfo_t *info)
{
	return info->si_signo == SIGTRAP && info->si_code > 0;
}

bool mt_tracee_trap_waits(pid_t tid)
{
	return mt_tracee_signal_waits(tid, is_trap);
}

bool mt_tracee_set_siginfo(pid_t tid, const siginfo_t *info)
{
	return ptrace(PTRACE_SETSIGINFO, tid, NULL, info) == 0;
}

bool mt_tracee_signal_mask(pid_t tid, uint64_t *mask)
{
	return ptrace(PTRACE_GETSIGMASK, tid, mt_ptrace_number(sizeof(*mask)), mask) == 0;
}

bool mt_tracee_set_signal_mask(pid_t tid, uint64_t mask)
{
	return ptrace(PTRACE_SETSIGMASK, tid, mt_ptrace_number(sizeof(mask)), &mask) == 0;
}

bool mt_tracee_syscall_stop(pid_t tid, struct mt_syscall_stop *stop)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, mt_ptrace_number(sizeof(info)), &info) <= 0 ||
	    (info.op != PTRACE_SYSCALL_INFO_ENTRY && info.op != PTRACE_SYSCALL_INFO_EXIT))
		return false;
	stop->entering = info.op == PTRACE_SYSCALL_INFO_ENTRY;
	stop->number = stop->entering ? info.entry.nr : 0;
	return true;
}

bool mt_tracee_go(pid_t tid, enum mt_resume how, int signal)
{
	static const enum __ptrace_request requests[] = {
		[MT_RESUME_CONTINUE] = PTRACE_CONT,
		[MT_RESUME_STEP] = PTRACE_SINGLESTEP,
		[MT_RESUME_SYSCALL] = PTRACE_SYSCALL,
	};

	return ptrace(requests[how], tid, NULL, mt_ptrace_number((unsigned long)signal)) == 0;
}

void mt_tracee_resume(pid_t tid, int signal)
{
	mt_tracee_go(tid, MT_RESUME_CONTINUE, signal);
}

void mt_tracee_listen(pid_t tid)
{
	ptrace(PTRACE_LISTEN, tid, NULL, NULL);
}

void mt_tracee_detach(pid_t tid, int signal)
{
	ptrace(PTRACE_DETACH, tid, NULL, mt_ptrace_number((unsigned long)signal));
}

void mt_tracee_interrupt(pid_t tid)
{
	ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
}
