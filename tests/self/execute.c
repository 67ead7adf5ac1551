/* SPDX-License-Identifier: MIT */
/* Traps on instructions: before they run, each time, and on with the program. */
#include "judge.h"

#include <signal.h>

#ifdef __x86_64__
#define REGISTER(name) REG_R##name
#else
#define REGISTER(name) REG_E##name
#endif

extern const char loop_top[], loop_body[], loop_end[], one_loop[],
    store_here[] __attribute__((visibility("hidden")));

static volatile unsigned long word;
static volatile unsigned runs;

/* `n` times round; loop_body stores. */
NOINLINE static void go_round(unsigned long n)
{
	__asm__ volatile("\n.globl loop_top\n.hidden loop_top\nloop_top:\n\t"
	                 "nop\n"
	                 ".globl loop_body\n.hidden loop_body\nloop_body:\n\t"
	                 "incl %1\n\t"
	                 "dec %0\n\t"
	                 "jnz loop_top\n"
	                 ".globl loop_end\n.hidden loop_end\nloop_end:\n\t"
	                 "nop"
	                 : "+r"(n), "+m"(runs)
	                 :
	                 : "cc", "memory");
}

/* A loop of one instruction, which jumps to itself. */
NOINLINE static void go_round_at_once(unsigned long n)
{
	__asm__ volatile("\n.globl one_loop\n.hidden one_loop\none_loop:\n\tloop one_loop"
	                 : "+c"(n));
}

NOINLINE static void store_word(unsigned long n)
{
	__asm__ volatile("\n.globl store_here\n.hidden store_here\nstore_here:\n\tmov %1, %0"
	                 : "=m"(word)
	                 : "r"(n));
}

static struct memtrap *trap_at(const void *code, memtrap_handler handler, void *arg)
{
	return trap_on(code, 1, MEMTRAP_EXEC, handler, arg);
}

static void judge_execution(struct memtrap_hit *hit, void *counter)
{
	EQUAL(hit->pc, (uintptr_t)loop_body);
	EQUAL(hit->culprit, hit->pc);
	EQUAL(hit->addr, hit->pc);
	EQUAL(hit->len, 1);
	EQUAL(hit->access, MEMTRAP_DID_EXEC);
	CHECK(!hit->old_value && !hit->new_value);
	EQUAL(hit->context->uc_mcontext.gregs[REGISTER(IP)], hit->pc);
	count_hit(hit, counter);
	EQUAL(runs, *(unsigned *)counter - 1);
	EQUAL(hit->count, *(unsigned *)counter);
}

CASE(each_execution_is_a_hit_before_it_runs)
{
	unsigned hits = 0;
	struct memtrap *trap = trap_at(loop_body, judge_execution, &hits);

	go_round(1000);
	EQUAL(runs, 1000);
	EQUAL(hits, 1000);
	memtrap_remove(trap);
	go_round(10);
	EQUAL(hits, 1000);
}

CASE(a_loop_of_one_instruction)
{
	unsigned hits = 0;
	struct memtrap *trap = trap_at(one_loop, count_hit, &hits);

	go_round_at_once(500);
	EQUAL(hits, 500);
	go_round_at_once(1);
	EQUAL(hits, 501);
	memtrap_remove(trap);
	go_round_at_once(10);
	EQUAL(hits, 501);
}

CASE(neighbouring_instructions)
{
	unsigned hits[3] = { 0 };
	struct memtrap *traps[] = {
		trap_at(loop_top, count_hit, &hits[0]),
		trap_at(loop_body, count_hit, &hits[1]),
		trap_at(loop_end, count_hit, &hits[2]),
	};

	go_round(50);
	for (unsigned i = 0; i < 3; i++)
		memtrap_remove(traps[i]);
	EQUAL(hits[0], 50);
	EQUAL(hits[1], 50);
	EQUAL(hits[2], 1);
}

CASE(the_length_may_be_left_out)
{
	struct memtrap *trap =
	    set(&(struct memtrap_spec){ .addr = loop_body, .kind = MEMTRAP_EXEC });

	go_round(3);
	EQUAL(memtrap_count(trap), 3);
	memtrap_remove(trap);
}

