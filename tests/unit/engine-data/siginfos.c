/* SPDX-License-Identifier: MIT */
/* Gets signals of all kinds, and writes what it sees of each to standard output: siginfo_t, 128
 * bytes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile int *nowhere = (volatile int *)0xdead000;

static void on_signal(int signal, siginfo_t *info, void *context)
{
	(void)context;
	if (write(1, info, 128) != 128 || signal == SIGSEGV)
		_exit(0);
}

static void expire(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1 };
	const struct itimerspec soon = { .it_value = { .tv_nsec = 1000 } };
	sigset_t none;
	timer_t timer;

	event.sigev_value.sival_int = -7;
	sigemptyset(&none);
	timer_create(CLOCK_MONOTONIC, &event, &timer);
	timer_settime(timer, 0, &soon, NULL);
	sigsuspend(&none);
}

static void be_told_of_input(void)
{
	int ends[2];

	if (pipe(ends))
		abort();
	fcntl(ends[0], F_SETOWN, getpid());
	fcntl(ends[0], F_SETSIG, SIGRTMIN + 2);
	fcntl(ends[0], F_SETFL, O_ASYNC);
	if (write(ends[1], "x", 1) != 1)
		abort();
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	sigset_t timers;

	for (int signal = 1; signal <= SIGRTMAX; signal++)
		sigaction(signal, &action, NULL);
	sigemptyset(&timers);
	sigaddset(&timers, SIGRTMIN + 1);
	sigprocmask(SIG_BLOCK, &timers, NULL); /* until somebody waits for it */
	raise(SIGUSR1);
	kill(getpid(), SIGUSR2);
	sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = -5 });
	expire();
	be_told_of_input();
	if (fork() == 0)
		_exit(3);
	wait(NULL);
	*nowhere = 1;
}
