/* SPDX-License-Identifier: MIT */
/*
 * valued MODE ROUNDS: variables that optimizing compilers keep in registers, and what programs do
 * with these. Each home() of a mode calls begin(), from where its `watched` is set; how often that
 * is then changed by one, is printed.
 *
 * loops     it is changed in a loop, now and then
 * calls     functions are called that use all registers, and save and restore them
 * recurses  the same, which call themselves
 * jumps     longjmp() comes back from such a function
 * signals   handlers run meanwhile, and write to what it points to
 * contexts  a handler changes a register where it was interrupted
 * points    what it points to is changed, here and in functions, and it itself too
 * passes    a parameter, which is nowhere once it is used up
 * grows     in a frame whose size is found out at run time
 * doubles   a floating-point number
 * spoils    a function changes what it has saved of its caller's registers
 * pieces    a struct in several registers
 */
#define _GNU_SOURCE
#include <alloca.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#ifdef __clang__
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif

#ifdef __x86_64__
#define SAVED "rbx", "r12", "r13", "r14", "r15"
#else
#define SAVED "ebx", "esi", "edi"
#endif

struct thing {
	long before, x, behind;
};

static struct thing things[4];
static struct thing *volatile shared = things;
static volatile long sink, changes;
static long rounds;
static jmp_buf back;

NOINLINE void begin(void)
{
	__asm__ volatile("" ::: "memory");
}

/* By one, where nobody foresees it, and it stays in a register. */
#define CHANGE(variable)                                                                           \
	do {                                                                                       \
		__asm__ volatile("add $1, %0" : "+r"(variable));                                   \
		changes = changes + 1;                                                             \
	} while (0)

#define KEEP(variable) __asm__ volatile("" : "+r"(variable))

NOINLINE static long uses_registers(long value)
{
	__asm__ volatile("" ::: SAVED, "memory");
	sink = value;
	return value / 3;
}

NOINLINE static long uses_nothing(long value)
{
	return value * 5 + sink;
}

NOINLINE static long home_loops(void)
{
	long watched = 1000;

	begin();
	for (long i = 0; i < rounds; i++) {
		sink = i;
		if (i % 3 == 0)
			CHANGE(watched);
	}
	return watched;
}

NOINLINE static long home_calls(void)
{
	long watched = 1000, sum = 0;

	begin();
	for (long i = 0; i < rounds; i++) {
		sum += uses_registers(i);
		if (i % 2 == 0)
			CHANGE(watched);
		sum += uses_nothing(sum);
	}
	sink = sum;
	return watched;
}

NOINLINE static long recurses(long depth)
{
	long sum = depth;

	if (!depth)
		return uses_registers(1);
	sum += recurses(depth - 1);
	__asm__ volatile("" ::: SAVED, "memory");
	return sum + uses_nothing(depth);
}

NOINLINE static long home_recurses(void)
{
	long watched = 1000;

	begin();
	for (long i = 0; i < rounds; i++) {
		sink = recurses(i % 5);
		CHANGE(watched);
	}
	return watched;
}

NOINLINE static void leaves(long depth)
{
	__asm__ volatile("" ::: SAVED, "memory");
	if (depth < 0)
		return;
	if (!depth)
		longjmp(back, 1);
	leaves(depth - 1);
	__asm__ volatile("");
}

/* Not across setjmp() itself, behind which it would be lost. */
NOINLINE static void comes_back(long depth)
{
	if (setjmp(back) == 0)
		leaves(depth);
}

NOINLINE static long home_jumps(void)
{
	long watched = 1000;

	begin();
	for (long i = 0; i < rounds; i++) {
		comes_back(i % 3);
		CHANGE(watched);
		sink = watched;
	}
	return watched;
}

static void writes_there(int signal)
{
	(void)signal;
	shared->x++;
	changes = changes + 1;
}

NOINLINE static long home_signals(void)
{
	struct thing *watched = shared;

	begin();
	for (long i = 0; i < rounds; i++) {
		KEEP(watched);
		raise(SIGUSR1);
		sink = watched->x + i;
	}
	return watched->x;
}

static void changes_context(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
#ifdef __x86_64__
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RBX] += 1;
#else
	((ucontext_t *)context)->uc_mcontext.gregs[REG_ESI] += 1;
#endif
	changes = changes + 1;
}

/* The instruction that traps is the interrupted one. */
NOINLINE static long home_contexts(void)
{
#ifdef __x86_64__
	register long watched __asm__("rbx") = 1000;
#else
	register long watched __asm__("esi") = 1000;
#endif

	begin();
	for (long i = 0; i < rounds; i++) {
		KEEP(watched);
		__asm__ volatile("ud2a\n" : "+r"(watched));
		sink = i;
	}
	return watched;
}

