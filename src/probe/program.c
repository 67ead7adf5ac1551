/* SPDX-License-Identifier: MIT */
#include "probe/program.h"

#include <stddef.h>

#include "probe/seat.h"
#include "probe/who.h"

#define CELL(field) ((int)offsetof(struct mt_watch_cell, field))

/* Where struct pt_regs (arch/x86/include/asm/ptrace.h), which is also the head of an eBPF context
 * of type perf_event, has what we want; in the order of enum mt_reg. */
static const uint8_t pt_regs_offset[MT_REG_COUNT] = {
	[MT_REG_R15] = 0,   [MT_REG_R14] = 8,      [MT_REG_R13] = 16,  [MT_REG_R12] = 24,
	[MT_REG_RBP] = 32,  [MT_REG_RBX] = 40,     [MT_REG_R11] = 48,  [MT_REG_R10] = 56,
	[MT_REG_R9] = 64,   [MT_REG_R8] = 72,      [MT_REG_RAX] = 80,  [MT_REG_RCX] = 88,
	[MT_REG_RDX] = 96,  [MT_REG_RSI] = 104,    [MT_REG_RDI] = 112, [MT_REG_RIP] = 128,
	[MT_REG_RSP] = 152, [MT_REG_RFLAGS] = 144,
};

int mt_program_pt_regs(enum mt_reg reg)
{
	return pt_regs_offset[reg];
}

enum {
	/* struct bpf_perf_event_data (linux/bpf_perf_event.h): the registers, the period, and of a
	 * breakpoint its address (kernel/events/core.c, perf_bp_event()). */
	EVENT_ADDR = 176,
};

void mt_program_count(struct mt_program *program, int counter)
{
	struct mt_asm *as = &program->as;

	/* One processor, no preemption inside a breakpoint's handler: no atomic needed. */
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_7, counter);
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_1, 1);
	mt_asm_store(as, 8, BPF_REG_7, counter, BPF_REG_1);
}

void mt_program_take_number(struct mt_program *program, uint32_t counter)
{
	struct mt_asm *as = &program->as;

	mt_asm_load_map_value(as, BPF_REG_2, program->cell, counter);
	mt_asm_mov_imm(as, BPF_REG_1, 1);
	mt_asm_atomic(as, BPF_ADD | BPF_FETCH, BPF_REG_2, 0, BPF_REG_1);
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_1, 1);
}

void mt_program_lookup(struct mt_program *program, int map)
{
	struct mt_asm *as = &program->as;

	mt_asm_load_map(as, BPF_REG_1, map);
	mt_asm_mov(as, BPF_REG_2, BPF_REG_10);
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_2, MT_AT_KEY);
	mt_asm_call(as, BPF_FUNC_map_lookup_elem);
}

/* r1, a value of 8 bytes, cut to the watch's length. */
static void gen_cut(struct mt_program *program, int reg)
{
	int32_t shift = 64 - 8 * (int32_t)program->spec->len;

	if (shift) {
		mt_asm_alu_imm(&program->as, BPF_LSH, reg, shift);
		mt_asm_alu_imm(&program->as, BPF_RSH, reg, shift);
	}
}

