/* SPDX-License-Identifier: MIT */
#include "self/holder.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "self/raw.h"
#include "self/thread.h"

/*
 * Handlers at work at the same time that are known by thread. Beyond them one is only counted: then
 * nobody notices that it was left by longjmp() on a thread that sees no hit any more.
 */
#define HOLDERS 256

/* How long a handler may take before we ask its thread whether it is still in it. */
#define PATIENCE_NS 20000000

struct holder {
	pid_t tid; /* 0: free */
	struct memtrap *trap;
};

static struct holder holders[HOLDERS];

static __thread struct {
	struct holder *holder; /* NULL: none was free */
	struct memtrap *trap;  /* NULL: the thread is in no handler */
} mine __attribute__((tls_model("initial-exec")));

/* ---- Counting ------------------------------------------------------------ */

bool mt_trap_hold(struct memtrap *trap)
{
	__atomic_add_fetch(&trap->in_use, 1, __ATOMIC_SEQ_CST);
	if (mt_trap_state(trap) == MT_TRAP_LIVE)
		return true;
	mt_trap_release(trap);
	return false;
}

/*
 * The count is looked at again once the state is known: when it was taken down the trap may have
 * been live, and held since by others. Who ends a trap holds it, so none that is in use is retired
 * here.
 */
void mt_trap_release(struct memtrap *trap)
{
	__atomic_sub_fetch(&trap->in_use, 1, __ATOMIC_SEQ_CST);
	if (mt_trap_state(trap) != MT_TRAP_ENDING)
		return;
	if (__atomic_load_n(&trap->in_use, __ATOMIC_SEQ_CST) > 0)
		mt_raw(SYS_futex, MT_ARG(&trap->in_use), FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0);
	else if (mt_trap_turn(trap, MT_TRAP_ENDING, MT_TRAP_SETTING))
		mt_trap_retire(trap);
}

/* ---- By thread ----------------------------------------------------------- */

/* The same thread finds the same place again, in its cache. */
static struct holder *claim(pid_t tid)
{
	for (unsigned i = 0; i < HOLDERS; i++) {
		struct holder *holder = &holders[((unsigned)tid + i) % HOLDERS];
		pid_t nobody = 0;

		if (__atomic_compare_exchange_n(&holder->tid, &nobody, tid, false, __ATOMIC_ACQUIRE,
		                                __ATOMIC_RELAXED))
			return holder;
	}
	return NULL;
}

/* Whoever takes the trap out, the thread itself or one that has waited too long, releases it. */
static void let_go(struct holder *holder, struct memtrap *trap)
{
	if (!trap || !__atomic_compare_exchange_n(&holder->trap, &trap, NULL, false,
	                                          __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	__atomic_store_n(&holder->tid, 0, __ATOMIC_RELEASE);
	mt_trap_release(trap);
}

void mt_holder_begin(struct memtrap *trap)
{
	mine.trap = trap;
	mine.holder = claim(mt_thread_id());
	if (mine.holder)
		__atomic_store_n(&mine.holder->trap, trap, __ATOMIC_RELEASE);
}

void mt_holder_end(void)
{
	if (mine.holder)
		let_go(mine.holder, mine.trap);
	else if (mine.trap)
		mt_trap_release(mine.trap);
	mine.holder = NULL;
	mine.trap = NULL;
}

/* ---- Waiting ------------------------------------------------------------- */

/* Its address is what the question carries. */
static const char question;

static bool ask(pid_t tid)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = SIGTRAP;
	info.si_code = SI_QUEUE;
	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_ptr = (void *)(uintptr_t)&question;
	return mt_raw(SYS_rt_tgsigqueueinfo, getpid(), tid, SIGTRAP, MT_ARG(&info), 0) != -ESRCH;
}

/* A thread that is not in the handler any more lets go when it is asked; one that has ended can't.
 * Meanwhile another one may have come to the place: then it is that one's. */
static void ask_holders(struct memtrap *trap)
{
	for (size_t i = 0; i < HOLDERS; i++) {
		struct holder *holder = &holders[i];
		pid_t tid = __atomic_load_n(&holder->tid, __ATOMIC_ACQUIRE);

		if (__atomic_load_n(&holder->trap, __ATOMIC_ACQUIRE) != trap || ask(tid))
			continue;
		if (__atomic_load_n(&holder->tid, __ATOMIC_ACQUIRE) == tid)
			let_go(holder, trap);
	}
}

bool mt_holders_asked(const siginfo_t *info, const ucontext_t *context)
{
	pid_t tid;

	if (info->si_code != SI_QUEUE || info->si_value.sival_ptr != &question)
		return false;
	tid = mt_thread_id();
	mt_thread_in_handler(context);
	for (size_t i = 0; i < HOLDERS; i++) {
		struct holder *holder = &holders[i];

		/* Of a thread that has ended and had this one's id. */
		if (holder != mine.holder && __atomic_load_n(&holder->tid, __ATOMIC_ACQUIRE) == tid)
			let_go(holder, __atomic_load_n(&holder->trap, __ATOMIC_ACQUIRE));
	}
	return true;
}

void mt_holders_wait(struct memtrap *trap)
{
	const struct timespec patience = { .tv_nsec = PATIENCE_NS };
	uint32_t in_use;

	while ((in_use = __atomic_load_n(&trap->in_use, __ATOMIC_SEQ_CST)) > 1) {
		long got = mt_raw(SYS_futex, MT_ARG(&trap->in_use), FUTEX_WAIT_PRIVATE,
		                  (long)in_use, MT_ARG(&patience), 0);

		if (got == -ETIMEDOUT && mt_handler_is_ours())
			ask_holders(trap);
	}
}

void mt_holders_forked(void)
{
	for (size_t i = 0; i < HOLDERS; i++) {
		if (&holders[i] != mine.holder)
			holders[i] = (struct holder){ 0 };
	}
	if (mine.holder)
		mine.holder->tid = mt_thread_id();
}

uint32_t mt_holders_of(const struct memtrap *trap)
{
	return mine.trap == trap;
}
