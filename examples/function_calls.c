/* SPDX-License-Identifier: MIT */
/*
 * A trap on a function: the handler sees each call before its first instruction has run, with the
 * arguments in the registers, and may change them: here nobody divides by zero any more. Compiled
 * with -D_GNU_SOURCE, for the registers' names.
 */
#include <stdint.h>
#include <stdio.h>

#include <memtrap/memtrap.h>

static unsigned mended;

/* The first two arguments, by the calling convention of x86-64: rdi and rsi. */
static void on_call(struct memtrap_hit *hit, void *arg)
{
	greg_t *registers = hit->context->uc_mcontext.gregs;

	(void)arg;
	if (registers[REG_RSI] == 0) {
		registers[REG_RSI] = 1;
		mended++;
	}
}

__attribute__((noinline)) long divide(long a, long b)
{
	return a / b;
}

int main(void)
{
	struct memtrap_spec spec = {
		.addr = (const void *)(uintptr_t)divide,
		.kind = MEMTRAP_EXEC,
		.handler = on_call,
		.name = "divide",
	};
	struct memtrap *trap;

	if (memtrap_set(&trap, &spec) < 0) {
		fprintf(stderr, "%s\n", memtrap_error());
		return 1;
	}
	for (long b = 2; b >= 0; b--) {
		volatile long divisor = b; /* the handler changes its copy in rsi only */

		printf("84 / %ld = %ld\n", divisor, divide(84, divisor));
	}
	printf("%s was called %llu times; %u division by zero was mended\n", memtrap_name(trap),
	       (unsigned long long)memtrap_count(trap), mended);
	memtrap_remove(trap);
	return 0;
}
