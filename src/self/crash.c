/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "self/context.h"
#include "self/fail.h"
#include "self/lock.h"
#include "self/report.h"
#include "self/thread.h"

static struct fatal {
	int signal;
	const char *name;
	struct sigaction before;
} fatals[] = {
	{ .signal = SIGSEGV, .name = "SIGSEGV" }, { .signal = SIGBUS, .name = "SIGBUS" },
	{ .signal = SIGILL, .name = "SIGILL" },   { .signal = SIGFPE, .name = "SIGFPE" },
	{ .signal = SIGABRT, .name = "SIGABRT" },
};

#define FATALS (sizeof(fatals) / sizeof(*fatals))

static int report_fd;

static struct fatal *fatal_of(int signal)
{
	struct fatal *fatal = fatals;

	while (fatal->signal != signal)
		fatal++;
	return fatal;
}

static void say_crash(struct mt_say *say, const char *name, const siginfo_t *info,
                      const ucontext_t *context)
{
	mt_say_text(say, "memtrap: ");
	mt_say_text(say, name);
	if (info->si_code > 0 && info->si_code != SI_KERNEL) {
		mt_say_text(say, " at ");
		mt_say_hex(say, (uintptr_t)info->si_addr, 1);
	}
	mt_say_text(say, " in ");
	mt_report_thread(say);
	mt_say_text(say, ", ");
	mt_say_code(say, mt_context_pc(context));
	mt_say_text(say, "\n");
}

/*
 * The old action comes first, so that a crash in here is the end. What the processor raised comes
 * again when the instruction is tried again; what somebody sent is sent again, as it was.
 */
static void on_crash(int signal, siginfo_t *info, void *context)
{
	const struct fatal *fatal = fatal_of(signal);
	int saved = errno;
	struct mt_say say;

	sigaction(signal, &fatal->before, NULL);
	mt_say_begin(&say, __atomic_load_n(&report_fd, __ATOMIC_RELAXED));
	say_crash(&say, fatal->name, info, context);
	mt_say_end(&say);
	memtrap_print_history(say.fd);
	if (info->si_code <= 0)
		syscall(SYS_rt_tgsigqueueinfo, getpid(), mt_thread_id(), signal, info);
	errno = saved;
}

static int install(struct fatal *fatal)
{
	struct sigaction action = { .sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	struct sigaction now;

	if (sigaction(fatal->signal, NULL, &now) < 0)
		return mt_fail_sys(errno, "cannot ask for the handler of %s", fatal->name);
	if ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_crash)
		return 0;
	fatal->before = now;
	if (sigaction(fatal->signal, &action, NULL) < 0)
		return mt_fail_sys(errno, "cannot handle %s", fatal->name);
	return 0;
}

int memtrap_report_crashes(int fd)
{
	int error = 0;

	if (fcntl(fd, F_GETFD) < 0)
		return mt_fail_sys(errno, "cannot report crashes to file descriptor %d", fd);
	mt_lock();
	__atomic_store_n(&report_fd, fd, __ATOMIC_RELAXED);
	for (size_t i = 0; i < FATALS && !error; i++)
		error = install(&fatals[i]);
	mt_unlock();
	return error;
}
