/* SPDX-License-Identifier: MIT */
/* Memory under contract: each rule, with each verdict. */
#include "judge.h"

#include <math.h>
#include <signal.h>

static volatile int value;

/* Each a function of its own, which ends after its store. */
NOINLINE static void owner(int n)
{
	value = n;
	__asm__ volatile("");
}

NOINLINE static void other_owner(int n)
{
	value = n;
	__asm__ volatile("" ::: "memory");
}

NOINLINE static void stranger(int n)
{
	value = n;
	__asm__ volatile("nop");
}

static struct memtrap *agree(const struct memtrap_contract *contract)
{
	struct memtrap *trap = NULL;

	MUST(memtrap_contract(&trap, contract));
	CHECK(trap != NULL);
	return trap;
}

/* ---- Rules --------------------------------------------------------------- */

CASE(only_by_two_functions)
{
	const struct memtrap_code owners[] = { { (const void *)owner, 0 },
		                               { (const void *)other_owner, 0 } };
	struct memtrap *trap = agree(&(struct memtrap_contract){ .addr = &value,
	                                                         .len = sizeof(value),
	                                                         .rule = MEMTRAP_ONLY_BY,
	                                                         .verdict = MEMTRAP_COUNT,
	                                                         .writers = owners,
	                                                         .writer_count = 2 });

	for (int i = 1; i <= 10; i++) {
		owner(i);
		other_owner(i);
		EQUAL(memtrap_violations(trap), i - 1);
		stranger(i);
		EQUAL(memtrap_violations(trap), i);
	}
	value = 3;
	EQUAL(memtrap_violations(trap), 11);
	memtrap_remove(trap);
}

extern const char judge_store_begin[], judge_store_end[] __attribute__((visibility("hidden")));

NOINLINE static void store_twice(int n)
{
	__asm__ volatile("\n.globl judge_store_begin\n.hidden judge_store_begin\n"
	                 "judge_store_begin:\n\tmovl %1, %0\n"
	                 ".globl judge_store_end\n.hidden judge_store_end\n"
	                 "judge_store_end:\n\tmovl %1, %0"
	                 : "=m"(value)
	                 : "r"(n));
}

/* The list is copied, so that it may go. */
CASE(only_by_one_instruction)
{
	struct memtrap_code code = { judge_store_begin,
		                     (size_t)(judge_store_end - judge_store_begin) };
	struct memtrap *trap = agree(&(struct memtrap_contract){ .addr = &value,
	                                                         .len = sizeof(value),
	                                                         .rule = MEMTRAP_ONLY_BY,
	                                                         .verdict = MEMTRAP_COUNT,
	                                                         .writers = &code,
	                                                         .writer_count = 1 });

	code = (struct memtrap_code){ (const void *)store_twice, 0 };
	for (int i = 1; i <= 10; i++) {
		store_twice(i);
		EQUAL(memtrap_violations(trap), i);
	}
	EQUAL(memtrap_count(trap), 20);
	memtrap_remove(trap);
}

static struct memtrap *under_rule(const volatile void *addr, size_t len, enum memtrap_rule rule,
                                  enum memtrap_number number)
{
	return agree(&(struct memtrap_contract){
	    .addr = addr, .len = len, .rule = rule, .number = number, .verdict = MEMTRAP_COUNT });
}

CASE(frozen)
{
	struct memtrap *trap;

	value = 5;
	trap = under_rule(&value, sizeof(value), MEMTRAP_FROZEN, MEMTRAP_SIGNED);
	EQUAL(value, 5);
	EQUAL(memtrap_violations(trap), 0);
	value = 6;
	value = 6;
	EQUAL(memtrap_violations(trap), 2);
	memtrap_remove(trap);
}

/* Stores them in turn, and holds the violations against those that were foreseen. */
#define JUDGE_SERIES(type, trap, place, ...)                                                       \
	do {                                                                                       \
		static const struct {                                                              \
			type value;                                                                \
			bool bad;                                                                  \
		} series[] = __VA_ARGS__;                                                          \
		unsigned bad = 0;                                                                  \
		for (unsigned i = 0; i < sizeof(series) / sizeof(*series); i++) {                  \
			(place) = series[i].value;                                                 \
			bad += series[i].bad;                                                      \
			if (memtrap_violations(trap) != bad)                                       \
				FAIL("after value %u of " #type ": %llu violations, not %u", i,    \
				     (unsigned long long)memtrap_violations(trap), bad);           \
		}                                                                                  \
		memtrap_remove(trap);                                                              \
	} while (0)

