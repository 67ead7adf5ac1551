/* SPDX-License-Identifier: MIT */
/*
 * insns.c for i386: instructions that are hard to leave when a breakpoint is on them. Each symbol
 * at_* is one of them; all are run ROUNDS times, but those that the comments tell otherwise. Prints
 * what the registers and the memory came to, which is the same without a debugger.
 */
#define _GNU_SOURCE /* REG_EIP */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define ROUNDS 20

/* An instruction with a global name. */
#define AT(name) ".globl at_" #name "\nat_" #name ": "

uint32_t plain_word = 1;
char source[64] = "sixty-four bytes that a rep movs carries over, one by one: all";
char target[64];
unsigned char *closed;
uint32_t sum;
int faults, illegals, traps, divisions, overflows;

static void mix(uint32_t value)
{
	sum = (sum ^ value) * 0x1000193u;
}

__attribute__((noinline)) static void simple_ones(void)
{
	uint32_t a = 3, flags, short_flags;

	__asm__ volatile("xor %%ecx, %%ecx\n"                   /* flags that are no accident */
	                 AT(nop) "nop\n" AT(nop_beside) "nop\n" /* */
	                 AT(push) "push %%ebp\n"                /* */
	                 AT(pop) "pop %%ebp\n"                  /* */
	                 AT(pushf) "pushfl\n"
	                           "pop %1\n"
	                           "push %1\n" /* */
	                 AT(popf) "popfl\n"    /* */
	                 AT(pushfw) "pushfw\n"
	                            "xor %2, %2\n"
	                            "mov (%%esp), %w2\n" /* */
	                 AT(popfw) "popfw\n"             /* */
	                 AT(store) "incl plain_word\n"   /* */
	                 AT(add) "add plain_word, %0\n"  /* */
	                 AT(pusha) "pusha\n"             /* */
	                 AT(popa) "popa\n"               /* */
	                 AT(inc) "inc %0\n"              /* a REX prefix in 64-bit code */
	                 AT(push_esp) "push %%esp\n"
	                              "pop %%ecx\n"
	                              "sub %%esp, %%ecx\n"
	                              "add %%ecx, %0\n"
	                 : "+r"(a), "=&r"(flags), "=&q"(short_flags)
	                 :
	                 : "ecx", "memory", "cc");
	mix(a);
	mix(flags & 0xdd5); /* the status flags, and TF, which is nobody's */
	mix(short_flags & 0xdd5);
}

/* These end in 0x9d and 0x9c, as popf and pushf do; and an inc, which is no prefix of the pushf. */
__attribute__((noinline)) static void lookalikes(void)
{
	uint32_t a = 1, pushed;

	__asm__ volatile(AT(mov_9d) "mov $0x9d, %%al\n" /* */
	                 AT(add_9d) "add $0x9d, %%al\n"
	                            "push $0x100\n"     /* */
	                 AT(mov_9c) "mov $0x9c, %%cl\n" /* */
	                 AT(inc_pushf) "inc %%ecx\n"
	                               "pushfl\n"
	                               "popfl\n"
	                               "jmp 2f\n"
	                               "1: jmp 3f\n"
	                               ".skip 95, 0x90\n" /* */
	                               "2:\n" AT(jmp_9d) "jmp 1b\n"
	                                                 "3: cmp $0, %%al\n" /* */
	                 AT(je_9d) ".byte 0x74, 0x9d\n"
	                           "pop %1\n"
	                 : "+a"(a), "=r"(pushed)
	                 :
	                 : "ecx", "memory", "cc");
	mix(a);
	mix(pushed);
}

__attribute__((noinline)) static void branches(void)
{
	uint32_t n = 0;

	__asm__ volatile("mov $5, %%ecx\n"
	                 "1: add $3, %0\n" /* */
	                 AT(loop) "loop 1b\n"
	                          "cmp $15, %0\n" /* */
	                 AT(jne) "jne 2f\n"
	                         "add $100, %0\n"
	                         "2: cmp $115, %0\n" /* */
	                 AT(je) "je 3f\n"
	                        "add $1000, %0\n"
	                        "3:\n" /* */
	                 AT(jmp) "jmp 4f\n"
	                         "ud2\n"
	                         "4: xor %%ecx, %%ecx\n" /* */
	                 AT(jecxz) "jecxz 5f\n"
	                           "add $5000, %0\n"
	                           "5: mov $0x10000, %%ecx\n" /* */
	                 AT(jcxz) "jcxz 51f\n"                /* cx is 0, ecx is not */
	                          "add $6000, %0\n"
	                          "51: mov $6f, %%eax\n" /* */
	                 AT(jmp_reg) "jmp *%%eax\n"
	                             "ud2\n"
	                             "6: cmp $0, %0\n" /* */
	                 AT(jg) "jg 7f\n"
	                        "add $9000, %0\n"
	                        "7:\n"
	                 : "+r"(n)
	                 :
	                 : "eax", "ecx", "memory", "cc");
	mix(n);
}

