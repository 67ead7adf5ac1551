/* SPDX-License-Identifier: MIT */
/*
 * The program of a filter of data, which runs where a debug register traps for an access: in the
 * middle of a relay (relay.h), for each of its pieces.
 *
 *	begin      leave if the filter is not live; was it the kernel?
 *	values     of writes: what is there, and what the last run has left, change places
 *	thread     leave if it is for another one                               (filter.c)
 *	condition  number the access; leave and count it if the condition is false (filter.c)
 *	late       by the kernel, in a system call: its thread is held at the end of that. Where it
 *	           is to be held already, its note is brought up to date, and that is all
 *	note       for whom, why, and both values
 *	hold       a trap of the event's own, or a signal for the thread
 *	next       the next filter of this register; the last says whether there is to be a trap
 *
 * Where reads are watched the value is not read: that would trap too, for each byte.
 *
 * Registers: r6 is the context, r7 the cell, r8 the thread; r9 is free for each step.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>

#include "probe/program.h"
#include "probe/seat.h"

#define CELL(field) ((int)offsetof(struct mt_watch_cell, field))
#define NOTE(field) ((int)offsetof(struct mt_hold_note, field))
#define TRAP_BIT (1 << (SIGTRAP - 1)) /* in the kernel's sigset_t */

/* On the stack: enum mt_hold_why, and whether a late hold is possible. */
#define AT_WHY (MT_AT_KEY + 8)
#define AT_LATE MT_AT_TEMP

/* So far from what is watched a copy's target may be when its trap is taken: it points to the
 * beginning of what was stored at once, and string instructions trap late. */
#define COPIED_AROUND 256

static bool has_values(const struct mt_program *program)
{
	return program->spec->kind == MT_DR_WRITE;
}

static void gen_or_why(struct mt_program *program, int why)
{
	struct mt_asm *as = &program->as;

	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_10, AT_WHY);
	mt_asm_alu_imm(as, BPF_OR, BPF_REG_1, why);
	mt_asm_store(as, 8, BPF_REG_10, AT_WHY, BPF_REG_1);
}

/* ---- begin ----------------------------------------------------------------- */

/* The two low bits of cs are the privilege level (Intel SDM volume 3, 5.5); a copy's target is in
 * rdi (arch/x86/lib/copy_user_64.S). */
static void gen_origin(struct mt_program *program)
{
	const struct mt_watch_spec *spec = program->spec;
	struct mt_asm *as = &program->as;
	mt_asm_label done = mt_asm_new_label(as);

	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_6, MT_PT_REGS_CS);
	mt_asm_alu_imm(as, BPF_AND, BPF_REG_1, 3);
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_1, 0, done);
	gen_or_why(program, MT_HOLD_KERNEL);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_6, MT_PT_REGS_RDI);
	mt_asm_load_imm64(as, BPF_REG_2, spec->addr - COPIED_AROUND);
	mt_asm_alu(as, BPF_SUB, BPF_REG_1, BPF_REG_2);
	mt_asm_jump_if_imm(as, BPF_JGT, BPF_REG_1, (int32_t)spec->len + 2 * COPIED_AROUND, done);
	gen_or_why(program, MT_HOLD_INTO);
	mt_asm_bind(as, done);
}

static void gen_begin(struct mt_program *program)
{
	struct mt_asm *as = &program->as;

	mt_asm_mov(as, BPF_REG_6, BPF_REG_1);
	mt_asm_store(as, 8, BPF_REG_10, MT_AT_CONTEXT, BPF_REG_1);
	mt_asm_store_imm(as, 8, BPF_REG_10, AT_WHY, 0);
	mt_asm_store_imm(as, 8, BPF_REG_10, AT_LATE, 0);
	for (int i = 0; i < 2 * MT_RECORD_WORDS; i++)
		mt_asm_store_imm(as, 8, BPF_REG_10, MT_AT_OLD + 8 * i, 0);
	mt_asm_load_map_value(as, BPF_REG_7, program->cell, 0);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_7, CELL(live));
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_1, 0, program->out);
	gen_origin(program);
}

/* ---- values ---------------------------------------------------------------- */

void mt_program_data_read(struct mt_program *program, mt_asm_label unreadable)
{
	struct mt_asm *as = &program->as;

	mt_asm_mov(as, BPF_REG_1, BPF_REG_10);
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_1, MT_AT_NEW);
	mt_asm_mov_imm(as, BPF_REG_2, (int32_t)program->spec->len);
	mt_asm_load_imm64(as, BPF_REG_3, program->spec->addr);
	mt_asm_call(as, BPF_FUNC_probe_read_user);
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_0, 0, unreadable);
}

