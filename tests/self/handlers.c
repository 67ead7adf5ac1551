/* SPDX-License-Identifier: MIT */
/* What a handler is told, and what it may do. */
#include "access.h"
#include "judge.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <time.h>

static volatile unsigned long word, other_word;
static uint64_t told;
static struct memtrap *trap, *other_trap;

#define STORE(n) store(&word, sizeof(long), (n))

/* ---- What it is told ----------------------------------------------------- */

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void check_itself(struct memtrap_hit *hit, void *arg)
{
	CHECK(hit->trap == trap);
	CHECK(arg == &told);
	EQUAL(memtrap_count(trap), hit->count);
	EQUAL(hit->tid, gettid());
	EQUAL((uintptr_t)hit->old_value % 8, 0);
	EQUAL((uintptr_t)hit->new_value % 8, 0);
	CHECK(hit->context != NULL);
#ifdef __x86_64__
	EQUAL(hit->context->uc_mcontext.gregs[REG_RIP], hit->pc);
#else
	EQUAL(hit->context->uc_mcontext.gregs[REG_EIP], hit->pc);
#endif
	CHECK(hit->pc > hit->culprit && hit->pc - hit->culprit <= 15);
	told = hit->count;
}

CASE(a_hit_says_who_where_and_when)
{
	struct seen seen = { 0 };
	struct memtrap *second;
	uint64_t before, after;

	trap = trap_on(&word, sizeof(long), MEMTRAP_WRITE, check_itself, &told);
	second = see_writes(&seen, &word, sizeof(long));
	for (unsigned i = 1; i <= 5; i++) {
		before = now();
		STORE(i);
		after = now();
		EQUAL(told, i);
		EQUAL(seen.count, i);
		CHECK(seen.hits[i - 1].time_ns >= before && seen.hits[i - 1].time_ns <= after);
	}
	memtrap_remove(trap);
	memtrap_remove(second);
}

CASE(a_name_is_copied_or_made)
{
	char name[] = "the word", address[32];
	struct memtrap *named = set(
	    &(struct memtrap_spec){ .addr = &word, .len = 4, .kind = MEMTRAP_WRITE, .name = name });
	struct memtrap *nameless = trap_on(&word, 4, MEMTRAP_WRITE, NULL, NULL);

	memset(name, 'x', sizeof(name) - 1);
	CHECK(!strcmp(memtrap_name(named), "the word"));
	snprintf(address, sizeof(address), "%lx", (unsigned long)&word);
	SAYS(memtrap_name(nameless), address);
}

CASE(values_are_numbers)
{
	const uint8_t bytes[8] = { 0xfe, 0xff, 0xff, 0xff, 0x01, 0x00, 0x00, 0x80 };

	EQUAL(memtrap_unsigned(bytes, 1), 0xfe);
	EQUAL(memtrap_unsigned(bytes, 2), 0xfffe);
	EQUAL(memtrap_unsigned(bytes, 4), 0xfffffffe);
	EQUAL(memtrap_unsigned(bytes, 8), (int64_t)0x80000001fffffffe);
	EQUAL(memtrap_signed(bytes, 1), -2);
	EQUAL(memtrap_signed(bytes, 2), -2);
	EQUAL(memtrap_signed(bytes, 4), -2);
	EQUAL(memtrap_signed(bytes, 8), (int64_t)0x80000001fffffffe);
	EQUAL(memtrap_signed(bytes + 4, 4), (int32_t)0x80000001);
	EQUAL(memtrap_unsigned(NULL, 8), 0);
	EQUAL(memtrap_signed(NULL, 4), 0);
}

static void *truth[3]; /* the return addresses of store_deeply() and those that called it */
static size_t depth;
static uintptr_t frames[64];

static void look_up(struct memtrap_hit *hit, void *few)
{
	uintptr_t two[2];

	depth = memtrap_backtrace(hit, frames, 64);
	EQUAL(frames[0], hit->culprit);
	EQUAL(memtrap_backtrace(hit, two, 2), 2);
	EQUAL(two[1], frames[1]);
	EQUAL(memtrap_backtrace(hit, two, 0), 0);
	*(bool *)few = true;
}

