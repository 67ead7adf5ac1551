/* SPDX-License-Identifier: MIT */
/*
 * What is shown with a hit besides the watched value, captured at the hit: an address is computed,
 * by loads where pointers are on the way, and the bytes there go into the record's tail; so does
 * the text behind pointers to characters. What could not be read is told by its address.
 */
#include <stddef.h>

#include "probe/program.h"

#define CAPTURED(field) ((int)offsetof(struct mt_captured, field))
#define TEXT(field) ((int)offsetof(struct mt_captured_text, field))

size_t mt_watch_capture_room(const struct mt_capture *const *captures, size_t count)
{
	size_t room = 0;

	for (size_t i = 0; i < count; i++)
		room += mt_capture_room(captures[i]);
	return room;
}

/* r1: the tail at `to`. */
static void gen_point(struct mt_program *program, int to)
{
	mt_asm_mov(&program->as, BPF_REG_1, BPF_REG_7);
	mt_asm_alu_imm(&program->as, BPF_ADD, BPF_REG_1, to);
}

/* r0: the value of the tree. Where memory on the way can't be read, its address is at MT_AT_TEMP.
 */
static struct mt_error *gen_node(struct mt_program *program, const struct mt_cond_node *node,
                                 mt_asm_label unread)
{
	return mt_cond_generate_value(&program->as, node, &mt_program_frame, unread);
}

/* The bytes of the value at the address in r0. */
static void gen_read(struct mt_program *program, const struct mt_capture *capture, int at,
                     mt_asm_label unread)
{
	struct mt_asm *as = &program->as;

	mt_asm_store(as, 8, BPF_REG_10, MT_AT_TEMP, BPF_REG_0);
	mt_asm_store(as, 8, BPF_REG_7, at + CAPTURED(addr), BPF_REG_0);
	mt_asm_mov(as, BPF_REG_3, BPF_REG_0);
	gen_point(program, at + (int)sizeof(struct mt_captured));
	mt_asm_mov_imm(as, BPF_REG_2, (int32_t)capture->size);
	mt_asm_call(as, BPF_FUNC_probe_read_user);
	mt_asm_jump_if_imm(as, BPF_JNE, BPF_REG_0, 0, unread);
}

/* The text at `to` that the pointer at `pointer` leads to. */
static void gen_text(struct mt_program *program, const struct mt_capture *capture, int pointer,
                     int to)
{
	struct mt_asm *as = &program->as;

	gen_point(program, to + TEXT(bytes));
	mt_asm_mov_imm(as, BPF_REG_2, MT_CAPTURE_TEXT_LEN + 1);
	mt_asm_load(as, capture->word, BPF_REG_3, BPF_REG_7, pointer);
	mt_asm_call(as, BPF_FUNC_probe_read_user_str);
	mt_asm_store(as, 8, BPF_REG_7, to + TEXT(len), BPF_REG_0);
}

/* What could not be read was at the address in MT_AT_TEMP. */
static void gen_unread(struct mt_program *program, int at, mt_asm_label unread)
{
	struct mt_asm *as = &program->as;
	mt_asm_label done = mt_asm_new_label(as);

	mt_asm_jump(as, done);
	mt_asm_bind(as, unread);
	mt_asm_load(as, 8, BPF_REG_1, BPF_REG_10, MT_AT_TEMP);
	mt_asm_store(as, 8, BPF_REG_7, at + CAPTURED(addr), BPF_REG_1);
	mt_asm_store_imm(as, 8, BPF_REG_7, at + CAPTURED(state), MT_CAPTURE_UNREAD);
	mt_asm_bind(as, done);
}

/* One expression, into the tail at `at`. What can always be computed must have no code for where
 * it can't: the verifier would find it unreachable. */
static struct mt_error *gen_capture(struct mt_program *program, const struct mt_capture *capture,
                                    int at)
{
	struct mt_asm *as = &program->as;
	mt_asm_label unread = mt_asm_new_label(as);
	int value = at + (int)sizeof(struct mt_captured);
	int texts = value + (int)mt_capture_value_room(capture);

	mt_asm_store_imm(as, 8, BPF_REG_7, at + CAPTURED(state), MT_CAPTURE_READ);
	MT_TRY(gen_node(program, capture->node, unread));
	if (capture->is_number)
		mt_asm_store(as, 8, BPF_REG_7, value, BPF_REG_0);
	else
		gen_read(program, capture, at, unread);
	for (size_t i = 0; i < capture->text_count; i++)
		gen_text(program, capture, value + (int)capture->texts[i],
		         texts + (int)(i * sizeof(struct mt_captured_text)));
	if (!capture->is_number || mt_cond_node_reads_memory(capture->node))
		gen_unread(program, at, unread);
	return NULL;
}

static void gen_inputs(struct mt_program *program)
{
	const struct mt_watch_spec *spec = program->spec;
	bool regs = false, comm = false;

	for (size_t i = 0; i < spec->capture_count; i++) {
		regs = regs || mt_cond_node_uses_regs(spec->captures[i]->node);
		comm = comm || mt_cond_node_uses_comm(spec->captures[i]->node);
	}
	mt_program_inputs(program, regs, comm);
}

void mt_program_capture(struct mt_program *program, struct mt_error **error)
{
	const struct mt_watch_spec *spec = program->spec;
	int at = MT_SCRATCH(tail);

	gen_inputs(program);
	for (size_t i = 0; i < spec->capture_count && !*error; i++) {
		*error = gen_capture(program, spec->captures[i], at);
		at += (int)mt_capture_room(spec->captures[i]);
	}
}
