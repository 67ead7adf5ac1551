/* SPDX-License-Identifier: MIT */
/*
 * Signal handlers: after a system call, on a stack of their own, one in another, and where the
 * interrupted instruction is the first of its function, so that one byte before it is no longer
 * part of it; and one that returns, as with other C libraries, to code without CFI.
 */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "steps.h"

#ifdef __i386__
#define BX "%ebx"
#define WORD "4"
#define REG_PC REG_EIP
#else
#define BX "%rbx"
#define WORD "8"
#define REG_PC REG_RIP
#endif

static volatile long sink;

/* A function without CFI ends where the one with begins; that one's first instruction faults. */
__asm__(".pushsection .text\n"
        "before_fault: ret\n"
        ".globl faults_at_once\n"
        ".type faults_at_once, @function\n"
        "faults_at_once:\n"
        ".cfi_startproc\n"
        "	ud2\n"
        "	push " BX "\n"
        ".cfi_adjust_cfa_offset " WORD "\n"
        ".cfi_rel_offset " BX ", 0\n"
        "	ud2\n"
        "	pop " BX "\n"
        ".cfi_adjust_cfa_offset -" WORD "\n"
        ".cfi_restore " BX "\n"
        "	ret\n"
        ".cfi_endproc\n"
        ".size faults_at_once, . - faults_at_once\n"
        ".popsection\n");
void faults_at_once(void);

static NOINLINE void leaf(long n)
{
	sink += n;
}

static NOINLINE void skip_fault(int signal, siginfo_t *info, void *context)
{
	ucontext_t *interrupted = context;

	leaf(signal);
	interrupted->uc_mcontext.gregs[REG_PC] += 2;
}

static NOINLINE void fault_again(int signal)
{
	leaf(signal);
	faults_at_once();
	leaf(signal);
}

static void handle(int signal, void *handler, int flags)
{
	struct sigaction action = { .sa_flags = flags };

	if (flags & SA_SIGINFO)
		action.sa_sigaction = (void (*)(int, siginfo_t *, void *))handler;
	else
		action.sa_handler = (void (*)(int))handler;
	sigaction(signal, &action, NULL);
}

/* What musl's handlers return to: the byte before it belongs to no function either. i386 has one
 * for handlers with one argument, and one for those with three. */
__asm__(".pushsection .text\n"
        "	nop\n"
        "bare_restorer:\n"
#ifdef __i386__
        "	pop %eax\n"
        "	mov $119, %eax\n"
        "	int $0x80\n"
        "	nop\n"
        "bare_rt_restorer:\n"
        "	mov $173, %eax\n"
        "	int $0x80\n"
#else
        "bare_rt_restorer:\n"
        "	mov $15, %rax\n"
        "	syscall\n"
#endif
        ".popsection\n");
void bare_restorer(void);
void bare_rt_restorer(void);

/* struct sigaction as the kernel has it; the C library puts in a restorer of its own. */
static void handle_bare(int signal, void (*handler)(int), unsigned long flags,
                        void (*restorer)(void))
{
	struct {
		void (*handler)(int);
		unsigned long flags;
		void (*restorer)(void);
		uint64_t mask;
	} action = { handler, flags | 0x04000000 /* SA_RESTORER */, restorer, 0 };

	syscall(SYS_rt_sigaction, signal, &action, NULL, sizeof(action.mask));
}

int main(void)
{
	static char own_stack[32768];
	stack_t stack = { .ss_sp = own_stack, .ss_size = sizeof(own_stack) };

	sigaltstack(&stack, NULL);
	handle(SIGUSR1, (void *)fault_again, 0);
	handle(SIGUSR2, (void *)fault_again, SA_ONSTACK);
	handle_bare(SIGALRM, fault_again, 0, bare_restorer);
	handle_bare(SIGVTALRM, fault_again, SA_SIGINFO, bare_rt_restorer);
	handle(SIGILL, (void *)skip_fault, SA_SIGINFO);
	STEPS_BEGIN();
	faults_at_once();
	raise(SIGUSR1);
	raise(SIGUSR2);
	raise(SIGALRM);
	raise(SIGVTALRM);
	STEPS_END();
	return 0;
}
