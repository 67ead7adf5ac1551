/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "self/fail.h"
#include "self/raw.h"
#include "self/registry.h"
#include "self/thread.h"

/* ---- Firing -------------------------------------------------------------- */

static volatile uint8_t canary;

static __attribute__((noinline)) void canary_function(void)
{
	__asm__ volatile("");
}

/* An access of the trap's kind that changes nothing, also where others write at the same time. */
static void access_byte(enum memtrap_kind kind, uintptr_t addr)
{
	volatile uint8_t *byte = (volatile uint8_t *)addr;

	if (kind == MEMTRAP_EXEC)
		canary_function();
	else if (kind == MEMTRAP_WRITE || kind == MEMTRAP_CHANGE)
		__asm__ volatile("lock orb $0, %0" : "+m"(*byte) : : "cc");
	else
		(void)*byte;
}

static bool fires(enum memtrap_kind kind, uintptr_t addr)
{
	struct mt_proof proof = { .addr = addr };

	mt_thread_prove(&proof);
	access_byte(kind, addr);
	mt_thread_prove(NULL);
	return __atomic_load_n(&proof.seen, __ATOMIC_RELAXED);
}

/* Every register of the trap. */
static int prove_all(const struct memtrap *trap)
{
	for (unsigned i = 0; i < trap->piece_count; i++) {
		uintptr_t addr = (uintptr_t)trap->pieces[i]->range.addr;

		if (!fires(trap->spec.kind, addr))
			return mt_fail(ENODATA, "an access at %p did not arrive",
			               (const void *)addr);
	}
	return 0;
}

static int prove_canary(enum memtrap_kind kind)
{
	struct memtrap_spec spec = {
		.addr = kind == MEMTRAP_EXEC ? (const volatile void *)(uintptr_t)canary_function
		                             : &canary,
		.len = 1,
		.kind = kind,
		.thread = MEMTRAP_THIS_THREAD,
		.name = "canary",
	};
	struct memtrap *trap;
	int err = memtrap_set(&trap, &spec);

	if (err < 0)
		return err;
	err = prove_all(trap);
	memtrap_remove(trap);
	return err;
}

/* ---- Whether it may fire ------------------------------------------------- */

static bool is_blocked(void)
{
	mt_sigset mask = 0;

	mt_raw(SYS_rt_sigprocmask, SIG_BLOCK, 0, MT_ARG(&mask), sizeof(mask), 0);
	return mask & MT_SIGBIT(SIGTRAP);
}

/* Whether a mapping that holds `addr` has the right to `right`, 'r' or 'w' (proc(5),
 * /proc/PID/maps). */
static bool is_allowed(uintptr_t addr, char right)
{
	FILE *maps MT_AUTO_FILE = fopen("/proc/self/maps", "re");
	char line[4352], rights[5];
	uintptr_t start, end;

	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &start, &end, rights) == 3 &&
		    addr - start < end - start)
			return rights[right == 'w'] == right;
	}
	return false;
}

static bool may_access(const struct memtrap_spec *spec)
{
	bool writes = spec->kind == MEMTRAP_WRITE || spec->kind == MEMTRAP_CHANGE;
	uintptr_t addr = (uintptr_t)spec->addr;
	char right = writes ? 'w' : 'r';

	return spec->kind != MEMTRAP_EXEC && is_allowed(addr, right) &&
	       is_allowed(addr + spec->len - 1, right);
}

int memtrap_prove(struct memtrap *trap)
{
	if (trap->spec.thread && trap->spec.thread != mt_thread_id())
		return mt_fail(EINVAL, "the trap is for thread %d, not for the calling one, %d",
		               trap->spec.thread, (int)mt_thread_id());
	if (!mt_handler_is_ours())
		return mt_fail(ENODATA, "the program has replaced the handler of SIGTRAP");
	if (is_blocked())
		return mt_fail(ENODATA, "SIGTRAP is blocked on the calling thread");
	return may_access(&trap->spec) ? prove_all(trap) : prove_canary(trap->spec.kind);
}
