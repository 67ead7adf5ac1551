/* SPDX-License-Identifier: MIT */
/*
 * The step `send`: the record into the ring; or, where places are only counted, an entry in their
 * table.
 */
#include <stddef.h>

#include "probe/program.h"

/* ---- Counting places ----------------------------------------------------- */

/* Offset of a field of the place's value, from the value. */
#define PLACE(field) ((int)offsetof(struct mt_place_value, field))

/* r0: the place's value on this processor, made when it is new; a full table counts that and
 * leaves. */
static void gen_find_place(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	mt_asm_label found = mt_asm_new_label(as);

	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_7, MT_RECORD(regs.r[MT_REG_RIP]));
	mt_asm_store(as, 8, BPF_REG_10, MT_AT_KEY, BPF_REG_1);
	mt_program_lookup(program, program->places);
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_0, 0, found);

	for (int i = 0; i < (int)sizeof(struct mt_place_value); i += 8)
		mt_asm_store_imm(as, 8, BPF_REG_7, MT_SCRATCH(tail) + i, 0);
	mt_asm_load_map(as, BPF_REG_1, program->places);
	mt_asm_mov(as, BPF_REG_2, BPF_REG_10);
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_2, MT_AT_KEY);
	mt_asm_mov(as, BPF_REG_3, BPF_REG_7);
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_3, MT_SCRATCH(tail));
	mt_asm_mov_imm(as, BPF_REG_4, BPF_NOEXIST);
	mt_asm_call(as, BPF_FUNC_map_update_elem);
	mt_program_lookup(program, program->places);
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_0, 0, found);
	mt_program_count(program, MT_SCRATCH(uncounted));
	mt_asm_jump(as, program->act);
	mt_asm_bind(as, found);
}

/* r1: the new value as a number of 64 bits, of the watch's length and sign. */
static void gen_value_as_number(struct mt_program *program)
{
	const struct mt_watch_spec *spec = program->spec;
	struct mt_asm *as = &program->as;
	int32_t shift = spec->len < 8 ? 64 - 8 * (int32_t)spec->len : 0;

	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_10, MT_AT_NEW);
	if (shift) {
		mt_asm_alu_imm(as, BPF_LSH, BPF_REG_1, shift);
		mt_asm_alu_imm(as, spec->is_signed ? BPF_ARSH : BPF_RSH, BPF_REG_1, shift);
	}
}

/* The first hit of a place on this processor: r8 is the value, r9 the time, r1 the number. */
static void gen_first_at_place(struct mt_program *program)
{
	struct mt_asm *as = &program->as;

	mt_asm_store(as, 8, BPF_REG_8, PLACE(first_ns), BPF_REG_9);
	mt_asm_store(as, 8, BPF_REG_8, PLACE(min), BPF_REG_1);
	mt_asm_store(as, 8, BPF_REG_8, PLACE(max), BPF_REG_1);
	mt_asm_load(as, 8, BPF_REG_2, BPF_REG_10, MT_AT_PID_TGID);
	mt_asm_store(as, 8, BPF_REG_8, PLACE(tid), BPF_REG_2);
	for (int reg = 0; reg < MT_REG_COUNT; reg++) {
		mt_asm_load(as, 8, BPF_REG_2, BPF_REG_7, MT_RECORD(regs) + 8 * reg);
		mt_asm_store(as, 8, BPF_REG_8, PLACE(regs) + 8 * reg, BPF_REG_2);
	}
}

/* Widens [min, max] to hold r1. */
static void gen_widen_range(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	bool is_signed = program->spec->is_signed;
	mt_asm_label not_less = mt_asm_new_label(as), not_more = mt_asm_new_label(as);

	mt_asm_load(as, 8, BPF_REG_2, BPF_REG_8, PLACE(min));
	mt_asm_jump_if(as, is_signed ? BPF_JSGE : BPF_JGE, BPF_REG_1, BPF_REG_2, not_less);
	mt_asm_store(as, 8, BPF_REG_8, PLACE(min), BPF_REG_1);
	mt_asm_bind(as, not_less);
	mt_asm_load(as, 8, BPF_REG_2, BPF_REG_8, PLACE(max));
	mt_asm_jump_if(as, is_signed ? BPF_JSLE : BPF_JLE, BPF_REG_1, BPF_REG_2, not_more);
	mt_asm_store(as, 8, BPF_REG_8, PLACE(max), BPF_REG_1);
	mt_asm_bind(as, not_more);
}

static void gen_count_place(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	mt_asm_label again = mt_asm_new_label(as), counted = mt_asm_new_label(as);

	gen_find_place(program);
	mt_asm_mov(as, BPF_REG_8, BPF_REG_0);
	mt_asm_call(as, BPF_FUNC_ktime_get_ns);
	mt_asm_mov(as, BPF_REG_9, BPF_REG_0);
	gen_value_as_number(program);
	mt_asm_load(as, 8, BPF_REG_2, BPF_REG_8, PLACE(hits));
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_2, 1);
	mt_asm_store(as, 8, BPF_REG_8, PLACE(hits), BPF_REG_2);
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_2, 1, again);
	gen_first_at_place(program);
	mt_asm_jump(as, counted);
	mt_asm_bind(as, again);
	gen_widen_range(program);
	mt_asm_bind(as, counted);
	mt_asm_store(as, 8, BPF_REG_8, PLACE(last_ns), BPF_REG_9);
	mt_program_count(program, MT_SCRATCH(counted));
	mt_asm_jump(as, program->act);
}

