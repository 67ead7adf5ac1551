/* SPDX-License-Identifier: MIT */
/*
 * threads COUNT ROUNDS: that many threads call hit() that many times each. "leader": the main
 * thread ends before the others; "wait": they begin when a byte comes on standard input. Prints
 * "hits=N".
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long rounds;
volatile long hits;
static long thread_count, done;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t all_there;

__attribute__((noinline)) void hit(void)
{
	__atomic_fetch_add(&hits, 1, __ATOMIC_RELAXED);
}

static void *work(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&all_there);
	for (long i = 0; i < rounds; i++)
		hit();
	pthread_mutex_lock(&lock);
	if (++done == thread_count) {
		printf("hits=%ld\n", hits);
		fflush(stdout);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t *threads;

	const char *how = argc > 3 ? argv[3] : "";
	int waits = !strcmp(how, "wait");
	char byte;

	thread_count = strtol(argv[1], NULL, 0);
	rounds = strtol(argv[2], NULL, 0);
	threads = calloc((size_t)thread_count, sizeof(*threads));
	pthread_barrier_init(&all_there, NULL, (unsigned)(thread_count + waits));
	for (long i = 0; i < thread_count; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	if (!strcmp(how, "leader"))
		pthread_exit(NULL);
	if (waits && read(STDIN_FILENO, &byte, 1) >= 0)
		pthread_barrier_wait(&all_there);
	for (long i = 0; i < thread_count; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	return 0;
}
