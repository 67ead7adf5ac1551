/* SPDX-License-Identifier: MIT */
/* Trials of eBPF: a program by hand, and then what a watch does, with a watch on our own memory. */
#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/hw_breakpoint.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "probe/asm.h"
#include "probe/host.h"
#include "probe/maps.h"
#include "probe/probe.h"
#include "probe/trial_private.h"

#define WRITES 3
#define RING_SIZE 65536

static const struct mt_need programs = {
	MT_RIGHT_BPF,
	"a kernel with CONFIG_BPF_SYSCALL and CONFIG_BPF_EVENTS",
};
static const struct mt_need watches = {
	MT_RIGHT_BPF,
	"Linux 5.13 or newer with CONFIG_BPF_SYSCALL and CONFIG_BPF_EVENTS",
};
static const struct mt_need rings = { MT_RIGHT_BPF, "Linux 5.8 or newer" };
static const struct mt_need system_call_regs = {
	MT_RIGHT_BPF,
	"Linux 5.15 or newer with CONFIG_DEBUG_INFO_BTF (/sys/kernel/btf/vmlinux)",
};
static const struct mt_need tracepoints = {
	MT_RIGHT_BPF,
	"a kernel with CONFIG_TRACEPOINTS and CONFIG_BPF_EVENTS",
};

static const char host_pids[] = "start this container with --pid=host";

static volatile uint64_t word;

/* One and the same instruction for all: what was learnt of it holds for the next write too. */
static __attribute__((noinline)) void write_word(uint64_t value)
{
	word = value;
}

/* ---- A program by hand --------------------------------------------------- */

/* Counts its runs in the only value of the map. */
static struct mt_error *load_counter(int map, int *program)
{
	struct mt_asm as MT_CLEANUP(mt_asm_deinit) = { 0 };

	mt_asm_load_map_value(&as, BPF_REG_1, map, 0);
	mt_asm_mov_imm(&as, BPF_REG_2, 1);
	mt_asm_atomic(&as, BPF_ADD, BPF_REG_1, 0, BPF_REG_2);
	mt_asm_mov_imm(&as, BPF_REG_0, 0);
	mt_asm_exit(&as);
	MT_TRY(mt_asm_finish(&as));
	return mt_program_load(BPF_PROG_TYPE_PERF_EVENT, as.insns.data, as.insns.len, program);
}

static struct mt_error *count_runs(uint64_t *runs)
{
	static const struct mt_map_spec spec = {
		"mt_trial", BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), sizeof(uint64_t), 1, 0,
	};
	struct perf_event_attr attr = mt_breakpoint_attr(HW_BREAKPOINT_W, &word);
	int map MT_AUTO_FD = -1, program MT_AUTO_FD = -1, event MT_AUTO_FD = -1;
	uint32_t key = 0;

	MT_TRY(mt_map_create(&spec, &map));
	MT_TRY(load_counter(map, &program));
	MT_TRY(mt_event_open(&attr, &event));
	if (ioctl(event, PERF_EVENT_IOC_SET_BPF, program) < 0)
		return mt_error_sys(errno, "cannot attach an eBPF program to a breakpoint");
	ioctl(event, PERF_EVENT_IOC_ENABLE, 0);
	for (uint64_t i = 0; i < WRITES; i++)
		write_word(i);
	ioctl(event, PERF_EVENT_IOC_DISABLE, 0);
	if (bpf_map_lookup_elem(map, &key, runs) < 0)
		return mt_error_sys(errno, "cannot read an eBPF map");
	return NULL;
}

void mt_trial_bpf(struct mt_finding *finding)
{
	uint64_t runs = 0;
	struct mt_error *error = count_runs(&runs);

	if (error)
		mt_found_error(finding, error, &programs);
	else
		mt_found(finding, runs == WRITES ? MT_TRIAL_OK : MT_TRIAL_NO,
		         "ran at %" PRIu64 " of %d hits", runs, WRITES);
}

/* ---- A watch ------------------------------------------------------------- */

