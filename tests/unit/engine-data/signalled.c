/* SPDX-License-Identifier: MIT */
/*
 * signalled COUNT: a thread sends the main thread so many real-time signals with numbers from 0
 * on, which queue, and as many SIGUSR1, each after the one before has been handled. The main thread
 * works meanwhile, in spin(). Prints "values=COUNT wrong=0 usr1=COUNT".
 */
#define _GNU_SOURCE /* pthread_sigqueue() */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define IN_FLIGHT 16

static int count;
static volatile int values, wrong, usr1;
static volatile unsigned long work;

static void on_value(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	wrong += info->si_code != SI_QUEUE || info->si_value.sival_int != values;
	values++;
}

static void on_usr1(int signal)
{
	(void)signal;
	usr1++;
}

__attribute__((noinline)) void spin(void)
{
	work++;
}

static void *send(void *arg)
{
	pthread_t to = *(pthread_t *)arg;

	for (int i = 0; i < count; i++) {
		const union sigval value = { .sival_int = i };

		while (i - values >= IN_FLIGHT || usr1 != i)
			sched_yield();
		pthread_sigqueue(to, SIGRTMIN + 1, value);
		pthread_kill(to, SIGUSR1);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const struct sigaction with_value = { .sa_sigaction = on_value, .sa_flags = SA_SIGINFO };
	const struct sigaction plain = { .sa_handler = on_usr1 };
	pthread_t self = pthread_self(), sender;

	count = argc > 1 ? atoi(argv[1]) : 100;
	sigaction(SIGRTMIN + 1, &with_value, NULL);
	sigaction(SIGUSR1, &plain, NULL);
	pthread_create(&sender, NULL, send, &self);
	while (values < count || usr1 < count)
		spin();
	pthread_join(sender, NULL);
	printf("values=%d wrong=%d usr1=%d\n", values, wrong, usr1);
	return 0;
}