NOINLINE static void store_deeply(void)
{
	truth[0] = __builtin_return_address(0);
	__asm__ volatile("movl $7, %0" : "=m"(word));
	__asm__ volatile("");
}

NOINLINE static void in_the_middle(void)
{
	volatile char room[300] = { 0 };

	truth[1] = __builtin_return_address(0);
	store_deeply();
	room[1] = room[0];
}

NOINLINE static void at_the_top(void)
{
	truth[2] = __builtin_return_address(0);
	in_the_middle();
	__asm__ volatile("");
}

CASE(the_stack_is_the_callers)
{
	bool called = false;

	trap = trap_on(&word, 4, MEMTRAP_WRITE, look_up, &called);
	at_the_top();
	memtrap_remove(trap);
	CHECK(called);
	CHECK(depth >= 5);
	for (unsigned i = 0; i < 3; i++)
		EQUAL(frames[1 + i], (uintptr_t)truth[i]);
}

/* ---- What it may do to traps --------------------------------------------- */

static void remove_itself(struct memtrap_hit *hit, void *counter)
{
	count_hit(hit, counter);
	memtrap_remove(hit->trap);
}

CASE(it_removes_its_own_trap)
{
	unsigned hits = 0;

	for (unsigned turn = 1; turn <= 50; turn++) {
		trap_on(&word, 4, MEMTRAP_WRITE, remove_itself, &hits);
		for (unsigned i = 0; i < 3; i++)
			word = i;
		EQUAL(hits, turn);
	}
}

static void remove_the_other(struct memtrap_hit *hit, void *counter)
{
	count_hit(hit, counter);
	memtrap_remove(other_trap);
	other_trap = NULL;
}

CASE(it_removes_another_trap)
{
	unsigned hits = 0, other_hits = 0;

	other_trap = trap_on(&other_word, 4, MEMTRAP_WRITE, count_hit, &other_hits);
	trap = trap_on(&word, 4, MEMTRAP_WRITE, remove_the_other, &hits);
	other_word = 1;
	for (unsigned i = 0; i < 3; i++) {
		word = i;
		other_word = i;
	}
	EQUAL(other_hits, 1);
	EQUAL(hits, 3);
	memtrap_remove(trap);
}

/* Whichever comes first; the one that is removed while the hit is being told may have been told. */
CASE(it_removes_a_trap_on_the_same_word)
{
	unsigned hits = 0, other_hits = 0;

	other_trap = trap_on(&word, 4, MEMTRAP_WRITE, count_hit, &other_hits);
	trap = trap_on(&word, 4, MEMTRAP_WRITE, remove_the_other, &hits);
	for (unsigned i = 0; i < 3; i++)
		word = i;
	EQUAL(hits, 3);
	CHECK(other_hits <= 1);
	memtrap_remove(trap);
}

static bool wanted, done;
static unsigned second_hits;

static void *set_when_wanted(void *unused)
{
	WAIT_UNTIL(GET(wanted));
	other_trap = trap_on(&other_word, 4, MEMTRAP_WRITE, count_hit, &second_hits);
	PUT(done, true);
	return unused;
}

static void have_one_set(struct memtrap_hit *hit, void *unused)
{
	(void)hit;
	(void)unused;
	PUT(wanted, true);
	WAIT_UNTIL(GET(done));
}

CASE(it_waits_for_a_thread_that_sets_a_trap)
{
	pthread_t thread = spawn(set_when_wanted, NULL);

	trap = trap_on(&word, 4, MEMTRAP_WRITE, have_one_set, NULL);
	word = 1;
	other_word = 1;
	EQUAL(second_hits, 1);
	join(thread);
	memtrap_remove(trap);
	other_word = 2;
	EQUAL(second_hits, 2);
	memtrap_remove(other_trap);
}

static pthread_barrier_t both_inside;
static struct memtrap *pair[2];

static void remove_mutually(struct memtrap_hit *hit, void *arg)
{
	(void)hit;
	pthread_barrier_wait(&both_inside);
	memtrap_remove(pair[1 - (uintptr_t)arg]);
}

