/* SPDX-License-Identifier: MIT */
/*
 * What the system says of itself. It decides nothing by itself: it explains what the trials met.
 * (proc(5), and Documentation/admin-guide/sysctl/kernel.rst of the kernel.)
 */
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/hw_breakpoint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "probe/host.h"
#include "probe/trial_private.h"
#include "x86/debugreg.h"

/* ---- sysctls ------------------------------------------------------------- */

/*
 * From 3 on, by a patch of Debian's, Ubuntu's and Android's kernels, nobody has events without
 * CAP_SYS_ADMIN; CAP_PERFMON does not suffice. To other kernels 3 is the same as 2.
 */
static bool is_refused_to_all_but_admin(long level)
{
	uint64_t word = 0;
	struct perf_event_attr attr = mt_breakpoint_attr(HW_BREAKPOINT_W, &word);
	int event MT_AUTO_FD = -1;
	struct mt_error *error = level >= 3 ? mt_event_open(&attr, &event) : NULL;
	bool refused = error && mt_error_kind(error) == MT_ERR_PERMISSION;

	mt_error_free(error);
	return refused;
}

void mt_trial_paranoid(struct mt_finding *finding)
{
	long level;

	if (!mt_host_number("/proc/sys/kernel/perf_event_paranoid", &level)) {
		mt_found(finding, MT_TRIAL_NO, "not there: a kernel without perf events");
		mt_found_remedy(finding, "this takes a kernel with CONFIG_PERF_EVENTS");
	} else if (is_refused_to_all_but_admin(level)) {
		mt_found(finding, MT_TRIAL_NO, "%ld: no breakpoints without CAP_SYS_ADMIN", level);
		mt_found_remedy(finding, "sysctl -w kernel.perf_event_paranoid=%d",
		                mt_host_can(CAP_PERFMON) ? 2 : 1);
	} else if (mt_host_can(CAP_PERFMON)) {
		mt_found(finding, MT_TRIAL_OK, "%ld, which %s stands above", level,
		         mt_host_has(CAP_PERFMON) ? "CAP_PERFMON" : "CAP_SYS_ADMIN");
	} else if (level <= 1) {
		mt_found(finding, MT_TRIAL_OK, "%ld: breakpoints on accesses by the kernel too",
		         level);
	} else {
		mt_found(finding, MT_TRIAL_PART, "%ld: breakpoints in user mode only", level);
		mt_found_remedy(finding, "sysctl -w kernel.perf_event_paranoid=1");
	}
}

void mt_trial_unprivileged_bpf(struct mt_finding *finding)
{
	long value;

	if (!mt_host_number("/proc/sys/kernel/unprivileged_bpf_disabled", &value)) {
		mt_found(finding, MT_TRIAL_NO, "not there: a kernel without eBPF");
		mt_found_remedy(finding, "this takes a kernel with CONFIG_BPF_SYSCALL");
	} else if (mt_host_can(CAP_BPF) && mt_host_can(CAP_PERFMON)) {
		mt_found(finding, MT_TRIAL_OK, "%ld, which does not matter with CAP_BPF", value);
	} else {
		/* At 0 too, programs for perf events are for CAP_PERFMON alone. */
		mt_found(finding, MT_TRIAL_NO,
		         "%ld; at any value programs for breakpoints take privileges", value);
		mt_found_refused(finding, MT_RIGHT_BPF);
	}
}

void mt_trial_bpf_jit(struct mt_finding *finding)
{
	long value;

	/* For root only to read; and not there where the JIT is always on. */
	if (!mt_host_number("/proc/sys/net/core/bpf_jit_enable", &value)) {
		mt_found(finding, MT_TRIAL_OK, "not told to this user, or always on");
	} else if (value > 0) {
		mt_found(finding, MT_TRIAL_OK, "%ld: programs run as machine code", value);
	} else {
		mt_found(finding, MT_TRIAL_PART, "0: programs are interpreted, and hits cost more");
		mt_found_remedy(finding, "sysctl -w net.core.bpf_jit_enable=1");
	}
}

void mt_trial_perf_mlock(struct mt_finding *finding)
{
	long kib;

	if (mt_host_number("/proc/sys/kernel/perf_event_mlock_kb", &kib))
		mt_found(finding, MT_TRIAL_OK, "%ld KiB; the ring of a watch is not bound by it",
		         kib);
	else
		mt_found(finding, MT_TRIAL_NO, "not there: a kernel without perf events");
}

