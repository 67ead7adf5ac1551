/* SPDX-License-Identifier: MIT */
/*
 * crowd THREADS ROUNDS: all threads run the same hard instructions at once, each with memory of its
 * own, and check what they come to. Each symbol at_* is passed once a round by each thread, but
 * at_call_target, which is called twice, and at_load, which faults and is done again. Prints
 * "wrong=0 faults=N illegals=N".
 */
#define _GNU_SOURCE /* REG_RIP, REG_EIP */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define SIZE 96

/* What differs on the machines. There the kernel has another gate, and no red zone is left alone.
 */
#ifdef __x86_64__
#define PC REG_RIP
#define GATE "syscall"
#define GATE_CHANGES "rcx", "r11",
#define SKIP_RED_ZONE "sub $128, %%rsp\n"
#define TAKE_BACK "add $128, %%rsp\n"
#define TAKE_TARGET "lea at_call_target(%%rip), %%rax\n"
#define CALL_IT "call *%%rax\n"
#define ADD_FIVE "addq $5, (%%rsp)\n"
#else
#define PC REG_EIP
#define GATE "int $0x80"
#define GATE_CHANGES
#define SKIP_RED_ZONE
#define TAKE_BACK
#define TAKE_TARGET "mov $at_call_target, %%eax\n"
#define CALL_IT "call *%%eax\n"
#define ADD_FIVE "addl $5, (%%esp)\n"
#endif

static long rounds;
static unsigned wrong, faults, illegals;

/* The fault's page is told by its address; what it held is kept by mprotect(). */
static void on_signal(int signal, siginfo_t *info, void *context)
{
	ucontext_t *at = context;
	extern char at_load[], at_ud2[];
	const char *pc = (const char *)(uintptr_t)at->uc_mcontext.gregs[PC];

	if (signal == SIGSEGV && pc == at_load) {
		__atomic_fetch_add(&faults, 1, __ATOMIC_RELAXED);
		mprotect(info->si_addr, 4096, PROT_READ | PROT_WRITE);
	} else if (signal == SIGILL && pc == at_ud2 && info->si_addr == at_ud2) {
		__atomic_fetch_add(&illegals, 1, __ATOMIC_RELAXED);
		at->uc_mcontext.gregs[PC] += 2;
	} else {
		dprintf(1, "unexpected signal %d at %p\n", signal, pc);
		_exit(3);
	}
}

static int copies(void)
{
	char from[SIZE], to[SIZE] = { 0 }, *end = to;
	const char *source = from;
	unsigned long count = SIZE;

	for (int i = 0; i < SIZE; i++)
		from[i] = (char)(i * 3 + 1);
	__asm__ volatile(".globl at_rep_movs\n"
	                 "at_rep_movs: rep movsb\n"
	                 : "+S"(source), "+D"(end), "+c"(count)
	                 :
	                 : "memory");
	return !memcmp(from, to, SIZE) && end == to + SIZE && !count;
}

static int asks(pid_t tid)
{
	unsigned long result = SYS_gettid;

	__asm__ volatile(".globl at_syscall\n"
	                 "at_syscall: " GATE "\n"
	                 : "+a"(result)
	                 :
	                 : GATE_CHANGES "memory");
	return result == (unsigned long)tid;
}

static int calls(unsigned long number)
{
	unsigned long value = number;

	__asm__ volatile(SKIP_RED_ZONE ".globl at_call, at_call_back, at_call_target\n"
	                               "at_call: call at_call_target\n"
	                               "at_call_back: " TAKE_TARGET CALL_IT TAKE_BACK "jmp 1f\n"
	                               "at_call_target: push %0\n" ADD_FIVE "pop %0\n"
	                               "ret\n"
	                               "1:\n"
	                 : "+r"(value)
	                 :
	                 : "rax", "memory", "cc");
	return value == number + 10;
}

static int faulting(unsigned long *page, unsigned long number)
{
	unsigned long value;

	*page = number;
	mprotect(page, 4096, PROT_NONE);
	__asm__ volatile(".globl at_load\n"
	                 "at_load: mov (%1), %0\n"
	                 : "=r"(value)
	                 : "r"(page)
	                 : "memory");
	__asm__ volatile(".globl at_ud2\n"
	                 "at_ud2: ud2\n" ::
	                     : "memory");
	return value == number;
}

static void *work(void *arg)
{
	unsigned long *page =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t tid = (pid_t)syscall(SYS_gettid);

	(void)arg;
	for (long i = 0; i < rounds; i++) {
		unsigned long number = (unsigned long)tid * 1000003 + (unsigned long)i;

		if (!copies() || !asks(tid) || !calls(number) || !faulting(page, number))
			__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	long count = argc > 1 ? atol(argv[1]) : 1;
	pthread_t threads[64];

	rounds = argc > 2 ? atol(argv[2]) : 1;
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	for (long i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	for (long i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	printf("wrong=%u faults=%u illegals=%u\n", wrong, faults, illegals);
	return 0;
}
