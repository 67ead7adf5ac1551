/* SPDX-License-Identifier: MIT */
/*
 * What is left to do when memtrap itself has failed: attached processes are let go without our
 * breakpoints. It runs in a signal handler, at any point of the code, so it goes by the two lists
 * that are whole at each moment (mt_debug.traced, mt_debug.known_sites) and by what the kernel says
 * of each thread, and calls nothing that is not async-signal-safe (signal-safety(7)).
 *
 * The memory of slots and detours stays mapped, so that a thread may finish what it does there.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/engine_private.h"
#include "target/process.h"
#include "target/step.h"

#define PATIENCE_TRIES 20000 /* of 100 µs: for threads that the kernel does not let stop */
#define TRY_NS 100000
#define STEP_TRIES 1000
#define MAX_STRANGERS 256
#define MAX_FDS 65536

#define INT3 0xcc
#define JUMP 0xe9
#define TF (1U << 8)
#define DR7 7
/* si_code of a system call's stop: PTRACE_O_TRACESYSGOOD. Above it are those of ptrace's events. */
#define SYSCALL_STOP (SIGTRAP | 0x80)
#define FIRST_EVENT 0x100

struct rescue {
	struct mt_debug *debug;
	/* Tracees that no list has: children whose parents have not told of them. */
	pid_t strangers[MAX_STRANGERS];
	size_t stranger_count;
};

/* ---- Stopping them ------------------------------------------------------- */

static bool is_ours(const struct mt_thread *thread)
{
	return thread->state != MT_THREAD_GONE && !thread->task && thread->proc->attached &&
	       !thread->proc->ended;
}

/* Else for an event or a system call. */
static bool is_for_signal(const siginfo_t *info)
{
	return info->si_signo && info->si_code < FIRST_EVENT && info->si_code != SYSCALL_STOP;
}

static bool is_stopped(pid_t tid, struct user_regs_struct *regs)
{
	return ptrace(PTRACE_GETREGS, tid, NULL, regs) == 0;
}

static void note_stranger(struct rescue *rescue, pid_t tid)
{
	for (const struct mt_thread *thread = rescue->debug->traced.lh_first; thread;
	     thread = thread->traced.le_next)
		if (thread->tid == tid && thread->state != MT_THREAD_GONE)
			return;
	for (size_t i = 0; i < rescue->stranger_count; i++)
		if (rescue->strangers[i] == tid)
			return;
	if (rescue->stranger_count < MAX_STRANGERS)
		rescue->strangers[rescue->stranger_count++] = tid;
}

/* Whoever stops, and those that the session has heard of and not looked at. */
static void take_strangers(struct rescue *rescue)
{
	const struct mt_debug *debug = rescue->debug;
	int status;
	pid_t tid;

	for (size_t i = 0; i < debug->orphans.len; i++)
		note_stranger(rescue, debug->orphans.data[i]);
	for (size_t i = 0; i < debug->held.len; i++)
		note_stranger(rescue, debug->held.data[i].tid);
	while ((tid = waitpid(-1, &status, WNOHANG | __WALL)) > 0)
		if (WIFSTOPPED(status))
			note_stranger(rescue, tid);
}

static const struct mt_dummy *outermost_dummy(const struct mt_thread *thread)
{
	const struct mt_debug *debug = thread->proc->debug;

	for (size_t i = 0; i < debug->dummies.len; i++)
		if (debug->dummies.data[i].thread == thread)
			return &debug->dummies.data[i];
	return NULL;
}

/* No other signal comes before the one that waits. */
static bool step(struct mt_thread *thread)
{
	uint64_t mask;

	if (!thread->blocked && mt_tracee_signal_mask(thread->tid, &mask)) {
		thread->blocked = ~mask & ~(MT_OWN_SIGNALS | MT_SIGTRAP_BIT);
		thread->unblocked |= mask & MT_SIGTRAP_BIT;
		mt_tracee_set_signal_mask(thread->tid, (mask | thread->blocked) & ~MT_SIGTRAP_BIT);
	}
	thread->how = MT_RESUME_STEP;
	return mt_tracee_go(thread->tid, MT_RESUME_STEP, 0);
}

