/* SPDX-License-Identifier: MIT */
#include "target/tracee.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "target/process.h"

/* What ptrace's data argument takes: a number in the clothes of a pointer. */
static void *ptrace_number(unsigned long number)
{
	return (void *)(uintptr_t)number;
}

static unsigned long ptrace_options(unsigned flags)
{
	unsigned long options = PTRACE_O_TRACESYSGOOD;

	if (flags & MT_TRACE_EXEC)
		options |= PTRACE_O_TRACEEXEC;
	if (flags & MT_TRACE_THREADS)
		options |= PTRACE_O_TRACECLONE;
	if (flags & MT_TRACE_FORKS)
		options |= PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
	return options;
}

/* ---- Launching ----------------------------------------------------------- */

static struct mt_error *cannot_run(int err, const char *program)
{
	return mt_error_new(err == ENOENT ? MT_ERR_NO_PROGRAM : MT_ERR_CANNOT_RUN,
	                    "cannot run %s: %s", program, strerror(err));
}

/* The candidate for `name` in one folder of PATH; an empty folder is the current one. */
static char *join_path(const char *folder, size_t len, const char *name)
{
	char *path = NULL;

	if (asprintf(&path, "%.*s%s%s", (int)len, folder, len ? "/" : "./", name) < 0)
		return NULL;
	return path;
}

