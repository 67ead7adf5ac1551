/* SPDX-License-Identifier: MIT */
/*
 * The program of a filter: a silent watch, which stands between the program and those who want to
 * see some of the executions of an instruction. It decides and holds, and says nothing.
 *
 *	begin      leave if the filter is not live; hold all if it is told to
 *	thread     leave if it is for another one
 *	condition  number the execution; leave and count it if the condition is false
 *	hold       a signal for the thread, which its tracer sees before it does
 *
 * One of data does more: data_filter.c.
 *
 * On a uprobe it may be interrupted by itself, on the same processor, for another thread
 * (kernel/trace/bpf_trace.c, bpf_prog_run_array_uprobe()): so what it works on lies on its stack,
 * and what it counts is counted by atomic operations.
 *
 * Registers: r6 is the context, r7 the cell.
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "probe/condgen.h"
#include "probe/program.h"
#include "probe/ring.h"
#include "probe/who.h"

#define CELL(field) ((int)offsetof(struct mt_watch_cell, field))
#define HOLD_BIT (1 << (MT_HOLD_SIGNAL - 1)) /* in the kernel's sigset_t */

/* ---- How tasks are laid out ------------------------------------------------ */

static void btf_cleanup(struct btf **btf)
{
	btf__free(*btf);
}

static const struct btf_type *find_struct(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);

	return id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
}

static int offset_of(const struct btf *btf, const struct btf_type *type, const char *name)
{
	for (uint32_t i = 0; type && i < btf_vlen(type); i++) {
		const char *member = btf__name_by_offset(btf, btf_members(type)[i].name_off);

		if (member && !strcmp(member, name))
			return (int)btf_member_bit_offset(type, i) / 8;
	}
	return 0;
}

static struct mt_task_layout lay_out(const struct btf *btf)
{
	const struct btf_type *task = find_struct(btf, "task_struct");
	const struct btf_type *pid = find_struct(btf, "pid"), *upid = find_struct(btf, "upid");

	return (struct mt_task_layout){
		.blocked = offset_of(btf, task, "blocked"),
		.pid = offset_of(btf, task, "pid"),
		.tgid = offset_of(btf, task, "tgid"),
		.group_leader = offset_of(btf, task, "group_leader"),
		.parent = offset_of(btf, task, "parent"),
		.thread_pid = offset_of(btf, task, "thread_pid"),
		.mm = offset_of(btf, task, "mm"),
		.level = offset_of(btf, pid, "level"),
		.numbers = offset_of(btf, pid, "numbers"),
		.number = offset_of(btf, upid, "nr"),
		.numbers_stride = upid ? (int)upid->size : 0,
	};
}

/* The kernel describes its types in /sys/kernel/btf/vmlinux (Documentation/bpf/btf.rst). */
struct mt_error *mt_probe_find_tasks(struct mt_probe *probe)
{
	struct btf *btf __attribute__((cleanup(btf_cleanup))) = NULL;

	if (probe->task.blocked)
		return NULL;
	btf = btf__load_vmlinux_btf();
	if (btf)
		probe->task = lay_out(btf);
	return probe->task.blocked
	           ? NULL
	           : mt_error_new(MT_ERR_UNSUPPORTED, "this kernel does not say how its tasks are "
	                                              "laid out (/sys/kernel/btf/vmlinux)");
}

/* ---- The program --------------------------------------------------------- */

void mt_program_filter_thread(struct mt_program *program)
{
	struct mt_asm *as = &program->as;

	mt_asm_who(as, MT_AT_PID_TGID);
	if (program->spec->tid)
		mt_asm_jump32_if_imm(as, BPF_JNE, BPF_REG_0, program->spec->tid, program->out);
}

/* Jumps to `hold` or to `out` where nothing is to be decided. */
static void gen_begin(struct mt_program *program, mt_asm_label hold)
{
	struct mt_asm *as = &program->as;

	mt_asm_mov(as, BPF_REG_6, BPF_REG_1);
	mt_asm_load_map_value(as, BPF_REG_7, program->cell, 0);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_7, CELL(live));
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_1, 0, program->out);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_7, CELL(all));
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_1, 0, hold);
}

