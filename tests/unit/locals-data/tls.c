/* SPDX-License-Identifier: MIT */
/*
 * tls PLUGIN: threads with their own copies of variables of the program, of a library that it is
 * linked with, and of one that it loads, which one thread does not touch. Says of each thread
 *
 *	TID NAME VALUE
 *
 * before it calls marker(1); VALUE is "untouched" where there is no copy yet.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

#include "tell.h"

int *linked(void);

__thread long of_program = 100;

static int *(*plugged)(void);
static pthread_barrier_t told, seen;

static void speak(int number)
{
	int tid = gettid();

	of_program += number;
	*linked() += number;
	printf("%d of_program %ld\n", tid, of_program);
	printf("%d of_linked %d\n", tid, *linked());
	if (number != 2)
		printf("%d of_plugin %d\n", tid, *plugged() += number);
	else
		printf("%d of_plugin untouched\n", tid);
}

static void *run(void *number)
{
	speak((int)(long)number);
	pthread_barrier_wait(&told);
	pthread_barrier_wait(&seen);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[3];
	void *plugin = dlopen(argv[argc - 1], RTLD_NOW);

	plugged = plugin ? (int *(*)(void))dlsym(plugin, "plugged") : NULL;
	if (!plugged) {
		puts(dlerror());
		return 1;
	}
	pthread_barrier_init(&told, NULL, 4);
	pthread_barrier_init(&seen, NULL, 4);
	speak(0);
	for (long i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, run, (void *)(i + 1));
	pthread_barrier_wait(&told);
	fflush(stdout);
	marker(1);
	pthread_barrier_wait(&seen);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
