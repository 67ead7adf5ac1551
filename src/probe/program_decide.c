/* SPDX-License-Identifier: MIT */
/*
 * The step `decide`: may the access be left out? Only what is certain is left out; what is not goes
 * to the reader as MT_RECORD_UNDECIDED.
 */
#include <stddef.h>

#include "probe/program.h"

const struct mt_cond_frame mt_program_frame = {
	.old_value = MT_AT_OLD,
	.new_value = MT_AT_NEW,
	.regs = MT_AT_REGS,
	.pid_tgid = MT_AT_PID_TGID,
	.hits = MT_AT_HITS,
	.comm = MT_AT_COMM,
	.unread = MT_AT_TEMP,
	.scratch = MT_AT_SCRATCH,
	.scratch_size = MT_AT_SCRATCH_SIZE,
};

/* Marks the record and sends it. */
static void gen_undecided(struct mt_program *program, int flags)
{
	struct mt_asm *as = &program->as;

	mt_asm_load(as, 2, BPF_REG_1, BPF_REG_7, MT_RECORD(flags));
	mt_asm_alu_imm(as, BPF_OR, BPF_REG_1, MT_RECORD_UNDECIDED | flags);
	mt_asm_store(as, 2, BPF_REG_7, MT_RECORD(flags), BPF_REG_1);
	mt_asm_jump(as, program->send);
}

/*
 * Is what memory holds what this thread stored? Another thread may have written between the store
 * and our reading. What the instruction stored from says it; an instruction that we don't know yet
 * says nothing.
 */
static void gen_check_source(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	mt_asm_label unsure = mt_asm_new_label(as), sure = mt_asm_new_label(as);

	mt_program_source(program, unsure);
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_1, MT_SOURCE_MEMORY, sure);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_10, MT_AT_NEW);
	mt_asm_jump_if(as, BPF_JEQ, BPF_REG_1, BPF_REG_2, sure);
	mt_asm_bind(as, unsure);
	gen_undecided(program, 0);
	mt_asm_bind(as, sure);
}

static void gen_drop_unchanged(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	mt_asm_label changed = mt_asm_new_label(as);

	for (unsigned i = 0; i < mt_program_words(program); i++) {
		mt_asm_load(as, 8, BPF_REG_1, BPF_REG_10, MT_AT_OLD + 8 * (int)i);
		mt_asm_load(as, 8, BPF_REG_2, BPF_REG_10, MT_AT_NEW + 8 * (int)i);
		mt_asm_jump_if(as, BPF_JNE, BPF_REG_1, BPF_REG_2, changed);
	}
	mt_program_count(program, MT_SCRATCH(unchanged));
	mt_asm_jump(as, program->out);
	mt_asm_bind(as, changed);
}

void mt_program_inputs(struct mt_program *program, bool regs, bool comm)
{
	struct mt_asm *as = &program->as;

	if (regs) {
		for (int reg = 0; reg < MT_REG_COUNT; reg++) {
			mt_asm_load(as, 8, BPF_REG_1, BPF_REG_7, MT_RECORD(regs) + 8 * reg);
			mt_asm_store(as, 8, BPF_REG_10, MT_AT_REGS + 8 * reg, BPF_REG_1);
		}
	}
	if (comm) {
		mt_asm_mov(as, BPF_REG_1, BPF_REG_10);
		mt_asm_alu_imm(as, BPF_ADD, BPF_REG_1, MT_AT_COMM);
		mt_asm_mov_imm(as, BPF_REG_2, 16);
		mt_asm_call(as, BPF_FUNC_get_current_comm);
	}
}

static struct mt_error *gen_condition(struct mt_program *program)
{
	const struct mt_cond *condition = program->spec->condition;
	struct mt_asm *as = &program->as;
	mt_asm_label unmet = mt_asm_new_label(as), met = mt_asm_new_label(as);
	mt_asm_label unreadable = mt_asm_new_label(as);

	mt_program_inputs(program, mt_cond_uses_regs(condition), mt_cond_uses_comm(condition));
	MT_TRY(mt_cond_generate(as, condition, &mt_program_frame, unmet, unreadable));
	mt_asm_jump(as, met);
	if (mt_cond_reads_memory(condition)) {
		mt_asm_bind(as, unreadable);
		mt_asm_load(as, 8, BPF_REG_1, BPF_REG_10, MT_AT_TEMP);
		mt_asm_store(as, 8, BPF_REG_7, MT_RECORD(unread), BPF_REG_1);
		gen_undecided(program, MT_RECORD_UNREAD);
	}
	mt_asm_bind(as, unmet);
	mt_program_count(program, MT_SCRATCH(unmet));
	mt_asm_jump(as, program->out);
	mt_asm_bind(as, met);
	return NULL;
}

/* `hits` counts accesses before the condition, so it is taken where there is one, in kernel or not,
 * or something that may show it. */
static void gen_count_hits(struct mt_program *program)
{
	struct mt_asm *as = &program->as;

	mt_program_take_number(program, offsetof(struct mt_watch_cell, hits));
	mt_asm_store(as, 8, BPF_REG_10, MT_AT_HITS, BPF_REG_1);
	mt_asm_store(as, 8, BPF_REG_7, MT_RECORD(hits), BPF_REG_1);
}

void mt_program_decide(struct mt_program *program, struct mt_error **error)
{
	const struct mt_watch_spec *spec = program->spec;
	struct mt_asm *as = &program->as;
	/* What else the condition reads can only be read now, so the value is the one that is there
	 * now, too. */
	bool reads = spec->condition && mt_cond_reads_memory(spec->condition);
	bool simple = program->piece_count == 1 && spec->kind == MT_DR_WRITE && !reads;

	if (spec->condition || spec->capture_count)
		gen_count_hits(program);
	if (!spec->condition && !spec->changes_only)
		return;
	if (spec->condition && !program->condition_in_kernel) {
		gen_undecided(program, 0);
		return;
	}

	/* The kernel's own accesses, and values that are not known, are the reader's to decide. */
	mt_asm_label plain = mt_asm_new_label(as);

	mt_asm_load(as, 2, BPF_REG_1, BPF_REG_7, MT_RECORD(flags));
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_1, 0, plain);
	gen_undecided(program, 0);
	mt_asm_bind(as, plain);
	if (simple)
		gen_check_source(program);
	if (spec->changes_only)
		gen_drop_unchanged(program);
	if (spec->condition)
		*error = gen_condition(program);
}
