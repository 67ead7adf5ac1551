/* SPDX-License-Identifier: MIT */
/*
 * Threads that are born all the time, by two others, and live until eight more have been: at any
 * moment one is about to come. Prints "births" when they are, and ends when its standard input
 * does, with "ok".
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <unistd.h>

#define ALIVE 8

static volatile int over;

struct child {
	pthread_t thread;
	sem_t may_end;
};

static void *live(void *arg)
{
	struct child *child = arg;

	sem_wait(&child->may_end);
	return NULL;
}

static void bear(struct child *child)
{
	sem_init(&child->may_end, 0, 0);
	pthread_create(&child->thread, NULL, live, child);
}

static void bury(struct child *child)
{
	sem_post(&child->may_end);
	pthread_join(child->thread, NULL);
}

static void *give_birth(void *arg)
{
	struct child children[ALIVE];
	size_t oldest = 0;

	for (size_t i = 0; i < ALIVE; i++)
		bear(&children[i]);
	for (; !over; oldest = (oldest + 1) % ALIVE) {
		bury(&children[oldest]);
		bear(&children[oldest]);
	}
	for (size_t i = 0; i < ALIVE; i++)
		bury(&children[i]);
	return arg;
}

int main(void)
{
	pthread_t parents[2];
	char byte;

	for (size_t i = 0; i < 2; i++)
		pthread_create(&parents[i], NULL, give_birth, NULL);
	puts("births");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) != 0)
		continue;
	over = 1;
	for (size_t i = 0; i < 2; i++)
		pthread_join(parents[i], NULL);
	puts("ok");
	return 0;
}
