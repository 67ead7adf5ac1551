/* SPDX-License-Identifier: MIT */
/*
 * A program that nobody may disturb, and that checks itself: that its registers stay, that system
 * calls are not broken off, that queued signals come once and in their order, that timers go on,
 * that threads are born and end, and, when its standard input ends, that its code, its mappings of
 * code and what it does with SIGTRAP are as they were. All its threads pass touched(). It prints
 * "steady" when all run, and at the end "ok" or what is wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int over;
static volatile unsigned registers, broken, trapped, woken, disordered, unsent, unborn, ticks,
    alarms, beats;
static unsigned expected_value;

/* Passed by all threads; keeps every register. */
__asm__(".globl touched\n"
        ".type touched, @function\n"
        "touched: nop\n"
        "ret\n"
        ".size touched, .-touched\n");
void touched(void);

/* ---- Registers ----------------------------------------------------------- */

/* Fills them, passes touched() some times, and tells whether one has changed. */
#ifdef __x86_64__
static int keeps_registers(void)
{
	static const uint8_t pattern[16] = {
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
	};
	uint64_t wrong;
	uint32_t equal;

	__asm__ volatile("movdqu (%2), %%xmm0\n"
	                 "movdqa %%xmm0, %%xmm7\n"
	                 "movdqa %%xmm0, %%xmm15\n"
	                 "mov $0x1111111111111111, %%r8\n"
	                 "mov $0x2222222222222222, %%r9\n"
	                 "mov $0x3333333333333333, %%r10\n"
	                 "mov $0x4444444444444444, %%r11\n"
	                 "mov $0x5555555555555555, %%r12\n"
	                 "mov $0x6666666666666666, %%r13\n"
	                 "mov $0x7777777777777777, %%r14\n"
	                 "mov $200, %%ecx\n"
	                 "sub $128, %%rsp\n"
	                 "1: call touched\n"
	                 "dec %%ecx\n"
	                 "jnz 1b\n"
	                 "add $128, %%rsp\n"
	                 "pcmpeqb %%xmm0, %%xmm7\n"
	                 "pcmpeqb %%xmm0, %%xmm15\n"
	                 "pand %%xmm15, %%xmm7\n"
	                 "pmovmskb %%xmm7, %1\n"
	                 "mov $0x7777777777777777, %0\n"
	                 "xor %%r8, %%r9\n"   /* 3 */
	                 "xor %%r9, %%r10\n"  /* 0 */
	                 "xor %%r11, %%r12\n" /* 1 */
	                 "xor %%r12, %%r13\n" /* 7 */
	                 "xor %%r13, %%r14\n" /* 0 */
	                 "mov %%r10, %0\n"
	                 "or %%r14, %0\n"
	                 : "=&r"(wrong), "=&r"(equal)
	                 : "r"(pattern)
	                 : "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "xmm0", "xmm7",
	                   "xmm15", "memory", "cc");
	return !wrong && equal == 0xffff;
}
#else
static int keeps_registers(void)
{
	static const uint8_t pattern[16] = {
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
	};
	uint32_t wrong, equal;

	__asm__ volatile("movdqu (%2), %%xmm0\n"
	                 "movdqa %%xmm0, %%xmm7\n"
	                 "mov $0x66666666, %%esi\n"
	                 "mov $0x77777777, %%edi\n"
	                 "mov $200, %%ecx\n"
	                 "1: call touched\n"
	                 "dec %%ecx\n"
	                 "jnz 1b\n"
	                 "pcmpeqb %%xmm0, %%xmm7\n"
	                 "pmovmskb %%xmm7, %1\n"
	                 "sub $0x66666666, %%esi\n"
	                 "sub $0x77777777, %%edi\n"
	                 "or %%esi, %%edi\n"
	                 "mov %%edi, %0\n"
	                 : "=&r"(wrong), "=&r"(equal)
	                 : "r"(pattern)
	                 : "ecx", "esi", "edi", "xmm0", "xmm7", "memory", "cc");
	return !wrong && equal == 0xffff;
}
#endif

static void *hold_registers(void *arg)
{
	(void)arg;
	while (!over)
		if (!keeps_registers())
			registers++;
	return NULL;
}

/* ---- System calls -------------------------------------------------------- */

static int there[2], back[2];

static void *play(void *arg)
{
	char byte = 0;

	(void)arg;
	while (!over) {
		touched();
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			broken++;
	}
	close(there[1]);
	return NULL;
}

static void *play_back(void *arg)
{
	char byte;

	(void)arg;
	while (read(there[0], &byte, 1) == 1) {
		touched();
		beats++;
		if (write(back[1], &byte, 1) != 1)
			broken++;
	}
	return NULL;
}

static void *sleep_on(void *arg)
{
	const struct timespec moment = { .tv_nsec = 300000 };

	(void)arg;
	while (!over) {
		touched();
		if (clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL))
			woken++;
		else
			ticks++;
	}
	return NULL;
}

/* ---- Signals ------------------------------------------------------------- */