void mt_program_source(struct mt_program *program, mt_asm_label unknown)
{
	struct mt_asm *as = &program->as;
	mt_asm_label done = mt_asm_new_label(as), in_register = mt_asm_new_label(as);

	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_7, MT_RECORD(regs.r[MT_REG_RIP]));
	mt_asm_store(as, 8, BPF_REG_10, MT_AT_KEY, BPF_REG_1);
	mt_program_lookup(program, program->sources);
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_0, 0, unknown);
	mt_asm_load(as, 8, BPF_REG_2, BPF_REG_0, offsetof(struct mt_source_value, constant));
	mt_asm_load(as, 4, BPF_REG_1, BPF_REG_0, offsetof(struct mt_source_value, kind));
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_1, MT_SOURCE_REGISTER, in_register);
	gen_cut(program, BPF_REG_2);
	mt_asm_jump(as, done);

	mt_asm_bind(as, in_register);
	mt_asm_load(as, 2, BPF_REG_3, BPF_REG_0, offsetof(struct mt_source_value, reg));
	mt_asm_alu_imm(as, BPF_AND, BPF_REG_3, 15);
	mt_asm_alu_imm(as, BPF_LSH, BPF_REG_3, 3);
	mt_asm_alu(as, BPF_ADD, BPF_REG_3, BPF_REG_7);
	mt_asm_load(as, 8, BPF_REG_2, BPF_REG_3, MT_RECORD(regs));
	mt_asm_load(as, 2, BPF_REG_3, BPF_REG_0, offsetof(struct mt_source_value, shift));
	mt_asm_alu_imm(as, BPF_AND, BPF_REG_3, 63);
	mt_asm_alu(as, BPF_RSH, BPF_REG_2, BPF_REG_3);
	gen_cut(program, BPF_REG_2);
	mt_asm_bind(as, done);
}

/* ---- begin --------------------------------------------------------------- */

/* The watched range is known, or the event knows where it is. */
static void gen_address(struct mt_program *program)
{
	struct mt_asm *as = &program->as;

	if (program->spec->instances || program->spec->moves) {
		mt_asm_load(as, 8, BPF_REG_1, BPF_REG_6, EVENT_ADDR);
		mt_asm_alu_imm(as, BPF_SUB, BPF_REG_1,
		               (int32_t)(program->piece.addr - program->spec->addr));
	} else {
		mt_asm_load_imm64(as, BPF_REG_1, program->spec->addr);
	}
	mt_asm_store(as, 8, BPF_REG_7, MT_RECORD(addr), BPF_REG_1);
}

void mt_program_memory(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	mt_asm_label own = mt_asm_new_label(as);

	mt_asm_load(as, 4, BPF_REG_1, BPF_REG_10, MT_AT_PID_TGID + 4);
	if (program->memories >= 0) {
		mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_1, program->pid, own);
		mt_asm_store(as, 8, BPF_REG_10, MT_AT_KEY, BPF_REG_1);
		mt_program_lookup(program, program->memories);
		mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_0, 0, program->out);
		mt_asm_load(as, 4, BPF_REG_1, BPF_REG_0, 0);
		mt_asm_bind(as, own);
	}
	mt_asm_store(as, 8, BPF_REG_7, MT_RECORD(memory), BPF_REG_1);
}

static void gen_begin(struct mt_program *program)
{
	struct mt_asm *as = &program->as;

	mt_asm_mov(as, BPF_REG_6, BPF_REG_1);
	mt_asm_store(as, 8, BPF_REG_10, MT_AT_CONTEXT, BPF_REG_1);
	mt_asm_store_imm(as, 8, BPF_REG_10, MT_AT_KEY, 0);
	mt_program_lookup(program, program->scratch);
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_0, 0, program->out);
	mt_asm_mov(as, BPF_REG_7, BPF_REG_0);
	if (!program->shared)
		mt_program_count(program, MT_SCRATCH(runs));
	mt_asm_load_map_value(as, BPF_REG_1, program->cell, offsetof(struct mt_watch_cell, live));
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_1, 0);
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_1, 0, program->out);
	mt_asm_who(as, MT_AT_PID_TGID);
	mt_program_memory(program);
	gen_address(program);
}

/* ---- origin -------------------------------------------------------------- */

void mt_program_copy_regs(struct mt_program *program, int base)
{
	struct mt_asm *as = &program->as;

	for (int reg = 0; reg < MT_REG_COUNT; reg++) {
		mt_asm_load(as, 8, BPF_REG_1, base, pt_regs_offset[reg]);
		mt_asm_store(as, 8, BPF_REG_7, MT_RECORD(regs) + 8 * reg, BPF_REG_1);
	}
}

static void gen_set_flags(struct mt_program *program, unsigned flags)
{
	mt_asm_store_imm(&program->as, 2, BPF_REG_7, MT_RECORD(flags), (int32_t)flags);
}