/* An interrupt would come before the step. */
static bool is_stepping(struct mt_thread *thread)
{
	return thread->rescue_tries > 1 && --thread->rescue_tries;
}

/*
 * Whether the thread is still to be waited for. A trap that it has run into already comes after an
 * interrupt's stop, and is let come. So is the step that a signal waits for which the session
 * keeps: in its stop the signal is delivered as it was to be, before all others.
 */
static bool is_awaited(struct mt_thread *thread)
{
	struct user_regs_struct regs;
	siginfo_t info;

	if (!is_ours(thread) || thread->state == MT_THREAD_LEAVING)
		return false;
	if (!is_stopped(thread->tid, &regs))
		return is_stepping(thread) ||
		       ptrace(PTRACE_INTERRUPT, thread->tid, NULL, NULL) == 0;
	if (ptrace(PTRACE_GETSIGINFO, thread->tid, NULL, &info) < 0 || info.si_code < FIRST_EVENT)
		return false;
	if (mt_tracee_trap_waits(thread->tid))
		return mt_tracee_go(thread->tid, MT_RESUME_CONTINUE, 0);
	if (!thread->deferred || outermost_dummy(thread) || thread->rescue_tries == 1)
		return false;
	thread->rescue_tries = thread->rescue_tries ? thread->rescue_tries - 1 : STEP_TRIES;
	return step(thread);
}

static void stop_all(struct rescue *rescue)
{
	const struct timespec moment = { .tv_nsec = TRY_NS };
	bool any = true;

	for (int i = 0; any && i < PATIENCE_TRIES; i++) {
		any = false;
		take_strangers(rescue);
		for (struct mt_thread *thread = rescue->debug->traced.lh_first; thread;
		     thread = thread->traced.le_next)
			any = is_awaited(thread) || any;
		if (any)
			nanosleep(&moment, NULL);
	}
	take_strangers(rescue);
}

/* ---- The breakpoints ----------------------------------------------------- */

/* "/proc/4242/mem" */
static int open_memory(pid_t pid)
{
	char path[32] = "/proc/", digits[12], *at = path + strlen(path);
	size_t count = 0;

	do
		digits[count++] = (char)('0' + pid % 10);
	while (pid /= 10);
	while (count)
		*at++ = digits[--count];
	memcpy(at, "/mem", sizeof("/mem"));
	return open(path, O_RDWR | O_CLOEXEC);
}

static bool is_inserted(const struct mt_site *site, const uint8_t *bytes)
{
	int32_t distance;

	if (bytes[0] == INT3)
		return !site->filter && site->original[0] != INT3;
	memcpy(&distance, bytes + 1, sizeof(distance));
	return site->filter && bytes[0] == JUMP &&
	       site->addr + MT_JUMP_LEN + (uint64_t)(int64_t)distance == site->detour;
}

/* `memory` NULL: of any process, whose memory may have been copied. */
static void lift(const struct rescue *rescue, const struct mt_proc *memory, pid_t pid)
{
	int fd = open_memory(pid);

	for (const struct mt_site *site = rescue->debug->known_sites.lh_first; site;
	     site = site->known.le_next) {
		size_t len = site->filter ? MT_JUMP_LEN : MT_INT3_LEN;
		uint8_t bytes[MT_JUMP_LEN];

		if (!site->inserted || (memory && site->memory != memory) ||
		    pread(fd, bytes, len, (off_t)site->addr) != (ssize_t)len ||
		    !is_inserted(site, bytes))
			continue;
		/* Where it fails nothing else is left to try. */
		if (pwrite(fd, site->original, len, (off_t)site->addr) < 0)
			continue;
	}
	close(fd);
}

/* Each memory once. */
static void lift_all(const struct rescue *rescue)
{
	const struct mt_proc *last = NULL;

	for (const struct mt_thread *thread = rescue->debug->traced.lh_first; thread;
	     thread = thread->traced.le_next) {
		const struct mt_proc *memory = mt_proc_memory(thread->proc);

		if (!is_ours(thread) || thread->state == MT_THREAD_LEAVING || memory == last)
			continue;
		lift(rescue, memory, thread->tid);
		last = memory;
	}
	for (size_t i = 0; i < rescue->stranger_count; i++)
		lift(rescue, NULL, rescue->strangers[i]);
}