static bool is_program(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

static struct mt_error *find_in_path(const char *name, char **path)
{
	const char *folders = getenv("PATH");

	for (const char *at = folders ? folders : "/bin:/usr/bin"; at;) {
		const char *end = strchrnul(at, ':');
		char *candidate = join_path(at, (size_t)(end - at), name);

		if (!candidate)
			return mt_error_nomem();
		if (is_program(candidate)) {
			*path = candidate;
			return NULL;
		}
		free(candidate);
		at = *end ? end + 1 : NULL;
	}
	return cannot_run(ENOENT, name);
}

struct mt_error *mt_program_find(const char *name, char **path)
{
	char *copy;

	if (!strchr(name, '/'))
		return find_in_path(name, path);
	if (access(name, X_OK) < 0)
		return cannot_run(errno, name);
	copy = mt_strdup(name);
	if (!copy)
		return mt_error_nomem();
	*path = copy;
	return NULL;
}

/* The child's half: waits until it is seized, then becomes the program. */
static _Noreturn void run_program(const struct mt_launch *launch, int go, int report)
{
	char byte;

	while (read(go, &byte, 1) < 0 && errno == EINTR)
		;
	setrlimit(RLIMIT_NOFILE, &launch->open_files);
	sigprocmask(SIG_SETMASK, &launch->signal_mask, NULL);
	execv(launch->path, launch->argv);

	int err = errno;
	ssize_t told = write(report, &err, sizeof(err));

	_exit(told == sizeof(err) ? 127 : 126);
}

/* Lets the seized child exec and waits for its exec stop. `report` brings an errno when it fails.
 */
static struct mt_error *wait_for_exec(pid_t pid, int report, const char *program)
{
	int status;

	for (;;) {
		if (waitpid(pid, &status, __WALL) < 0) {
			if (errno == EINTR)
				continue;
			return mt_error_sys(errno, "cannot wait for %s", program);
		}

		struct mt_event event = mt_event_decode(pid, status);

		if (event.kind == MT_EVENT_EXEC)
			return NULL;
		if (event.kind == MT_EVENT_EXITED || event.kind == MT_EVENT_KILLED)
			break;
		mt_tracee_resume(pid, event.kind == MT_EVENT_SIGNAL ? event.signal : 0);
	}

	int err = ECHILD;

	if (read(report, &err, sizeof(err)) < 0)
		err = errno;
	return cannot_run(err, program);
}

struct mt_error *mt_tracee_launch(const struct mt_launch *launch, unsigned flags, pid_t *pid)
{
	int go[2], report[2];

	if (pipe2(go, O_CLOEXEC) < 0)
		return mt_error_sys(errno, "cannot create a pipe");

	int go_read MT_AUTO_FD = go[0], go_write MT_AUTO_FD = go[1];

	if (pipe2(report, O_CLOEXEC) < 0)
		return mt_error_sys(errno, "cannot create a pipe");

	int report_read MT_AUTO_FD = report[0], report_write MT_AUTO_FD = report[1];
	pid_t child = fork();

	if (child < 0)
		return mt_error_sys(errno, "cannot fork");
	if (child == 0) {
		close(go_write); /* else the end of file would never come */
		run_program(launch, go_read, report_write);
	}

	close(mt_take_fd(&report_write));
	if (ptrace(PTRACE_SEIZE, child, NULL,
	           ptrace_number(ptrace_options(flags | MT_TRACE_EXEC))) < 0) {
		int err = errno;

		kill(child, SIGKILL);
		waitpid(child, NULL, __WALL);
		return mt_error_sys(err, "cannot trace %s", launch->argv[0]);
	}
	close(mt_take_fd(&go_write)); /* end of file is the signal to go */
	MT_TRY(wait_for_exec(child, report_read, launch->argv[0]));
	*pid = child;
	return NULL;
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

static struct mt_error *seize_thread(pid_t tid, bool *done, void *arg)
{
	unsigned long options = *(unsigned long *)arg;

	*done = mt_process_tracer(tid) == getpid(); /* born of one that we had seized already */
	if (*done)
		return NULL;
	if (ptrace(PTRACE_SEIZE, tid, NULL, ptrace_number(options)) < 0 && errno != ESRCH)
		return seize_error(tid, errno);
	return NULL;
}

struct mt_error *mt_tracee_seize(pid_t pid, unsigned flags)
{
	unsigned long options = ptrace_options(flags);

	return mt_process_each_thread(pid, seize_thread, &options);
}

/* ---- Stops --------------------------------------------------------------- */

struct mt_event mt_tracee_next(void)
{
	int status;
	pid_t tid = waitpid(-1, &status, WNOHANG | __WALL);

	if (tid <= 0)
		return (struct mt_event){ .kind = MT_EVENT_NONE };

	struct mt_event event = mt_event_decode(tid, status);
	unsigned long message = 0;

	switch (event.kind) {
	case MT_EVENT_CLONE:
	case MT_EVENT_FORK:
	case MT_EVENT_VFORK:
	case MT_EVENT_EXEC:
		if (ptrace(PTRACE_GETEVENTMSG, tid, NULL, &message) == 0)
			event.child = (pid_t)message;
		break;
	default:
		break;
	}
	return event;
}

bool mt_tracee_siginfo(pid_t tid, siginfo_t *info)
{
	return ptrace(PTRACE_GETSIGINFO, tid, NULL, info) == 0;
}

bool mt_tracee_regs(pid_t tid, struct mt_regs *regs)
{
	struct user_regs_struct user;
	struct iovec area = { .iov_base = &user, .iov_len = sizeof(user) };

	if (ptrace(PTRACE_GETREGSET, tid, ptrace_number(NT_PRSTATUS), &area) < 0)
		return false;
	*regs = (struct mt_regs){ .r = {
		                      [MT_REG_RAX] = user.rax,
		                      [MT_REG_RDX] = user.rdx,
		                      [MT_REG_RCX] = user.rcx,
		                      [MT_REG_RBX] = user.rbx,
		                      [MT_REG_RSI] = user.rsi,
		                      [MT_REG_RDI] = user.rdi,
		                      [MT_REG_RBP] = user.rbp,
		                      [MT_REG_RSP] = user.rsp,
		                      [MT_REG_R8] = user.r8,
		                      [MT_REG_R9] = user.r9,
		                      [MT_REG_R10] = user.r10,
		                      [MT_REG_R11] = user.r11,
		                      [MT_REG_R12] = user.r12,
		                      [MT_REG_R13] = user.r13,
		                      [MT_REG_R14] = user.r14,
		                      [MT_REG_R15] = user.r15,
		                      [MT_REG_RIP] = user.rip,
		                      [MT_REG_RFLAGS] = user.eflags,
		                  } };
	return true;
}

void mt_tracee_resume(pid_t tid, int signal)
{
	ptrace(PTRACE_CONT, tid, NULL, ptrace_number((unsigned long)signal));
}

void mt_tracee_listen(pid_t tid)
{
	ptrace(PTRACE_LISTEN, tid, NULL, NULL);
}

void mt_tracee_detach(pid_t tid, int signal)
{
	ptrace(PTRACE_DETACH, tid, NULL, ptrace_number((unsigned long)signal));
}

void mt_tracee_interrupt(pid_t tid)
{
	ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
}