struct stage {
	struct mt_probe *probe;
	struct mt_space *space;
	struct mt_armed *armed;
	size_t kernel_hits;    /* records of the kernel's accesses */
	struct mt_record last; /* without its tail */
};

static void keep_record(const struct mt_record *record, void *arg)
{
	struct stage *stage = arg;

	stage->last = *record;
	stage->kernel_hits += record->kind == MT_RECORD_HIT && record->flags & MT_RECORD_KERNEL;
}

static void stage_deinit(struct stage *stage)
{
	mt_armed_destroy(stage->armed);
	mt_space_destroy(stage->space);
	mt_probe_destroy(stage->probe);
}

/* Watches writes of `word`; what `spec` says besides stands. */
static struct mt_error *stage_init(struct stage *stage, struct mt_watch_spec spec)
{
	uint64_t now = word;
	uint8_t initial[sizeof(now)];

	MT_TRY(mt_probe_check_kernel());
	memcpy(initial, &now, sizeof(now));
	spec.kind = MT_DR_WRITE;
	spec.addr = (uint64_t)(uintptr_t)&word;
	spec.len = sizeof(word);
	MT_TRY(mt_probe_create(RING_SIZE, keep_record, stage, &stage->probe));
	MT_TRY(mt_space_create(&stage->space));
	return mt_watch_arm(stage->probe, stage->space, &spec, getpid(), initial, NULL, 0,
	                    &stage->armed);
}

void mt_trial_ring(struct mt_finding *finding)
{
	struct stage stage MT_CLEANUP(stage_deinit) = { 0 };
	struct mt_error *error = mt_probe_create(RING_SIZE, keep_record, &stage, &stage.probe);

	if (error)
		mt_found_error(finding, error, &rings);
	else
		mt_found(finding, MT_TRIAL_OK, "created, and mapped");
}

/* Writes 1, which teaches; then 2, 3, 4, of which the condition wants the 3. */
static struct mt_error *watch_with_condition(struct stage *stage, const struct mt_cond *condition,
                                             size_t *records)
{
	const struct mt_source_value from_memory = { .kind = MT_SOURCE_MEMORY };
	struct mt_watch_spec spec = { .condition = condition };

	MT_TRY(stage_init(stage, spec));
	write_word(1);
	mt_probe_drain(stage->probe);
	mt_space_learn_source(stage->space, stage->last.regs.r[MT_REG_RIP], &from_memory);
	for (uint64_t value = 2; value <= 4; value++)
		write_word(value);
	*records = mt_probe_drain(stage->probe);
	return NULL;
}

static void judge_condition(struct mt_finding *finding, const struct stage *stage, size_t records)
{
	const struct mt_record *record = &stage->last;
	bool right = records == 1 && record->flags == 0 && record->old_value[0] == 2 &&
	             record->new_value[0] == 3;

	if (!right) {
		mt_found(finding, MT_TRIAL_NO,
		         "of 2 -> 3 it told as %" PRIu64 " -> %" PRIu64 " in %zu records",
		         record->old_value[0], record->new_value[0], records);
	} else if (record->pid != (uint32_t)getpid()) {
		mt_found(finding, MT_TRIAL_PART,
		         "right, but with the ids of another pid namespace: %u for %d", record->pid,
		         (int)getpid());
		mt_found_remedy(finding, host_pids);
	} else {
		mt_found(finding, MT_TRIAL_OK, "decided in the kernel, told as 2 -> 3");
	}
}

void mt_trial_condition(struct mt_finding *finding)
{
	static const struct mt_type type = {
		.kind = MT_TYPE_INT,
		.name = "unsigned long",
		.size = sizeof(word),
	};
	struct stage stage MT_CLEANUP(stage_deinit) = { 0 };
	struct mt_cond *condition = NULL;
	size_t records = 0;
	struct mt_error *error =
	    mt_cond_compile(MT_MACHINE_X86_64, "new == 3 && old < new", &type, &condition);

	if (!error)
		error = watch_with_condition(&stage, condition, &records);
	if (error)
		mt_found_error(finding, error, &watches);
	else
		judge_condition(finding, &stage, records);
	mt_cond_destroy(condition);
}