/* What our own programs read at the end of a system call is nobody's access. */
static void gen_leave_if_ours(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	mt_asm_label theirs = mt_asm_new_label(as);

	if (program->reading < 0)
		return;
	mt_seat_value(as, program->reading, theirs);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_0, 0);
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_1, 0, program->out);
	mt_asm_bind(as, theirs);
}

/* The trap was taken in kernel mode: how far the copy is, and the registers of the system call. */
static void gen_kernel_origin(struct mt_program *program)
{
	static const struct {
		int pt_regs, record;
	} copies[] = {
		{ 128, MT_RECORD(kernel_ip) },
		{ 112, MT_RECORD(kernel_di) },
		{ 88, MT_RECORD(kernel_cx) },
		{ 152, MT_RECORD(kernel_sp) },
	};
	struct mt_asm *as = &program->as;
	bool undecided = program->spec->condition || program->spec->changes_only;

	if (program->spec->kind != MT_DR_WRITE)
		gen_leave_if_ours(program);
	for (size_t i = 0; i < sizeof(copies) / sizeof(*copies); i++) {
		mt_asm_load(as, 8, BPF_REG_1, BPF_REG_6, copies[i].pt_regs);
		mt_asm_store(as, 8, BPF_REG_7, copies[i].record, BPF_REG_1);
	}
	mt_asm_call(as, BPF_FUNC_get_current_task_btf);
	mt_asm_mov(as, BPF_REG_1, BPF_REG_0);
	mt_asm_call(as, BPF_FUNC_task_pt_regs);
	mt_program_copy_regs(program, BPF_REG_0);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_0, MT_PT_REGS_ORIG_RAX);
	mt_asm_store(as, 8, BPF_REG_7, MT_RECORD(syscall), BPF_REG_1);
	gen_set_flags(program, MT_RECORD_KERNEL | (undecided ? MT_RECORD_UNDECIDED : 0));
}

static void gen_origin(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	mt_asm_label in_kernel = mt_asm_new_label(as), done = mt_asm_new_label(as);

	if (program->spec->kernel) {
		/* The two low bits of cs are the privilege level (Intel SDM volume 3, 5.5). */
		mt_asm_load(as, 8, BPF_REG_1, BPF_REG_6, MT_PT_REGS_CS);
		mt_asm_alu_imm(as, BPF_AND, BPF_REG_1, 3);
		mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_1, 0, in_kernel);
	}
	mt_program_copy_regs(program, BPF_REG_6);
	gen_set_flags(program, 0);
	if (program->spec->kernel) {
		mt_asm_jump(as, done);
		mt_asm_bind(as, in_kernel);
		gen_kernel_origin(program);
	}
	mt_asm_bind(as, done);
}

/* ---- fold ---------------------------------------------------------------- */

/* A sum of the registers into r1: two accesses at one pc differ in at least one register. */
static void gen_regs_sum(struct mt_program *program)
{
	struct mt_asm *as = &program->as;

	mt_asm_mov_imm(as, BPF_REG_1, 0);
	for (int reg = 0; reg < MT_REG_COUNT; reg++) {
		mt_asm_load(as, 8, BPF_REG_2, BPF_REG_7, MT_RECORD(regs) + 8 * reg);
		mt_asm_alu_imm(as, BPF_MUL, BPF_REG_1, 0x01000193); /* the FNV prime */
		mt_asm_alu(as, BPF_ADD, BPF_REG_1, BPF_REG_2);
	}
}

/*
 * One access that touches several registers of a watch runs their programs one after the other, on
 * one processor, with the same machine registers (arch/x86/kernel/hw_breakpoint.c,
 * hw_breakpoint_handler()). The first of them reports it. A piece that comes again begins a new
 * access.
 */
