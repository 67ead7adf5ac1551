/* SPDX-License-Identifier: MIT */
/*
 * What runs at the ends of system calls (the raw tracepoint sys_exit, which is passed in all
 * processes; linux/tracepoint.h). Memory that is unmapped, moved or replaced goes by no breakpoint:
 *
 *	number     leave if the call has failed, or is none that changes mappings
 *	begin      leave if it is another process, or the watch is not live; find the scratch area
 *	where      leave if it was done elsewhere; of some calls that is not known
 *	value      what is there now, in exchange for what was
 *	send       as of a hit, with MT_RECORD_MAPPING: the reader says what it was
 *
 * Our own reads, of the value and of the stack, are no accesses: mt_probe.reading says so to those
 * of our programs that run for reads.
 *
 * Registers: r6 is the context, r8 the registers of the call up to `begin`, r9 its result.
 */
#include <stddef.h>

#include "probe/program.h"
#include "probe/seat.h"
#include "probe/who.h"
#include "target/mapping.h"
#include "target/syscall.h"

#define CELL(field) ((int)offsetof(struct mt_watch_cell, field))
#define NUMBERS 512    /* of system calls, in all tables */
#define ANONYMOUS 0x20 /* MAP_ANONYMOUS; asm-generic/mman-common.h */

/* ---- number ----------------------------------------------------------------- */

/* The context is the registers and the result (trace/events/syscalls.h). */
static void gen_result(struct mt_program *program)
{
	struct mt_asm *as = &program->as;

	mt_asm_mov(as, BPF_REG_6, BPF_REG_1);
	mt_asm_store(as, 8, BPF_REG_10, MT_AT_CONTEXT, BPF_REG_1);
	mt_asm_who(as, MT_AT_PID_TGID);
	mt_asm_load(as, 8, BPF_REG_9, BPF_REG_6, 8);
	mt_asm_mov_imm(as, BPF_REG_1, -MT_MAPPING_ERRORS);
	mt_asm_jump_if(as, BPF_JGE, BPF_REG_9, BPF_REG_1, program->out);
}

/* r1 is a system call's number. */
static void gen_choose(struct mt_program *program, enum mt_mapping_class klass, mt_asm_label to)
{
	for (int32_t number = 0; number < NUMBERS; number++)
		if (mt_mapping_class(program->spec->machine, (uint64_t)number) == klass)
			mt_asm_jump_if_imm(&program->as, BPF_JEQ, BPF_REG_1, number, to);
}

static void gen_number(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	mt_asm_label any = mt_asm_new_label(as);

	mt_asm_call(as, BPF_FUNC_get_current_task_btf);
	mt_asm_mov(as, BPF_REG_1, BPF_REG_0);
	mt_asm_call(as, BPF_FUNC_task_pt_regs);
	mt_asm_mov(as, BPF_REG_8, BPF_REG_0);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_8, MT_PT_REGS_ORIG_RAX);
	for (int klass = MT_MAPPING_OTHER + 1; klass <= MT_MAPPING_SOMEWHERE; klass++)
		gen_choose(program, (enum mt_mapping_class)klass, any);
	mt_asm_jump(as, program->out);
	mt_asm_bind(as, any);
}

/* ---- begin ------------------------------------------------------------------ */

/* A process that runs the program that is watched, or who borrows its memory. */
static void gen_memory(struct mt_program *program)
{
	struct mt_asm *as = &program->as;

	mt_asm_load(as, 4, BPF_REG_1, BPF_REG_10, MT_AT_PID_TGID + 4);
	mt_asm_store(as, 8, BPF_REG_10, MT_AT_KEY, BPF_REG_1);
	mt_program_lookup(program, program->memories);
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_0, 0, program->out);
	mt_asm_load(as, 4, BPF_REG_1, BPF_REG_0, 4);
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_1, (int32_t)program->image, program->out);
	mt_asm_load(as, 4, BPF_REG_1, BPF_REG_0, 0);
	mt_asm_store(as, 8, BPF_REG_10, MT_AT_TEMP, BPF_REG_1);
}

static void gen_begin(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	bool undecided = program->spec->condition || program->spec->changes_only;

	gen_memory(program);
	mt_asm_store_imm(as, 8, BPF_REG_10, MT_AT_KEY, 0);
	mt_program_lookup(program, program->scratch);
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_0, 0, program->out);
	mt_asm_mov(as, BPF_REG_7, BPF_REG_0);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_8, MT_PT_REGS_ORIG_RAX);
	mt_asm_store(as, 8, BPF_REG_7, MT_RECORD(syscall), BPF_REG_1);
	mt_asm_store(as, 8, BPF_REG_7, MT_RECORD(result), BPF_REG_9);
	mt_program_copy_regs(program, BPF_REG_8);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_10, MT_AT_TEMP);
	mt_asm_store(as, 8, BPF_REG_7, MT_RECORD(memory), BPF_REG_1);
	mt_asm_load_map_value(as, BPF_REG_2, program->cell, 0);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_2, CELL(live));
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_1, 0, program->out);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_2, CELL(at));
	mt_asm_store(as, 8, BPF_REG_7, MT_RECORD(addr), BPF_REG_1);
	mt_asm_store_imm(as, 2, BPF_REG_7, MT_RECORD(flags),
	                 MT_RECORD_KERNEL | MT_RECORD_MAPPING |
	                     (undecided ? MT_RECORD_UNDECIDED : 0));
	for (int i = 0; i < 2 * MT_RECORD_WORDS; i++)
		mt_asm_store_imm(as, 8, BPF_REG_10, MT_AT_OLD + 8 * i, 0);
}