/* ---- The system call behind an access by the kernel ---------------------- */

/* readv(2) and not read(2), whose number is 0 and proves nothing. */
static void readv_into_word(void)
{
	struct iovec into = { (void *)(uintptr_t)&word, 1 };
	int ends[2];

	if (pipe(ends) < 0 || write(ends[1], "", 1) != 1 || readv(ends[0], &into, 1) != 1)
		_exit(1);
}

void mt_trial_btf(struct mt_finding *finding)
{
	struct stage stage MT_CLEANUP(stage_deinit) = { 0 };
	struct mt_error *error = stage_init(&stage, (struct mt_watch_spec){ .kernel = true });

	if (error) {
		mt_found_error(finding, error, &system_call_regs);
		return;
	}
	if (!mt_armed_coverage(stage.armed).kernel) {
		mt_found(finding, MT_TRIAL_NO, "accesses by the kernel are refused");
		mt_found_refused(finding, MT_RIGHT_PERF_KERNEL);
		return;
	}
	readv_into_word();
	mt_probe_drain(stage.probe);
	if (stage.kernel_hits && stage.last.syscall == SYS_readv)
		mt_found(finding, MT_TRIAL_OK, "readv(2) into a word was told as that");
	else
		mt_found(finding, MT_TRIAL_NO, "readv(2) into a word was told as %s",
		         stage.kernel_hits ? "another call" : "nothing");
}

/* ---- exec ---------------------------------------------------------------- */

static _Noreturn void exec_true(int go)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(go, &byte, 1) < 0 && errno == EINTR)
		;
	execl("/bin/true", "true", NULL);
	_exit(127);
}

/* Lets the child go on to its exec, and waits for its end. */
static struct mt_error *await_exec(struct stage *stage, pid_t child, int *go)
{
	struct mt_error *error = mt_probe_create(RING_SIZE, keep_record, stage, &stage->probe);
	int status;

	if (!error)
		error = mt_probe_watch_exec(stage->probe, child);
	close(mt_take_fd(go));
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return error;
}

void mt_trial_exec_event(struct mt_finding *finding)
{
	struct stage stage MT_CLEANUP(stage_deinit) = { 0 };
	struct mt_error *error;
	pid_t child = -1;
	int go[2];

	if (pipe(go) < 0 || (child = fork()) < 0) {
		mt_found(finding, MT_TRIAL_NO, "not tried, for want of a child: %s",
		         strerror(errno));
		return;
	}
	if (child == 0) {
		close(go[1]);
		exec_true(go[0]);
	}
	error = await_exec(&stage, child, &go[1]);
	if (error)
		mt_found_error(finding, error, &tracepoints);
	else if (mt_probe_drain(stage.probe) == 1 && stage.last.kind == MT_RECORD_EXEC)
		mt_found(finding, MT_TRIAL_OK, "a child's exec was told");
	else
		mt_found(finding, MT_TRIAL_NO, "a child's exec was not told");
}

/* ---- A signal from inside a hit ------------------------------------------ */

static volatile sig_atomic_t was_held;

static void on_hold(int number)
{
	was_held = number;
}

/* It comes before the instruction behind the hit. */
void mt_trial_send_signal(struct mt_finding *finding)
{
	struct stage stage MT_CLEANUP(stage_deinit) = { 0 };
	struct mt_error *error;

	signal(MT_HOLD_SIGNAL, on_hold);
	error = stage_init(&stage, (struct mt_watch_spec){ .action = MT_ACTION_HOLD });
	if (error) {
		mt_found_error(finding, error, &watches);
		return;
	}
	write_word(1);
	if (was_held)
		mt_found(finding, MT_TRIAL_OK, "a hit sent one to its thread");
	else
		mt_found(finding, MT_TRIAL_NO, "a hit sent one that did not come");
}
