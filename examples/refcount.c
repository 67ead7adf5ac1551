/* SPDX-License-Identifier: MIT */
/*
 * A contract: this reference count never goes below zero. Nothing is called while it is kept; the
 * put() too many is reported with its caller.
 */
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include <memtrap/memtrap.h>

static int refs = 1;

static void on_violation(struct memtrap_hit *hit, void *arg)
{
	(void)arg;
	memtrap_dump(hit, STDOUT_FILENO);
}

__attribute__((noinline)) void put(void)
{
	refs--;
}

__attribute__((noinline)) void forgetful_user(void)
{
	refs++;
	put();
	put(); /* the bug */
	put();
}

int main(void)
{
	struct memtrap_contract contract = {
		.addr = &refs,
		.len = sizeof(refs),
		.rule = MEMTRAP_WITHIN,
		.number = MEMTRAP_SIGNED,
		.min = { .s = 0 },
		.max = { .s = INT_MAX },
		.verdict = MEMTRAP_CALL,
		.handler = on_violation,
		.name = "refs",
	};
	struct memtrap *trap;

	if (memtrap_contract(&trap, &contract) < 0) {
		fprintf(stderr, "%s\n", memtrap_error());
		return 1;
	}
	forgetful_user();
	printf("%llu writes, %llu violation\n", (unsigned long long)memtrap_count(trap),
	       (unsigned long long)memtrap_violations(trap));
	memtrap_remove(trap);
	return 0;
}
