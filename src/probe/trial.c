/* SPDX-License-Identifier: MIT */
#include "probe/trial.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe/trial_private.h"

#define LIMIT_SECONDS 5

static const struct mt_trial trials[] = {
	{ "hw-write", "hardware breakpoint: write", MT_TRIAL_NEEDED, mt_trial_hw_write },
	{ "hw-access", "hardware breakpoint: read, write", MT_TRIAL_WANTED, mt_trial_hw_access },
	{ "hw-exec", "hardware breakpoint: execution", MT_TRIAL_WANTED, mt_trial_hw_exec },
	{ "registers", "debug registers", MT_TRIAL_WANTED, mt_trial_registers },
	{ "kernel-access", "accesses by the kernel", MT_TRIAL_WANTED, mt_trial_kernel_access },
	{ "new-threads", "inherited by new threads", MT_TRIAL_NEEDED, mt_trial_new_threads },
	{ "bpf", "eBPF program at a hit", MT_TRIAL_NEEDED, mt_trial_bpf },
	{ "ring", "eBPF ring buffer", MT_TRIAL_NEEDED, mt_trial_ring },
	{ "condition", "condition, old and new value", MT_TRIAL_NEEDED, mt_trial_condition },
	{ "btf", "system call of a kernel access", MT_TRIAL_WANTED, mt_trial_btf },
	{ "exec-event", "exec seen by an eBPF program", MT_TRIAL_WANTED, mt_trial_exec_event },
	{ "send-signal", "signal sent by a hit", MT_TRIAL_WANTED, mt_trial_send_signal },
	{ "launch", "ptrace: start a program", MT_TRIAL_WANTED, mt_trial_launch },
	{ "ptrace-debugreg", "ptrace: debug register", MT_TRIAL_TOLD, mt_trial_ptrace_debugreg },
	{ "sigtrap", "signal to the thread itself", MT_TRIAL_TOLD, mt_trial_sigtrap },
	{ "uprobe", "uprobe", MT_TRIAL_TOLD, mt_trial_uprobe },
	{ "protection-keys", "memory protection keys", MT_TRIAL_TOLD, mt_trial_protection_keys },
	{ "kernel", "kernel", MT_TRIAL_TOLD, mt_trial_kernel },
	{ "capabilities", "capabilities", MT_TRIAL_TOLD, mt_trial_capabilities },
	{ "seccomp", "seccomp", MT_TRIAL_TOLD, mt_trial_seccomp },
	{ "paranoid", "kernel.perf_event_paranoid", MT_TRIAL_TOLD, mt_trial_paranoid },
	{ "unprivileged-bpf", "kernel.unprivileged_bpf_disabled", MT_TRIAL_TOLD,
	  mt_trial_unprivileged_bpf },
	{ "bpf-jit", "net.core.bpf_jit_enable", MT_TRIAL_TOLD, mt_trial_bpf_jit },
	{ "perf-mlock", "kernel.perf_event_mlock_kb", MT_TRIAL_TOLD, mt_trial_perf_mlock },
	{ "yama", "kernel.yama.ptrace_scope", MT_TRIAL_TOLD, mt_trial_yama },
	{ "open-files", "open files", MT_TRIAL_TOLD, mt_trial_open_files },
	{ "xsave", "XSAVE area", MT_TRIAL_TOLD, mt_trial_xsave },
	{ "hypervisor", "hypervisor", MT_TRIAL_TOLD, mt_trial_hypervisor },
	{ "debuginfod", "debuginfod", MT_TRIAL_TOLD, mt_trial_debuginfod },
};

const struct mt_trial *mt_trials(size_t *count)
{
	*count = sizeof(trials) / sizeof(*trials);
	return trials;
}

/* One line of printable ASCII, whatever the system's texts hold. */
static void clean(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

void mt_found(struct mt_finding *finding, enum mt_trial_result result, const char *fmt, ...)
{
	va_list ap;

	finding->result = result;
	va_start(ap, fmt);
	vsnprintf(finding->detail, sizeof(finding->detail), fmt, ap);
	va_end(ap);
	clean(finding->detail);
}

void mt_found_remedy(struct mt_finding *finding, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(finding->remedy, sizeof(finding->remedy), fmt, ap);
	va_end(ap);
	clean(finding->remedy);
}

/* ---- Running ------------------------------------------------------------- */

/* No core where a filter kills; as many files as a watch would take. */
static void set_limits(void)
{
	const struct rlimit no_core = { 0, 0 };
	struct rlimit files;

	setrlimit(RLIMIT_CORE, &no_core);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static _Noreturn void run_in_child(const struct mt_trial *trial, struct mt_finding *finding)
{
	sigset_t alarm_only;

	set_limits();
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	signal(SIGALRM, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &alarm_only, NULL);
	alarm(LIMIT_SECONDS);
	trial->run(finding);
	_exit(0);
}

static void found_death(struct mt_finding *finding, int signal)
{
	switch (signal) {
	case SIGALRM:
		mt_found(finding, MT_TRIAL_NO, "did not end within %d seconds", LIMIT_SECONDS);
		return;
	case SIGSYS:
		mt_found(finding, MT_TRIAL_NO, "a seccomp filter kills who tries");
		mt_found_remedy(finding, "allow perf_event_open, bpf and ptrace in the filter of "
		                         "this container or service");
		return;
	default:
		mt_found(finding, MT_TRIAL_NO, "the trial was ended by signal %d (%s)", signal,
		         strsignal(signal));
	}
}

/* `shared` is the child's to fill. */
static void run_shared(const struct mt_trial *trial, struct mt_finding *shared)
{
	pid_t child;
	int status;

	mt_found(shared, MT_TRIAL_NO, "the trial broke off"); /* unless it says more */
	child = fork();
	if (child < 0) {
		mt_found(shared, MT_TRIAL_NO, "not tried: cannot fork: %s", strerror(errno));
		return;
	}
	if (child == 0)
		run_in_child(trial, shared);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR) {
			mt_found(shared, MT_TRIAL_NO, "not tried: %s", strerror(errno));
			return;
		}
	if (WIFSIGNALED(status))
		found_death(shared, WTERMSIG(status));
}

struct mt_finding mt_trial_run(const struct mt_trial *trial)
{
	struct mt_finding finding = { .result = MT_TRIAL_NO };
	void *shared =
	    mmap(NULL, sizeof(finding), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED) {
		mt_found(&finding, MT_TRIAL_NO, "not tried: %s", strerror(errno));
		return finding;
	}
	run_shared(trial, shared);
	memcpy(&finding, shared, sizeof(finding));
	munmap(shared, sizeof(finding));
	return finding;
}

enum mt_trial_result mt_trial_effect(const struct mt_trial *trial, const struct mt_finding *finding)
{
	if (finding->result == MT_TRIAL_OK || trial->weight == MT_TRIAL_TOLD)
		return MT_TRIAL_OK;
	return trial->weight == MT_TRIAL_NEEDED && finding->result == MT_TRIAL_NO ? MT_TRIAL_NO
	                                                                          : MT_TRIAL_PART;
}