/* ---- The record ---------------------------------------------------------- */

static void gen_fill_record(struct mt_program *program)
{
	struct mt_asm *as = &program->as;

	mt_asm_store_imm(as, 2, BPF_REG_7, MT_RECORD(kind), MT_RECORD_HIT);
	mt_asm_store_imm(as, 4, BPF_REG_7, MT_RECORD(watch), (int32_t)program->spec->id);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_10, MT_AT_PID_TGID);
	mt_asm_store(as, 8, BPF_REG_7, MT_RECORD(tid), BPF_REG_1);
	mt_asm_call(as, BPF_FUNC_ktime_get_ns);
	mt_asm_store(as, 8, BPF_REG_7, MT_RECORD(time_ns), BPF_REG_0);
	mt_asm_mov(as, BPF_REG_1, BPF_REG_7);
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_1, MT_RECORD(comm));
	mt_asm_mov_imm(as, BPF_REG_2, 16);
	mt_asm_call(as, BPF_FUNC_get_current_comm);
	if (program->spec->kind != MT_DR_EXEC) {
		for (int i = 0; i < (int)mt_program_words(program); i++) {
			mt_asm_load(as, 8, BPF_REG_1, BPF_REG_10, MT_AT_OLD + 8 * i);
			mt_asm_store(as, 8, BPF_REG_7, MT_RECORD(old_value) + 8 * i, BPF_REG_1);
			mt_asm_load(as, 8, BPF_REG_1, BPF_REG_10, MT_AT_NEW + 8 * i);
			mt_asm_store(as, 8, BPF_REG_7, MT_RECORD(new_value) + 8 * i, BPF_REG_1);
		}
	}
	mt_asm_store_imm(as, 8, BPF_REG_7, MT_RECORD(frame_count), 0); /* and stack_len */
	mt_asm_store_imm(as, 8, BPF_REG_7, MT_RECORD(capture_len),
	                 mt_program_frames_at(program) - MT_SCRATCH(tail));
}

/*
 * r4: the flags of bpf_ringbuf_output(). The reader polls; it is woken only by what it can make
 * cheaper by answering soon, once until it has answered, and by an action that a person waits for.
 */
static void gen_wakeup(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	mt_asm_label done = mt_asm_new_label(as);

	mt_asm_mov_imm(as, BPF_REG_4, BPF_RB_NO_WAKEUP);
	if (program->spec->action != MT_ACTION_NONE) {
		mt_asm_mov_imm(as, BPF_REG_4, BPF_RB_FORCE_WAKEUP);
		return;
	}
	mt_asm_load(as, 2, BPF_REG_1, BPF_REG_7, MT_RECORD(flags));
	mt_asm_alu_imm(as, BPF_AND, BPF_REG_1,
	               MT_RECORD_UNDECIDED | MT_RECORD_STACK_COPY | MT_RECORD_KERNEL);
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_1, 0, done);
	mt_asm_load_map_value(as, BPF_REG_2, program->cell,
	                      offsetof(struct mt_watch_cell, rule_asked));
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_2, 0);
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_1, 0, done);
	mt_asm_store_imm(as, 8, BPF_REG_2, 0, 1);
	mt_asm_mov_imm(as, BPF_REG_4, BPF_RB_FORCE_WAKEUP);
	mt_asm_bind(as, done);
}

/* The record and `r9` bytes of its tail into the ring. */
static void gen_output(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	mt_asm_label sent = mt_asm_new_label(as);

	gen_wakeup(program);
	mt_asm_load_map(as, BPF_REG_1, program->ring);
	mt_asm_mov(as, BPF_REG_2, BPF_REG_7);
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_2, MT_SCRATCH(record));
	mt_asm_mov(as, BPF_REG_3, BPF_REG_9);
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_3, mt_program_frames_at(program) - MT_SCRATCH(record));
	mt_asm_call(as, BPF_FUNC_ringbuf_output);
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_0, 0, sent);
	mt_program_count(program, MT_SCRATCH(lost));
	mt_asm_jump(as, program->act);
	mt_asm_bind(as, sent);
	mt_program_count(program, MT_SCRATCH(sent));
}

void mt_program_send(struct mt_program *program, struct mt_error **error)
{
	struct mt_asm *as = &program->as;
	mt_asm_label whole = mt_asm_new_label(as);

	if (program->spec->count_only) {
		mt_asm_load(as, 2, BPF_REG_1, BPF_REG_7, MT_RECORD(flags));
		mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_1, 0, whole);
		gen_count_place(program);
		mt_asm_bind(as, whole);
	}
	gen_fill_record(program);
	mt_program_capture(program, error);
	mt_program_stack(program);
	gen_output(program);
}
