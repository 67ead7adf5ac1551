/* SPDX-License-Identifier: MIT */
/* Trials of hardware breakpoints, on our own memory and functions. */
#include <errno.h>
#include <inttypes.h>
#include <linux/hw_breakpoint.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "probe/trial_private.h"
#include "x86/debugreg.h"

#define ACCESSES 3

/* si_code of a trap that a perf event sent (asm-generic/siginfo.h; glibc 2.36 lacks it). */
#ifndef TRAP_PERF
#define TRAP_PERF 6
#endif

static const struct mt_need breakpoints = {
	MT_RIGHT_PERF,
	"a kernel with CONFIG_PERF_EVENTS, on a machine with debug registers",
};
static const struct mt_need kernel_breakpoints = {
	MT_RIGHT_PERF_KERNEL,
	"a kernel with CONFIG_PERF_EVENTS, on a machine with debug registers",
};
static const struct mt_need newer_breakpoints = { MT_RIGHT_PERF, "Linux 5.13 or newer" };

static volatile uint64_t word;

/* ---- Events -------------------------------------------------------------- */

struct perf_event_attr mt_breakpoint_attr(uint32_t type, const volatile void *at)
{
	return (struct perf_event_attr){
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(struct perf_event_attr),
		.bp_type = type,
		.bp_addr = (uint64_t)(uintptr_t)at,
		.bp_len = sizeof(uint64_t),
		.sample_period = 1,
		.disabled = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};
}

struct mt_error *mt_event_open(struct perf_event_attr *attr, int *fd)
{
	int got = (int)syscall(SYS_perf_event_open, attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (got < 0 && errno == ENOSPC)
		return mt_error_new(MT_ERR_NO_REGISTER, "no debug register is free");
	if (got < 0)
		return mt_error_sys(errno, "perf_event_open");
	*fd = got;
	return NULL;
}

struct mt_error *mt_event_count(struct perf_event_attr *attr, void (*act)(void), uint64_t *hits)
{
	int fd MT_AUTO_FD = -1;