#define GROWS(type, number, ...)                                                                   \
	do {                                                                                       \
		static volatile type place;                                                        \
		struct memtrap *trap = under_rule(&place, sizeof(place), MEMTRAP_GROWS, (number)); \
		JUDGE_SERIES(type, trap, place, __VA_ARGS__);                                      \
	} while (0)

/* Each value is held against the one before it. */
CASE(grows)
{
	GROWS(int8_t, MEMTRAP_SIGNED,
	      { { 5, 0 }, { 5, 0 }, { -1, 1 }, { 0, 0 }, { 127, 0 }, { -128, 1 } });
	GROWS(uint8_t, MEMTRAP_UNSIGNED, { { 5, 0 }, { 255, 0 }, { 0, 1 }, { 1, 0 } });
	GROWS(int16_t, MEMTRAP_SIGNED, { { -1, 1 }, { 300, 0 }, { 299, 1 } });
	GROWS(uint16_t, MEMTRAP_UNSIGNED, { { 0x8000, 0 }, { 0x7fff, 1 } });
	GROWS(int32_t, MEMTRAP_SIGNED, { { 1 << 30, 0 }, { -(1 << 30), 1 }, { -5, 0 } });
	GROWS(uint32_t, MEMTRAP_UNSIGNED, { { 0x7fffffff, 0 }, { 0x80000000, 0 }, { 1, 1 } });
	GROWS(float, MEMTRAP_FLOATING, { { 0.5f, 0 }, { 0.25f, 1 }, { 0.75f, 0 }, { -1.0f, 1 } });
}

#ifdef __x86_64__
/* On i386 these are stored in two halves. */
CASE(grows_in_eight_bytes)
{
	GROWS(int64_t, MEMTRAP_SIGNED,
	      { { 1LL << 40, 0 }, { -1, 1 }, { INT64_MAX, 0 }, { INT64_MIN, 1 } });
	GROWS(uint64_t, MEMTRAP_UNSIGNED, { { 1, 0 }, { UINT64_MAX, 0 }, { 1ull << 63, 1 } });
	GROWS(double, MEMTRAP_FLOATING, { { 1e-300, 0 }, { 1e300, 0 }, { 1e299, 1 }, { -0.5, 1 } });
}
#endif

#define WITHIN(type, as, member, low, high, ...)                                                   \
	do {                                                                                       \
		static volatile type place;                                                        \
		struct memtrap *trap =                                                             \
		    agree(&(struct memtrap_contract){ .addr = &place,                              \
		                                      .len = sizeof(place),                        \
		                                      .rule = MEMTRAP_WITHIN,                      \
		                                      .number = (as),                              \
		                                      .min = { .member = (low) },                  \
		                                      .max = { .member = (high) },                 \
		                                      .verdict = MEMTRAP_COUNT });                 \
		JUDGE_SERIES(type, trap, place, __VA_ARGS__);                                      \
	} while (0)

/* Both bounds are within. What is no number is not. */
CASE(within)
{
	WITHIN(int8_t, MEMTRAP_SIGNED, s, -3, 4,
	       { { -3, 0 }, { 4, 0 }, { -4, 1 }, { 5, 1 }, { 0, 0 } });
	WITHIN(uint8_t, MEMTRAP_UNSIGNED, u, 3, 250,
	       { { 3, 0 }, { 250, 0 }, { 251, 1 }, { 2, 1 } });
	WITHIN(int16_t, MEMTRAP_SIGNED, s, -300, -200, { { -250, 0 }, { 250, 1 }, { -199, 1 } });
	WITHIN(uint16_t, MEMTRAP_UNSIGNED, u, 0, 40000, { { 40000, 0 }, { 40001, 1 } });
	WITHIN(int32_t, MEMTRAP_SIGNED, s, 0, 10, { { -1, 1 }, { 10, 0 }, { 11, 1 }, { 0, 0 } });
	WITHIN(uint32_t, MEMTRAP_UNSIGNED, u, 1, 0xfffffffe, { { 0xffffffff, 1 }, { 5, 0 } });
	WITHIN(float, MEMTRAP_FLOATING, f, -0.5, 0.5, { { 0.5f, 0 }, { 0.75f, 1 }, { -1.0f, 1 } });
	WITHIN(float, MEMTRAP_FLOATING, f, -0.5, 0.5, { { NAN, 1 }, { 0.25f, 0 } });
#ifdef __x86_64__
	WITHIN(int64_t, MEMTRAP_SIGNED, s, INT64_MIN, -1, { { INT64_MIN, 0 }, { 0, 1 } });
	WITHIN(uint64_t, MEMTRAP_UNSIGNED, u, 1ull << 63, UINT64_MAX,
	       { { UINT64_MAX, 0 }, { 1, 1 } });
	WITHIN(double, MEMTRAP_FLOATING, f, 0, 1e9, { { 1e9, 0 }, { 1e10, 1 }, { -1e-9, 1 } });
#endif
}