static void *write_other_word(void *unused)
{
	other_word = 1;
	return unused;
}

/* Two handlers at once, each removing the other's trap: neither waits for the other. */
CASE(two_handlers_remove_each_other)
{
	for (unsigned turn = 0; turn < 100; turn++) {
		pthread_t thread;

		pthread_barrier_init(&both_inside, NULL, 2);
		pair[0] = trap_on(&word, 4, MEMTRAP_WRITE, remove_mutually, (void *)0);
		pair[1] = trap_on(&other_word, 4, MEMTRAP_WRITE, remove_mutually, (void *)1);
		if (coverage_of(pair[0]).gaps & MEMTRAP_GAP_NEW_THREADS)
			skip("the static library on ptrace does not cover new threads");
		thread = spawn(write_other_word, NULL);
		word = 1;
		join(thread);
		word = 2;
		other_word = 2;
	}
}

/* ---- What it may touch --------------------------------------------------- */

static void touch_everything(struct memtrap_hit *hit, void *counter)
{
	count_hit(hit, counter);
	for (unsigned i = 0; i < 3; i++) {
		word = word + 1;
		other_word = other_word + 1;
	}
}

CASE(it_touches_what_is_watched)
{
	unsigned hits = 0, other_hits = 0;

	trap = trap_on(&word, sizeof(long), MEMTRAP_ACCESS, touch_everything, &hits);
	other_trap = trap_on(&other_word, 4, MEMTRAP_WRITE, count_hit, &other_hits);
	for (unsigned i = 1; i <= 20; i++) {
		STORE(100);
		EQUAL(hits, 2 * i - 1);
		EQUAL(load(&word, 4), 103);
		EQUAL(hits, 2 * i);
		other_word = 0;
		EQUAL(other_hits, i);
	}
	EQUAL(memtrap_count(trap), 40);
	EQUAL(memtrap_count(other_trap), 20);
	memtrap_remove(trap);
	memtrap_remove(other_trap);
}

static void mend(struct memtrap_hit *hit, void *seen)
{
	see(hit, seen);
	if (word > 10)
		word = 10;
}

/* What the handler left is what the next one finds. */
CASE(it_mends_the_value)
{
	struct seen seen = { .len = sizeof(long) };

	trap = trap_on(&word, sizeof(long), MEMTRAP_WRITE, mend, &seen);
	STORE(5);
	STORE(50);
	EQUAL(word, 10);
	STORE(6);
	memtrap_remove(trap);
	EQUAL(seen.count, 3);
	EQUAL(old_of(&seen, 1), 5);
	EQUAL(new_of(&seen, 1), 50);
	EQUAL(old_of(&seen, 2), 10);
	EQUAL(new_of(&seen, 2), 6);
}

static void change_register(struct memtrap_hit *hit, void *value)
{
	hit->context->uc_mcontext.gregs[
#ifdef __x86_64__
	    REG_RAX
#else
	    REG_EAX
#endif
	] = (greg_t)(uintptr_t)value;
}

CASE(it_changes_a_register)
{
	unsigned long result = 7;

	trap = trap_on(&word, sizeof(long), MEMTRAP_WRITE, change_register, (void *)99);
	__asm__ volatile("mov %0, %1" : "+a"(result), "=m"(word));
	EQUAL(result, 99);
	EQUAL(word, 7);
	memtrap_remove(trap);
	__asm__ volatile("mov %0, %1" : "+a"(result), "=m"(word));
	EQUAL(result, 99);
	EQUAL(word, 99);
}

static void spoil(struct memtrap_hit *hit, void *unused)
{
	(void)hit;
	(void)unused;
	errno = EXDEV;
	__asm__ volatile("pcmpeqb %%xmm0, %%xmm0\n\tfninit\n\tfldpi\n\tcmp %%esp, %%esp" ::: "cc");
}