void mt_trial_yama(struct mt_finding *finding)
{
	static const char *const meaning[] = {
		"processes of the same user",
		"children only, others with CAP_SYS_PTRACE",
		"with CAP_SYS_PTRACE only",
		"none at all",
	};
	bool capable = mt_host_can(CAP_SYS_PTRACE);
	long scope;

	if (!mt_host_number("/proc/sys/kernel/yama/ptrace_scope", &scope)) {
		mt_found(finding, MT_TRIAL_OK, "no Yama here: %s may be traced", meaning[0]);
		return;
	}
	if (scope < 0 || scope > 3)
		scope = 3;
	if (scope == 0 || (capable && scope < 3)) {
		mt_found(finding, MT_TRIAL_OK, "%ld: %s may be traced", scope,
		         capable ? "all processes" : meaning[0]);
		return;
	}
	mt_found(finding, scope == 1 ? MT_TRIAL_PART : MT_TRIAL_NO, "%ld: tracing %s", scope,
	         meaning[scope]);
	mt_found_remedy(finding, scope < 3 ? "sysctl -w kernel.yama.ptrace_scope=0"
	                                   : "3 cannot be lowered: boot with another value of "
	                                     "kernel.yama.ptrace_scope");
}

/* ---- This process -------------------------------------------------------- */

void mt_trial_capabilities(struct mt_finding *finding)
{
	static const struct {
		int number;
		const char *name;
	} wanted[] = {
		{ CAP_PERFMON, "CAP_PERFMON" },
		{ CAP_BPF, "CAP_BPF" },
		{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE" },
		{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
	};
	struct mt_buf text MT_AUTO_BUF = { 0 };
	bool perf_and_bpf = mt_host_can(CAP_PERFMON) && mt_host_can(CAP_BPF);

	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
		mt_buf_printf(&text, "%s%s %s", i ? ", " : "", wanted[i].name,
		              mt_host_can(wanted[i].number) ? "yes" : "no");
	mt_found(finding,
	         !perf_and_bpf                  ? MT_TRIAL_NO
	         : !mt_host_can(CAP_SYS_PTRACE) ? MT_TRIAL_PART
	                                        : MT_TRIAL_OK,
	         "%s", text.len ? text.data : "");
	if (!perf_and_bpf)
		mt_found_refused(finding, MT_RIGHT_BPF);
	else if (!mt_host_can(CAP_SYS_PTRACE))
		mt_found_refused(finding, MT_RIGHT_PTRACE);
}

void mt_trial_seccomp(struct mt_finding *finding)
{
	if (!mt_host_filtered()) {
		mt_found(finding, MT_TRIAL_OK, "no filter");
		return;
	}
	mt_found(finding, MT_TRIAL_PART, "a filter is on; the trials above met what it refuses");
	mt_found_remedy(finding, "where it refuses: docker run --security-opt seccomp=unconfined");
}

void mt_trial_open_files(struct mt_finding *finding)
{
	struct rlimit limit;
	uint64_t threads;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	threads = limit.rlim_max / MT_DR_COUNT;
	mt_found(finding, threads >= 256 ? MT_TRIAL_OK : MT_TRIAL_PART,
	         "%" PRIu64 ": some %" PRIu64 " threads that run already, with all %d registers",
	         (uint64_t)limit.rlim_max, threads, MT_DR_COUNT);
	if (threads < 256)
		mt_found_remedy(finding, "raise the hard limit: ulimit -Hn 65536, as root");
}

/* ---- The rest ------------------------------------------------------------ */

void mt_trial_kernel(struct mt_finding *finding)
{
	unsigned version = mt_host_linux();
	struct utsname name;

	if (uname(&name) < 0 || version == 0) {
		mt_found(finding, MT_TRIAL_PART, "of unknown version");
		return;
	}
	mt_found(finding,
	         version >= 5015   ? MT_TRIAL_OK
	         : version >= 5013 ? MT_TRIAL_PART
	                           : MT_TRIAL_NO,
	         "%s %s", name.sysname, name.release);
	if (version < 5015)
		mt_found_remedy(finding, "5.13 is the oldest that watches, 5.15 the oldest that "
		                         "tells system calls");
}

void mt_trial_debuginfod(struct mt_finding *finding)
{
	const char *urls = getenv("DEBUGINFOD_URLS");

	if (urls && *urls) {
		mt_found(finding, MT_TRIAL_OK, "%s", urls);
		return;
	}
	mt_found(finding, MT_TRIAL_NO, "DEBUGINFOD_URLS is not set");
	mt_found_remedy(finding, "to see the source lines of Debian's own programs: export "
	                         "DEBUGINFOD_URLS=https://debuginfod.debian.net");
}