/* What a call pushes is checked by its callee, relative to at_call. */
__attribute__((noinline)) static void calls(void)
{
	uint32_t n = 0;

	__asm__ volatile(AT(call) "call callee\n"
	                          "mov $callee, %%ecx\n"     /* */
	                 AT(call_reg) "call *%%ecx\n"        /* */
	                 AT(call_mem) "call *callee_place\n" /* */
	                              "mov $0x7e57, %%eax\n"
	                              "push %%eax\n"
	                              "push %%cs\n"
	                              "push $at_far_back\n" /* */
	                 AT(lret) "lret\n"                  /* */
	                 AT(far_back) "pop %%eax\n"
	                              "pushl $7\n"
	                              "pushl $callee\n" /* */
	                 AT(call_esp) "call *(%%esp)\n"
	                              "add $8, %%esp\n"
	                              "jmp 8f\n"
	                              "callee: mov (%%esp), %%eax\n"
	                              "sub $at_call, %%eax\n"
	                              "add %%eax, %0\n" /* */
	                 AT(ret) "ret\n"
	                         ".pushsection .data\n"
	                         "callee_place: .long callee\n"
	                         ".popsection\n"
	                         "8:\n"
	                 : "+r"(n)
	                 :
	                 : "eax", "ecx", "edx", "memory", "cc");
	mix(n);
}

__attribute__((noinline)) static void strings_and_calls(void)
{
	const char *from = source;
	char *to = target;
	uint32_t count = sizeof(source), pid = SYS_getpid, by_gate = SYS_getpid;

	memset(target, 0, sizeof(target));
	__asm__ volatile(AT(rep_movs) "rep movsb\n" : "+S"(from), "+D"(to), "+c"(count)::"memory");
	mix((uint32_t)(from - source) + (uint32_t)(to - target) + count);
	mix((uint32_t)memcmp(source, target, sizeof(source)));
	__asm__ volatile(AT(int80) "int $0x80\n" : "+a"(pid) : : "memory");
	mix(pid == (uint32_t)getpid());
	__asm__ volatile(AT(call_gs) "call *%%gs:0x10\n" : "+a"(by_gate) : : "memory");
	mix(by_gate == pid);
}

/* Each is told to the handler by where it is. */
static void on_signal(int signal, siginfo_t *info, void *context)
{
	ucontext_t *at = context;
	extern char at_load[], at_ud2[], at_own_int3[], at_div[], at_into[];
	greg_t *pc = &at->uc_mcontext.gregs[REG_EIP];

	if (signal == SIGSEGV && *pc == (greg_t)at_load && info->si_addr == closed) {
		faults++;
		mprotect(closed, 4096, PROT_READ | PROT_WRITE);
	} else if (signal == SIGILL && *pc == (greg_t)at_ud2 && info->si_addr == at_ud2) {
		illegals++;
		*pc += 2;
	} else if (signal == SIGTRAP && *pc == (greg_t)at_own_int3 + 1) {
		traps++;
	} else if (signal == SIGFPE && *pc == (greg_t)at_div && info->si_addr == at_div) {
		divisions++;
		*pc += 2;
	} else if (signal == SIGSEGV && *pc == (greg_t)at_into + 1) {
		overflows++; /* a trap: the next instruction is where it goes on */
	} else {
		dprintf(1, "unexpected signal %d at %x, %p\n", signal, *pc, info->si_addr);
		_exit(3);
	}
}

__attribute__((noinline)) static void faulting_ones(void)
{
	uint32_t value, zero = 0;

	mprotect(closed, 4096, PROT_NONE);
	/* Twice a round: it faults, and is done again. */
	__asm__ volatile(AT(load) "mov (%1), %0\n" : "=r"(value) : "r"(closed) : "memory");
	mix(value);
	__asm__ volatile(AT(ud2) "ud2\n" ::: "memory");
	__asm__ volatile(AT(own_int3) "int3\n" ::: "memory");
	__asm__ volatile("mov $1, %%eax\n"
	                 "xor %%edx, %%edx\n" /* */
	                 AT(div) "div %0\n" ::"c"(zero)
	                 : "eax", "edx", "memory", "cc");
	__asm__ volatile("mov $0x7fffffff, %%eax\n"
	                 "inc %%eax\n" /* */
	                 AT(into) "into\n" ::
	                     : "eax", "memory", "cc");
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	sigaction(SIGTRAP, &action, NULL);
	sigaction(SIGFPE, &action, NULL);
	closed = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < ROUNDS; i++) {
		simple_ones();
		lookalikes();
		branches();
		calls();
		strings_and_calls();
		faulting_ones();
	}
	printf("sum=%x word=%u faults=%d illegals=%d traps=%d divisions=%d overflows=%d\n", sum,
	       plain_word, faults, illegals, traps, divisions, overflows);
	return 0;
}
