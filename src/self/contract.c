/* SPDX-License-Identifier: MIT */
#include "self/contract.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "self/fail.h"
#include "self/frames.h"
#include "self/names.h"
#include "self/number.h"
#include "self/registry.h"

/* A mapping of its own, since memory of malloc() can't be given back in a signal handler. */
struct mt_contract {
	size_t size; /* of the mapping */
	enum memtrap_rule rule;
	enum memtrap_verdict verdict;
	enum memtrap_number number;
	size_t len;
	union memtrap_bound min, max;
	memtrap_handler handler;
	void *arg;
	uint64_t violations __attribute__((aligned(8)));
	size_t writer_count;
	struct memtrap_code writers[]; /* each with its length */
};

/* ---- What makes sense ---------------------------------------------------- */

static bool is_number(const struct memtrap_contract *wanted)
{
	bool wide = wanted->len == 4 || wanted->len == 8;

	switch (wanted->number) {
	case MEMTRAP_SIGNED:
	case MEMTRAP_UNSIGNED:
		return wide || wanted->len == 1 || wanted->len == 2;
	case MEMTRAP_FLOATING:
		return wide;
	default:
		return false;
	}
}

static bool is_empty_range(const struct memtrap_contract *wanted)
{
	switch (wanted->number) {
	case MEMTRAP_SIGNED:
		return wanted->min.s > wanted->max.s;
	case MEMTRAP_UNSIGNED:
		return wanted->min.u > wanted->max.u;
	default:
		return !(wanted->min.f <= wanted->max.f);
	}
}

static int check_rule(const struct memtrap_contract *wanted)
{
	switch (wanted->rule) {
	case MEMTRAP_FROZEN:
		return 0;
	case MEMTRAP_ONLY_BY:
		if (!wanted->writers || !wanted->writer_count)
			return mt_fail(EINVAL, "a contract that only some may write names no "
			                       "writers: where nobody may, it is MEMTRAP_FROZEN");
		return 0;
	case MEMTRAP_GROWS:
	case MEMTRAP_WITHIN:
		if (!is_number(wanted))
			return mt_fail(EINVAL,
			               "a contract about a number of kind %d and %zu bytes: "
			               "signed and unsigned ones have 1, 2, 4 or 8, floating "
			               "ones 4 or 8",
			               (int)wanted->number, wanted->len);
		if (wanted->rule == MEMTRAP_WITHIN && is_empty_range(wanted))
			return mt_fail(EINVAL, "a contract lets no value in: its minimum is not "
			                       "below its maximum");
		return 0;
	default:
		return mt_fail(EINVAL, "a contract of unknown rule %d", (int)wanted->rule);
	}
}

static int check(const struct memtrap_contract *wanted)
{
	for (size_t i = 0; i < sizeof(wanted->reserved) / sizeof(*wanted->reserved); i++)
		if (wanted->reserved[i])
			return mt_fail(EINVAL, "a contract's reserved fields must be 0");
	if (wanted->verdict < MEMTRAP_CALL || wanted->verdict > MEMTRAP_COUNT)
		return mt_fail(EINVAL, "a contract of unknown verdict %d", (int)wanted->verdict);
	if (wanted->verdict == MEMTRAP_CALL && !wanted->handler)
		return mt_fail(EINVAL, "a contract whose verdict is to call has no handler");
	return check_rule(wanted);
}

/* ---- Making one ---------------------------------------------------------- */

static int find_writer(const struct memtrap_code *wanted, struct memtrap_code *writer)
{
	uintptr_t start, end;

	*writer = *wanted;
	if (wanted->len)
		return 0;
	if (!mt_function_bounds((uintptr_t)wanted->start, &start, &end))
		return mt_fail(EINVAL,
		               "no unwind information tells where the function at %p ends: its "
		               "length is needed",
		               wanted->start);
	writer->len = end - (uintptr_t)wanted->start;
	return 0;
}

static int fill(const struct memtrap_contract *wanted, struct mt_contract *contract)
{
	contract->rule = wanted->rule;
	contract->verdict = wanted->verdict;
	contract->number = wanted->number;
	contract->len = wanted->len;
	contract->min = wanted->min;
	contract->max = wanted->max;
	contract->handler = wanted->handler;
	contract->arg = wanted->arg;
	if (wanted->rule != MEMTRAP_ONLY_BY)
		return 0;
	for (size_t i = 0; i < wanted->writer_count; i++) {
		int error = find_writer(&wanted->writers[i], &contract->writers[i]);

		if (error)
			return error;
	}
	contract->writer_count = wanted->writer_count;
	return 0;
}

static int create(const struct memtrap_contract *wanted, struct mt_contract **contract)
{
	size_t writers, size;
	void *block;
	int error;

	if (__builtin_mul_overflow(wanted->writer_count, sizeof(*wanted->writers), &writers) ||
	    __builtin_add_overflow(writers, sizeof(**contract), &size))
		return mt_fail(ENOMEM, "a contract with %zu writers", wanted->writer_count);
	block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (block == MAP_FAILED)
		return mt_fail_sys(errno, "cannot have %zu bytes for a contract", size);
	((struct mt_contract *)block)->size = size;
	error = fill(wanted, block);
	if (error)
		mt_contract_destroy(block);
	else
		*contract = block;
	return error;
}

void mt_contract_destroy(struct mt_contract *contract)
{
	if (contract)
		munmap(contract, contract->size);
}

/* ---- Judging ------------------------------------------------------------- */

