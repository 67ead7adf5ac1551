/* SPDX-License-Identifier: MIT */
/*
 * Inside src/probe: what the files of trials share, and the trials themselves.
 */
#ifndef MT_PROBE_TRIAL_PRIVATE_H
#define MT_PROBE_TRIAL_PRIVATE_H

#include <linux/perf_event.h>
#include <stdint.h>

#include "base/error.h"
#include "probe/trial.h"

/* ---- Findings (trial.c) -------------------------------------------------- */

/* Both end up as one line of printable ASCII, cut where the room ends. */
void mt_found(struct mt_finding *finding, enum mt_trial_result result, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void mt_found_remedy(struct mt_finding *finding, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- Remedies (trial_remedy.c) ------------------------------------------- */

enum mt_right {
	MT_RIGHT_PERF,        /* breakpoints in user mode */
	MT_RIGHT_PERF_KERNEL, /* in the kernel too */
	MT_RIGHT_BPF,
	MT_RIGHT_PTRACE,
	MT_RIGHT_UPROBE,
};

/* What gives that right here: root, capabilities, a container's flags, a sysctl. */
void mt_found_refused(struct mt_finding *finding, enum mt_right right);

/* What a trial leans on. */
struct mt_need {
	enum mt_right right;
	const char *kernel; /* "Linux 5.8 or newer with CONFIG_BPF_SYSCALL" */
};

/* NO, with the text of `error`, which it frees, and the remedy for its kind. */
void mt_found_error(struct mt_finding *finding, struct mt_error *error, const struct mt_need *need);

/* ---- Events on the calling thread (trial_break.c) ------------------------ */

/* A disabled breakpoint of 8 bytes on our own memory; `type` is of linux/hw_breakpoint.h. */
struct perf_event_attr mt_breakpoint_attr(uint32_t type, const volatile void *at);

struct mt_error *mt_event_open(struct perf_event_attr *attr, int *fd);

/* How often the event happens while `act` runs. */
struct mt_error *mt_event_count(struct perf_event_attr *attr, void (*act)(void), uint64_t *hits);

/* ---- Trials -------------------------------------------------------------- */

/* Breakpoints by perf_event_open(2) (trial_break.c). */
void mt_trial_hw_write(struct mt_finding *finding);
void mt_trial_hw_access(struct mt_finding *finding);
void mt_trial_hw_exec(struct mt_finding *finding);
void mt_trial_registers(struct mt_finding *finding);
void mt_trial_kernel_access(struct mt_finding *finding);
void mt_trial_new_threads(struct mt_finding *finding);
void mt_trial_sigtrap(struct mt_finding *finding);

/* eBPF (trial_bpf.c). */
void mt_trial_bpf(struct mt_finding *finding);
void mt_trial_ring(struct mt_finding *finding);
void mt_trial_condition(struct mt_finding *finding);
void mt_trial_btf(struct mt_finding *finding);
void mt_trial_exec_event(struct mt_finding *finding);
void mt_trial_send_signal(struct mt_finding *finding);

/* Programs under ptrace(2), and code breakpoints in files (trial_trace.c). */
void mt_trial_launch(struct mt_finding *finding);
void mt_trial_ptrace_debugreg(struct mt_finding *finding);
void mt_trial_uprobe(struct mt_finding *finding);

/* What the system says (trial_system.c). */
void mt_trial_paranoid(struct mt_finding *finding);
void mt_trial_unprivileged_bpf(struct mt_finding *finding);
void mt_trial_bpf_jit(struct mt_finding *finding);
void mt_trial_yama(struct mt_finding *finding);
void mt_trial_capabilities(struct mt_finding *finding);
void mt_trial_seccomp(struct mt_finding *finding);
void mt_trial_open_files(struct mt_finding *finding);
void mt_trial_perf_mlock(struct mt_finding *finding);
void mt_trial_kernel(struct mt_finding *finding);
void mt_trial_debuginfod(struct mt_finding *finding);

/* What the processor has (trial_processor.c). */
void mt_trial_protection_keys(struct mt_finding *finding);
void mt_trial_xsave(struct mt_finding *finding);
void mt_trial_hypervisor(struct mt_finding *finding);

#endif
