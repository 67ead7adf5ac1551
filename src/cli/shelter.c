/* SPDX-License-Identifier: MIT */
#include "cli/shelter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

void mt_die_by(int signum)
{
	struct rlimit no_core = { 0 };
	sigset_t set;

	setrlimit(RLIMIT_CORE, &no_core);
	signal(signum, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, signum);
	raise(signum);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* True: the child has ended, with `status` as of waitpid(2). */
static bool has_ended(pid_t child, int *status)
{
	return waitpid(child, status, WNOHANG) == child;
}

/* What the terminal sends reaches the child by itself (si_code SI_KERNEL). */
static int wait_for(pid_t child, const sigset_t *signals)
{
	int status = 0;

	while (!has_ended(child, &status)) {
		siginfo_t info;
		int signum = sigwaitinfo(signals, &info);

		if (signum > 0 && signum != SIGCHLD && info.si_code != SI_KERNEL)
			kill(child, signum);
	}
	return status;
}

struct mt_error *mt_shelter_run(int (*work)(int lifeline, void *arg), void *arg, int *status)
{
	sigset_t signals, before;
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return mt_error_sys(errno, "cannot make a pipe");
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, &before);
	child = fork();
	if (child == 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		close(ends[1]);
		_exit(work(ends[0], arg));
	}
	close(ends[0]);
	if (child < 0) {
		int err = errno;

		close(ends[1]);
		return mt_error_sys(err, "cannot start a process");
	}
	*status = wait_for(child, &signals);
	close(ends[1]);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (WIFSIGNALED(*status))
		mt_die_by(WTERMSIG(*status));
	*status = WIFEXITED(*status) ? WEXITSTATUS(*status) : 128 + WTERMSIG(*status);
	return NULL;
}
