/* SPDX-License-Identifier: MIT */
/* Trials of ptrace(2), on children, and of a uprobe on our own file. */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "probe/host.h"
#include "probe/trial_private.h"
#include "symbol/maps.h"
#include "target/tracee.h"
#include "x86/debugreg.h"

#define CALLS 3
/* si_code of a hardware breakpoint or watchpoint (asm-generic/siginfo.h). */
#ifndef TRAP_HWBKPT
#define TRAP_HWBKPT 4
#endif

static const struct mt_need tracing = { MT_RIGHT_PTRACE, "a system that lets children be traced" };
static const struct mt_need uprobes = {
	MT_RIGHT_UPROBE,
	"a kernel with CONFIG_UPROBE_EVENTS, and a file system that programs can be probed on",
};

/* ---- Launching ----------------------------------------------------------- */

/* Waits for the next stop or the end of a child of ours. */
static struct mt_event wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return (struct mt_event){ .kind = MT_EVENT_NONE };
	return mt_event_decode(pid, status);
}

void mt_trial_launch(struct mt_finding *finding)
{
	static char program[] = "/bin/true";
	char *argv[] = { program, NULL };
	struct mt_launch launch = { .path = argv[0], .argv = argv };
	struct mt_error *error;
	pid_t pid;

	sigemptyset(&launch.signal_mask);
	getrlimit(RLIMIT_NOFILE, &launch.open_files);
	error = mt_tracee_launch(&launch, MT_TRACE_EXEC, &pid);
	if (error) {
		mt_found_error(finding, error, &tracing);
		return;
	}
	mt_tracee_detach(pid, 0);
	mt_found(finding, wait_for(pid).kind == MT_EVENT_EXITED ? MT_TRIAL_OK : MT_TRIAL_NO,
	         "stopped %s at its first instruction, and let it go", program);
}

/* ---- A debug register, written from outside ------------------------------ */

static volatile uint64_t word;

/* The child's half: waits for the end of `go`, then touches the word. */
static _Noreturn void touch_word(int go)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(go, &byte, 1) < 0 && errno == EINTR)
		;
	word = 1;
	_exit(0);
}

static struct mt_error *poke(pid_t pid, size_t index, uint64_t value)
{
	size_t at = offsetof(struct user, u_debugreg) + index * sizeof(uint64_t);

	/* The offset is a number in the clothes of a pointer, as ptrace(2) wants it. */
	if (ptrace(PTRACE_POKEUSER, pid, (void *)at, (void *)(uintptr_t)value) < 0)
		return mt_error_sys(errno, "cannot write debug register %zu of a child", index);
	return NULL;
}

/* Arms the word in the child; its end of `go` stays closed until then. */
static struct mt_error *arm_child(pid_t pid)
{
	MT_TRY(mt_tracee_seize(pid, 0));
	mt_tracee_interrupt(pid);
	if (wait_for(pid).kind != MT_EVENT_STOPPED)
		return mt_error_new(MT_ERR_SYSTEM, "a seized child did not stop");
	MT_TRY(poke(pid, 0, (uint64_t)(uintptr_t)&word));
	MT_TRY(poke(pid, 7, mt_dr7_enable(0, 0, MT_DR_WRITE, sizeof(word))));
	mt_tracee_resume(pid, 0);
	return NULL;
}

/* What the child's touch of the word does to it. */
static void judge_touch(struct mt_finding *finding, pid_t pid)
{
	struct mt_event event = wait_for(pid);
	siginfo_t info = { 0 };
	bool hit = event.kind == MT_EVENT_SIGNAL && event.signal == SIGTRAP &&
	           mt_tracee_siginfo(pid, &info) && info.si_code == TRAP_HWBKPT;

	mt_found(finding, hit ? MT_TRIAL_OK : MT_TRIAL_NO,
	         hit ? "written in a child, which stopped at its write"
	             : "written in a child, whose write did not stop it");
}

void mt_trial_ptrace_debugreg(struct mt_finding *finding)
{
	struct mt_error *error;
	int go[2];
	pid_t pid = -1;

	if (pipe(go) < 0 || (pid = fork()) < 0) {
		mt_found(finding, MT_TRIAL_NO, "not tried, for want of a child: %s",
		         strerror(errno));
		return;
	}
	if (pid == 0) {
		close(go[1]);
		touch_word(go[0]);
	}
	error = arm_child(pid);
	close(go[1]);
	if (error)
		mt_found_error(finding, error, &tracing);
	else
		judge_touch(finding, pid);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
}

/* ---- A uprobe ------------------------------------------------------------ */

static __attribute__((noinline)) void probed(void)
{
	__asm__ volatile("");
}

static void call_probed(void)
{
	for (int i = 0; i < CALLS; i++)
		probed();
}

/* Where `probed` is in the file that it was loaded from. */
static bool find_in_file(const struct mt_maps *maps, const char **path, uint64_t *offset)
{
	uint64_t at = (uint64_t)(uintptr_t)probed;

	for (size_t i = 0; i < maps->files.len; i++) {
		const struct mt_mapped_file *file = &maps->files.data[i];

		if (!file->has_code || at < file->code || at >= file->end)
			continue;
		*path = file->path;
		*offset = at - file->code + file->code_offset;
		return true;
	}
	return false;
}

static struct mt_error *count_uprobe(const struct mt_maps *maps, uint64_t *hits)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.disabled = 1,
	};
	const char *path;
	uint64_t offset;
	long type;

	if (!mt_host_number("/sys/bus/event_source/devices/uprobe/type", &type))
		return mt_error_new(MT_ERR_UNSUPPORTED, "this kernel has no uprobe events");
	if (!find_in_file(maps, &path, &offset))
		return mt_error_new(MT_ERR_NOT_FOUND, "cannot find our own code in a file");
	attr.type = (uint32_t)type;
	attr.uprobe_path = (uint64_t)(uintptr_t)path;
	attr.probe_offset = offset;
	return mt_event_count(&attr, call_probed, hits);
}

void mt_trial_uprobe(struct mt_finding *finding)
{
	struct mt_maps maps = { 0 };
	struct mt_error *error = mt_maps_read(getpid(), &maps);
	uint64_t hits = 0;

	if (!error)
		error = count_uprobe(&maps, &hits);
	if (error)
		mt_found_error(finding, error, &uprobes);
	else
		mt_found(finding, hits == CALLS ? MT_TRIAL_OK : MT_TRIAL_NO, "fired %d of %d times",
		         (int)hits, CALLS);
	mt_maps_deinit(&maps);
}
