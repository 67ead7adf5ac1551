/* SPDX-License-Identifier: MIT */
/*
 * masked: handles SIGTRAP, and blocks it now and then: by a system call, and while it handles
 * SIGUSR1. It sends itself one after each of these. Prints "traps=40 usr1=20 work=60".
 */
#define _GNU_SOURCE /* syscall() */
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile int traps, usr1, work;

static void on_trap(int signal)
{
	(void)signal;
	traps++;
}

static void on_usr1(int signal)
{
	(void)signal;
	usr1++;
	work++;
}

__attribute__((noinline)) void begin(void)
{
	work++;
}

/* raise(3) blocks all signals meanwhile. */
static void send(int signal)
{
	syscall(SYS_tgkill, getpid(), getpid(), signal);
}

int main(void)
{
	struct sigaction trap = { .sa_handler = on_trap }, user = { .sa_handler = on_usr1 };
	sigset_t blocked, before;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTRAP);
	user.sa_mask = blocked;
	sigaction(SIGTRAP, &trap, NULL);
	sigaction(SIGUSR1, &user, NULL);
	for (int i = 0; i < 20; i++) {
		begin();
		sigprocmask(SIG_BLOCK, &blocked, &before);
		work++;
		sigprocmask(SIG_SETMASK, &before, NULL);
		send(SIGTRAP);
		send(SIGUSR1);
		send(SIGTRAP);
	}
	printf("traps=%d usr1=%d work=%d\n", traps, usr1, work);
	return 0;
}
