/* SPDX-License-Identifier: MIT */
/*
 * at-random SEED ROUNDS AGAIN: makes ROUNDS programs of machine code, each from a seed of its own,
 * and runs each AGAIN times, between begin() and over(). Each uses an arena in all ways that
 * instructions and system calls have; what it will have done there stands in `made` beforehand, and
 * is compared with the arena afterwards.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "at-random-plain.h"
#include "at-random-scattered.h"

__asm__(".text\n.balign 4096\n.globl made_code\n.type made_code, @function\n"
        "made_code: .fill 16384, 1, 0x90\n.size made_code, 16384\n.balign 4096\n");

static int file; /* whose bytes are their own offsets */
/* ---- The arena as a stack ------------------------------------------------ */

static void stack_to(unsigned at)
{
	load(RAX, (uint64_t)(uintptr_t)&arena[at]);
	put(0xc48948, 3); /* mov %rax, %rsp */
}

static void stack_back(void)
{
	const struct place place = { .addr = (uint64_t)(uintptr_t)&stack,
		                     .base = NO_REG,
		                     .index = NO_REG };

	insn((struct op){ .wide = true, .opcode = 0x8b, .reg = RSP }, &place);
}

static struct event *push_event(unsigned at, uint64_t value)
{
	struct event *event = event_new();

	writes(event, at, &value, 8);
	return event;
}

static struct event *pop_event(unsigned at)
{
	struct event *event = event_new();

	reads(event, at, 8);
	return event;
}

static void make_push_and_pop(void)
{
	unsigned at = any_at(8);
	uint64_t value = any_value();
	int64_t constant = (int32_t)any_value();

	stack_to(at + 8);
	load(RDX, value);
	push_event(at, value)->pc = put_here(0x52, 1);
	pop_event(at)->pc = put_here(0x59, 1);
	push_event(at, (uint64_t)constant)->pc =
	    put_here((uint64_t)(uint32_t)constant << 8 | 0x68, 5);
	pop_event(at)->pc = put_here(0x5c, 1); /* pop %rsp */
	stack_back();
}

/* push and pop of memory, which the stack pointer itself may lead to. */
static void make_push_of_memory(void)
{
	unsigned from = any_at(8), at = any_at(8);
	struct event *event;
	struct place place;

	stack_to(at + 8);
	place = reach(from, 0);
	event = event_new();
	reads(event, from, 8);
	writes(event, at, now + from, 8);
	event->pc = insn((struct op){ .opcode = 0xff, .reg = 6 }, &place);
	from = any_at(8);
	place = reach(from, 0);
	event = event_new();
	reads(event, at, 8);
	writes(event, from, now + at, 8);
	event->pc = insn((struct op){ .opcode = 0x8f }, &place);
	stack_back();
}

/* L0: call L1; jmp L2; L1: ret; L2: */
static void make_call(void)
{
	unsigned at = any_at(8);
	bool direct = chance(2);
	struct event *event;
	uint64_t call;

	stack_to(at + 8);
	if (!direct)
		load(RAX, (uint64_t)(uintptr_t)code + 10 + 4);
	call = direct ? put_here(0x2e8, 5) : put_here(0xd0ff, 2);
	event = push_event(at, (uint64_t)(uintptr_t)code);
	event->pc = call;
	event->flags = EVENT_LEAVES;
	put(0x01eb, 2);
	event = pop_event(at);
	event->pc = put_here(0xc3, 1);
	event->flags = EVENT_LEAVES;
	stack_back();
}

static void make_frame(void)
{
	unsigned at = any_at(16), room = (unsigned)chance(64), level = (unsigned)chance(2);
	uint64_t frame = (uint64_t)(uintptr_t)&arena[at + 8], value = any_value();
	struct event *event = event_new();

	stack_to(at + 16);
	load(RBP, value);
	writes(event, at + 8, &value, 8);
	if (level)
		writes(event, at, &frame, 8);
	event->pc = put_here((uint64_t)level << 24 | room << 8 | 0xc8, 4);
	pop_event(at + 8)->pc = put_here(0xc9, 1); /* leave */
	stack_back();
}

#define FLAGS 0x8c5u /* OF, SF, ZF, PF, CF */

static void make_flags(void)
{
	unsigned at = any_at(8);
	uint64_t flags = (any_value() & FLAGS) | 0x202;

	stack_to(at + 8);
	push_event(at, flags)->pc = put_here(flags << 8 | 0x68, 5);
	pop_event(at)->pc = put_here(0x9d, 1);
	push_event(at, flags)->pc = put_here(0x9c, 1);
	stack_back();
}

/* ---- Loops ---------------------------------------------------------------- */

static void make_loop(void)
{
	unsigned count = 2 + (unsigned)chance(3), at = any_at(1);
	uint8_t step = (uint8_t)chance(3), value;
	struct event *event;
	struct place place;
	uint64_t top, pc;

	load(RCX, count);
	load(RAX, step);
	place = reach(at, 1u << RAX | 1u << RCX);
	top = (uint64_t)(uintptr_t)code;
	pc = insn((struct op){ .opcode = 0x00 }, &place);
	for (unsigned i = 0; i < count; i++) {
		event = event_new();
		value = (uint8_t)(now[at] + step);
		reads(event, at, 1);
		writes(event, at, &value, 1);
		event->pc = pc;
	}
	put(0xc9ff, 2); /* dec %ecx */
	put(0x75, 1);
	put(top - (uint64_t)(uintptr_t)code - 1, 1);
}