/* So that what is held can be told with the value before it, which nobody was stopped for. */
static void gen_values(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	mt_asm_label unreadable = mt_asm_new_label(as);

	mt_program_data_read(program, unreadable);
	for (int i = 0; i < (int)mt_program_words(program); i++) {
		mt_asm_load(as, 8, BPF_REG_1, BPF_REG_10, MT_AT_NEW + 8 * i);
		mt_asm_atomic(as, BPF_XCHG, BPF_REG_7, CELL(last.value) + 8 * i, BPF_REG_1);
		mt_asm_store(as, 8, BPF_REG_10, MT_AT_OLD + 8 * i, BPF_REG_1);
	}
	gen_or_why(program, MT_HOLD_VALUES);
	mt_asm_bind(as, unreadable);
}

/* ---- note ------------------------------------------------------------------ */

/* r9, a note's number, cut to one that there is; r2: where the note is. */
static void gen_note_at(struct mt_program *program)
{
	struct mt_asm *as = &program->as;

	mt_asm_alu_imm(as, BPF_AND, BPF_REG_9, MT_HOLD_NOTES - 1);
	mt_asm_mov(as, BPF_REG_2, BPF_REG_9);
	mt_asm_alu_imm(as, BPF_MUL, BPF_REG_2, sizeof(struct mt_hold_note));
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_2, CELL(held));
	mt_asm_alu(as, BPF_ADD, BPF_REG_2, BPF_REG_7);
}

static void gen_note_words(struct mt_program *program, int from, int to)
{
	struct mt_asm *as = &program->as;

	for (int i = 0; i < (int)mt_program_words(program); i++) {
		mt_asm_load(as, 8, BPF_REG_1, BPF_REG_10, from + 8 * i);
		mt_asm_store(as, 8, BPF_REG_2, to + 8 * i, BPF_REG_1);
	}
}

/* Several threads may be held before anybody has looked. */
void mt_program_data_note(struct mt_program *program, int why)
{
	struct mt_asm *as = &program->as;

	mt_asm_mov_imm(as, BPF_REG_9, 1);
	mt_asm_atomic(as, BPF_ADD | BPF_FETCH, BPF_REG_7, CELL(holds), BPF_REG_9);
	mt_asm_mov(as, BPF_REG_3, BPF_REG_9);
	gen_note_at(program);
	mt_asm_store(as, 4, BPF_REG_2, NOTE(turn), BPF_REG_3);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_10, why);
	mt_asm_store(as, 8, BPF_REG_2, NOTE(why), BPF_REG_1);
	gen_note_words(program, MT_AT_OLD, NOTE(before));
	gen_note_words(program, MT_AT_NEW, NOTE(now));
	mt_asm_store(as, 4, BPF_REG_2, NOTE(tid), BPF_REG_8);
}

/* ---- late ------------------------------------------------------------------ */

/* r1: the thread's number in the upper half. r2: its place among those that are held late. */
static void gen_late_at(struct mt_program *program)
{
	struct mt_asm *as = &program->as;

	mt_asm_mov(as, BPF_REG_1, BPF_REG_8);
	mt_asm_alu_imm(as, BPF_LSH, BPF_REG_1, 32);
	mt_asm_mov(as, BPF_REG_2, BPF_REG_8);
	mt_asm_alu_imm(as, BPF_AND, BPF_REG_2, MT_LATE_HOLDS - 1);
	mt_asm_alu_imm(as, BPF_LSH, BPF_REG_2, 3);
	mt_asm_alu(as, BPF_ADD, BPF_REG_2, BPF_REG_7);
}

/* The note, whose number is in r9, is of an access that went before in the same call. */
static void gen_bring_up_to_date(struct mt_program *program)
{
	struct mt_asm *as = &program->as;

	gen_note_at(program);
	if (has_values(program))
		gen_note_words(program, MT_AT_NEW, NOTE(now));
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_10, AT_WHY);
	mt_asm_load(as, 8, BPF_REG_3, BPF_REG_2, NOTE(why));
	mt_asm_alu(as, BPF_OR, BPF_REG_1, BPF_REG_3);
	mt_asm_store(as, 8, BPF_REG_2, NOTE(why), BPF_REG_1);
	mt_asm_jump(as, program->out);
}

/*
 * Whether the call is still under way: the registers that user mode has left have its number, and
 * -ENOSYS for its result until it has one (arch/x86/entry/entry_64.S). Afterwards, as where a
 * handler's frame is written, nobody comes by the end of the call any more.
 */