	MT_TRY(mt_event_open(attr, &fd));
	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	act();
	ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	if (read(fd, hits, sizeof(*hits)) != sizeof(*hits))
		return mt_error_sys(errno, "cannot read how often a breakpoint fired");
	return NULL;
}

/* ---- Kinds of access ----------------------------------------------------- */

static void expect_hits(struct mt_finding *finding, struct perf_event_attr *attr, void (*act)(void),
                        uint64_t wanted, const struct mt_need *need)
{
	uint64_t hits = 0;
	struct mt_error *error = mt_event_count(attr, act, &hits);

	if (error) {
		mt_found_error(finding, error, need);
		return;
	}
	mt_found(finding, hits == wanted ? MT_TRIAL_OK : MT_TRIAL_NO,
	         "fired %" PRIu64 " of %" PRIu64 " times", hits, wanted);
	if (hits != wanted)
		mt_found_remedy(finding, "use another machine: this one, or its emulator, does not "
		                         "deliver debug exceptions as it should");
}

static void write_word(void)
{
	for (uint64_t i = 0; i < ACCESSES; i++)
		word = i;
}

static void read_and_write_word(void)
{
	write_word();
	for (int i = 0; i < ACCESSES; i++)
		(void)word;
}

static __attribute__((noinline)) void called(void)
{
	__asm__ volatile("");
}

static void call(void)
{
	for (int i = 0; i < ACCESSES; i++)
		called();
}

void mt_trial_hw_write(struct mt_finding *finding)
{
	struct perf_event_attr attr = mt_breakpoint_attr(HW_BREAKPOINT_W, &word);

	expect_hits(finding, &attr, write_word, ACCESSES, &breakpoints);
}

void mt_trial_hw_access(struct mt_finding *finding)
{
	struct perf_event_attr attr = mt_breakpoint_attr(HW_BREAKPOINT_RW, &word);

	expect_hits(finding, &attr, read_and_write_word, 2 * ACCESSES, &breakpoints);
}

void mt_trial_hw_exec(struct mt_finding *finding)
{
	struct perf_event_attr attr = mt_breakpoint_attr(HW_BREAKPOINT_X, NULL);

	attr.bp_addr = (uint64_t)(uintptr_t)called;
	expect_hits(finding, &attr, call, ACCESSES, &breakpoints);
}

/* ---- Registers ----------------------------------------------------------- */

void mt_trial_registers(struct mt_finding *finding)
{
	static uint64_t words[MT_DR_COUNT];
	struct mt_error *error = NULL;
	int fds[MT_DR_COUNT];
	unsigned count = 0;

	while (count < MT_DR_COUNT && !error) {
		struct perf_event_attr attr = mt_breakpoint_attr(HW_BREAKPOINT_W, &words[count]);

		error = mt_event_open(&attr, &fds[count]);
		count += !error;
	}
	if (error)
		mt_found_error(finding, error, &breakpoints);
	for (unsigned i = 0; i < count; i++)
		close(fds[i]);
	if (count)
		mt_found(finding, count == MT_DR_COUNT ? MT_TRIAL_OK : MT_TRIAL_PART,
		         "%u of %d can be had in one thread", count, MT_DR_COUNT);
}

/* ---- The kernel's accesses ----------------------------------------------- */

static int pipe_ends[2];

static void read_into_word(void)
{
	ssize_t got = read(pipe_ends[0], (void *)(uintptr_t)&word, 1);

	if (got != 1)
		_exit(1);
}

void mt_trial_kernel_access(struct mt_finding *finding)
{
	struct perf_event_attr attr = mt_breakpoint_attr(HW_BREAKPOINT_W, &word);
	struct mt_error *error;
	uint64_t hits = 0;

	attr.exclude_kernel = 0;
	if (pipe(pipe_ends) < 0 || write(pipe_ends[1], "", 1) != 1) {
		mt_found(finding, MT_TRIAL_NO, "not tried, for want of a pipe: %s",
		         strerror(errno));
		return;
	}
	error = mt_event_count(&attr, read_into_word, &hits);
	if (error)
		mt_found_error(finding, error, &kernel_breakpoints);
	else
		mt_found(finding, hits ? MT_TRIAL_OK : MT_TRIAL_NO,
		         hits ? "fired for a read(2) into a word"
		              : "did not fire for a read(2) into a word");
}

/* ---- New threads --------------------------------------------------------- */

static void *write_in_thread(void *arg)
{
	write_word();
	return arg;
}

static void write_in_new_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, write_in_thread, NULL) == 0)
		pthread_join(thread, NULL);
}

void mt_trial_new_threads(struct mt_finding *finding)
{
	struct perf_event_attr attr = mt_breakpoint_attr(HW_BREAKPOINT_W, &word);

	attr.inherit = 1;
	attr.inherit_thread = 1;
	attr.remove_on_exec = 1;
	expect_hits(finding, &attr, write_in_new_thread, ACCESSES, &newer_breakpoints);
}

/* ---- A signal at each hit ------------------------------------------------ */

static volatile sig_atomic_t traps;

static void on_trap(int signal, siginfo_t *info, void *context)
{
	traps += info->si_code == TRAP_PERF && info->si_addr == (const volatile void *)&word;
}

void mt_trial_sigtrap(struct mt_finding *finding)
{
	struct perf_event_attr attr = mt_breakpoint_attr(HW_BREAKPOINT_W, &word);
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };

	attr.sigtrap = 1;
	attr.remove_on_exec = 1; /* which sigtrap asks for */
	sigaction(SIGTRAP, &action, NULL);
	expect_hits(finding, &attr, write_word, ACCESSES, &newer_breakpoints);
	if (finding->result == MT_TRIAL_OK && traps != ACCESSES)
		mt_found(finding, MT_TRIAL_NO, "%d of %d signals came", (int)traps, ACCESSES);
}
