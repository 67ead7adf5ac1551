/* SPDX-License-Identifier: MIT */
#include "self/spec.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "self/fail.h"
#include "self/thread.h"
#include "x86/debugreg.h"

#define DEFAULT_HISTORY 16
#define MAX_HISTORY 65536
#define PAGE 4096
#define ALL_FLAGS (MEMTRAP_PARTIAL | MEMTRAP_INHERIT_FORK | MEMTRAP_BARE)

static int check_fields(const struct memtrap_spec *spec)
{
	bool needs_values = spec->kind == MEMTRAP_READ || spec->kind == MEMTRAP_CHANGE;

	if (spec->kind < MEMTRAP_EXEC || spec->kind > MEMTRAP_CHANGE)
		return mt_fail(EINVAL, "there is no kind of trap %d", (int)spec->kind);
	if (spec->flags & ~(unsigned)ALL_FLAGS)
		return mt_fail(EINVAL, "there is no flag 0x%x", spec->flags & ~(unsigned)ALL_FLAGS);
	if (needs_values && (spec->flags & MEMTRAP_BARE))
		return mt_fail(EINVAL, "a bare trap looks neither at the instruction nor at the "
		                       "value: it can't be for reads or changes alone");
	if (spec->history > MAX_HISTORY)
		return mt_fail(EINVAL, "a history of %u hits is more than %d", spec->history,
		               MAX_HISTORY);
	for (size_t i = 0; i < sizeof(spec->reserved) / sizeof(*spec->reserved); i++) {
		if (spec->reserved[i])
			return mt_fail(EINVAL, "the reserved fields of the spec are not zero");
	}
	return 0;
}

static int check_range(const struct memtrap_spec *spec)
{
	uintptr_t addr = (uintptr_t)spec->addr;
	size_t needed = mt_dr_split(addr, spec->len, NULL, 0);

	if (spec->len == 0)
		return mt_fail(EINVAL, "the length is 0");
	if (spec->kind == MEMTRAP_EXEC && spec->len != 1)
		return mt_fail(EINVAL, "an execute trap has length 1, not %zu", spec->len);
	if (spec->len > MEMTRAP_MAX_LEN)
		return mt_fail(EINVAL, "%zu bytes are more than %d", spec->len, MEMTRAP_MAX_LEN);
	if (needed == 0)
		return mt_fail(EINVAL, "%zu bytes at %p go past the end of memory", spec->len,
		               (const void *)addr);
	if (needed > MT_DR_COUNT)
		return mt_fail(EINVAL,
		               "%zu bytes at %p need %zu debug registers, and the processor has %d",
		               spec->len, (const void *)addr, needed, MT_DR_COUNT);
	return 0;
}

static int check_mapped(const struct memtrap_spec *spec)
{
	uintptr_t start = (uintptr_t)spec->addr & ~(uintptr_t)(PAGE - 1);
	uintptr_t end = (uintptr_t)spec->addr + spec->len;
	unsigned char resident[2]; /* a page each */

	if (mincore((void *)start, end - start, resident) == 0)
		return 0;
	return mt_fail(EFAULT, "no memory is mapped at %p", (const void *)(uintptr_t)spec->addr);
}

static int find_thread(struct memtrap_spec *spec)
{
	if (spec->thread == MEMTRAP_THIS_THREAD)
		spec->thread = mt_thread_id();
	if (spec->thread < 0)
		return mt_fail(EINVAL, "%d is no thread", spec->thread);
	if (spec->thread > 0 && tgkill(getpid(), spec->thread, 0) < 0)
		return mt_fail(ESRCH, "there is no thread %d in this process", spec->thread);
	return 0;
}

int mt_spec_check(const struct memtrap_spec *spec, struct memtrap_spec *checked)
{
	struct memtrap_spec copy = *spec;
	int err;

	if (copy.kind == MEMTRAP_EXEC && copy.len == 0)
		copy.len = 1;
	if (copy.history == 0)
		copy.history = DEFAULT_HISTORY;
	err = check_fields(&copy);
	if (!err)
		err = check_range(&copy);
	if (!err)
		err = check_mapped(&copy);
	if (!err)
		err = find_thread(&copy);
	if (!err)
		*checked = copy;
	return err;
}