/* Those in the kernel would still send their signal, until we are gone. */
static void disable_events(void)
{
	struct rlimit limit;
	int max = MAX_FDS;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < MAX_FDS)
		max = (int)limit.rlim_cur;
	for (int fd = STDERR_FILENO + 1; fd < max; fd++)
		ioctl(fd, PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP);
}

/* ---- One thread ---------------------------------------------------------- */

/* Whether the session has dealt with the stop. */
static bool is_settled(const struct mt_thread *thread, uint64_t pc)
{
	return pc == thread->settled_pc;
}

/* Whether it has run into an int3 of ours, also into one that has been taken out since. */
static bool ran_into_site(const struct mt_thread *thread, const siginfo_t *info, uint64_t pc)
{
	const struct mt_proc *memory = mt_proc_memory(thread->proc);

	if (info->si_signo != SIGTRAP || info->si_code != SI_KERNEL || is_settled(thread, pc))
		return false;
	for (const struct mt_site *site = thread->proc->debug->known_sites.lh_first; site;
	     site = site->known.le_next)
		if (site->memory == memory && site->addr == pc - MT_INT3_LEN)
			return site->original[0] != INT3;
	return false;
}

/* What the session has changed for a time, or what the trap has, is as the program had it. */
static void put_registers_back(struct mt_thread *thread, struct user_regs_struct *regs,
                               bool trapped)
{
	const struct mt_dummy *dummy = outermost_dummy(thread);

	if (dummy) {
		if (dummy->xstate_size)
			mt_tracee_set_xstate(thread->tid, dummy->xstate, dummy->xstate_size);
		*regs = dummy->regs;
	} else if (thread->injecting) {
		*regs = thread->regs;
	} else if (trapped) {
		regs->rip -= MT_INT3_LEN;
	} else {
		return;
	}
	mt_tracee_set_user_regs(thread->tid, regs);
}

static void put_mask_back(const struct mt_thread *thread)
{
	const struct mt_dummy *dummy = outermost_dummy(thread);
	uint64_t mask, unblocked = thread->unblocked;

	if (dummy && dummy->blocks_trap)
		unblocked |= MT_SIGTRAP_BIT;
	if ((unblocked || thread->blocked) && mt_tracee_signal_mask(thread->tid, &mask))
		mt_tracee_set_signal_mask(thread->tid, (mask & ~thread->blocked) | unblocked);
}

/* A step's flag in what pushf has stored: see trap.c. */
static void hide_trap_flag(const struct mt_thread *thread, const siginfo_t *info, uint64_t sp)
{
	const uint8_t *code = thread->stepped_code;
	uint16_t flags;
	struct iovec local = { &flags, sizeof(flags) };
	struct iovec remote = { (void *)(uintptr_t)sp, sizeof(flags) };

	if (info->si_signo != SIGTRAP || info->si_code != TRAP_TRACE ||
	    thread->how != MT_RESUME_STEP || thread->flag_trap ||
	    !mt_step_is_pushf(code, &thread->before) ||
	    process_vm_readv(thread->tid, &local, 1, &remote, 1, 0) < 0 || !(flags & TF))
		return;
	flags = (uint16_t)(flags & ~TF);
	process_vm_writev(thread->tid, &local, 1, &remote, 1, 0);
}

static bool is_trap_of_ours(const struct mt_thread *thread, const siginfo_t *info, uint64_t pc)
{
	switch (info->si_code) {
	case SI_KERNEL:
		return is_settled(thread, pc); /* its own one is kept as its signal */
	case TRAP_TRACE:
	case TRAP_BRKPT:
	case SIGTRAP:
		return thread->how == MT_RESUME_STEP || thread->injecting;
	case TRAP_HWBKPT:
		return true;
	default:
		return false;
	}
}