static void passes_over(int signal, siginfo_t *info, void *context)
{
	ucontext_t *there = context;

#ifdef __x86_64__
	there->uc_mcontext.gregs[REG_RIP] += 2;
#else
	there->uc_mcontext.gregs[REG_EIP] += 2;
#endif
	changes_context(signal, info, context);
}

NOINLINE static void changes_thing(struct thing *thing)
{
	__asm__ volatile("" ::: SAVED, "memory");
	thing->before++;
	thing->x++;
	thing->behind++;
	changes = changes + 1;
}

NOINLINE static long home_points(void)
{
	struct thing *watched = shared;

	begin();
	for (long i = 0; i < rounds; i++) {
		changes_thing(shared);
		sink = uses_nothing(i);
		watched->behind++;
		if (i % 4 == 3)
			watched = &things[i % 3];
		KEEP(watched);
	}
	return watched->x;
}

NOINLINE static long home_passes(long watched)
{
	sink = watched;
	begin();
	for (long i = 0; i < rounds; i++)
		sink = uses_registers(i);
	return sink;
}

NOINLINE static long home_grows(void)
{
	char *text = alloca((size_t)rounds * 8);
	long watched = 1000;

	memset(text, 1, (size_t)rounds * 8);
	begin();
	for (long i = 0; i < rounds; i++) {
		char *more = alloca((size_t)(i % 3 + 1) * 16);

		more[0] = text[i];
		__asm__ volatile("" ::"r"(more) : "memory");
		sink = uses_registers(i);
		CHANGE(watched);
	}
	return watched;
}

NOINLINE static long home_doubles(void)
{
	volatile double step = 0.5;
	double watched = 1000;

	begin();
	for (long i = 0; i < rounds; i++) {
		sink = i;
		if (i % 3 == 0)
			watched += step;
	}
	return (long)watched;
}

#ifdef __x86_64__
/* Its saved registers are written over, and put right again. */
__asm__("	.type spoils, @function\n"
        "spoils:\n"
        "	.cfi_startproc\n"
        "	push %rbx\n"
        "	.cfi_adjust_cfa_offset 8\n"
        "	.cfi_rel_offset %rbx, 0\n"
        "	xor %ebx, %ebx\n"
        "	lea (%rsp), %rax\n"
        "	add $7, %rbx\n"
        "	addq $1, (%rax)\n"
        "	mov %rbx, %rcx\n"
        "	nop\n"
        "	subq $1, (%rax)\n"
        "	nop\n"
        "	pop %rbx\n"
        "	.cfi_adjust_cfa_offset -8\n"
        "	.cfi_restore %rbx\n"
        "	ret\n"
        "	.cfi_endproc\n"
        "	.size spoils, . - spoils\n");
#else
__asm__("spoils:\n	ret\n");
#endif
void spoils(void) __asm__("spoils");

NOINLINE static long home_spoils(void)
{
#ifdef __x86_64__
	register long watched __asm__("rbx") = 1000;
#else
	long watched = 1000;
#endif

	begin();
	for (long i = 0; i < rounds; i++) {
		KEEP(watched);
		spoils();
		sink = i;
	}
	return watched;
}

struct pieces {
	long first, second;
};

NOINLINE static long home_pieces(void)
{
	struct pieces watched = { 1, 1000 };

	begin();
	for (long i = 0; i < rounds; i++) {
		CHANGE(watched.first);
		sink = uses_registers(i);
		if (i % 2)
			CHANGE(watched.second);
	}
	return watched.first + watched.second;
}

static void handle(int signal, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = { .sa_flags = SA_SIGINFO };

	action.sa_sigaction = handler;
	sigaction(signal, &action, NULL);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 2 ? argv[1] : "";
	long result = 0;

	rounds = argc > 2 ? atol(argv[2]) : 0;
	signal(SIGUSR1, writes_there);
	handle(SIGILL, passes_over);
	if (!strcmp(mode, "loops"))
		result = home_loops();
	else if (!strcmp(mode, "calls"))
		result = home_calls();
	else if (!strcmp(mode, "recurses"))
		result = home_recurses();
	else if (!strcmp(mode, "jumps"))
		result = home_jumps();
	else if (!strcmp(mode, "signals"))
		result = home_signals();
	else if (!strcmp(mode, "contexts"))
		result = home_contexts();
	else if (!strcmp(mode, "points"))
		result = home_points();
	else if (!strcmp(mode, "passes"))
		result = home_passes(rounds * 3);
	else if (!strcmp(mode, "grows"))
		result = home_grows();
	else if (!strcmp(mode, "doubles"))
		result = home_doubles();
	else if (!strcmp(mode, "spoils"))
		result = home_spoils();
	else if (!strcmp(mode, "pieces"))
		result = home_pieces();
	printf("changes=%ld result=%ld\n", changes, result);
	return 0;
}
