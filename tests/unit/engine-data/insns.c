/* SPDX-License-Identifier: MIT */
/*
 * Instructions that are hard to leave when a breakpoint is on them. Each symbol at_* is one of
 * them; all are run ROUNDS times, but those that the comments tell otherwise. Prints what the
 * registers and the memory came to, which is the same without a debugger.
 */
#define _GNU_SOURCE /* REG_RIP */
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
#define AT(name) ".globl at_" #name "\nat_" #name ":\n"

uint64_t plain_word = 1;
char source[64] = "sixty-four bytes that a rep movs carries over, one by one: all";
char target[64];
unsigned char *closed;
uint64_t sum;
int faults, illegals, traps, divisions;

static void mix(uint64_t value)
{
	sum = (sum ^ value) * 0x100000001b3u;
}

__attribute__((noinline)) static void simple_ones(void)
{
	uint64_t a = 3, flags;

	__asm__ volatile(
	    AT(nop) "nop\n" AT(nop_beside) "nop\n" AT(push) "push %%rbp\n" AT(pop) "pop %%rbp\n" AT(
	        pushf) "pushfq\n"
	               "pop %1\n"
	               "push %1\n" AT(popf) "popfq\n" AT(add_rip) "add plain_word(%%rip), %0\n" AT(
	                   lea_rip) "lea plain_word(%%rip), %%rcx\n"
	                            "add (%%rcx), %0\n" AT(store_rip) "incq plain_word(%%rip)\n"
	    : "+r"(a), "=r"(flags)
	    :
	    : "rcx", "memory", "cc");
	mix(a);
	mix(flags & 0xdd5); /* the status flags, and TF, which is nobody's */
}

/* These end in 0x9d and 0x9c, as popf and pushf do. */
__attribute__((noinline)) static void lookalikes(void)
{
	uint64_t a = 1, pushed;

	__asm__ volatile(AT(mov_9d) "mov $0x9d, %%al\n" /* */
	                 AT(add_9d) "add $0x9d, %%al\n"
	                            "push $0x100\n" /* */
	                 AT(mov_9c) "mov $0x9c, %%cl\n"
	                            "jmp 2f\n"
	                            "1: jmp 3f\n"
	                            ".skip 95, 0x90\n" /* */
	                            "2:\n" AT(jmp_9d) "jmp 1b\n"
	                                              "3: cmp $0, %%al\n" /* */
	                 AT(je_9d) ".byte 0x74, 0x9d\n"
	                           "pop %1\n"
	                 : "+a"(a), "=r"(pushed)
	                 :
	                 : "rcx", "memory", "cc");
	mix(a);
	mix(pushed);
}

__attribute__((noinline)) static void branches(void)
{
	uint64_t n = 0, address = 0;

	__asm__ volatile(
	    "mov $5, %%rcx\n"
	    "1: add $3, %0\n" AT(
	        loop) "loop 1b\n"
	              "cmp $15, %0\n" AT(
	                  jne) "jne 2f\n"
	                       "add $100, %0\n"
	                       "2: cmp $115, %0\n" AT(
	                           je) "je 3f\n"
	                               "add $1000, %0\n"
	                               "3:\n" AT(
	                                   jmp) "jmp 4f\n"
	                                        "ud2\n"
	                                        "4: xor %%ecx, %%ecx\n" AT(
	                                            jrcxz) "jrcxz 5f\n"
	                                                   "add $5000, %0\n"
	                                                   "5: lea 6f(%%rip), %%rax\n" AT(
	                                                       jmp_reg) "jmp *%%rax\n"
	                                                                "ud2\n"
	                                                                "6: cmp $0, %0\n" AT(
	                                                                    jg) "jg 7f\n"
	                                                                        "add $9000, %0\n"
	                                                                        "7: lea "
	                                                                        "callee(%%rip), "
	                                                                        "%%rax\n"
	                                                                        "sub $256, "
	                                                                        "%%rsp\n" AT(
	                                                                            call) "call "
	                                                                                  "callee\n"
	                                                                                  "mov "
	                                                                                  "%%rax, "
	                                                                                  "%1\n"
	                                                                                  "lea "
	                                                                                  "callee(%"
	                                                                                  "%rip), "
	                                                                                  "%%"
	                                                                                  "rax"
	                                                                                  "\n" AT(
	                                                                                      call_reg) "call *%%rax\n"
	                                                                                                "lea callee(%%rip), %%rax\n"
	                                                                                                "mov %%rax, 8(%%rsp)\n" AT(call_mem) "call *8(%%rsp)\n" AT(
	                                                                                                    call_rip) "call *callee_pointer(%%rip)\n"
	                                                                                                              "add $256, %%rsp\n"
	                                                                                                              "jmp 8f\n"
	                                                                                                              "callee: mov (%%rsp), %%rax\n"
	                                                                                                              "lea at_call(%%rip), %%rdx\n"
	                                                                                                              "sub %%rdx, %%rax\n"
	                                                                                                              "add %%rax, %0\n" AT(
	                                                                                                                  ret) "ret\n"
	                                                                                                                       ".pushsection .data.rel.local, \"aw\"\n"
	                                                                                                                       "callee_pointer: .quad callee\n"
	                                                                                                                       ".popsection\n"
	                                                                                                                       "8:\n"
	    : "+r"(n), "+r"(address)
	    :
	    : "rax", "rcx", "rdx", "memory", "cc");
	mix(n);
	mix(address);
}