CASE(two_traps_on_one_instruction)
{
	unsigned hits[2] = { 0 };
	struct memtrap *traps[] = { trap_at(loop_body, count_hit, &hits[0]),
		                    trap_at(loop_body, count_hit, &hits[1]) };

	EQUAL(coverage_of(traps[1]).shared, 1);
	go_round(20);
	memtrap_remove(traps[0]);
	go_round(20);
	memtrap_remove(traps[1]);
	EQUAL(hits[0], 20);
	EQUAL(hits[1], 40);
}

/* The instruction is trapped, and what it does is trapped too. */
static unsigned order[8], told;

static void take_turn(struct memtrap_hit *hit, void *arg)
{
	(void)hit;
	order[told++ % 8] = (unsigned)(uintptr_t)arg;
}

CASE(an_instruction_and_its_store)
{
	struct memtrap *store = trap_on(&word, sizeof(long), MEMTRAP_WRITE, take_turn, (void *)2);
	struct memtrap *execution = trap_at(store_here, take_turn, (void *)1);

	store_word(1);
	store_word(2);
	memtrap_remove(store);
	memtrap_remove(execution);
	EQUAL(told, 4);
	for (unsigned i = 0; i < 4; i++)
		EQUAL(order[i], 1 + i % 2);
	EQUAL(word, 2);
}

/* ---- The handler steers -------------------------------------------------- */

NOINLINE static unsigned long answer(void)
{
	runs++;
	__asm__ volatile("");
	return 42;
}

/* As if the function had returned 7 at once. */
static void answer_seven(struct memtrap_hit *hit, void *counter)
{
	greg_t *registers = hit->context->uc_mcontext.gregs;
	greg_t sp = registers[REGISTER(SP)];

	count_hit(hit, counter);
	registers[REGISTER(AX)] = 7;
	registers[REGISTER(IP)] = *(greg_t *)(uintptr_t)sp;
	registers[REGISTER(SP)] = sp + (greg_t)sizeof(long);
}

CASE(the_handler_goes_elsewhere)
{
	unsigned hits = 0;
	unsigned long (*volatile call)(void) = answer;
	struct memtrap *trap = trap_at((const void *)answer, answer_seven, &hits);

	for (unsigned i = 1; i <= 20; i++) {
		EQUAL(call(), 7);
		EQUAL(hits, i);
	}
	EQUAL(runs, 0);
	memtrap_remove(trap);
	EQUAL(call(), 42);
	EQUAL(runs, 1);
}

/* To the trapped instruction itself, from another one: it is executed, and a hit. */
static void jump_to_body(struct memtrap_hit *hit, void *counter)
{
	count_hit(hit, counter);
	hit->context->uc_mcontext.gregs[REGISTER(IP)] = (greg_t)(uintptr_t)loop_body;
}

CASE(the_handler_goes_to_a_trapped_instruction)
{
	unsigned from = 0, to = 0;
	struct memtrap *traps[] = { trap_at(loop_top, jump_to_body, &from),
		                    trap_at(loop_body, count_hit, &to) };

	go_round(30);
	EQUAL(from, 30);
	EQUAL(to, 30);
	EQUAL(runs, 30);
	memtrap_remove(traps[0]);
	memtrap_remove(traps[1]);
}

static void remove_itself(struct memtrap_hit *hit, void *counter)
{
	count_hit(hit, counter);
	memtrap_remove(hit->trap);
}

CASE(the_handler_removes_its_trap)
{
	unsigned hits = 0;

	trap_at(loop_body, remove_itself, &hits);
	go_round(30);
	EQUAL(hits, 1);
	EQUAL(runs, 30);
}

/* ---- Threads ------------------------------------------------------------- */

static bool gate_is_open;

static void *go_round_often(void *unused)
{
	WAIT_UNTIL(GET(gate_is_open));
	for (unsigned i = 0; i < 200; i++)
		go_round_at_once(10);
	return unused;
}

CASE(threads_execute)
{
	enum { THREADS = 4 };
	pthread_t threads[THREADS];
	unsigned hits = 0;
	struct memtrap *trap;

	for (unsigned i = 0; i < THREADS; i++)
		threads[i] = spawn(go_round_often, NULL);
	trap = trap_at(one_loop, count_hit, &hits);
	PUT(gate_is_open, true);
	for (unsigned i = 0; i < THREADS; i++)
		join(threads[i]);
	memtrap_remove(trap);
	EQUAL(hits, THREADS * 200 * 10);
}
