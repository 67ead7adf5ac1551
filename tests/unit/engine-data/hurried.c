/* SPDX-License-Identifier: MIT */
/*
 * hurried MODE ROUNDS: what a program may do while it is taken from one place to the next instead
 * of being stepped. `place.counter` is changed between begin() and over(); how often is printed.
 *
 * own       its code is written by itself, and run at once
 * affinity  it asks on which processors it may run
 * signals   signals of a timer come all the time, and their handler changes the counter too
 * calls     calls through memory write to place.around[1], one a round
 * reads     system calls write to place.around[1], one a round, and the next instruction changes
 *           the counter
 * prefix    a jump leads behind a prefix, and code is met in two ways
 * strings   repetitions end before the counter, begin behind it, and go over it
 * fault     a page is filled in by another thread when it is touched (userfaultfd(2))
 * forks     children are forked while another thread is busy, and run what it runs
 * spins     each of two threads waits for the other one in turn, without the kernel
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))
#define PAGE 4096

struct place {
	uint64_t around[8], counter, behind[8];
};

volatile struct place place;
static volatile uint64_t changes;
static uint64_t sum;
static unsigned long rounds;

NOINLINE void begin(void)
{
	__asm__ volatile("");
}

NOINLINE void over(void)
{
	__asm__ volatile("");
}

static void change(void)
{
	place.counter++;
	changes++;
}

static void *map(int protection)
{
	void *page = mmap(NULL, PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		exit(2);
	return page;
}

/* mov $N, %eax; ret, where N is another one each time; the first instructions write it. */
static void own(void)
{
	uint8_t *code = map(PROT_READ | PROT_WRITE | PROT_EXEC);
	uint32_t (*made)(void) = (uint32_t(*)(void))(uintptr_t)code;

	for (uint32_t i = 0; i < rounds; i++) {
		code[0] = 0xb8;
		memcpy(code + 1, &i, sizeof(i));
		code[5] = 0xc3;
		sum += made() == i;
		if (i % 16 == 0)
			change();
	}
}

static void affinity(void)
{
	cpu_set_t first, now;

	sched_getaffinity(0, sizeof(first), &first);
	for (unsigned long i = 0; i < rounds; i++) {
		for (int j = 0; j < 200; j++)
			place.around[j % 8] += i;
		sched_getaffinity(0, sizeof(now), &now);
		sum += CPU_EQUAL(&first, &now);
		change();
	}
}

static void on_timer(int signal)
{
	(void)signal;
	change();
}

static void signals(void)
{
	const struct sigaction action = { .sa_handler = on_timer };
	const struct itimerval often = { { 0, 500 }, { 0, 500 } };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	while (changes < rounds)
		for (int j = 0; j < 100; j++)
			place.around[j % 8]++;
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	sum = rounds;
}

NOINLINE static void over_there(void)
{
	__asm__ volatile("");
}

static void calls(void)
{
	static void (*volatile target)(void) = over_there;

	for (unsigned long i = 0; i < rounds; i++) {
		__asm__ volatile("mov %%rsp, %%rbx\n\t"
		                 "lea 16+%0, %%rsp\n\t"
		                 "call *%1\n\t"
		                 "mov %%rbx, %%rsp"
		                 : "+m"(place)
		                 : "m"(target)
		                 : "rbx", "memory", "cc");
		change();
	}
	sum = rounds;
}

static void reads(void)
{
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	for (unsigned long i = 0; i < rounds; i++) {
		long result = SYS_read;

		__asm__ volatile("syscall\n\t"
		                 "incq %1"
		                 : "+a"(result), "+m"(place.counter)
		                 : "D"(zero), "S"(&place.around[1]), "d"(sizeof(place.around[1]))
		                 : "rcx", "r11", "memory", "cc");
		changes++;
		sum += result == sizeof(place.around[1]);
	}
	close(zero);
}

static void prefix(void)
{
	for (unsigned long i = 0; i < rounds; i++) {
		__asm__ volatile("test $1, %1\n\t"
		                 "je 1f\n\t"
		                 ".byte 0xf0\n" /* lock */
		                 "1: addq $1, %0"
		                 : "+m"(place.around[0])
		                 : "r"(i)
		                 : "cc");
		if (i % 16 == 0)
			change();
	}
	sum = place.around[0];
}

