/* SPDX-License-Identifier: MIT */
/*
 * edge THREADS ROUNDS: code that begins across the border of two pages, and whose last instruction
 * is the last byte before a page that can't be read. `across` and `last` are their places, known in
 * ready(); `hole` is the page behind. Each thread calls it ROUNDS times. Prints "sum=N".
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096

volatile uint64_t across, last, hole;
static long rounds;
static uint64_t sum;

__attribute__((noinline)) void ready(void)
{
	__asm__ volatile("" ::: "memory");
}

/* lea 1(%rdi),%rax across the border, and a jump to a ret that ends the second page. */
static void make_code(void)
{
	static const uint8_t lea[] = { 0x48, 0x8d, 0x47, 0x01 };
	uint8_t *pages =
	    mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *border = pages + PAGE;
	int32_t distance = PAGE - 1 - (2 + 5);

	memset(pages, 0x5a, 4 * PAGE);
	memcpy(border - 2, lea, sizeof(lea));
	border[2] = 0xe9;
	memcpy(border + 3, &distance, sizeof(distance));
	border[PAGE - 1] = 0xc3;
	mprotect(pages, 2 * PAGE, PROT_READ | PROT_EXEC);
	munmap(border + PAGE, PAGE);
	across = (uint64_t)(border - 2);
	last = (uint64_t)(border + PAGE - 1);
	hole = (uint64_t)(border + PAGE);
}

static void *work(void *arg)
{
	long (*code)(long) = (long (*)(long))across;
	long value = 0;

	(void)arg;
	for (long i = 0; i < rounds; i++)
		value = code(value);
	__atomic_fetch_add(&sum, (uint64_t)value, __ATOMIC_RELAXED);
	return NULL;
}

int main(int argc, char **argv)
{
	long count = argc > 1 ? atol(argv[1]) : 1;
	pthread_t threads[64];

	rounds = argc > 2 ? atol(argv[2]) : 1;
	make_code();
	ready();
	for (long i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	for (long i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	printf("sum=%lu\n", sum);
	return 0;
}
