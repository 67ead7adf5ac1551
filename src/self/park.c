/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "self/report.h"
#include "self/thread.h"

#define PLACES 1024
#define NS_PER_MS 1000000L
#define LOOK_EVERY_MS 100

/* The threads that are parked, by tid; 0: a free place. A thread waits on its place. */
static uint32_t places[PLACES];

/* ---- Debuggers ----------------------------------------------------------- */

/* Who traces the calling thread; 0: nobody. */
static pid_t tracer(void)
{
	static const char label[] = "\nTracerPid:\t";
	int fd MT_AUTO_FD = open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC);
	char text[512];
	ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	const char *found;
	pid_t pid = 0;

	text[len < 0 ? 0 : len] = '\0';
	found = strstr(text, label);
	for (found += found ? sizeof(label) - 1 : 0; found && *found >= '0' && *found <= '9';)
		pid = 10 * pid + (*found++ - '0');
	return pid;
}

/* Debuggers stop at a SIGCONT as at most signals, and to a program that runs it does nothing. */
static void show_to_debugger(void)
{
	sigset_t wanted, before;

	sigemptyset(&wanted);
	sigaddset(&wanted, SIGCONT);
	pthread_sigmask(SIG_UNBLOCK, &wanted, &before);
	syscall(SYS_tgkill, getpid(), mt_thread_id(), SIGCONT);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ---- Places -------------------------------------------------------------- */

static bool replace(uint32_t *place, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(place, &from, to, false, __ATOMIC_SEQ_CST,
	                                   __ATOMIC_SEQ_CST);
}

static void wait_at(uint32_t *place, uint32_t value)
{
	const struct timespec limit = { .tv_nsec = LOOK_EVERY_MS * NS_PER_MS };

	syscall(SYS_futex, place, FUTEX_WAIT_PRIVATE, value, &limit, NULL, 0);
}

static uint32_t *take_place(uint32_t tid)
{
	for (;;) {
		for (size_t i = 0; i < PLACES; i++)
			if (replace(&places[i], 0, tid))
				return &places[i];
		wait_at(&places[0], __atomic_load_n(&places[0], __ATOMIC_RELAXED));
	}
}

/*
 * A debugger that has the thread keeps it stopped: when the thread itself sees one, and sees it
 * again a while later, then it was told to go on.
 */
static void hold(uint32_t *place, uint32_t tid)
{
	pid_t seen = 0, now;

	while (__atomic_load_n(place, __ATOMIC_SEQ_CST) == tid) {
		wait_at(place, tid);
		now = tracer();
		if (now && now == seen)
			replace(place, tid, 0);
		seen = now;
	}
}

/* ---- For the program ----------------------------------------------------- */

static void say_how_to_look(struct mt_say *say, uint64_t pid, uint64_t tid)
{
	mt_say_text(say, "   look:   gdb -p ");
	mt_say_unsigned(say, pid);
	if (tid != pid) {
		mt_say_text(say, " -ex 'thread find ");
		mt_say_unsigned(say, tid);
		mt_say_text(say, "'");
	}
	mt_say_text(say, "\n           memtrap debug -p ");
	mt_say_unsigned(say, pid);
	mt_say_text(say, "\n   go on:  `continue` there, or memtrap_release(");
	mt_say_unsigned(say, tid);
	mt_say_text(say, ")\n");
}

static void announce(const struct memtrap_hit *hit, pid_t debugger)
{
	struct mt_say say;

	mt_say_begin(&say, STDERR_FILENO);
	mt_say_text(&say, "memtrap: parked thread ");
	mt_report_thread(&say);
	mt_say_text(&say, "\n");
	mt_report_hit(&say, hit);
	if (debugger) {
		mt_say_text(&say, "   look:   in process ");
		mt_say_unsigned(&say, (uint64_t)debugger);
		mt_say_text(&say, ", which traces it: SIGCONT stops it there\n");
	} else {
		say_how_to_look(&say, (uint64_t)getpid(), (uint64_t)mt_thread_id());
	}
	mt_say_end(&say);
}

void memtrap_park(const struct memtrap_hit *hit)
{
	int saved = errno;
	pid_t debugger = tracer();

	if (debugger) {
		announce(hit, debugger);
		show_to_debugger();
	} else {
		/* Before it is told: who reads it may release the thread at once. */
		uint32_t tid = (uint32_t)mt_thread_id(), *place = take_place(tid);

		/* Where Yama lets nobody but ancestors attach, this thread's guest may. */
		prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
		announce(hit, debugger);
		hold(place, tid);
		prctl(PR_SET_PTRACER, 0);
	}
	errno = saved;
}

int memtrap_release(pid_t tid)
{
	int saved = errno, released = 0;

	for (size_t i = 0; i < PLACES; i++) {
		uint32_t parked = __atomic_load_n(&places[i], __ATOMIC_SEQ_CST);

		if (!parked || (tid && parked != (uint32_t)tid) || !replace(&places[i], parked, 0))
			continue;
		syscall(SYS_futex, &places[i], FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
		released++;
	}
	errno = saved;
	return released;
}