/* ---- where ------------------------------------------------------------------ */

static void gen_argument(struct mt_program *program, int reg, unsigned i)
{
	enum mt_reg from = mt_syscall_arg(program->spec->machine, i);

	mt_asm_load(&program->as, 8, reg, BPF_REG_7, MT_RECORD(regs) + 8 * (int)from);
}

/* Jumps where r1, and r2 bytes from there on, in whole pages, have a watched one among them. */
static void gen_overlap(struct mt_program *program, mt_asm_label there)
{
	struct mt_asm *as = &program->as;
	mt_asm_label elsewhere = mt_asm_new_label(as);

	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_2, 0, elsewhere);
	mt_asm_alu(as, BPF_ADD, BPF_REG_2, BPF_REG_1);
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_2, MT_MAPPING_PAGE - 1);
	mt_asm_alu_imm(as, BPF_AND, BPF_REG_2, -MT_MAPPING_PAGE);
	mt_asm_load(as, 8, BPF_REG_3, BPF_REG_7, MT_RECORD(addr));
	mt_asm_jump_if(as, BPF_JGE, BPF_REG_3, BPF_REG_2, elsewhere);
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_3, (int32_t)program->spec->len);
	mt_asm_jump_if(as, BPF_JLT, BPF_REG_1, BPF_REG_3, there);
	mt_asm_bind(as, elsewhere);
}

/* The same of the range that the call was given first; leaves where it has none. */
static void gen_overlap_given(struct mt_program *program, mt_asm_label there)
{
	gen_argument(program, BPF_REG_1, 0);
	gen_argument(program, BPF_REG_2, 1);
	gen_overlap(program, there);
	mt_asm_jump(&program->as, program->out);
}

/* The labels are of what follows; falls through where it is not known. */
struct course {
	mt_asm_label gone, new, fresh;
};

static void gen_where_mapped(struct mt_program *program, const struct course *course)
{
	struct mt_asm *as = &program->as;
	mt_asm_label there = mt_asm_new_label(as);

	mt_asm_mov(as, BPF_REG_1, BPF_REG_9);
	gen_argument(program, BPF_REG_2, 1);
	gen_overlap(program, there);
	mt_asm_jump(as, program->out);
	mt_asm_bind(as, there);
	gen_argument(program, BPF_REG_1, 3);
	mt_asm_alu_imm(as, BPF_AND, BPF_REG_1, ANONYMOUS);
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_1, 0, course->fresh);
	mt_asm_jump(as, course->new);
}

static void gen_where_advised(struct mt_program *program, const struct course *course)
{
	struct mt_asm *as = &program->as;
	mt_asm_label drops = mt_asm_new_label(as);

	gen_argument(program, BPF_REG_1, 2);
	for (size_t i = 0; mt_mapping_dropping[i]; i++)
		mt_asm_jump32_if_imm(as, BPF_JEQ, BPF_REG_1, mt_mapping_dropping[i], drops);
	mt_asm_jump(as, program->out);
	mt_asm_bind(as, drops);
	gen_overlap_given(program, course->new);
}

static void gen_where_moved(struct mt_program *program, const struct course *course)
{
	struct mt_asm *as = &program->as;

	mt_asm_mov(as, BPF_REG_1, BPF_REG_9);
	gen_argument(program, BPF_REG_2, 2);
	gen_overlap(program, course->new);
	gen_overlap_given(program, course->gone);
}

static void gen_where(struct mt_program *program, const struct course *course)
{
	struct mt_asm *as = &program->as;
	mt_asm_label somewhere = mt_asm_new_label(as), unmaps = mt_asm_new_label(as);
	mt_asm_label advises = mt_asm_new_label(as), moves = mt_asm_new_label(as);

	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_7, MT_RECORD(syscall));
	gen_choose(program, MT_MAPPING_SOMEWHERE, somewhere);
	gen_choose(program, MT_MAPPING_UNMAPS, unmaps);
	gen_choose(program, MT_MAPPING_ADVISES, advises);
	gen_choose(program, MT_MAPPING_MOVES, moves);
	gen_where_mapped(program, course);
	mt_asm_bind(as, unmaps);
	gen_overlap_given(program, course->gone);
	mt_asm_bind(as, advises);
	gen_where_advised(program, course);
	mt_asm_bind(as, moves);
	gen_where_moved(program, course);
	mt_asm_bind(as, somewhere);
}

/* ---- value ------------------------------------------------------------------ */

/* What the cell at r8 has is of other memory: the next hit does not know what was there before. */
static void gen_forget(struct mt_program *program)
{
	mt_asm_store_imm(&program->as, 8, BPF_REG_8, offsetof(struct mt_last_value, forgotten), 1);
}

