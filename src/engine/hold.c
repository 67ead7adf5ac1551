/* SPDX-License-Identifier: MIT */
/*
 * Holds: a filter in the kernel has found that a thread is to stop, and has sent it a signal
 * (probe/probe.h, MT_ACTION_HOLD). It comes before the thread executes anything more. But an
 * interrupt's stop comes before it, and so do signals of its own with smaller numbers: these are
 * put off until the hit is dealt with, as they would come after an int3's SIGTRAP.
 */
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/engine_private.h"

/* What has held it: a uprobe, a debug register that stands for code or for data, or nothing of
 * ours. */
static enum mt_pending_kind holder(struct mt_thread *thread, const siginfo_t *info,
                                   const struct mt_site **site)
{
	struct user_regs_struct raw;

	*site = NULL;
	if (mt_is_hold_trap(info))
		return MT_PENDING_WATCH;
	if (!thread->proc->debug->probe || !mt_tracee_user_regs(thread->tid, &raw))
		return MT_PENDING_NONE;
	*site = mt_detour_held_at(thread->proc, raw.rip);
	if (*site)
		return MT_PENDING_SITE;
	if (mt_armed_at(thread->proc, raw.rip))
		return MT_PENDING_DEBUGREG;
	return mt_proc_memory(thread->proc)->filtered.len ? MT_PENDING_WATCH : MT_PENDING_NONE;
}

/* Whether what has come is, or stands for, a hold, and what of the program's own it stands for. */
static bool is_hold(struct mt_thread *thread, enum mt_merged *merged, siginfo_t *own)
{
	const struct mt_debug *debug = thread->proc->debug;

	*own = thread->info;
	*merged = MT_MERGED_NOTHING;
	if (debug->probe && thread->info.si_signo == MT_HOLD_SIGNAL)
		*merged = mt_probe_merged(debug->probe, thread->tid, own);
	return mt_is_hold(&thread->info) || *merged == MT_MERGED_HOLD;
}

/* What was to be stepped has not been: the hold is for something before it, which a step may have
 * told already. */
static bool is_before_step(struct mt_thread *thread)
{
	return thread->how == MT_RESUME_STEP && mt_thread_regs(thread) &&
	       thread->regs.rip == thread->stepped_pc;
}

bool mt_hold_seen(struct mt_thread *thread)
{
	enum mt_pending_kind kind = MT_PENDING_NONE;
	const struct mt_site *site;
	enum mt_merged merged;
	siginfo_t own;

	if (is_hold(thread, &merged, &own))
		kind = holder(thread, &thread->info, &site);
	if (kind == MT_PENDING_NONE && merged == MT_MERGED_OWN) {
		thread->info = own;
		thread->info_changed = true;
	}
	if (kind == MT_PENDING_NONE)
		return false;
	/* The hold is dealt with first. */
	if (merged != MT_MERGED_NOTHING && !mt_vec_push(&thread->put_off, own))
		mt_warn(thread->proc->debug, thread->proc->pid, "out of memory: a SIGURG is lost");
	/* Where others want every execution, all are held and none is decided. */
	thread->decided = site && site->refs ? MT_PENDING_NONE : kind;
	if (kind == MT_PENDING_WATCH)
		mt_hw_note_status(thread);
	if (kind == MT_PENDING_WATCH && is_before_step(thread))
		thread->how = MT_RESUME_CONTINUE;
	mt_pend(thread, kind);
	return true;
}

/* ---- What comes before it ------------------------------------------------ */

/* A trap is not waited for: it comes before other signals, and mt_tracee_trap_waits() knows it. */
static bool is_signal_of_hold(const siginfo_t *info)
{
	return mt_is_hold(info) && !mt_is_hold_trap(info);
}

static bool waits(struct mt_thread *thread)
{
	const siginfo_t signal = { .si_signo = MT_HOLD_SIGNAL };
	const struct mt_site *site;

	return thread->proc->debug->probe &&
	       mt_tracee_signal_waits(thread->tid, is_signal_of_hold) &&
	       holder(thread, &signal, &site) != MT_PENDING_NONE;
}

/* A step over what was held is told as a step, which sees more. */
static bool is_step_over_data(const struct mt_thread *thread, const siginfo_t *info)
{
	return info->si_signo == SIGTRAP && thread->how == MT_RESUME_STEP &&
	       mt_proc_memory(thread->proc)->filtered.len;
}

/* The same access, as a register of ptrace's has noticed it: DR6 says so still at the hold. */
static bool is_of_registers(const struct mt_thread *thread, const siginfo_t *info)
{
	return info->si_signo == SIGTRAP && info->si_code == TRAP_HWBKPT &&
	       thread->registers_turn && mt_proc_memory(thread->proc)->filtered.len;
}

bool mt_hold_comes_first(struct mt_thread *thread, const struct mt_event *event)
{
	siginfo_t info;

	if (event->kind != MT_EVENT_SIGNAL && event->kind != MT_EVENT_STOPPED)
		return false;
	if (event->kind == MT_EVENT_SIGNAL &&
	    (!mt_tracee_siginfo(thread->tid, &info) || mt_is_hold_trap(&info)))
		return false;
	if (thread->new_born || !waits(thread))
		return false;
	if (event->kind == MT_EVENT_SIGNAL) {
		if (is_step_over_data(thread, &info))
			return false;
		if (info.si_signo == MT_HOLD_SIGNAL) /* what is merged with this one is none */
			mt_probe_merged(thread->proc->debug->probe, thread->tid,
			                &(siginfo_t){ .si_signo = MT_HOLD_SIGNAL });
		if (!is_of_registers(thread, &info) && !mt_vec_push(&thread->put_off, info))
			return false;
	}
	mt_tracee_resume(thread->tid, 0);
	return true;
}

static siginfo_t take_first(struct mt_thread *thread)
{
	siginfo_t info = thread->put_off.data[0];

	for (size_t i = 0; i + 1 < thread->put_off.len; i++)
		thread->put_off.data[i] = thread->put_off.data[i + 1];
	thread->put_off.len--;
	return info;
}

bool mt_hold_take_up(struct mt_thread *thread)
{
	if (!thread->put_off.len)
		return false;
	thread->info = take_first(thread);
	thread->info_changed = true;
	mt_pend(thread, MT_PENDING_SIGNAL);
	return true;
}

void mt_hold_give_back(struct mt_thread *thread)
{
	while (thread->put_off.len)
		syscall(SYS_tgkill, thread->proc->pid, thread->tid, take_first(thread).si_signo);
}
