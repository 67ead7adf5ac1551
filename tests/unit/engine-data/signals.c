/* SPDX-License-Identifier: MIT */
/* Signals that the program sends itself, in the order of their handlers' count. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

volatile int usr1, usr2;

void on_usr1(int signal)
{
	(void)signal;
	usr1++;
}

void on_usr2(int signal)
{
	(void)signal;
	usr2++;
}

__attribute__((noinline)) void between(void)
{
	__asm__ volatile("" ::: "memory");
}

int main(void)
{
	signal(SIGUSR1, on_usr1);
	signal(SIGUSR2, on_usr2);
	for (int i = 0; i < 5; i++) {
		kill(getpid(), SIGUSR1);
		between();
		kill(getpid(), SIGUSR2);
	}
	printf("usr1=%d usr2=%d\n", usr1, usr2);
	return 0;
}
