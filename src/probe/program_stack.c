/* SPDX-License-Identifier: MIT */
/*
 * The walk of the user's stack, unrolled: by frame pointers, or by the rules of CFI that the space
 * has learnt for each pc. Frames go to the record's tail; frames[0] is the pc. At the end r9 is the
 * tail's size in bytes.
 */
#include <stddef.h>

#include "probe/program.h"
#include "symbol/unwind.h"

/* bpf_probe_read_user(r10 + to, size, r3) */
static void gen_read_user(struct mt_program *program, int to, int size)
{
	struct mt_asm *as = &program->as;

	mt_asm_mov(as, BPF_REG_1, BPF_REG_10);
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_1, to);
	mt_asm_mov_imm(as, BPF_REG_2, size);
	mt_asm_call(as, BPF_FUNC_probe_read_user);
}

static int word_of(const struct mt_program *program)
{
	return (int)mt_machine_word(program->spec->machine);
}

static void gen_store_frame(struct mt_program *program, int index, int reg)
{
	mt_asm_store(&program->as, 8, BPF_REG_7, mt_program_frames_at(program) + 8 * index, reg);
}

/* The walk ends with `count` frames. */
static void gen_end_walk(struct mt_program *program, int count, bool cut, mt_asm_label done)
{
	struct mt_asm *as = &program->as;

	if (cut) {
		mt_asm_load(as, 2, BPF_REG_1, BPF_REG_7, MT_RECORD(flags));
		mt_asm_alu_imm(as, BPF_OR, BPF_REG_1, MT_RECORD_STACK_CUT);
		mt_asm_store(as, 2, BPF_REG_7, MT_RECORD(flags), BPF_REG_1);
	}
	mt_asm_store_imm(as, 4, BPF_REG_7, MT_RECORD(frame_count), count);
	mt_asm_mov_imm(as, BPF_REG_9, 8 * count);
	mt_asm_jump(as, done);
}

/* ---- Frame pointers ------------------------------------------------------ */

/* At rbp lie the caller's rbp and the return address (System V ABI x86-64, 3.2.2; the same in
 * i386's). r8 is rbp. */
static void gen_frame_pointer_walk(struct mt_program *program, mt_asm_label done)
{
	struct mt_asm *as = &program->as;
	int word = word_of(program);

	for (int i = 1; i < MT_RECORD_MAX_FRAMES; i++) {
		mt_asm_label more = mt_asm_new_label(as), end = mt_asm_new_label(as);

		mt_asm_mov(as, BPF_REG_3, BPF_REG_8);
		gen_read_user(program, MT_AT_TEMP, 2 * word);
		mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_0, 0, end);
		mt_asm_load(as, word, BPF_REG_1, BPF_REG_10, MT_AT_TEMP + word);
		mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_1, 0, end);
		gen_store_frame(program, i, BPF_REG_1);
		mt_asm_load(as, word, BPF_REG_1, BPF_REG_10, MT_AT_TEMP);
		mt_asm_mov(as, BPF_REG_2, BPF_REG_8);
		mt_asm_mov(as, BPF_REG_8, BPF_REG_1);
		mt_asm_jump_if(as, BPF_JGT, BPF_REG_1, BPF_REG_2, more);
		gen_end_walk(program, i + 1, false, done);
		mt_asm_bind(as, end);
		gen_end_walk(program, i, false, done);
		mt_asm_bind(as, more);
	}
	gen_end_walk(program, MT_RECORD_MAX_FRAMES, true, done);
}

/* ---- Learnt rules -------------------------------------------------------- */

#define RULE(field) ((int)offsetof(struct mt_rule_value, field))

/* r0: the rule for the pc in r9, or 0. */
static void gen_find_rule(struct mt_program *program, int frame)
{
	struct mt_asm *as = &program->as;

	mt_asm_mov(as, BPF_REG_1, BPF_REG_9);
	if (frame > 0)
		mt_asm_alu_imm(as, BPF_SUB, BPF_REG_1, 1); /* of the call, not of what follows it */
	mt_asm_store(as, 8, BPF_REG_10, MT_AT_KEY, BPF_REG_1);
	mt_program_lookup(program, program->rules);
}