/* The registers as they are at the instruction, wherever it is that traps for it. */
static void gen_regs(struct mt_program *program)
{
	struct mt_asm *as = &program->as;

	for (int reg = 0; reg < MT_REG_COUNT; reg++) {
		mt_asm_load(as, 8, BPF_REG_1, BPF_REG_6, mt_program_pt_regs((enum mt_reg)reg));
		mt_asm_store(as, 8, BPF_REG_10, MT_AT_REGS + 8 * reg, BPF_REG_1);
	}
	mt_asm_load_imm64(as, BPF_REG_1, program->spec->addr);
	mt_asm_store(as, 8, BPF_REG_10, MT_AT_REGS + 8 * MT_REG_RIP, BPF_REG_1);
}

static void gen_inputs(struct mt_program *program)
{
	struct mt_asm *as = &program->as;

	mt_program_take_number(program, offsetof(struct mt_watch_cell, hits));
	mt_asm_store(as, 8, BPF_REG_10, MT_AT_HITS, BPF_REG_1);
	if (mt_cond_uses_regs(program->spec->condition))
		gen_regs(program);
	if (mt_cond_uses_comm(program->spec->condition)) {
		mt_asm_mov(as, BPF_REG_1, BPF_REG_10);
		mt_asm_alu_imm(as, BPF_ADD, BPF_REG_1, MT_AT_COMM);
		mt_asm_mov_imm(as, BPF_REG_2, 16);
		mt_asm_call(as, BPF_FUNC_get_current_comm);
	}
}

struct mt_error *mt_program_filter_condition(struct mt_program *program, mt_asm_label hold)
{
	const struct mt_cond_frame frame = {
		.regs = MT_AT_REGS,
		.pid_tgid = MT_AT_PID_TGID,
		.hits = MT_AT_HITS,
		.comm = MT_AT_COMM,
		.scratch = MT_AT_SCRATCH,
		.scratch_size = MT_AT_SCRATCH_SIZE,
	};
	struct mt_asm *as = &program->as;
	mt_asm_label unmet = mt_asm_new_label(as);

	gen_inputs(program);
	MT_TRY(mt_cond_generate(as, program->spec->condition, &frame, unmet, hold));
	mt_asm_jump(as, hold);
	mt_asm_bind(as, unmet);
	mt_asm_mov_imm(as, BPF_REG_1, 1);
	mt_asm_atomic(as, BPF_ADD, BPF_REG_7, CELL(unmet), BPF_REG_1);
	mt_asm_jump(as, program->out);
	return NULL;
}

void mt_program_hold(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	mt_asm_label send = mt_asm_new_label(as);

	if (!program->blocked) {
		mt_asm_mov_imm(as, BPF_REG_1, MT_HOLD_SIGNAL);
		mt_asm_call(as, BPF_FUNC_send_signal_thread);
		return;
	}
	mt_asm_call(as, BPF_FUNC_get_current_task_btf);
	mt_asm_load(as, 8, BPF_REG_2, BPF_REG_0, program->blocked);
	mt_asm_alu_imm(as, BPF_AND, BPF_REG_2, HOLD_BIT);
	mt_asm_mov_imm(as, BPF_REG_1, MT_HOLD_SIGNAL);
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_2, 0, send);
	mt_asm_mov_imm(as, BPF_REG_1, MT_HOLD_SIGNAL_BLOCKED);
	mt_asm_bind(as, send);
	mt_asm_call(as, BPF_FUNC_send_signal_thread);
}

struct mt_error *mt_program_filter(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	mt_asm_label hold = mt_asm_new_label(as);

	program->out = mt_asm_new_label(as);
	gen_begin(program, hold);
	mt_program_filter_thread(program);
	if (program->spec->condition)
		MT_TRY(mt_program_filter_condition(program, hold));
	mt_asm_bind(as, hold);
	mt_program_hold(program);
	mt_asm_bind(as, program->out);
	mt_asm_mov_imm(as, BPF_REG_0, 0);
	mt_asm_exit(as);
	return mt_asm_finish(as);
}
