/* SPDX-License-Identifier: MIT */
/*
 * Instructions that touch a watched word, each with the truth about itself: culprit_writers.c and
 * culprit_readers.c have the instructions, culprits.c judges what the library says of them.
 */
#ifndef JUDGE_CULPRIT_H
#define JUDGE_CULPRIT_H

#include "judge.h"

enum culprit_manner {
	PLAIN,
	REPEATS, /* it may be more than one hit */
	JUMPS,   /* where it went need not tell where it came from: culprit may be 0 */
	FORGETS, /* it overwrites its own address: the touched part may be all */
};

struct culprit {
	const char *name;
	const char *at; /* the instruction's address */
	void (*run)(void *di, const void *si, unsigned long ax, unsigned long cx);
	unsigned access;   /* enum memtrap_access */
	size_t first, len; /* the bytes of the watched eight that it touches */
	enum culprit_manner manner;
};

/* Ends with an entry without name. */
extern const struct culprit writers[], readers[];

/* Code to call or jump to: it goes on where dx points. */
extern const char judge_landing[] __attribute__((visibility("hidden")));
extern const char judge_other_landing[] __attribute__((visibility("hidden")));

#ifdef __x86_64__
#define A "%%rax"
#define B "%%rbx"
#define C "%%rcx"
#define D "%%rdi"
#define S "%%rsi"
#define SP "%%rsp"
#define SPARE "%%r12"
#define STACK_WORD "8"
#define CULPRIT_CLOBBERS "rbx", "rdx", "r12", "xmm0", "cc", "memory"
#define LAND_AT_2 "lea 2f(%%rip), %%rdx"
#else
#define A "%%eax"
#define B "%%ebx"
#define C "%%ecx"
#define D "%%edi"
#define S "%%esi"
#define SP "%%esp"
#define SPARE "%%ebx"
#define STACK_WORD "4"
#define CULPRIT_CLOBBERS "ebx", "edx", "cc", "memory"
#define LAND_AT_2 "call 3f\n3:\tpop %%edx\n\tadd $(2f - 3b), %%edx"
#endif

/*
 * A function around the instruction. In front of it: D = the watched word, S = memory that begins
 * with the same eight bytes, A = the address of judge_other_landing, C = 4, xmm0 = eax twice. B,
 * dx, SPARE and xmm0 are free to use, and so is the stack.
 */
#define CODE(name, before, instruction, after)                                                     \
	extern const char at_##name[] __attribute__((visibility("hidden")));                       \
	NOINLINE static void do_##name(void *di, const void *si, unsigned long ax,                 \
	                               unsigned long cx)                                           \
	{                                                                                          \
		__asm__ volatile("lea -256(" SP "), " SP                                           \
		                 "\n\tmovd %%eax, %%xmm0\n\tpunpckldq %%xmm0, %%xmm0\n\t" before   \
		                 "\n.globl at_" #name "\n.hidden at_" #name "\nat_" #name          \
		                 ":\n\t" instruction "\n\t" after "\n\tlea 256(" SP "), " SP       \
		                 : "+D"(di), "+S"(si), "+a"(ax), "+c"(cx)                          \
		                 :                                                                 \
		                 : CULPRIT_CLOBBERS);                                              \
	}

/* With the word just under the stack pointer: the next push goes there. */
#define PUSH_CODE(name, instruction, after)                                                        \
	CODE(name, "mov " SP ", " SPARE "\n\tlea " STACK_WORD "(" D "), " SP, instruction,         \
	     after "\n\tmov " SPARE ", " SP)

/* With the word at the top of the stack: the next pop takes it. */
#define POP_CODE(name, before, instruction, after)                                                 \
	CODE(name, "mov " SP ", " SPARE "\n\t" before "\n\tmov " D ", " SP, instruction,           \
	     after "\n\tmov " SPARE ", " SP)

/* What stands between the braces of an entry. */
#define CULPRIT(name, access, first, len) #name, at_##name, do_##name, access, first, len, PLAIN
#define REPEATING(name, access, first, len) #name, at_##name, do_##name, access, first, len, REPEATS
#define JUMPING(name, access, first, len) #name, at_##name, do_##name, access, first, len, JUMPS
#define FORGETTING(name, access, first, len)                                                       \
#name, at_##name, do_##name, access, first, len, FORGETS

enum {
	R = MEMTRAP_DID_READ,
	W = MEMTRAP_DID_WRITE,
};

#endif
