/* SPDX-License-Identifier: MIT */
/*
 * A warehouse, as an example to try memtrap on. Three workers move units from shelf to shelf; a
 * courier takes one unit out at a time, brings it back, and notes how late it was when it was late.
 * Units neither come nor go, so at the end there must be as many as at the start.
 *
 * There are not. The lock is held wherever it should be, and every line that names `units` is
 * right.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

enum { SHELVES = 16, UNITS = 1000, WORKERS = 3, MOVES = 4000, TRIPS = 4000, DELAYS = 8 };

struct warehouse {
	pthread_mutex_t lock;
	int shelves[SHELVES];
	uint8_t delays[DELAYS]; /* minutes; of the last late trips */
	int units;              /* on all shelves together */
	unsigned next_delay;
};

static struct warehouse warehouse = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The same numbers in every run. */
static unsigned draw(unsigned *state, unsigned below)
{
	*state = *state * 1103515245 + 12345;
	return (*state >> 16) % below;
}

static int take(int shelf, int wanted)
{
	int got = warehouse.shelves[shelf] < wanted ? warehouse.shelves[shelf] : wanted;

	warehouse.shelves[shelf] -= got;
	warehouse.units -= got;
	return got;
}

static void put(int shelf, int count)
{
	warehouse.shelves[shelf] += count;
	warehouse.units += count;
}

static void note_delay(unsigned minutes)
{
	warehouse.delays[warehouse.next_delay] = (uint8_t)minutes;
	if (++warehouse.next_delay > DELAYS)
		warehouse.next_delay = 0;
}

static void *worker(void *number)
{
	unsigned state = *(const unsigned *)number;

	for (int i = 0; i < MOVES; i++) {
		int from = (int)draw(&state, SHELVES), to = (int)draw(&state, SHELVES);

		pthread_mutex_lock(&warehouse.lock);
		put(to, take(from, 1 + (int)draw(&state, 9)));
		pthread_mutex_unlock(&warehouse.lock);
	}
	return NULL;
}

static void *courier(void *number)
{
	unsigned state = *(const unsigned *)number;

	for (int trip = 1; trip <= TRIPS; trip++) {
		int shelf = (int)draw(&state, SHELVES);

		pthread_mutex_lock(&warehouse.lock);
		put(shelf, take(shelf, 1));
		if (trip % (TRIPS / (DELAYS + 1)) == 0)
			note_delay(5 + draw(&state, 50));
		pthread_mutex_unlock(&warehouse.lock);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[WORKERS + 1];
	unsigned numbers[WORKERS + 1];

	put(0, UNITS);
	for (unsigned i = 0; i <= WORKERS; i++) {
		numbers[i] = i + 1;
		pthread_create(&threads[i], NULL, i < WORKERS ? worker : courier, &numbers[i]);
	}
	for (int i = 0; i <= WORKERS; i++)
		pthread_join(threads[i], NULL);
	printf("warehouse: %d units in stock, should be %d\n", warehouse.units, UNITS);
	return warehouse.units == UNITS ? 0 : 1;
}