/* ---- Verdicts ------------------------------------------------------------ */

static const struct memtrap_code only_owner = { (const void *)owner, 0 };

/* A contract that owner(5) keeps, where the rule allows for any writing at all, and that
 * stranger(-5) breaks. */
static struct memtrap_contract contract_of(enum memtrap_rule rule, enum memtrap_verdict verdict)
{
	return (struct memtrap_contract){ .addr = &value,
		                          .len = sizeof(value),
		                          .rule = rule,
		                          .verdict = verdict,
		                          .number = MEMTRAP_SIGNED,
		                          .min = { .s = 0 },
		                          .max = { .s = 10 },
		                          .writers = rule == MEMTRAP_ONLY_BY ? &only_owner : NULL,
		                          .writer_count = rule == MEMTRAP_ONLY_BY,
		                          .name = "the value" };
}

static const enum memtrap_rule rules[] = { MEMTRAP_ONLY_BY, MEMTRAP_FROZEN, MEMTRAP_GROWS,
	                                   MEMTRAP_WITHIN };

static void keep_contract(enum memtrap_rule rule)
{
	if (rule != MEMTRAP_FROZEN)
		owner(5);
}

CASE(violations_call_the_handler)
{
	for (unsigned i = 0; i < 4; i++) {
		struct memtrap_contract contract = contract_of(rules[i], MEMTRAP_CALL);
		struct seen seen = { .len = sizeof(value) };
		struct memtrap *trap;

		value = 3;
		contract.handler = see;
		contract.arg = &seen;
		trap = agree(&contract);
		keep_contract(rules[i]);
		EQUAL(seen.count, 0);
		stranger(-5);
		EQUAL(seen.count, 1);
		EQUAL((int)new_of(&seen, 0), -5);
		EQUAL((int)old_of(&seen, 0), rules[i] == MEMTRAP_FROZEN ? 3 : 5);
		CHECK(seen.hits[0].trap == trap);
		EQUAL(memtrap_violations(trap), 1);
		memtrap_remove(trap);
		stranger(-6);
		EQUAL(seen.count, 1);
	}
}

CASE(violations_are_counted)
{
	for (unsigned i = 0; i < 4; i++) {
		struct memtrap_contract contract = contract_of(rules[i], MEMTRAP_COUNT);
		struct memtrap *trap;

		value = 3;
		trap = agree(&contract);
		keep_contract(rules[i]);
		EQUAL(memtrap_violations(trap), 0);
		for (int n = 1; n <= 3; n++)
			stranger(-n);
		EQUAL(memtrap_violations(trap), 3);
		memtrap_remove(trap);
	}
}

static void violate(void *contract)
{
	value = 3;
	agree(contract);
	keep_contract(((struct memtrap_contract *)contract)->rule);
	stranger(-5);
}

CASE(violations_abort)
{
	static char text[16384];

	for (unsigned i = 0; i < 4; i++) {
		struct memtrap_contract contract = contract_of(rules[i], MEMTRAP_ABORT);

		KILLED_BY(in_child_heard(violate, &contract, text, sizeof(text)), SIGABRT);
		SAYS(text, "the value");
		SAYS(text, "-5");
	}
}

static void *violate_in_thread(void *contract)
{
	violate(contract);
	return NULL;
}