static bool is_within(const struct mt_contract *contract, const void *value)
{
	uint64_t u = memtrap_unsigned(value, contract->len);
	int64_t s = memtrap_signed(value, contract->len);
	double f;

	switch (contract->number) {
	case MEMTRAP_SIGNED:
		return s >= contract->min.s && s <= contract->max.s;
	case MEMTRAP_UNSIGNED:
		return u >= contract->min.u && u <= contract->max.u;
	default:
		f = mt_number_floating(value, contract->len);
		return f >= contract->min.f && f <= contract->max.f;
	}
}

static bool is_smaller(const struct mt_contract *contract, const void *a, const void *b)
{
	size_t len = contract->len;

	switch (contract->number) {
	case MEMTRAP_SIGNED:
		return memtrap_signed(a, len) < memtrap_signed(b, len);
	case MEMTRAP_UNSIGNED:
		return memtrap_unsigned(a, len) < memtrap_unsigned(b, len);
	default:
		return mt_number_floating(a, len) < mt_number_floating(b, len);
	}
}

/* Where the instruction is not known, the one before pc stands for it: it is nearly always in the
 * same function. Of a late hit, nobody can tell who it was. */
static bool is_by_writer(const struct mt_contract *contract, const struct memtrap_hit *hit)
{
	uintptr_t code = hit->culprit ? hit->culprit : hit->pc - 1;

	if (hit->flags & MEMTRAP_HIT_LATE)
		return true;
	for (size_t i = 0; i < contract->writer_count; i++)
		if (code - (uintptr_t)contract->writers[i].start < contract->writers[i].len)
			return true;
	return false;
}

static bool violates(const struct mt_contract *contract, const struct memtrap_hit *hit)
{
	switch (contract->rule) {
	case MEMTRAP_ONLY_BY:
		return !is_by_writer(contract, hit);
	case MEMTRAP_FROZEN:
		return true;
	case MEMTRAP_GROWS:
		return hit->old_value && hit->new_value &&
		       is_smaller(contract, hit->new_value, hit->old_value);
	default:
		return hit->new_value && !is_within(contract, hit->new_value);
	}
}

static void judge(struct memtrap_hit *hit, void *arg)
{
	struct mt_contract *contract = arg;

	if (!violates(contract, hit))
		return;
	__atomic_add_fetch(&contract->violations, 1, __ATOMIC_RELAXED);
	switch (contract->verdict) {
	case MEMTRAP_CALL:
		contract->handler(hit, contract->arg);
		break;
	case MEMTRAP_ABORT:
		memtrap_dump(hit, STDERR_FILENO);
		abort();
	case MEMTRAP_PARK:
		memtrap_park(hit);
		break;
	case MEMTRAP_COUNT:
		break;
	}
}

/* ---- For the program ----------------------------------------------------- */

int memtrap_contract(struct memtrap **trap, const struct memtrap_contract *wanted)
{
	struct memtrap_spec spec = {
		.addr = wanted->addr,
		.len = wanted->len,
		.kind = wanted->rule == MEMTRAP_GROWS ? MEMTRAP_CHANGE : MEMTRAP_WRITE,
		.handler = judge,
		.name = wanted->name,
	};
	struct mt_contract *contract = NULL;
	int error = check(wanted);

	if (!error)
		error = create(wanted, &contract);
	if (error)
		return error;
	spec.arg = contract;
	error = mt_trap_set(trap, &spec, contract);
	if (error)
		mt_contract_destroy(contract);
	return error;
}

uint64_t memtrap_violations(const struct memtrap *trap)
{
	return trap->contract ? __atomic_load_n(&trap->contract->violations, __ATOMIC_RELAXED) : 0;
}

/* ---- For reports --------------------------------------------------------- */

enum memtrap_number mt_contract_number(const struct mt_contract *contract)
{
	return contract ? contract->number : MEMTRAP_SIGNED;
}

static void say_bound(struct mt_say *say, const struct mt_contract *contract,
                      const union memtrap_bound *bound)
{
	switch (contract->number) {
	case MEMTRAP_SIGNED:
		mt_say_signed(say, bound->s);
		break;
	case MEMTRAP_UNSIGNED:
		mt_say_unsigned(say, bound->u);
		break;
	default:
		mt_say_floating(say, bound->f);
	}
}

static void say_writers(struct mt_say *say, const struct mt_contract *contract)
{
	uintptr_t start;
	char name[160];

	for (size_t i = 0; i < contract->writer_count; i++) {
		const struct memtrap_code *writer = &contract->writers[i];

		mt_say_text(say, i ? ", " : "");
		if (mt_function_name((uintptr_t)writer->start, name, sizeof(name), &start))
			mt_say_text(say, name);
		else
			mt_say_hex(say, (uintptr_t)writer->start, 1);
	}
}

void mt_contract_say(struct mt_say *say, const struct mt_contract *contract)
{
	switch (contract->rule) {
	case MEMTRAP_ONLY_BY:
		mt_say_text(say, "only ");
		say_writers(say, contract);
		mt_say_text(say, " may write it");
		break;
	case MEMTRAP_FROZEN:
		mt_say_text(say, "nobody may write it");
		break;
	case MEMTRAP_GROWS:
		mt_say_text(say, "it never gets smaller");
		break;
	case MEMTRAP_WITHIN:
		mt_say_text(say, "it stays from ");
		say_bound(say, contract, &contract->min);
		mt_say_text(say, " to ");
		say_bound(say, contract, &contract->max);
		break;
	}
}