__attribute__((noinline)) static void strings_and_calls(void)
{
	const char *from = source;
	char *to = target;
	uint64_t count = sizeof(source), pid = SYS_getpid, rcx_is_next, r11;

	memset(target, 0, sizeof(target));
	__asm__ volatile(AT(rep_movs) "rep movsb\n" : "+S"(from), "+D"(to), "+c"(count)::"memory");
	mix((uint64_t)(from - source) + (uint64_t)(to - target) + count);
	mix((uint64_t)memcmp(source, target, sizeof(source)));
	__asm__ volatile(AT(syscall) "syscall\n"
	                             "lea (%%rip), %%rdx\n"
	                             "9: sub $7, %%rdx\n"
	                             "sub %%rdx, %%rcx\n"
	                             "mov %%rcx, %1\n"
	                             "mov %%r11, %2\n"
	                 : "+a"(pid), "=r"(rcx_is_next), "=r"(r11)
	                 :
	                 : "rcx", "rdx", "r11", "memory");
	mix(pid == (uint64_t)getpid());
	mix(rcx_is_next); /* 0 */
	mix(r11 & 0x100); /* TF */
}

/* Each is told to the handler by where it is. */
static void on_signal(int signal, siginfo_t *info, void *context)
{
	ucontext_t *at = context;
	extern char at_load[], at_ud2[], at_own_int3[], at_div[];
	greg_t pc = at->uc_mcontext.gregs[REG_RIP];

	if (signal == SIGSEGV && pc == (greg_t)at_load && info->si_addr == closed) {
		faults++;
		mprotect(closed, 4096, PROT_READ | PROT_WRITE);
	} else if (signal == SIGILL && pc == (greg_t)at_ud2 && info->si_addr == at_ud2) {
		illegals++;
		at->uc_mcontext.gregs[REG_RIP] += 2;
	} else if (signal == SIGTRAP && pc == (greg_t)at_own_int3 + 1) {
		traps++;
	} else if (signal == SIGFPE && pc == (greg_t)at_div && info->si_addr == at_div) {
		divisions++;
		at->uc_mcontext.gregs[REG_RIP] += 3;
	} else {
		dprintf(1, "unexpected signal %d at %llx, %p\n", signal, pc, info->si_addr);
		_exit(3);
	}
}

__attribute__((noinline)) static void faulting_ones(void)
{
	uint64_t value, zero = 0;

	mprotect(closed, 4096, PROT_NONE);
	/* Twice a round: it faults, and is done again. */
	__asm__ volatile(AT(load) "mov (%1), %0\n" : "=r"(value) : "r"(closed) : "memory");
	mix(value);
	__asm__ volatile(AT(ud2) "ud2\n" ::: "memory");
	__asm__ volatile(AT(own_int3) "int3\n" ::: "memory");
	__asm__ volatile("mov $1, %%eax\n"
	                 "xor %%edx, %%edx\n" AT(div) "div %0\n" ::"r"(zero)
	                 : "rax", "rdx", "memory", "cc");
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
		strings_and_calls();
		faulting_ones();
	}
	printf("sum=%llx word=%llu faults=%d illegals=%d traps=%d divisions=%d\n",
	       (unsigned long long)sum, (unsigned long long)plain_word, faults, illegals, traps,
	       divisions);
	return 0;
}