/* The interrupted code had no reason to expect a call. */
CASE(it_spoils_nothing_of_the_thread)
{
	double x = 0;
	uint32_t carry = 0, zero = 0;

	trap = trap_on(&word, sizeof(long), MEMTRAP_WRITE, spoil, NULL);
	errno = EDOM;
	__asm__ volatile("fld1\n\tmovd %3, %%xmm0\n\tcmpl $2, %3\n\tmov %4, %5\n\t"
	                 "setb %b0\n\tmovd %%xmm0, %1\n\tfstpl %2"
	                 : "+q"(carry), "=&r"(zero), "=m"(x)
	                 : "r"(1), "r"(5L), "m"(word)
	                 : "cc", "memory");
	EQUAL(errno, EDOM);
	EQUAL(carry, 1);
	EQUAL(zero, 1);
	CHECK(x == 1.0);
	EQUAL(memtrap_count(trap), 1);
	memtrap_remove(trap);
}

/* ---- It may not come back ------------------------------------------------ */

static jmp_buf way_out;
static sigjmp_buf way_out_with_mask;

static void jump(struct memtrap_hit *hit, void *counter)
{
	count_hit(hit, counter);
	longjmp(way_out, 1);
}

static void jump_with_mask(struct memtrap_hit *hit, void *counter)
{
	count_hit(hit, counter);
	siglongjmp(way_out_with_mask, 1);
}

static void jump_often(memtrap_handler handler)
{
	unsigned hits = 0, other_hits = 0;
	volatile unsigned turn;

	trap = trap_on(&word, 4, MEMTRAP_WRITE, handler, &hits);
	other_trap = trap_on(&other_word, 4, MEMTRAP_WRITE, count_hit, &other_hits);
	for (turn = 1; turn <= 50; turn++) {
		if (!setjmp(way_out) && !sigsetjmp(way_out_with_mask, 1)) {
			word = turn;
			FAIL("the handler came back");
		}
		EQUAL(hits, turn);
		other_word = turn;
		EQUAL(other_hits, turn);
	}
	memtrap_remove(trap);
	memtrap_remove(other_trap);
	word = 1;
	EQUAL(hits, 50);
}

CASE(it_jumps_out)
{
	jump_often(jump);
}

CASE(it_jumps_out_with_the_mask)
{
	jump_often(jump_with_mask);
}

CASE(it_jumps_out_from_another_stack)
{
	size_t size = 256 * 1024;
	const stack_t stack = { .ss_sp = malloc(size), .ss_size = size };

	SYS(sigaltstack(&stack, NULL));
	jump_often(jump_with_mask);
	jump_often(jump);
}

/* Into a frame that lies deeper than the one that it was in. */
NOINLINE static void call_down(unsigned levels)
{
	volatile char room[200] = { 0 };

	if (levels)
		call_down(levels - 1);
	else
		word = 1;
	room[1] = room[0];
}

CASE(it_jumps_out_of_deep_calls)
{
	unsigned hits = 0;
	volatile unsigned turn;

	trap = trap_on(&word, 4, MEMTRAP_WRITE, jump, &hits);
	for (turn = 1; turn <= 50; turn++) {
		if (!setjmp(way_out))
			call_down(60 - turn);
		EQUAL(hits, turn);
	}
	for (turn = 51; turn <= 100; turn++) {
		if (!setjmp(way_out))
			call_down(turn);
		EQUAL(hits, turn);
	}
	memtrap_remove(trap);
}

static bool jumped, may_leave;

static void *jump_and_stay(void *counter)
{
	(void)counter;
	if (!setjmp(way_out))
		word = 1;
	PUT(jumped, true);
	WAIT_UNTIL(GET(may_leave));
	return NULL;
}

/* The handler is gone, so that nobody has to wait for it. */
CASE(it_jumped_out_and_the_trap_is_removed_by_another_thread)
{
	unsigned hits = 0;
	pthread_t thread;

	trap = trap_on(&word, 4, MEMTRAP_WRITE, jump, &hits);
	if (coverage_of(trap).gaps & MEMTRAP_GAP_NEW_THREADS)
		skip("the static library on ptrace does not cover new threads");
	thread = spawn(jump_and_stay, NULL);
	WAIT_UNTIL(GET(jumped));
	memtrap_remove(trap);
	PUT(may_leave, true);
	join(thread);
	EQUAL(hits, 1);
}
