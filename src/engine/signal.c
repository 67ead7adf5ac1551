/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <string.h>

#include "engine/engine_private.h"
#include "target/process.h"

/* ---- Rules --------------------------------------------------------------- */

/* Signals of everyday work pass without a word, as gdb has it. */
static bool is_everyday(int signal)
{
	switch (signal) {
	case SIGALRM:
	case SIGURG:
	case SIGIO:
	case SIGVTALRM:
	case SIGPROF:
	case SIGCHLD:
	case SIGWINCH:
	case 32: /* glibc's own: pthread_cancel() and setuid() in all threads */
	case 33:
		return true;
	default:
		return false;
	}
}

void mt_signal_rules_init(struct mt_debug *debug)
{
	for (int i = 0; i < MT_SIGNALS; i++)
		debug->rules[i] = (struct mt_signal_rule){ .stop = !is_everyday(i),
			                                   .print = !is_everyday(i),
			                                   .pass = i != SIGINT };
}

struct mt_signal_rule mt_debug_signal_rule(const struct mt_debug *debug, int signal)
{
	return signal > 0 && signal < MT_SIGNALS ? debug->rules[signal]
	                                         : (struct mt_signal_rule){ 0 };
}

void mt_debug_set_signal_rule(struct mt_debug *debug, int signal, struct mt_signal_rule rule)
{
	if (signal > 0 && signal < MT_SIGNALS)
		debug->rules[signal] = rule;
}

/* ---- One signal ---------------------------------------------------------- */

/* For faults of the processor si_addr is the place of the instruction (sigaction(2)); in a slot
 * that is the slot. */
static void correct_info(struct mt_thread *thread, uint64_t was)
{
	if ((thread->info.si_signo != SIGILL && thread->info.si_signo != SIGFPE) ||
	    thread->info.si_code <= 0 || (uint64_t)(uintptr_t)thread->info.si_addr != was)
		return;
	thread->info.si_addr = (void *)(uintptr_t)thread->regs.rip;
	thread->info_changed = true;
}

void mt_signal_seen(struct mt_thread *thread)
{
	struct user_regs_struct raw;

	if (mt_proc_memory(thread->proc)->areas.len) {
		if (!mt_tracee_user_regs(thread->tid, &raw) || !mt_thread_regs(thread))
			return;
		/* A handler's frame must have the place where the program would be. */
		thread->regs_changed = thread->regs.rip != raw.rip;
		correct_info(thread, raw.rip);
	}
	mt_pend(thread, MT_PENDING_SIGNAL);
}

/* ---- Is it a stop? ------------------------------------------------------- */

bool mt_signal_decide(struct mt_thread *thread, struct mt_stop *stop)
{
	struct mt_debug *debug = thread->proc->debug;
	int signal = thread->info.si_signo;
	struct mt_signal_rule rule = mt_debug_signal_rule(debug, signal);
	bool caught = !thread->proc->quiet &&
	              mt_catch_wants(thread, MT_BREAK_CATCH_SIGNAL, (uint64_t)signal, stop);

	thread->signal = rule.pass || thread->proc->quiet ? signal : 0;
	if (thread->proc->quiet)
		return false;
	if (caught || rule.stop) {
		stop->kind = caught ? MT_STOP_CAUGHT : MT_STOP_SIGNAL;
		stop->signal = signal;
		stop->siginfo = thread->info;
		stop->signal_note = mt_trap_note(thread);
		return true;
	}
	if (rule.print)
		mt_notify(debug, &(struct mt_notice){ .kind = MT_NOTICE_SIGNAL,
		                                      .pid = thread->proc->pid,
		                                      .tid = thread->tid,
		                                      .signal = signal });
	return false;
}

bool mt_debug_siginfo(const struct mt_debug *debug, siginfo_t *info)
{
	const struct mt_thread *thread = debug->thread;

	if (!debug->proc || !thread)
		return false;
	if (debug->proc->core) {
		*info = debug->proc->core->info;
		return debug->proc->core->has_info;
	}
	*info = thread->info;
	return thread->stop == MT_EVENT_SIGNAL && thread->info.si_signo;
}