static void gen_fold(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	mt_asm_label another = mt_asm_new_label(as), done = mt_asm_new_label(as);
	int32_t bit = 1 << program->piece_index;

	if (program->spec->kernel) {
		mt_asm_load(as, 2, BPF_REG_1, BPF_REG_7, MT_RECORD(flags));
		mt_asm_alu_imm(as, BPF_AND, BPF_REG_1, MT_RECORD_KERNEL);
		mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_1, 0, done);
	}
	gen_regs_sum(program);
	mt_asm_load(as, 8, BPF_REG_3, BPF_REG_10, MT_AT_PID_TGID);
	mt_asm_load(as, 8, BPF_REG_4, BPF_REG_7, MT_SCRATCH(fold_pieces));
	mt_asm_load(as, 8, BPF_REG_2, BPF_REG_7, MT_SCRATCH(fold_sum));
	mt_asm_jump_if(as, BPF_JNE, BPF_REG_1, BPF_REG_2, another);
	mt_asm_load(as, 8, BPF_REG_2, BPF_REG_7, MT_SCRATCH(fold_tid));
	mt_asm_jump_if(as, BPF_JNE, BPF_REG_3, BPF_REG_2, another);
	mt_asm_mov(as, BPF_REG_5, BPF_REG_4);
	mt_asm_alu_imm(as, BPF_AND, BPF_REG_5, bit);
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_5, 0, another);
	mt_asm_alu_imm(as, BPF_OR, BPF_REG_4, bit);
	mt_asm_store(as, 8, BPF_REG_7, MT_SCRATCH(fold_pieces), BPF_REG_4);
	mt_program_count(program, MT_SCRATCH(folded));
	mt_asm_jump(as, program->out);

	mt_asm_bind(as, another);
	mt_asm_store(as, 8, BPF_REG_7, MT_SCRATCH(fold_sum), BPF_REG_1);
	mt_asm_store(as, 8, BPF_REG_7, MT_SCRATCH(fold_tid), BPF_REG_3);
	mt_asm_store_imm(as, 8, BPF_REG_7, MT_SCRATCH(fold_pieces), bit);
	mt_asm_bind(as, done);
}

/* ---- value --------------------------------------------------------------- */

void mt_program_or_flag(struct mt_program *program, unsigned flag)
{
	struct mt_asm *as = &program->as;

	mt_asm_load(as, 2, BPF_REG_1, BPF_REG_7, MT_RECORD(flags));
	mt_asm_alu_imm(as, BPF_OR, BPF_REG_1, (int32_t)flag);
	mt_asm_store(as, 2, BPF_REG_7, MT_RECORD(flags), BPF_REG_1);
}

/* r8: the instance's. One that has been taken away is none of ours any more. */
static void gen_find_instance(struct mt_program *program)
{
	struct mt_asm *as = &program->as;

	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_7, MT_RECORD(addr));
	mt_asm_store(as, 8, BPF_REG_10, MT_AT_KEY, BPF_REG_1);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_10, MT_AT_PID_TGID);
	mt_asm_store(as, 8, BPF_REG_10, MT_AT_KEY + 8, BPF_REG_1);
	mt_program_lookup(program, program->forks);
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_0, 0, program->out);
	mt_asm_mov(as, BPF_REG_8, BPF_REG_0);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_8, offsetof(struct mt_instance_value, cfa));
	mt_asm_store(as, 8, BPF_REG_7, MT_RECORD(frame_cfa), BPF_REG_1);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_8, offsetof(struct mt_instance_value, call));
	mt_asm_store(as, 8, BPF_REG_7, MT_RECORD(call), BPF_REG_1);
	mt_asm_store_imm(as, 8, BPF_REG_7, MT_RECORD(frame_pc), 0);
	mt_asm_store_imm(as, 8, BPF_REG_7, MT_RECORD(frame_below), 0);
	mt_asm_store_imm(as, 8, BPF_REG_7, MT_RECORD(frame_above), 0);
}

void mt_program_find_cell(struct mt_program *program, mt_asm_label unknown)
{
	struct mt_asm *as = &program->as;

	if (program->spec->instances) {
		gen_find_instance(program);
		return;
	}
	if (!program->spec->follow) {
		mt_asm_load_map_value(as, BPF_REG_8, program->cell,
		                      offsetof(struct mt_watch_cell, last.value));
		return;
	}
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_7, MT_RECORD(memory));
	mt_asm_store(as, 8, BPF_REG_10, MT_AT_KEY, BPF_REG_1);
	mt_program_lookup(program, program->forks);
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_0, 0, unknown);
	mt_asm_mov(as, BPF_REG_8, BPF_REG_0);
}

