/* SPDX-License-Identifier: MIT */
/*
 * watched MODE THREADS ROUNDS: threads that touch `counter`, and at the end what they have done:
 *
 *	locked   each adds 1 under a lock
 *	racing   each adds a number of its own by one instruction, as fast as it can
 *	storing  each stores values of its own, as fast as it can
 *	checked  waits for a byte, then as racing; meanwhile each looks after its registers, and at
 *	         the end after the code, and it says what is not as it was
 *
 * Between begin() and over() nothing else touches it.
 */
#define _GNU_SOURCE
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 64

volatile uint64_t counter, neighbour;
static long rounds;
static const char *mode;
static volatile int changed;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t start;

__attribute__((noinline)) void begin(void)
{
	__asm__ volatile("");
}

__attribute__((noinline)) void over(void)
{
	__asm__ volatile("");
}

static void add(uint64_t step)
{
	__asm__ volatile("lock addq %1, %0" : "+m"(counter) : "r"(step));
}

/* With all registers full of what must be there afterwards. */
static void add_and_check(uint64_t step)
{
	uint64_t wrong;

	__asm__ volatile("mov $0x1111111111111111, %%r8\n"
	                 "mov %%r8, %%r9\n mov %%r8, %%r10\n mov %%r8, %%r11\n mov %%r8, %%r12\n"
	                 "mov %%r8, %%r13\n mov %%r8, %%r14\n mov %%r8, %%r15\n"
	                 "movq %%r8, %%xmm5\n movq %%r8, %%xmm15\n"
	                 "stc\n"
	                 "mov %2, %0\n"
	                 "lock addq %0, %1\n"
	                 "pushfq\n pop %0\n"
	                 "and $0x100, %0\n" /* TF */
	                 "movq %%xmm5, %%rcx\n xor %%r8, %%rcx\n or %%rcx, %0\n"
	                 "movq %%xmm15, %%rcx\n xor %%r8, %%rcx\n or %%rcx, %0\n"
	                 "xor %%r8, %%r9\n or %%r9, %0\n xor %%r8, %%r10\n or %%r10, %0\n"
	                 "xor %%r8, %%r11\n or %%r11, %0\n xor %%r8, %%r12\n or %%r12, %0\n"
	                 "xor %%r8, %%r13\n or %%r13, %0\n xor %%r8, %%r14\n or %%r14, %0\n"
	                 "xor %%r8, %%r15\n or %%r15, %0\n"
	                 : "=&d"(wrong), "+m"(counter)
	                 : "r"(step)
	                 : "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm5",
	                   "xmm15", "memory", "cc");
	if (wrong)
		changed = 1;
}

static void *work(void *arg)
{
	uint64_t number = (uint64_t)(uintptr_t)arg;

	pthread_barrier_wait(&start);
	for (long i = 0; i < rounds; i++) {
		if (!strcmp(mode, "locked")) {
			pthread_mutex_lock(&lock);
			counter++;
			pthread_mutex_unlock(&lock);
		} else if (!strcmp(mode, "racing")) {
			add(UINT64_C(1) << number % 4 * 16);
		} else if (!strcmp(mode, "storing")) {
			counter = number * 1000 + (uint64_t)i;
		} else {
			add_and_check(UINT64_C(1) << number % 4 * 16);
		}
	}
	return NULL;
}

/* Of all code that is mapped from files. */
static int sum_code(struct dl_phdr_info *info, size_t size, void *arg)
{
	uint64_t *sum = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		const uint8_t *bytes = (const uint8_t *)(info->dlpi_addr + segment->p_vaddr);

		if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X) ||
		    (segment->p_flags & PF_W))
			continue;
		for (size_t at = 0; at < segment->p_filesz; at++)
			*sum = *sum * 31 + bytes[at];
	}
	return 0;
}

int main(int argc, char **argv)
{
	long count = argc > 2 ? atol(argv[2]) : 1;
	pthread_t threads[THREADS];
	uint64_t before = 0, after = 0;
	struct sigaction action;

	mode = argc > 1 ? argv[1] : "locked";
	rounds = argc > 3 ? atol(argv[3]) : 1;
	pthread_barrier_init(&start, NULL, (unsigned)count);
	if (!strcmp(mode, "checked")) {
		dl_iterate_phdr(sum_code, &before);
		getchar();
	}
	begin();
	for (long i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, work, (void *)(i + 1));
	for (long i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	over();
	sigaction(SIGTRAP, NULL, &action);
	if (!strcmp(mode, "checked")) {
		dl_iterate_phdr(sum_code, &after);
		printf("%s%s%s", changed ? "registers " : "", before != after ? "code " : "",
		       action.sa_handler != SIG_DFL ? "handler " : "");
	}
	printf("%lx\n", counter);
	return 0;
}