/* MT_AT_OLD from the cell at r8, without an exchange. */
static void gen_old(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	mt_asm_label known = mt_asm_new_label(as);

	for (int i = 0; i < (int)mt_program_words(program); i++) {
		mt_asm_load(as, 8, BPF_REG_1, BPF_REG_8, 8 * i);
		mt_asm_store(as, 8, BPF_REG_10, MT_AT_OLD + 8 * i, BPF_REG_1);
	}
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_8, offsetof(struct mt_last_value, forgotten));
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_1, 0, known);
	mt_program_or_flag(program, MT_RECORD_OLD_UNKNOWN);
	mt_asm_bind(as, known);
}

/* Of calls that do not say where: what can be read is mapped. */
static void gen_look(struct mt_program *program, mt_asm_label unreadable)
{
	mt_program_read_value(program, unreadable);
	mt_asm_jump(&program->as, program->out);
}

static void gen_value(struct mt_program *program, const struct course *course, mt_asm_label unsure)
{
	struct mt_asm *as = &program->as;
	mt_asm_label lost = mt_asm_new_label(as), send = mt_asm_new_label(as);
	mt_asm_label take = mt_asm_new_label(as), zero = mt_asm_new_label(as);

	/* A page that nobody has touched yet cannot be read here; of these it is zero. */
	mt_asm_bind(as, course->fresh);
	mt_program_read_value(program, zero);
	mt_asm_jump(as, take);
	mt_asm_bind(as, zero);
	mt_asm_load(as, 2, BPF_REG_1, BPF_REG_7, MT_RECORD(flags));
	mt_asm_alu_imm(as, BPF_AND, BPF_REG_1, ~MT_RECORD_UNREADABLE);
	mt_asm_store(as, 2, BPF_REG_7, MT_RECORD(flags), BPF_REG_1);
	for (int i = 0; i < MT_RECORD_WORDS; i++)
		mt_asm_store_imm(as, 8, BPF_REG_10, MT_AT_NEW + 8 * i, 0);
	mt_asm_jump(as, take);

	mt_asm_bind(as, course->new);
	mt_program_read_value(program, lost);
	mt_asm_bind(as, take);
	mt_program_turn(program);
	mt_program_find_cell(program, program->out);
	mt_program_exchange(program);
	mt_asm_jump(as, send);

	mt_asm_bind(as, course->gone);
	mt_program_or_flag(program, MT_RECORD_UNREADABLE);
	mt_asm_bind(as, lost);
	mt_program_turn(program);
	mt_program_find_cell(program, program->out);
	gen_old(program);
	gen_forget(program);
	mt_asm_jump(as, send);

	mt_asm_bind(as, unsure);
	mt_program_turn(program);
	mt_program_find_cell(program, program->out);
	gen_old(program);
	mt_asm_bind(as, send);
}

/* An execution has no value. */
static void gen_no_value(struct mt_program *program, const struct course *course,
                         mt_asm_label unsure)
{
	mt_asm_bind(&program->as, course->fresh);
	mt_asm_bind(&program->as, course->new);
	mt_asm_bind(&program->as, course->gone);
	mt_asm_bind(&program->as, unsure);
}

/* ---- send ------------------------------------------------------------------- */

static void gen_set_reading(struct mt_program *program, int32_t reading)
{
	struct mt_asm *as = &program->as;
	mt_asm_label none = mt_asm_new_label(as);

	mt_seat_value(as, program->reading, none);
	mt_asm_store_imm(as, 8, BPF_REG_0, 0, reading);
	mt_asm_bind(as, none);
}

static struct mt_error *gen_course(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	const struct course course = { mt_asm_new_label(as), mt_asm_new_label(as),
		                       mt_asm_new_label(as) };
	mt_asm_label unsure = mt_asm_new_label(as), over = mt_asm_new_label(as);
	mt_asm_label out = program->out;
	struct mt_error *error = NULL;

	program->out = over;
	gen_set_reading(program, 1);
	gen_where(program, &course);
	gen_look(program, unsure);
	if (program->spec->kind == MT_DR_EXEC)
		gen_no_value(program, &course, unsure);
	else
		gen_value(program, &course, unsure);
	mt_program_send(program, &error);
	MT_TRY(error);
	mt_asm_bind(as, program->act);
	if (program->spec->action == MT_ACTION_HOLD)
		mt_program_hold(program);
	mt_asm_bind(as, over);
	gen_set_reading(program, 0);
	program->out = out;
	return NULL;
}

struct mt_error *mt_program_mapping(struct mt_program *program)
{
	struct mt_asm *as = &program->as;

	program->out = mt_asm_new_label(as);
	program->act = mt_asm_new_label(as);
	gen_result(program);
	gen_number(program);
	gen_begin(program);
	MT_TRY(gen_course(program));
	mt_asm_bind(as, program->out);
	mt_relay_call(as, program->exits, (int)program->in_exits, MT_AT_CONTEXT);
	mt_asm_mov_imm(as, BPF_REG_0, 0);
	mt_asm_exit(as);
	return mt_asm_finish(as);
}