static void on_value(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	if (info->si_code != SI_QUEUE || (unsigned)info->si_value.sival_int != expected_value)
		disordered++;
	__atomic_store_n(&expected_value, expected_value + 1, __ATOMIC_RELEASE);
}

static void *receive(void *arg)
{
	sigset_t set;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	while (!over) {
		touched();
		sched_yield();
	}
	return NULL;
}

static void *send(void *arg)
{
	pthread_t to = *(pthread_t *)arg;

	for (unsigned i = 0; !over; i++) {
		const union sigval value = { .sival_int = (int)i };

		while (i - __atomic_load_n(&expected_value, __ATOMIC_ACQUIRE) >= 8 && !over)
			sched_yield();
		if (pthread_sigqueue(to, SIGRTMIN + 1, value) && !over)
			unsent++;
	}
	return NULL;
}

static void on_alarm(int signal)
{
	(void)signal;
	alarms++;
}

/* ---- Births -------------------------------------------------------------- */

static void *live_shortly(void *arg)
{
	touched();
	return arg;
}

static void *give_birth(void *arg)
{
	while (!over) {
		pthread_t child;
		void *result = &child;

		if (pthread_create(&child, NULL, live_shortly, arg) ||
		    pthread_join(child, &result) || result != arg)
			unborn++;
	}
	return NULL;
}

/* ---- Its own code -------------------------------------------------------- */

static int add_code(struct dl_phdr_info *info, size_t size, void *arg)
{
	uint64_t *sum = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const unsigned char *code =
		    (const unsigned char *)info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

		if (info->dlpi_phdr[i].p_type != PT_LOAD || !(info->dlpi_phdr[i].p_flags & PF_X))
			continue;
		for (size_t j = 0; j < info->dlpi_phdr[i].p_memsz; j++)
			*sum = (*sum ^ code[j]) * 0x100000001b3u;
	}
	return 0;
}

static uint64_t sum_of_code(void)
{
	uint64_t sum = 0;

	dl_iterate_phdr(add_code, &sum);
	return sum;
}

static int mappings_of_code(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	int count = 0;

	while (fgets(line, sizeof(line), maps))
		count += strstr(line, "xp ") != NULL;
	fclose(maps);
	return count;
}

/* None is ever sent. */
static void on_trap(int signal)
{
	(void)signal;
	trapped++;
}

static int traps_are_untouched(void)
{
	struct sigaction action;
	sigset_t blocked;

	sigaction(SIGTRAP, NULL, &action);
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	return action.sa_handler == on_trap && !sigismember(&blocked, SIGTRAP);
}

/* ---- All of it ----------------------------------------------------------- */

static int is_undisturbed(uint64_t code, int mappings)
{
	int ok = 1;

#define CHECK(condition)                                                                           \
	if (!(condition)) {                                                                        \
		printf("wrong: %s\n", #condition);                                                 \
		ok = 0;                                                                            \
	}
	CHECK(sum_of_code() == code)
	CHECK(mappings_of_code() == mappings)
	CHECK(traps_are_untouched())
	CHECK(registers == 0)
	CHECK(broken == 0)
	CHECK(trapped == 0)
	CHECK(woken == 0)
	CHECK(disordered == 0)
	CHECK(unsent == 0)
	CHECK(unborn == 0)
	CHECK(expected_value > 0)
	CHECK(ticks > 0 && beats > 0 && alarms > 0)
	return ok;
}

int main(void)
{
	const struct sigaction values = { .sa_sigaction = on_value, .sa_flags = SA_SIGINFO };
	const struct sigaction alarm_clock = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	const struct itimerval often = { { 0, 1000 }, { 0, 1000 } };
	void *(*const works[])(void *) = { receive,   hold_registers, play,
		                           play_back, sleep_on,       give_birth };
	enum { COUNT = sizeof(works) / sizeof(*works) };
	pthread_t threads[COUNT], sender;
	sigset_t mine;
	char byte;

	signal(SIGTRAP, on_trap);
	sigaction(SIGRTMIN + 1, &values, NULL);
	sigaction(SIGALRM, &alarm_clock, NULL);
	if (pipe(there) || pipe(back))
		return 1;
	/* Signals are for those that unblock them. */
	sigemptyset(&mine);
	sigaddset(&mine, SIGALRM);
	sigaddset(&mine, SIGRTMIN + 1);
	pthread_sigmask(SIG_BLOCK, &mine, NULL);

	uint64_t code = sum_of_code();
	int mappings = mappings_of_code();

	for (int i = 0; i < COUNT; i++)
		pthread_create(&threads[i], NULL, works[i], NULL);
	pthread_create(&sender, NULL, send, &threads[0]);
	sigdelset(&mine, SIGRTMIN + 1);
	pthread_sigmask(SIG_UNBLOCK, &mine, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	puts("steady");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) != 0)
		continue;
	over = 1;
	pthread_join(sender, NULL);
	for (int i = 0; i < COUNT; i++)
		pthread_join(threads[i], NULL);
	if (!is_undisturbed(code, mappings))
		return 1;
	puts("ok");
	return 0;
}
