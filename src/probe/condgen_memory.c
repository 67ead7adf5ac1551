/* SPDX-License-Identifier: MIT */
/*
 * The watched program's memory in a condition. The helpers that read it take r1 to r5 for
 * themselves, so operands that wait in registers are put aside meanwhile.
 */
#include <string.h>

#include "probe/condgen_internal.h"

/* ---- Around a helper ------------------------------------------------------------------- */

/* The value registers below `reg` hold operands that wait. */
static void put_aside(struct mt_condgen *gen, int reg, int slots[])
{
	for (int r = FIRST_VALUE; r < reg; r++) {
		slots[r] = mt_condgen_take_slot(gen);
		mt_asm_store(gen->as, 8, FRAME, slots[r], r);
	}
}

static void take_back(struct mt_condgen *gen, int reg, const int slots[])
{
	for (int r = reg - 1; r >= FIRST_VALUE; r--) {
		mt_asm_load(gen->as, 8, r, FRAME, slots[r]);
		mt_condgen_release_slot(gen);
	}
}

/* helper(r10 + buffer, size, address), with the address in `reg`. */
static void call_reader(struct mt_condgen *gen, int helper, int reg, int buffer, int size)
{
	if (gen->frame->unread)
		mt_asm_store(gen->as, 8, FRAME, gen->frame->unread, reg);
	mt_asm_mov(gen->as, BPF_REG_3, reg);
	mt_asm_mov(gen->as, BPF_REG_1, FRAME);
	mt_asm_alu_imm(gen->as, BPF_ADD, BPF_REG_1, buffer);
	mt_asm_mov_imm(gen->as, BPF_REG_2, size);
	mt_asm_call(gen->as, helper);
}

/* ---- Loads ------------------------------------------------------------------------------- */

void mt_condgen_load(struct mt_condgen *gen, const struct mt_cond_node *node, int reg)
{
	int slots[LAST_VALUE + 1], buffer;

	mt_condgen_value(gen, node->a, reg, ALL_BITS);
	put_aside(gen, reg, slots);
	buffer = mt_condgen_take_slot(gen);
	call_reader(gen, BPF_FUNC_probe_read_user, reg, buffer, node->u.part.width);
	mt_asm_jump_if_imm(gen->as, BPF_JNE, BPF_REG_0, 0, gen->unreadable);
	mt_asm_load(gen->as, node->u.part.width, reg, FRAME, buffer);
	mt_condgen_release_slot(gen);
	take_back(gen, reg, slots);
	if (node->u.part.bit_size)
		mt_condgen_extract(gen, reg, node->u.part.bit_offset, node->u.part.bit_size,
		                   node->type.is_signed);
	else if (node->type.is_signed)
		mt_condgen_canonicalise(gen, reg, node->type, ALL_BITS);
}

/* ---- Texts ------------------------------------------------------------------------------- */

/* As many bytes as decide: with the NUL, unless more may follow. */
static int compared(const struct mt_cond_node *node)
{
	return node->u.text.len + (node->u.text.is_prefix ? 0 : 1);
}

/* Jumps where the bytes of the buffer from `at` on, 8 or the last ones, are not the text's. */
static void compare_word(struct mt_condgen *gen, const struct mt_cond_node *node, int reg,
                         int buffer, int at, mt_asm_label differs)
{
	int left = compared(node) - at, size = left < 8 ? left : 8;
	uint64_t word = 0;

	memcpy(&word, node->u.text.bytes + at, (size_t)size);
	mt_asm_load(gen->as, 8, reg, FRAME, buffer + at);
	if (size < 8) /* what lies behind the text says nothing */
		mt_asm_alu_imm(gen->as, BPF_LSH, reg, 64 - 8 * size);
	mt_condgen_constant(gen, HELPER, size < 8 ? word << (64 - 8 * size) : word);
	mt_asm_jump_if(gen->as, BPF_JNE, reg, HELPER, differs);
}

/* A text may end where memory does: the helper stops at its NUL. */
void mt_condgen_text(struct mt_condgen *gen, const struct mt_cond_node *node, int reg, bool sense,
                     mt_asm_label to)
{
	mt_asm_label differs = sense ? mt_asm_new_label(gen->as) : to;
	int words = (compared(node) + 1 + 7) / 8, slots[LAST_VALUE + 1], buffer = 0;

	mt_condgen_value(gen, node->a, reg, ALL_BITS);
	put_aside(gen, reg, slots);
	for (int i = 0; i < words; i++) {
		int slot = mt_condgen_take_slot(gen);

		buffer = i ? buffer : slot; /* slots follow each other upwards */
		mt_asm_store_imm(gen->as, 8, FRAME, slot, 0);
	}
	call_reader(gen, BPF_FUNC_probe_read_user_str, reg, buffer, compared(node) + 1);
	mt_asm_jump_if_imm(gen->as, BPF_JSLT, BPF_REG_0, 0, gen->unreadable);
	for (int i = 0; i < words; i++)
		mt_condgen_release_slot(gen);
	take_back(gen, reg, slots);
	for (int at = 0; at < compared(node); at += 8)
		compare_word(gen, node, reg, buffer, at, differs);
	if (sense) {
		mt_asm_jump(gen->as, to);
		mt_asm_bind(gen->as, differs);
	}
}