/* What it is stopped for, as far as it is the program's: as `handle` says. */
static int signal_of(const struct mt_thread *thread, const siginfo_t *info, uint64_t pc)
{
	int signal = info->si_signo;

	if (!is_for_signal(info) || mt_is_hold(info) ||
	    (signal == SIGTRAP && is_trap_of_ours(thread, info, pc)) ||
	    (info->si_code > 0 && outermost_dummy(thread))) /* a fault of our call's */
		return 0;
	if (signal <= 0 || signal >= MT_SIGNALS)
		return 0;
	return thread->proc->debug->rules[signal].pass || thread->proc->quiet ? signal : 0;
}

/* As it was: a value that came along stays with it. What the kernel has made only it may send. */
static void send_again(const struct mt_thread *thread, const siginfo_t *info)
{
	pid_t pid = thread->proc->pid;
	siginfo_t copy = *info;

	if (syscall(SYS_rt_tgsigqueueinfo, pid, thread->tid, info->si_signo, &copy) < 0)
		syscall(SYS_tgkill, pid, thread->tid, info->si_signo);
}

/* The signal that the session has taken from the kernel, to be delivered before all others. */
static const siginfo_t *kept_signal(const struct mt_thread *thread)
{
	const struct mt_dummy *dummy = outermost_dummy(thread);

	if (dummy)
		return dummy->deferred ? &dummy->deferred_info
		                       : (dummy->signal ? &dummy->info : NULL);
	if (thread->deferred)
		return &thread->deferred_info;
	return thread->signal ? &thread->info : NULL;
}

/* Of a stop for a signal that is not the program's, or is the one that was kept, that one takes the
 * place; a second one is sent again. Returns what is to be delivered. */
static int give_signals_back(const struct mt_thread *thread, const siginfo_t *stop, int signal)
{
	const siginfo_t *kept = kept_signal(thread);

	for (size_t i = 0; i < thread->put_off.len; i++)
		send_again(thread, &thread->put_off.data[i]);
	if (!kept || signal == kept->si_signo)
		return signal;
	if (signal || !is_for_signal(stop)) {
		send_again(thread, kept);
		return signal;
	}
	mt_tracee_set_siginfo(thread->tid, kept);
	return kept->si_signo;
}

static bool let_go(struct mt_thread *thread)
{
	struct user_regs_struct regs;
	siginfo_t info = { .si_signo = 0 };
	bool trapped;
	int signal;

	if (!is_stopped(thread->tid, &regs)) /* it has ended, or is not to be had */
		return ptrace(PTRACE_INTERRUPT, thread->tid, NULL, NULL) < 0;
	ptrace(PTRACE_GETSIGINFO, thread->tid, NULL, &info);
	trapped = ran_into_site(thread, &info, regs.rip);
	signal = trapped ? 0 : signal_of(thread, &info, regs.rip);
	hide_trap_flag(thread, &info, regs.rsp);
	put_registers_back(thread, &regs, trapped);
	put_mask_back(thread);
	mt_tracee_set_debugreg(thread->tid, DR7, 0);
	mt_tracee_detach(thread->tid, give_signals_back(thread, &info, signal));
	return true;
}

/* ---- All of it ----------------------------------------------------------- */

static void note_process(struct mt_rescued *rescued, pid_t pid, bool whole)
{
	for (size_t i = 0; i < rescued->count; i++) {
		if (rescued->pids[i] != pid)
			continue;
		rescued->whole[i] = rescued->whole[i] && whole;
		return;
	}
	if (rescued->count == MT_RESCUED_MAX)
		return;
	rescued->pids[rescued->count] = pid;
	rescued->whole[rescued->count++] = whole;
}

void mt_debug_rescue(struct mt_debug *debug, struct mt_rescued *rescued)
{
	struct rescue rescue = { .debug = debug };

	rescued->count = 0;
	if (!debug->traced.lh_first)
		return;
	stop_all(&rescue);
	lift_all(&rescue);
	disable_events();
	for (struct mt_thread *thread = debug->traced.lh_first; thread;
	     thread = thread->traced.le_next)
		if (is_ours(thread) && thread->state != MT_THREAD_LEAVING)
			note_process(rescued, thread->proc->pid, let_go(thread));
	for (size_t i = 0; i < rescue.stranger_count; i++)
		mt_tracee_detach(rescue.strangers[i], 0);
}