/* The frame with the CFA in r6, at the pc in r9, may be the one that the instance is in. */
static void gen_note_frame(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	mt_asm_label another = mt_asm_new_label(as), above = mt_asm_new_label(as);
	mt_asm_label done = mt_asm_new_label(as);

	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_7, MT_RECORD(frame_cfa));
	mt_asm_jump_if(as, BPF_JNE, BPF_REG_1, BPF_REG_6, another);
	mt_asm_store(as, 8, BPF_REG_7, MT_RECORD(frame_pc), BPF_REG_9);
	mt_asm_bind(as, another);
	mt_asm_jump_if(as, BPF_JGT, BPF_REG_6, BPF_REG_1, above);
	mt_asm_store(as, 8, BPF_REG_7, MT_RECORD(frame_below), BPF_REG_6);
	mt_asm_jump(as, done);
	mt_asm_bind(as, above);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_7, MT_RECORD(frame_above));
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_1, 0, done);
	mt_asm_store(as, 8, BPF_REG_7, MT_RECORD(frame_above), BPF_REG_6);
	mt_asm_bind(as, done);
}

/*
 * One step outwards: r6 is rsp, r8 rbp, r9 the pc; all become the caller's. Nearly always rbp is
 * saved next to the return address, so that both are read at once.
 */
static void gen_rule_step(struct mt_program *program, mt_asm_label end)
{
	struct mt_asm *as = &program->as;
	mt_asm_label by_rsp = mt_asm_new_label(as), beside = mt_asm_new_label(as);
	mt_asm_label keep = mt_asm_new_label(as);
	int word = word_of(program);

	mt_asm_load(as, 4, BPF_REG_1, BPF_REG_0, RULE(cfa_rbp));
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_1, 0, by_rsp);
	mt_asm_mov(as, BPF_REG_6, BPF_REG_8);
	mt_asm_bind(as, by_rsp);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_0, RULE(cfa_offset));
	mt_asm_alu(as, BPF_ADD, BPF_REG_6, BPF_REG_1); /* the CFA */
	if (program->spec->instances)
		gen_note_frame(program);
	mt_asm_load(as, 8, BPF_REG_9, BPF_REG_0, RULE(rbp_offset));
	mt_asm_mov(as, BPF_REG_3, BPF_REG_6);
	mt_asm_alu_imm(as, BPF_SUB, BPF_REG_3, 2 * word);
	gen_read_user(program, MT_AT_TEMP, 2 * word);
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_0, 0, end);

	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_9, 0, keep);
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_9, -2 * word, beside);
	mt_asm_mov(as, BPF_REG_3, BPF_REG_6);
	mt_asm_alu(as, BPF_ADD, BPF_REG_3, BPF_REG_9);
	gen_read_user(program, MT_AT_TEMP, word);
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_0, 0, end);
	mt_asm_bind(as, beside);
	mt_asm_load(as, word, BPF_REG_8, BPF_REG_10, MT_AT_TEMP);
	mt_asm_bind(as, keep);
	mt_asm_load(as, word, BPF_REG_9, BPF_REG_10, MT_AT_TEMP + word);
}

static void gen_rule_walk(struct mt_program *program, mt_asm_label done, mt_asm_label copy)
{
	struct mt_asm *as = &program->as;

	for (int i = 1; i < MT_RECORD_MAX_FRAMES; i++) {
		mt_asm_label end = mt_asm_new_label(as), cut = mt_asm_new_label(as);
		mt_asm_label more = mt_asm_new_label(as);

		gen_find_rule(program, i - 1);
		mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_0, 0, copy);
		mt_asm_load(as, 4, BPF_REG_1, BPF_REG_0, RULE(kind));
		mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_1, MT_CFI_END, end);
		mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_1, MT_CFI_SIMPLE, copy);
		gen_rule_step(program, cut);
		mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_9, 0, end);
		gen_store_frame(program, i, BPF_REG_9);
		mt_asm_jump(as, more);
		mt_asm_bind(as, end);
		gen_end_walk(program, i, false, done);
		mt_asm_bind(as, cut);
		gen_end_walk(program, i, true, done);
		mt_asm_bind(as, more);
	}
	gen_end_walk(program, MT_RECORD_MAX_FRAMES, true, done);
}

