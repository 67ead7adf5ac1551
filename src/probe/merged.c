/* SPDX-License-Identifier: MIT */
/*
 * Signals that a hold has swallowed. A thread has one SIGURG waiting at most (kernel/signal.c,
 * legacy_queue()): one of the program's own that is sent while our hold waits is thrown away, and
 * the other way round. The kernel's tracepoint says so (trace/events/signal.h, signal_generate:
 * "already pending"); a program there keeps what was thrown away, by thread, and the tracer, who
 * sees the one, makes both of it.
 */
#include <bpf/bpf.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "probe/asm.h"
#include "probe/host.h"
#include "probe/maps.h"
#include "probe/ring.h"

/* The tracepoint's arguments (TP_PROTO): sig, info, task, group, result. */
#define ARG_SIGNAL 0
#define ARG_INFO 8
#define ARG_TASK 16
#define ARG_GROUP 24
#define ARG_RESULT 32
#define ALREADY_PENDING 2 /* TRACE_SIGNAL_ALREADY_PENDING */
#define SENT_BY_KERNEL 1  /* SEND_SIG_PRIV: no siginfo, as of a hold */

#define KERNEL_SIGINFO 48 /* the first bytes of siginfo_t are struct kernel_siginfo */
#define MAX_THREADS 16384

/* What was thrown away, of which thread. */
struct key {
	uint32_t tid;
	uint32_t was_hold;
};

/* On the program's stack. */
#define AT_POINTER (-8)
#define AT_KEY (-16)
#define AT_INFO (AT_KEY - KERNEL_SIGINFO)

/* ---- The program ------------------------------------------------------------ */

/* At AT_KEY: the number by which we know the thread whose task `task` points to. In a pid namespace
 * that is the innermost of its numbers, if it is one of ours (see who.h). r1 to r5 are lost. */
static void gen_number(struct mt_asm *as, const struct mt_task_layout *layout, int task)
{
	struct stat namespace;

	if (!mt_host_pid_namespace(&namespace)) {
		mt_asm_read_kernel(as, AT_KEY, 4, task, layout->pid);
		return;
	}
	mt_asm_read_kernel(as, AT_POINTER, 8, task, layout->thread_pid);
	mt_asm_load(as, 8, BPF_REG_9, BPF_REG_10, AT_POINTER);
	mt_asm_read_kernel(as, AT_KEY, 4, BPF_REG_9, layout->level);
	mt_asm_load(as, 4, BPF_REG_1, BPF_REG_10, AT_KEY);
	mt_asm_alu_imm(as, BPF_MUL, BPF_REG_1, layout->numbers_stride);
	mt_asm_alu(as, BPF_ADD, BPF_REG_9, BPF_REG_1);
	mt_asm_read_kernel(as, AT_KEY, 4, BPF_REG_9, layout->numbers + layout->number);
}

/* Leaves where nothing was thrown away, and where it is no tracee of ours: r7 is the task. */
static void gen_is_ours(struct mt_asm *as, const struct mt_task_layout *layout, mt_asm_label out)
{
	mt_asm_mov(as, BPF_REG_6, BPF_REG_1);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_6, ARG_SIGNAL);
	mt_asm_jump32_if_imm(as, BPF_JNE, BPF_REG_1, MT_HOLD_SIGNAL, out);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_6, ARG_RESULT);
	mt_asm_jump32_if_imm(as, BPF_JNE, BPF_REG_1, ALREADY_PENDING, out);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_6, ARG_GROUP);
	mt_asm_jump32_if_imm(as, BPF_JNE, BPF_REG_1, 0, out);
	mt_asm_load(as, 8, BPF_REG_7, BPF_REG_6, ARG_TASK);
	mt_asm_read_kernel(as, AT_POINTER, 8, BPF_REG_7, layout->parent);
	mt_asm_load(as, 8, BPF_REG_8, BPF_REG_10, AT_POINTER);
	mt_asm_store_imm(as, 8, BPF_REG_10, AT_KEY, 0);
	mt_asm_read_kernel(as, AT_POINTER, 8, BPF_REG_8, layout->group_leader);
	mt_asm_load(as, 8, BPF_REG_8, BPF_REG_10, AT_POINTER);
	gen_number(as, layout, BPF_REG_8);
	mt_asm_load(as, 4, BPF_REG_1, BPF_REG_10, AT_KEY);
	mt_asm_jump32_if_imm(as, BPF_JNE, BPF_REG_1, getpid(), out);
}