static void violate_and_be_held(void *contract)
{
	pthread_t thread = spawn(violate_in_thread, contract);

	WAIT_UNTIL(memtrap_release(0) == 1);
	join(thread);
	EQUAL(value, -5);
}

CASE(violations_park)
{
	static char text[16384];

	for (unsigned i = 0; i < 4; i++) {
		struct memtrap_contract contract = contract_of(rules[i], MEMTRAP_PARK);

		ENDED_WELL(in_child_heard(violate_and_be_held, &contract, text, sizeof(text)));
		SAYS(text, "the value");
		SAYS(text, "gdb -p ");
	}
}

/* ---- All threads, and no contract ---------------------------------------- */

static bool gate_is_open;

static void *be_a_stranger(void *unused)
{
	WAIT_UNTIL(GET(gate_is_open));
	for (int i = 0; i < 100; i++)
		stranger(i);
	return unused;
}

CASE(a_contract_holds_for_all_threads)
{
	struct memtrap_contract contract = contract_of(MEMTRAP_ONLY_BY, MEMTRAP_COUNT);
	pthread_t threads[4];
	struct memtrap *trap;

	for (unsigned i = 0; i < 4; i++)
		threads[i] = spawn(be_a_stranger, NULL);
	trap = agree(&contract);
	PUT(gate_is_open, true);
	for (unsigned i = 0; i < 100; i++)
		owner((int)i);
	for (unsigned i = 0; i < 4; i++)
		join(threads[i]);
	EQUAL(memtrap_violations(trap), 400);
	EQUAL(memtrap_count(trap), 500);
	MUST(memtrap_prove(trap));
	EQUAL(memtrap_violations(trap), 400);
	memtrap_remove(trap);
}

CASE(a_plain_trap_has_no_violations)
{
	struct memtrap *trap = trap_on(&value, sizeof(value), MEMTRAP_WRITE, NULL, NULL);

	value = 1;
	EQUAL(memtrap_violations(trap), 0);
	memtrap_remove(trap);
}

/* ---- Refused ------------------------------------------------------------- */

static void refused(struct memtrap_contract contract, int error, const char *what)
{
	struct memtrap *trap = NULL;
	int result = memtrap_contract(&trap, &contract);

	if (result != -error)
		FAIL("%s: %d (%s), not %s", what, result, memtrap_error(), strerror(error));
	CHECK(trap == NULL && *memtrap_error());
}

CASE(contracts_that_make_no_sense)
{
	struct memtrap_contract c = contract_of((enum memtrap_rule)0, MEMTRAP_COUNT);

	refused(c, EINVAL, "no rule");
	c.rule = (enum memtrap_rule)5;
	refused(c, EINVAL, "an unknown rule");
	c = contract_of(MEMTRAP_FROZEN, (enum memtrap_verdict)0);
	refused(c, EINVAL, "no verdict");
	c.verdict = (enum memtrap_verdict)5;
	refused(c, EINVAL, "an unknown verdict");
	c = contract_of(MEMTRAP_FROZEN, MEMTRAP_CALL);
	refused(c, EINVAL, "a call without a handler");
	c = contract_of(MEMTRAP_GROWS, MEMTRAP_COUNT);
	c.len = 3;
	refused(c, EINVAL, "a number of 3 bytes");
	c.len = 2;
	c.number = MEMTRAP_FLOATING;
	refused(c, EINVAL, "a floating number of 2 bytes");
	c.number = (enum memtrap_number)3;
	refused(c, EINVAL, "an unknown sort of number");
	c = contract_of(MEMTRAP_WITHIN, MEMTRAP_COUNT);
	c.min.s = 11;
	refused(c, EINVAL, "a range without a number in it");
	c = contract_of(MEMTRAP_ONLY_BY, MEMTRAP_COUNT);
	c.writer_count = 0;
	c.writers = NULL;
	refused(c, EINVAL, "nobody who may write");
	c = contract_of(MEMTRAP_FROZEN, MEMTRAP_COUNT);
	c.reserved[2] = 1;
	refused(c, EINVAL, "a reserved field");
	c.reserved[2] = 0;
	c.len = 0;
	refused(c, EINVAL, "no length");
	c.len = 4;
	c.addr = (const void *)(uintptr_t)64;
	refused(c, EFAULT, "memory that is not there");
}