/* ---- A copy of the stack ------------------------------------------------- */

/* The step from r8 + r9 on has failed, so memory ends with the page: the bytes up to there. */
static void gen_rest_of_page(struct mt_program *program, mt_asm_label done)
{
	struct mt_asm *as = &program->as;

	mt_asm_mov(as, BPF_REG_3, BPF_REG_8);
	mt_asm_alu(as, BPF_ADD, BPF_REG_3, BPF_REG_9);
	mt_asm_mov(as, BPF_REG_6, BPF_REG_3);
	mt_asm_neg(as, BPF_REG_6);
	mt_asm_alu_imm(as, BPF_AND, BPF_REG_6, MT_RECORD_STACK_STEP - 1);
	mt_asm_mov(as, BPF_REG_1, BPF_REG_7);
	mt_asm_alu(as, BPF_ADD, BPF_REG_1, BPF_REG_9);
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_1, mt_program_frames_at(program));
	mt_asm_mov(as, BPF_REG_2, BPF_REG_6);
	mt_asm_call(as, BPF_FUNC_probe_read_user);
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_0, 0, done);
	mt_asm_alu(as, BPF_ADD, BPF_REG_9, BPF_REG_6);
}

/* From rsp upwards, in steps, since one that reaches past the stack's end fails as a whole. */
static void gen_stack_copy(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	mt_asm_label failed = mt_asm_new_label(as), done = mt_asm_new_label(as);

	mt_asm_load(as, 2, BPF_REG_1, BPF_REG_7, MT_RECORD(flags));
	mt_asm_alu_imm(as, BPF_OR, BPF_REG_1, MT_RECORD_STACK_COPY);
	mt_asm_store(as, 2, BPF_REG_7, MT_RECORD(flags), BPF_REG_1);
	mt_asm_load(as, 8, BPF_REG_8, BPF_REG_7, MT_RECORD(regs.r[MT_REG_RSP]));
	for (int at = 0; at < MT_RECORD_STACK_MAX; at += MT_RECORD_STACK_STEP) {
		mt_asm_mov_imm(as, BPF_REG_9, at);
		mt_asm_mov(as, BPF_REG_1, BPF_REG_7);
		mt_asm_alu_imm(as, BPF_ADD, BPF_REG_1, mt_program_frames_at(program) + at);
		mt_asm_mov_imm(as, BPF_REG_2, MT_RECORD_STACK_STEP);
		mt_asm_mov(as, BPF_REG_3, BPF_REG_8);
		mt_asm_alu_imm(as, BPF_ADD, BPF_REG_3, at);
		mt_asm_call(as, BPF_FUNC_probe_read_user);
		mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_0, 0, failed);
	}
	mt_asm_mov_imm(as, BPF_REG_9, MT_RECORD_STACK_MAX);
	mt_asm_jump(as, done);
	mt_asm_bind(as, failed);
	gen_rest_of_page(program, done);
	mt_asm_bind(as, done);
	mt_asm_store(as, 4, BPF_REG_7, MT_RECORD(stack_len), BPF_REG_9);
}

void mt_program_stack(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	mt_asm_label done = mt_asm_new_label(as), copy = mt_asm_new_label(as);

	if (program->spec->stack == MT_STACK_NONE) {
		mt_asm_mov_imm(as, BPF_REG_9, 0);
		return;
	}
	mt_asm_load(as, 8, BPF_REG_6, BPF_REG_7, MT_RECORD(regs.r[MT_REG_RSP]));
	mt_asm_load(as, 8, BPF_REG_8, BPF_REG_7, MT_RECORD(regs.r[MT_REG_RBP]));
	mt_asm_load(as, 8, BPF_REG_9, BPF_REG_7, MT_RECORD(regs.r[MT_REG_RIP]));
	gen_store_frame(program, 0, BPF_REG_9);
	if (program->spec->stack == MT_STACK_FP) {
		gen_frame_pointer_walk(program, done);
	} else {
		gen_rule_walk(program, done, copy);
		mt_asm_bind(as, copy);
		gen_stack_copy(program);
	}
	mt_asm_bind(as, done);
}
