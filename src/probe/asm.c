/* SPDX-License-Identifier: MIT */
#include "probe/asm.h"

#include <assert.h>

void mt_asm_deinit(struct mt_asm *as)
{
	mt_vec_deinit(&as->insns);
	mt_vec_deinit(&as->fixups);
	mt_vec_deinit(&as->labels);
}

mt_asm_label mt_asm_new_label(struct mt_asm *as)
{
	if (!mt_vec_push(&as->labels, -1)) {
		as->failed = true;
		return -1;
	}
	return (mt_asm_label)(as->labels.len - 1);
}

void mt_asm_bind(struct mt_asm *as, mt_asm_label label)
{
	if (as->failed)
		return;
	assert(as->labels.data[label] < 0);
	as->labels.data[label] = (long)as->insns.len;
}

static void emit(struct mt_asm *as, int code, int dst, int src, int offset, int32_t imm)
{
	struct bpf_insn insn = {
		.code = (uint8_t)code,
		.dst_reg = (uint8_t)(dst & 15),
		.src_reg = (uint8_t)(src & 15),
		.off = (int16_t)offset,
		.imm = imm,
	};

	assert(offset >= INT16_MIN && offset <= INT16_MAX);
	if (!mt_vec_push(&as->insns, insn))
		as->failed = true;
}

static void emit_jump(struct mt_asm *as, int code, int dst, int src, int32_t imm, mt_asm_label to)
{
	struct mt_asm_fixup fixup = { .insn = as->insns.len, .label = to };

	emit(as, code, dst, src, 0, imm);
	if (!mt_vec_push(&as->fixups, fixup))
		as->failed = true;
}

/* BPF_LD | BPF_IMM | BPF_DW takes two slots: the second one's imm is the upper half (RFC 9669
 * section 5.4). */
static void emit_wide(struct mt_asm *as, int dst, int src, uint32_t low, uint32_t high)
{
	emit(as, BPF_LD | BPF_IMM | BPF_DW, dst, src, 0, (int32_t)low);
	emit(as, 0, 0, 0, 0, (int32_t)high);
}

static int size_bits(int size)
{
	switch (size) {
	case 1:
		return BPF_B;
	case 2:
		return BPF_H;
	case 4:
		return BPF_W;
	default:
		assert(size == 8);
		return BPF_DW;
	}
}

void mt_asm_mov(struct mt_asm *as, int dst, int src)
{
	mt_asm_alu(as, BPF_MOV, dst, src);
}

void mt_asm_mov_imm(struct mt_asm *as, int dst, int32_t imm)
{
	mt_asm_alu_imm(as, BPF_MOV, dst, imm);
}

void mt_asm_load_imm64(struct mt_asm *as, int dst, uint64_t imm)
{
	emit_wide(as, dst, 0, (uint32_t)imm, (uint32_t)(imm >> 32));
}

void mt_asm_load_map(struct mt_asm *as, int dst, int map_fd)
{
	emit_wide(as, dst, BPF_PSEUDO_MAP_FD, (uint32_t)map_fd, 0);
}

void mt_asm_load_map_value(struct mt_asm *as, int dst, int map_fd, uint32_t offset)
{
	emit_wide(as, dst, BPF_PSEUDO_MAP_VALUE, (uint32_t)map_fd, offset);
}

void mt_asm_alu(struct mt_asm *as, int op, int dst, int src)
{
	emit(as, BPF_ALU64 | BPF_X | op, dst, src, 0, 0);
}

void mt_asm_alu_imm(struct mt_asm *as, int op, int dst, int32_t imm)
{
	emit(as, BPF_ALU64 | BPF_K | op, dst, 0, 0, imm);
}

void mt_asm_alu32(struct mt_asm *as, int op, int dst, int src)
{
	emit(as, BPF_ALU | BPF_X | op, dst, src, 0, 0);
}

void mt_asm_neg(struct mt_asm *as, int dst)
{
	emit(as, BPF_ALU64 | BPF_K | BPF_NEG, dst, 0, 0, 0);
}

void mt_asm_load(struct mt_asm *as, int size, int dst, int base, int offset)
{
	emit(as, BPF_LDX | BPF_MEM | size_bits(size), dst, base, offset, 0);
}

void mt_asm_store(struct mt_asm *as, int size, int base, int offset, int src)
{
	emit(as, BPF_STX | BPF_MEM | size_bits(size), base, src, offset, 0);
}

void mt_asm_store_imm(struct mt_asm *as, int size, int base, int offset, int32_t imm)
{
	emit(as, BPF_ST | BPF_MEM | size_bits(size), base, 0, offset, imm);
}

void mt_asm_atomic(struct mt_asm *as, int op, int base, int offset, int src)
{
	emit(as, BPF_STX | BPF_ATOMIC | BPF_DW, base, src, offset, op);
}

void mt_asm_jump(struct mt_asm *as, mt_asm_label to)
{
	emit_jump(as, BPF_JMP | BPF_JA, 0, 0, 0, to);
}

void mt_asm_jump_if(struct mt_asm *as, int op, int dst, int src, mt_asm_label to)
{
	emit_jump(as, BPF_JMP | BPF_X | op, dst, src, 0, to);
}

void mt_asm_jump_if_imm(struct mt_asm *as, int op, int dst, int32_t imm, mt_asm_label to)
{
	emit_jump(as, BPF_JMP | BPF_K | op, dst, 0, imm, to);
}

void mt_asm_jump32_if(struct mt_asm *as, int op, int dst, int src, mt_asm_label to)
{
	emit_jump(as, BPF_JMP32 | BPF_X | op, dst, src, 0, to);
}

void mt_asm_jump32_if_imm(struct mt_asm *as, int op, int dst, int32_t imm, mt_asm_label to)
{
	emit_jump(as, BPF_JMP32 | BPF_K | op, dst, 0, imm, to);
}

void mt_asm_call(struct mt_asm *as, int helper)
{
	emit(as, BPF_JMP | BPF_CALL, 0, 0, 0, helper);
}

void mt_asm_exit(struct mt_asm *as)
{
	emit(as, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

void mt_asm_read_kernel(struct mt_asm *as, int to, int size, int from, int offset)
{
	mt_asm_mov(as, BPF_REG_3, from);
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_3, offset);
	mt_asm_mov(as, BPF_REG_1, BPF_REG_10);
	mt_asm_alu_imm(as, BPF_ADD, BPF_REG_1, to);
	mt_asm_mov_imm(as, BPF_REG_2, size);
	mt_asm_call(as, BPF_FUNC_probe_read_kernel);
}

struct mt_error *mt_asm_finish(struct mt_asm *as)
{
	if (as->failed)
		return mt_error_nomem();
	for (size_t i = 0; i < as->fixups.len; i++) {
		const struct mt_asm_fixup *fixup = &as->fixups.data[i];
		long target = as->labels.data[fixup->label];
		/* A jump counts from the instruction after it. */
		long offset = target - (long)fixup->insn - 1;

		assert(target >= 0);
		if (offset < INT16_MIN || offset > INT16_MAX)
			return mt_error_new(MT_ERR_UNSUPPORTED,
			                    "a jump of %ld instructions is too far for eBPF",
			                    offset);
		as->insns.data[fixup->insn].off = (int16_t)offset;
	}
	return NULL;
}