static void strings(void)
{
	for (unsigned long i = 0; i < rounds; i++) {
		uint64_t *at = (uint64_t *)(uintptr_t)&place.around[0], count = 8;

		__asm__ volatile("rep stosq" : "+D"(at), "+c"(count) : "a"(i) : "memory");
		at = (uint64_t *)(uintptr_t)&place.behind[7];
		count = 8;
		__asm__ volatile("std; rep stosq; cld" : "+D"(at), "+c"(count) : "a"(i) : "memory");
		at = (uint64_t *)(uintptr_t)&place.counter;
		count = 1;
		__asm__ volatile("rep stosq" : "+D"(at), "+c"(count) : "a"(i + 1) : "memory");
		changes++;
		sum += place.around[7] == i && place.behind[0] == i;
	}
}

static int faults;

static void *fill_in(void *page)
{
	static uint8_t bytes[PAGE];
	struct uffd_msg message;
	struct uffdio_copy copy = { .dst = (uintptr_t)page, .src = (uintptr_t)bytes, .len = PAGE };

	bytes[0] = 1;
	for (unsigned long i = 0; i < rounds; i++) {
		if (read(faults, &message, sizeof(message)) != sizeof(message))
			exit(2);
		copy.copy = 0;
		if (ioctl(faults, UFFDIO_COPY, &copy) != 0)
			exit(2);
	}
	return NULL;
}

static void fault(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	volatile uint8_t *page = map(PROT_READ | PROT_WRITE);
	struct uffdio_register all = { .range = { (uintptr_t)page, PAGE },
		                       .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t thread;

	faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (faults < 0 || ioctl(faults, UFFDIO_API, &api) != 0 ||
	    ioctl(faults, UFFDIO_REGISTER, &all) != 0)
		exit(3);
	pthread_create(&thread, NULL, fill_in, (void *)(uintptr_t)page);
	for (unsigned long i = 0; i < rounds; i++) {
		for (int j = 0; j < 100; j++)
			place.around[j % 8]++;
		sum += page[0];
		madvise((void *)(uintptr_t)page, PAGE, MADV_DONTNEED);
		change();
	}
	pthread_join(thread, NULL);
}

static volatile int done;

NOINLINE static uint64_t be_busy(uint64_t times)
{
	uint64_t result = 0;

	for (uint64_t i = 0; i < times; i++)
		result = result * 31 + (i & 1 ? i : ~i) + place.around[i % 8];
	return result;
}

static void *be_busy_for_ever(void *arg)
{
	while (!done)
		be_busy(100);
	return arg;
}

static void forks(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, be_busy_for_ever, NULL);
	for (unsigned long i = 0; i < rounds; i++) {
		pid_t child = fork();
		int status;

		if (child == 0)
			_exit(be_busy(1000) == be_busy(1000) ? 7 : 8);
		if (waitpid(child, &status, 0) == child)
			sum += WIFEXITED(status) && WEXITSTATUS(status) == 7;
		change();
	}
	done = 1;
	pthread_join(thread, NULL);
}

static volatile unsigned long turn;

static void *spin(void *arg)
{
	unsigned long mine = (uintptr_t)arg;

	for (unsigned long i = 0; i < rounds; i++) {
		while (turn % 2 != mine)
			continue;
		change();
		turn++;
	}
	return NULL;
}

static void spins(void)
{
	pthread_t threads[2];

	for (uintptr_t i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, spin, (void *)i);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	sum = turn / 2;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} modes[] = {
		{ "own", own },         { "affinity", affinity }, { "signals", signals },
		{ "calls", calls },     { "reads", reads },       { "prefix", prefix },
		{ "strings", strings }, { "fault", fault },       { "forks", forks },
		{ "spins", spins },
	};

	if (argc < 3)
		return 2;
	rounds = strtoul(argv[2], NULL, 10);
	begin();
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (strcmp(argv[1], modes[i].name) == 0)
			modes[i].run();
	over();
	printf("changes=%llu sum=%llu\n", (unsigned long long)changes, (unsigned long long)sum);
	return 0;
}