/* The first hit of a process that nobody has told us of: its value becomes the next hit's old one.
 */
static void gen_unknown_cell(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	int at = MT_SCRATCH(tail); /* not yet in use */

	for (int i = 0; i < MT_RECORD_WORDS; i++) {
		mt_asm_load(as, 8, BPF_REG_1, BPF_REG_10, MT_AT_NEW + 8 * i);
		mt_asm_store(as, 8, BPF_REG_7, at + 8 * i, BPF_REG_1);
	}
	mt_asm_store_imm(as, 8, BPF_REG_7, at + (int)offsetof(struct mt_last_value, forgotten), 0);
	mt_asm_load_map(as, BPF_REG_1, program->forks);
	mt_asm_mov(as, BPF_REG_2, BPF_REG_10);
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_2, MT_AT_KEY);
	mt_asm_mov(as, BPF_REG_3, BPF_REG_7);
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_3, at);
	mt_asm_mov_imm(as, BPF_REG_4, BPF_ANY);
	mt_asm_call(as, BPF_FUNC_map_update_elem);
	mt_program_or_flag(program, MT_RECORD_OLD_UNKNOWN);
}

/*
 * Where reads are watched, our own reading of the value fires the breakpoint again, once for each
 * byte of the kernel's copy. So it is avoided for an instruction that is known to read only: it
 * finds what the last access left, since every write is watched too.
 */
static void gen_value_of_read(struct mt_program *program, mt_asm_label done)
{
	struct mt_asm *as = &program->as;
	mt_asm_label read = mt_asm_new_label(as);

	mt_asm_load(as, 2, BPF_REG_1, BPF_REG_7, MT_RECORD(flags));
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_1, 0, read);
	mt_program_source(program, read);
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_1, MT_SOURCE_NONE, read);
	mt_asm_load_map_value(as, BPF_REG_2, program->cell, 0);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_2, CELL(last.forgotten));
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_1, 0, read);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_2, CELL(last.value));
	mt_asm_store(as, 8, BPF_REG_10, MT_AT_OLD, BPF_REG_1);
	mt_asm_store(as, 8, BPF_REG_10, MT_AT_NEW, BPF_REG_1);
	mt_asm_jump(as, done);
	mt_asm_bind(as, read);
}

void mt_program_read_value(struct mt_program *program, mt_asm_label unreadable)
{
	struct mt_asm *as = &program->as;
	mt_asm_label readable = mt_asm_new_label(as);

	mt_asm_mov(as, BPF_REG_1, BPF_REG_10);
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_1, MT_AT_NEW);
	mt_asm_mov_imm(as, BPF_REG_2, (int32_t)program->spec->len);
	mt_asm_load(as, 8, BPF_REG_3, BPF_REG_7, MT_RECORD(addr));
	mt_asm_call(as, BPF_FUNC_probe_read_user);
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_0, 0, readable);
	mt_program_or_flag(program, MT_RECORD_UNREADABLE);
	mt_asm_jump(as, unreadable);
	mt_asm_bind(as, readable);
}

void mt_program_turn(struct mt_program *program)
{
	mt_program_take_number(program, offsetof(struct mt_watch_cell, turn));
	mt_asm_store(&program->as, 8, BPF_REG_7, MT_RECORD(turn), BPF_REG_1);
}

/* After what its system calls have done to the mapping nobody knows what was there before. */
static void gen_forgotten(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	mt_asm_label known = mt_asm_new_label(as);

	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_8, offsetof(struct mt_last_value, forgotten));
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_1, 0, known);
	mt_asm_store_imm(as, 8, BPF_REG_8, offsetof(struct mt_last_value, forgotten), 0);
	mt_program_or_flag(program, MT_RECORD_OLD_UNKNOWN);
	mt_asm_bind(as, known);
}