/* ---- System calls --------------------------------------------------------- */

static struct event *call_system(int32_t number, const uint64_t arguments[4])
{
	struct event *event = event_new();

	load(RAX, (uint64_t)number);
	load(RDI, arguments[0]);
	load(RSI, arguments[1]);
	load(RDX, arguments[2]);
	put(0xba49, 2); /* %r10 */
	put(arguments[3], 8);
	event->pc = put_here(0x050f, 2);
	event->syscall = number;
	return event;
}

static void make_pread(void)
{
	unsigned size = 1 + (unsigned)chance(24), at = any_at(size), offset = (unsigned)chance(200);
	const uint64_t arguments[] = { (uint64_t)file, (uint64_t)(uintptr_t)&arena[at], size,
		                       offset };
	struct event *event = call_system(SYS_pread64, arguments);

	for (unsigned i = 0; i < size; i++)
		writes(event, at + i, &(uint8_t){ (uint8_t)(offset + i) }, 1);
}

/* It sets, and tells, the mask of signals: nothing is blocked. */
static void make_sigprocmask(void)
{
	unsigned at = any_at(8);
	const uint64_t arguments[] = { SIG_BLOCK, 0, (uint64_t)(uintptr_t)&arena[at], 8 };
	struct event *event = call_system(SYS_rt_sigprocmask, arguments);

	writes(event, at, &(uint64_t){ 0 }, 8);
}

/* The kernel reads: nothing is written. */
static void make_pwrite(void)
{
	unsigned size = 1 + (unsigned)chance(24), at = any_at(size);
	const uint64_t arguments[] = { (uint64_t)file, (uint64_t)(uintptr_t)&arena[at], size,
		                       1000 };

	reads(call_system(SYS_pwrite64, arguments), at, size);
}

/* ---- A program ------------------------------------------------------------ */

static void (*const makers[])(void) = {
	make_store,
	make_store,
	make_store_of_constant,
	make_load,
	make_extension,
	make_conditional_load,
	make_set_by_flag,
	make_arithmetic,
	make_arithmetic,
	make_unary,
	make_exchange,
	make_compare_exchange,
	make_wide_compare_exchange,
	make_comparison,
	make_bit,
	make_string,
	make_string,
	make_push_and_pop,
	make_push_of_memory,
	make_call,
	make_frame,
	make_flags,
	make_loop,
	make_vector_move,
	make_small_vector_move,
	make_masked_by_k,
	make_masked_by_vector,
	make_scattered,
	make_scattered,
	make_packed,
	make_masked_load,
	make_floating,
	make_pread,
	make_sigprocmask,
	make_pwrite,
};

/* push %rbx %rbp %r12 %r13 %r14 %r15, one more word; and the way back. */
static const char prologue[] = "\x53\x55\x41\x54\x41\x55\x41\x56\x41\x57\x50";
static const char epilogue[] = "\x58\x41\x5f\x41\x5e\x41\x5d\x41\x5c\x5d\x5b\xc3";

static void make(uint64_t seed)
{
	const struct place place = { .addr = (uint64_t)(uintptr_t)&stack,
		                     .base = NO_REG,
		                     .index = NO_REG };
	unsigned wanted = 4 + (unsigned)(state = seed * 0x9e3779b97f4a7c15u, chance(40));

	memset(made_code, 0x90, CODE_SIZE);
	code = made_code;
	pool_used = 0;
	made.seed = seed;
	made.count = 0;
	for (size_t i = 0; i < ARENA; i++)
		made.states[0][i] = (uint8_t)(chance(2) ? chance(256) : 0);
	memcpy(code, prologue, sizeof(prologue) - 1);
	code += sizeof(prologue) - 1;
	insn((struct op){ .wide = true, .opcode = 0x89, .reg = RSP }, &place);
	while (made.count < wanted && made.count + 8 < MAX_EVENTS && pool_used + 8 < POOL_ENTRIES)
		makers[chance(sizeof(makers) / sizeof(*makers))]();
	memcpy(code, epilogue, sizeof(epilogue) - 1);
}

__attribute__((noinline)) void begin(void)
{
	__asm__ volatile("");
}

__attribute__((noinline)) void over(void)
{
	__asm__ volatile("");
}

static void run(void)
{
	void (*function)(void) = (void (*)(void))(uintptr_t)made_code;

	memcpy(arena, made.states[0], ARENA);
	begin();
	function();
	over();
	for (unsigned i = 0; i < ARENA; i++) {
		if (arena[i] == made.states[made.count][i])
			continue;
		printf("seed %lu: byte %u is %#x, not %#x\n", made.seed, i, arena[i],
		       made.states[made.count][i]);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	uint64_t rounds = argc > 2 ? strtoull(argv[2], NULL, 0) : 1,
	         again = argc > 3 ? strtoull(argv[3], NULL, 0) : 1;
	uint8_t bytes[256];

	for (unsigned i = 0; i < 256; i++)
		bytes[i] = (uint8_t)i;
	file = memfd_create("bytes", 0);
	if (write(file, bytes, sizeof(bytes)) != sizeof(bytes) ||
	    mprotect(made_code, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC))
		return 2;
	for (uint64_t seed = first; seed < first + rounds; seed++) {
		make(seed);
		for (uint64_t i = 0; i < again; i++)
			run();
	}
	printf("done\n");
	return 0;
}
