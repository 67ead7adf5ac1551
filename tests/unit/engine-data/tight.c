/* SPDX-License-Identifier: MIT */
/*
 * tight ROUNDS: a loop of instructions of one byte, which leaves no room for anything but itself.
 * Prints "rounds=N kept=1": how often it went round, and that the stack and what it holds are as
 * they were.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	uint64_t wanted = argc > 1 ? strtoul(argv[1], NULL, 0) : 1000;
	uint64_t rounds = 0, lost = 1, held = 0x5ca1ab1e;

	__asm__ volatile("sub $128, %%rsp\n" /* the red zone */
	                 "mov %%rsp, %%r8\n"
	                 "mov %2, %%r9\n"
	                 ".globl at_push, at_pop\n"
	                 "at_push: push %%r9\n"
	                 "at_pop: pop %%rax\n"
	                 "push %%rbp\n"
	                 "pop %%rcx\n"
	                 "inc %0\n"
	                 "cmp %3, %0\n"
	                 "jne at_push\n"
	                 "sub %%rsp, %%r8\n"
	                 "sub %%rbp, %%rcx\n"
	                 "sub %2, %%rax\n"
	                 "or %%rcx, %%r8\n"
	                 "or %%rax, %%r8\n"
	                 "mov %%r8, %1\n"
	                 "add $128, %%rsp\n"
	                 : "+&r"(rounds), "=&r"(lost)
	                 : "r"(held), "r"(wanted)
	                 : "rax", "rcx", "r8", "r9", "memory", "cc");
	printf("rounds=%lu kept=%d\n", rounds, !lost);
	return 0;
}
