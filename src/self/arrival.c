/* SPDX-License-Identifier: MIT */
#include "self/arrival.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "self/choose.h"
#include "self/context.h"
#include "self/fail.h"
#include "self/hit.h"
#include "self/holder.h"
#include "self/interpose.h"
#include "self/peek.h"
#include "self/pieces.h"
#include "self/registry.h"
#include "self/thread.h"

#define OPCODE_INT1 0xf1

/*
 * Under some hypervisors a debug exception now and then arrives with an empty DR6. The kernel takes
 * it for the program's own `int1` (arch/x86/kernel/traps.c, exc_debug_user()).
 */
static bool looks_stray(const siginfo_t *info, const ucontext_t *context)
{
	uintptr_t pc = mt_context_pc(context);
	uint8_t before = OPCODE_INT1;

	return info->si_code == TRAP_BRKPT && (uintptr_t)info->si_addr == pc &&
	       mt_peek(pc - 1, &before, 1) == 1 && before != OPCODE_INT1;
}

/* False: it can be none of ours. */
static bool read_signal(const siginfo_t *info, ucontext_t *context, struct mt_arrival *arrival)
{
	*arrival = (struct mt_arrival){ .context = context };
	if (mt_backend_owns(info, &arrival->cookie, &arrival->late))
		return true;
	arrival->stray = looks_stray(info, context);
	return arrival->stray;
}

/* memtrap_prove() made the access. Where the signal does not tell, nothing else can have fired. */
static void note_proof(const struct mt_arrival *arrival, struct mt_proof *proof)
{
	struct mt_piece piece;

	if (!arrival->cookie || (mt_piece_find(arrival->cookie, &piece) &&
	                         proof->addr - piece.range.addr < piece.range.len))
		proof->seen = true;
}

/*
 * Nothing of libc is called before the mark is set, or the thread busy: it may be what is trapped,
 * and be trapped again without end.
 */
static bool absorb(const struct mt_arrival *arrival)
{
	bool ours;
	int saved;

	mt_thread_busy(true);
	saved = errno;
	ours = mt_hit_absorb(arrival);
	errno = saved;
	mt_thread_busy(false);
	return ours;
}

static bool deliver(const struct mt_arrival *arrival)
{
	struct mt_mark mark;
	bool ours;
	int saved;

	mt_thread_enter(&mark, arrival->context);
	saved = errno;
	ours = mt_hit_deliver(arrival);
	errno = saved;
	mt_thread_leave();
	return ours;
}

static bool handle(siginfo_t *info, ucontext_t *context)
{
	struct mt_proof *proof = mt_thread_proof();
	struct mt_arrival arrival;

	if (!read_signal(info, context, &arrival))
		return false;
	if (proof)
		note_proof(&arrival, proof);
	if (proof || mt_thread_is_busy())
		return true;
	return mt_thread_in_handler(context) ? absorb(&arrival) : deliver(&arrival);
}

/*
 * SIGTRAP stays open in it (SA_NODEFER): a blocked one would end the program on some kernels, and a
 * handler may touch what is trapped.
 */
static void on_sigtrap(int signal, siginfo_t *info, void *arg)
{
	ucontext_t *context = arg;

	if (!mt_holders_asked(info, context) && !handle(info, context))
		mt_next_action_run(info, context);
}

bool mt_handler_is_ours(void)
{
	struct sigaction action;

	return mt_libc_sigaction(SIGTRAP, NULL, &action) == 0 && (action.sa_flags & SA_SIGINFO) &&
	       action.sa_sigaction == on_sigtrap;
}

int mt_arrival_install(void)
{
	static bool installed;
	struct sigaction ours = {
		.sa_sigaction = on_sigtrap,
		.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK | SA_RESTART,
	};
	struct sigaction theirs;

	if (installed)
		return 0;
	if (mt_libc_sigaction(SIGTRAP, NULL, &theirs) < 0)
		return mt_fail_sys(errno, "cannot ask for the action of SIGTRAP");
	mt_next_action_set(&theirs);
	if (mt_libc_sigaction(SIGTRAP, &ours, NULL) < 0)
		return mt_fail_sys(errno, "cannot install a handler of SIGTRAP");
	installed = true;
	return 0;
}
