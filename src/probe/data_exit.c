/* SPDX-License-Identifier: MIT */
/*
 * What a filter of data does at the ends of system calls (the raw tracepoint sys_exit, which is
 * passed in all processes; linux/tracepoint.h):
 *
 *	begin    leave if it is another process, or the filter is not live
 *	late     is the thread to be held for what the kernel has touched in the call?
 *	compare  are there other bytes than are known? What a call maps, unmaps, writes to a page
 *	         cache, or has a device write, goes by no breakpoint
 *	hold     a signal for the thread
 *	next     the next filter
 *
 * Where reads are watched, to compare would trap: then a thread is held at the end of each call
 * that may change what is mapped.
 *
 * Registers: r7 and r8 as in data_filter.c; r6 is free for each step; r9 is whether to hold.
 */
#include <stddef.h>
#include <string.h>

#include "probe/program.h"
#include "probe/seat.h"
#include "probe/who.h"
#include "target/syscall.h"

#define CELL(field) ((int)offsetof(struct mt_watch_cell, field))
#define AT_WHY (MT_AT_KEY + 8)
#define NUMBERS 512 /* of system calls, in all tables */

/* ---- begin ----------------------------------------------------------------- */

static void gen_begin(struct mt_program *program)
{
	struct mt_asm *as = &program->as;

	mt_asm_store(as, 8, BPF_REG_10, MT_AT_CONTEXT, BPF_REG_1);
	mt_asm_who(as, MT_AT_PID_TGID);
	mt_asm_mov(as, BPF_REG_8, BPF_REG_0);
	mt_asm_alu_imm(as, BPF_RSH, BPF_REG_0, 32);
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_0, program->pid, program->out);
	mt_asm_load_map_value(as, BPF_REG_7, program->cell, 0);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_7, CELL(live));
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_1, 0, program->out);
	mt_asm_store_imm(as, 8, BPF_REG_10, AT_WHY, MT_HOLD_EXIT);
	for (int i = 0; i < 2 * MT_RECORD_WORDS; i++)
		mt_asm_store_imm(as, 8, BPF_REG_10, MT_AT_OLD + 8 * i, 0);
}

/* ---- late ------------------------------------------------------------------ */

static void gen_late(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	mt_asm_label none = mt_asm_new_label(as);

	mt_asm_mov_imm(as, BPF_REG_9, 0);
	mt_asm_mov(as, BPF_REG_2, BPF_REG_8);
	mt_asm_alu_imm(as, BPF_AND, BPF_REG_2, MT_LATE_HOLDS - 1);
	mt_asm_alu_imm(as, BPF_LSH, BPF_REG_2, 3);
	mt_asm_alu(as, BPF_ADD, BPF_REG_2, BPF_REG_7);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_2, CELL(late));
	mt_asm_alu_imm(as, BPF_RSH, BPF_REG_1, 32);
	mt_asm_jump32_if(as, BPF_JNE, BPF_REG_1, BPF_REG_8, none);
	mt_asm_store_imm(as, 8, BPF_REG_2, CELL(late), 0);
	mt_asm_mov_imm(as, BPF_REG_9, 1);
	mt_asm_bind(as, none);
}

/* ---- compare --------------------------------------------------------------- */

static bool may_map(const char *name)
{
	static const char *const names[] = {
		"mmap",        "mmap2",        "munmap",           "mremap",     "mprotect",
		"brk",         "madvise",      "remap_file_pages", "shmat",      "shmdt",
		"ipc",         "truncate",     "ftruncate",        "truncate64", "process_madvise",
		"ftruncate64", "pkey_mprotect"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* The context is the registers and the result (trace/events/syscalls.h). */
static void gen_ask_number(struct mt_program *program, mt_asm_label other)
{
	struct mt_asm *as = &program->as;
	mt_asm_label unknown = mt_asm_new_label(as);

	mt_asm_mov(as, BPF_REG_1, BPF_REG_10);
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_1, MT_AT_TEMP);
	mt_asm_mov_imm(as, BPF_REG_2, 8);
	mt_asm_load(as, 8, BPF_REG_6, BPF_REG_10, MT_AT_CONTEXT);
	mt_asm_load(as, 8, BPF_REG_3, BPF_REG_6, 0);
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_3, MT_PT_REGS_ORIG_RAX);
	mt_asm_call(as, BPF_FUNC_probe_read_kernel);
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_0, 0, unknown);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_10, MT_AT_TEMP);
	for (int32_t number = 0; number < NUMBERS; number++)
		if (may_map(mt_syscall_name(program->spec->machine, (uint64_t)number)))
			mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_1, number, other);
	mt_asm_bind(as, unknown);
}

/* It may be what another filter watches for reads. */
static void gen_read(struct mt_program *program, mt_asm_label unreadable)
{
	struct mt_asm *as = &program->as;
	mt_asm_label failed = mt_asm_new_label(as), done = mt_asm_new_label(as);

	mt_seat_value(as, program->reading, unreadable);
	mt_asm_mov(as, BPF_REG_6, BPF_REG_0);
	mt_asm_store_imm(as, 8, BPF_REG_6, 0, 1);
	mt_program_data_read(program, failed);
	mt_asm_store_imm(as, 8, BPF_REG_6, 0, 0);
	mt_asm_jump(as, done);
	mt_asm_bind(as, failed);
	mt_asm_store_imm(as, 8, BPF_REG_6, 0, 0);
	mt_asm_jump(as, unreadable);
	mt_asm_bind(as, done);
}

/* Falls through where it is as it is known to be: who looks into it says what is known then. */
static void gen_compare(struct mt_program *program, mt_asm_label other)
{
	struct mt_asm *as = &program->as;
	mt_asm_label unreadable = mt_asm_new_label(as), same = mt_asm_new_label(as);

	gen_read(program, unreadable);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_7, CELL(unreadable));
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_1, 0, other);
	for (int i = 0; i < (int)mt_program_words(program); i++) {
		mt_asm_load(as, 8, BPF_REG_1, BPF_REG_10, MT_AT_NEW + 8 * i);
		mt_asm_load(as, 8, BPF_REG_2, BPF_REG_7, CELL(last.value) + 8 * i);
		mt_asm_jump_if(as, BPF_JNE, BPF_REG_1, BPF_REG_2, other);
	}
	mt_asm_jump(as, same);

	mt_asm_bind(as, unreadable);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_7, CELL(unreadable));
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_1, 0, other);
	gen_ask_number(program, other); /* a page that nobody has touched yet */
	mt_asm_bind(as, same);
}

struct mt_error *mt_program_data_exit(struct mt_program *program)
{
	struct mt_asm *as = &program->as;
	mt_asm_label other = mt_asm_new_label(as), send = mt_asm_new_label(as);

	program->out = mt_asm_new_label(as);
	gen_begin(program);
	gen_late(program);
	if (program->spec->kind == MT_DR_WRITE)
		gen_compare(program, other);
	else
		gen_ask_number(program, other);
	mt_asm_jump_if_imm(as, BPF_JEQ, BPF_REG_9, 0, program->out);
	mt_asm_jump(as, send);
	mt_asm_bind(as, other);
	mt_program_data_note(program, AT_WHY);
	mt_asm_bind(as, send);
	mt_program_hold(program);
	mt_asm_bind(as, program->out);
	mt_relay_call(as, program->exits, (int)program->in_exits, MT_AT_CONTEXT);
	mt_asm_mov_imm(as, BPF_REG_0, 0);
	mt_asm_exit(as);
	return mt_asm_finish(as);
}