static void gen_ask_for_late(struct mt_program *program, mt_asm_label note)
{
	struct mt_asm *as = &program->as;
	mt_asm_label another = mt_asm_new_label(as);

	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_10, AT_WHY);
	mt_asm_alu_imm(as, BPF_AND, BPF_REG_1, MT_HOLD_KERNEL);
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_1, 0, note);
	mt_asm_mov(as, BPF_REG_1, BPF_REG_8);
	mt_asm_alu_imm(as, BPF_RSH, BPF_REG_1, 32);
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_1, program->pid, note);
	mt_asm_call(as, BPF_FUNC_get_current_task_btf);
	mt_asm_mov(as, BPF_REG_1, BPF_REG_0);
	mt_asm_call(as, BPF_FUNC_task_pt_regs);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_0, MT_PT_REGS_ORIG_RAX);
	mt_asm_jump_if_imm(as, BPF_JSLT, BPF_REG_1, 0, note);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_0, MT_PT_REGS_RAX);
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_1, -ENOSYS, note);
	mt_asm_store_imm(as, 8, BPF_REG_10, AT_LATE, 1);

	gen_late_at(program);
	mt_asm_load(as, 8, BPF_REG_9, BPF_REG_2, CELL(late));
	mt_asm_mov(as, BPF_REG_3, BPF_REG_9);
	mt_asm_alu_imm(as, BPF_RSH, BPF_REG_3, 32);
	mt_asm_alu_imm(as, BPF_RSH, BPF_REG_1, 32);
	mt_asm_jump_if(as, BPF_JNE, BPF_REG_3, BPF_REG_1, another);
	gen_bring_up_to_date(program);
	mt_asm_bind(as, another);
}

/* Leaves if the thread is held at the end of its call; it is not if another one has its place. */
static void gen_hold_late(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	mt_asm_label now = mt_asm_new_label(as);

	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_10, AT_LATE);
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_1, 0, now);
	gen_late_at(program);
	mt_asm_alu(as, BPF_OR, BPF_REG_1, BPF_REG_9);
	mt_asm_mov_imm(as, BPF_REG_0, 0);
	mt_asm_atomic(as, BPF_CMPXCHG, BPF_REG_2, CELL(late), BPF_REG_1);
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_0, 0, program->out);
	mt_asm_bind(as, now);
}

/* ---- hold ------------------------------------------------------------------ */

/* An event traps for an instruction only; the trap waits where SIGTRAP is blocked. */
static void gen_trap(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	mt_asm_label by_signal = mt_asm_new_label(as);

	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_10, AT_WHY);
	mt_asm_alu_imm(as, BPF_AND, BPF_REG_1, MT_HOLD_KERNEL);
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_1, 0, by_signal);
	mt_asm_call(as, BPF_FUNC_get_current_task_btf);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_0, program->blocked);
	mt_asm_alu_imm(as, BPF_AND, BPF_REG_1, TRAP_BIT);
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_1, 0, by_signal);
	mt_seat_value(as, program->seat->wanted, by_signal);
	mt_asm_store_imm(as, 8, BPF_REG_0, 0, 1);
	mt_asm_jump(as, program->out);
	mt_asm_bind(as, by_signal);
}

/* ---- next ------------------------------------------------------------------ */

static void gen_next(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	mt_asm_label none = mt_asm_new_label(as);

	mt_relay_call(as, &program->seat->relay, (int)program->in_seat, MT_AT_CONTEXT);
	if (program->spec->traps) {
		mt_seat_value(as, program->seat->wanted, none);
		mt_asm_load(as, 8, BPF_REG_0, BPF_REG_0, 0);
		mt_asm_alu_imm(as, BPF_AND, BPF_REG_0, 1); /* which the verifier wants to know */
		mt_asm_exit(as);
	}
	mt_asm_bind(as, none);
	mt_asm_mov_imm(as, BPF_REG_0, 0);
	mt_asm_exit(as);
}

struct mt_error *mt_program_data_filter(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	mt_asm_label hold = mt_asm_new_label(as), note = mt_asm_new_label(as);

	program->out = mt_asm_new_label(as);
	gen_begin(program);
	if (has_values(program))
		gen_values(program);
	mt_program_filter_thread(program);
	if (program->spec->condition)
		MT_TRY(mt_program_filter_condition(program, hold));
	mt_asm_bind(as, hold);
	mt_asm_load(as, 8, BPF_REG_8, BPF_REG_10, MT_AT_PID_TGID);
	if (program->exits)
		gen_ask_for_late(program, note);
	mt_asm_bind(as, note);
	mt_program_data_note(program, AT_WHY);
	if (program->exits)
		gen_hold_late(program);
	if (program->spec->traps)
		gen_trap(program);
	mt_program_hold(program);
	mt_asm_bind(as, program->out);
	gen_next(program);
	return mt_asm_finish(as);
}