void mt_program_exchange(struct mt_program *program)
{
	struct mt_asm *as = &program->as;

	for (unsigned i = 0; i < mt_program_words(program); i++) {
		mt_asm_load(as, 8, BPF_REG_1, BPF_REG_10, MT_AT_NEW + 8 * (int)i);
		mt_asm_atomic(as, BPF_XCHG, BPF_REG_8, 8 * (int)i, BPF_REG_1);
		mt_asm_store(as, 8, BPF_REG_10, MT_AT_OLD + 8 * (int)i, BPF_REG_1);
	}
	if (!program->spec->instances)
		gen_forgotten(program);
}

static void gen_value(struct mt_program *program)
{
	const struct mt_watch_spec *spec = program->spec;
	struct mt_asm *as = &program->as;
	mt_asm_label unknown = mt_asm_new_label(as), done = mt_asm_new_label(as);

	for (int i = 0; i < 2 * MT_RECORD_WORDS; i++)
		mt_asm_store_imm(as, 8, BPF_REG_10, MT_AT_OLD + 8 * i, 0);
	mt_program_turn(program);
	if (spec->kind != MT_DR_WRITE && program->piece_count == 1 && !spec->follow &&
	    !spec->instances)
		gen_value_of_read(program, done);
	mt_program_read_value(program, done);
	mt_program_find_cell(program, unknown);
	mt_program_exchange(program);
	mt_asm_jump(as, done);
	mt_asm_bind(as, unknown);
	if (spec->follow && !spec->instances)
		gen_unknown_cell(program);
	mt_asm_bind(as, done);
}

/* ---- act ----------------------------------------------------------------- */

static void gen_act(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	enum mt_action action = program->spec->action;

	if (action == MT_ACTION_NONE)
		return;
	if (action == MT_ACTION_HOLD) {
		mt_program_hold(program);
		return;
	}
	mt_asm_load(as, 2, BPF_REG_1, BPF_REG_7, MT_RECORD(flags));
	mt_asm_alu_imm(as, BPF_AND, BPF_REG_1, MT_RECORD_UNDECIDED);
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_1, 0, program->out);
	mt_asm_load_map_value(as, BPF_REG_2, program->cell, offsetof(struct mt_watch_cell, acted));
	mt_asm_mov_imm(as, BPF_REG_1, 1);
	mt_asm_atomic(as, BPF_XCHG, BPF_REG_2, 0, BPF_REG_1);
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_1, 0, program->out);
	mt_asm_mov_imm(as, BPF_REG_1, action == MT_ACTION_STOP ? SIGSTOP : SIGKILL);
	mt_asm_call(as, BPF_FUNC_send_signal);
}

/* ---- next ---------------------------------------------------------------- */

/* Falls through where no other watch shares the register. */
static void gen_next(struct mt_program *program)
{
	struct mt_asm *as = &program->as;

	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_10, MT_AT_CONTEXT);
	mt_asm_load_map(as, BPF_REG_2, program->next);
	mt_asm_mov_imm(as, BPF_REG_3, (int32_t)program->piece_index);
	mt_asm_call(as, BPF_FUNC_tail_call);
}

struct mt_error *mt_program_generate(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	struct mt_error *error = NULL;

	if (program->spec->silent)
		return mt_program_filter(program);
	program->out = mt_asm_new_label(as);
	program->send = mt_asm_new_label(as);
	program->act = mt_asm_new_label(as);
	gen_begin(program);
	gen_origin(program);
	if (program->piece_count > 1)
		gen_fold(program);
	if (program->spec->kind != MT_DR_EXEC)
		gen_value(program);
	mt_program_decide(program, &error);
	MT_TRY(error);
	mt_asm_bind(as, program->send);
	mt_program_send(program, &error);
	MT_TRY(error);
	mt_asm_bind(as, program->act);
	gen_act(program);
	mt_asm_bind(as, program->out);
	gen_next(program);
	mt_asm_mov_imm(as, BPF_REG_0, 0);
	mt_asm_exit(as);
	return mt_asm_finish(as);
}