static void gen_keep(struct mt_asm *as, const struct mt_task_layout *layout, int map)
{
	mt_asm_label own = mt_asm_new_label(as), keep = mt_asm_new_label(as);

	gen_number(as, layout, BPF_REG_7);
	for (int i = 0; i < KERNEL_SIGINFO; i += 8)
		mt_asm_store_imm(as, 8, BPF_REG_10, AT_INFO + i, 0);
	mt_asm_load(as, 8, BPF_REG_8, BPF_REG_6, ARG_INFO);
	mt_asm_jump_if_imm(as, BPF_JGT, BPF_REG_8, SENT_BY_KERNEL, own);
	mt_asm_store(as, 4, BPF_REG_10, AT_KEY + 4, BPF_REG_8);
	mt_asm_store_imm(as, 4, BPF_REG_10, AT_INFO, MT_HOLD_SIGNAL);
	mt_asm_jump(as, keep);
	mt_asm_bind(as, own);
	mt_asm_read_kernel(as, AT_INFO, KERNEL_SIGINFO, BPF_REG_8, 0);
	mt_asm_bind(as, keep);
	mt_asm_load_map(as, BPF_REG_1, map);
	mt_asm_mov(as, BPF_REG_2, BPF_REG_10);
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_2, AT_KEY);
	mt_asm_mov(as, BPF_REG_3, BPF_REG_10);
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_3, AT_INFO);
	mt_asm_mov_imm(as, BPF_REG_4,
	               BPF_NOEXIST); /* what comes after the first is merged with it */
	mt_asm_call(as, BPF_FUNC_map_update_elem);
}

static struct mt_error *generate(struct mt_asm *as, const struct mt_task_layout *layout, int map)
{
	mt_asm_label out = mt_asm_new_label(as);

	gen_is_ours(as, layout, out);
	gen_keep(as, layout, map);
	mt_asm_bind(as, out);
	mt_asm_mov_imm(as, BPF_REG_0, 0);
	mt_asm_exit(as);
	return mt_asm_finish(as);
}

/* ---- Listening --------------------------------------------------------------- */

static struct mt_error *listen(struct mt_probe *probe)
{
	const struct mt_map_spec map = { "mt_merged",    BPF_MAP_TYPE_HASH, sizeof(struct key),
		                         KERNEL_SIGINFO, MAX_THREADS,       BPF_F_NO_PREALLOC };
	struct mt_asm as MT_CLEANUP(mt_asm_deinit) = { 0 };
	int link;

	MT_TRY(mt_probe_find_tasks(probe));
	MT_TRY(mt_map_create(&map, &probe->merged));
	MT_TRY(generate(&as, &probe->task, probe->merged));
	MT_TRY(mt_program_load(BPF_PROG_TYPE_RAW_TRACEPOINT, as.insns.data, as.insns.len,
	                       &probe->merged_program));
	link = bpf_raw_tracepoint_open("signal_generate", probe->merged_program);
	if (link < 0)
		return mt_error_sys(-link, "cannot listen for signals");
	probe->merged_link = link;
	return NULL;
}

void mt_probe_hear_merged(struct mt_probe *probe)
{
	struct mt_error *error;

	if (probe->heard_merged || probe->traced)
		return;
	probe->heard_merged = true;
	error = listen(probe);
	if (error)
		mt_fd_cleanup(&probe->merged_link);
	mt_error_free(error);
}

static bool take(const struct mt_probe *probe, const struct key *key, siginfo_t *info)
{
	if (probe->merged_link < 0 || bpf_map_lookup_elem(probe->merged, key, info) < 0)
		return false;
	bpf_map_delete_elem(probe->merged, key);
	return true;
}

enum mt_merged mt_probe_merged(const struct mt_probe *probe, pid_t tid, siginfo_t *info)
{
	const struct key own = { (uint32_t)tid, 0 }, hold = { (uint32_t)tid, 1 };
	bool is_hold = mt_is_hold(info);
	siginfo_t none = { 0 }, lost = { 0 };
	bool had_own = take(probe, &own, &lost), had_hold = take(probe, &hold, &none);

	if (is_hold && had_own) {
		*info = lost;
		return MT_MERGED_OWN;
	}
	return !is_hold && had_hold ? MT_MERGED_HOLD : MT_MERGED_NOTHING;
}
