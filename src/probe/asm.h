/* SPDX-License-Identifier: MIT */
/*
 * A small assembler for eBPF: instructions appended one by one, jumps to labels patched at the end.
 * (RFC 9669 "BPF Instruction Set Architecture"; linux/bpf.h.)
 */
#ifndef MT_PROBE_ASM_H
#define MT_PROBE_ASM_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"

/* A label is taken with mt_asm_label(), used in any number of jumps, and bound once. */
typedef int mt_asm_label;

struct mt_asm_fixup {
	size_t insn;
	mt_asm_label label;
};

struct mt_asm {
	MT_VEC(struct bpf_insn) insns;
	MT_VEC(struct mt_asm_fixup) fixups;
	MT_VEC(long) labels; /* index of the instruction, -1 while unbound */
	bool failed;         /* out of memory on the way; mt_asm_finish() tells */
};

void mt_asm_deinit(struct mt_asm *as);

mt_asm_label mt_asm_new_label(struct mt_asm *as);
void mt_asm_bind(struct mt_asm *as, mt_asm_label label);

void mt_asm_mov(struct mt_asm *as, int dst, int src);
void mt_asm_mov_imm(struct mt_asm *as, int dst, int32_t imm); /* sign-extended to 64 bits */
void mt_asm_load_imm64(struct mt_asm *as, int dst, uint64_t imm);
void mt_asm_load_map(struct mt_asm *as, int dst, int map_fd);
void mt_asm_load_map_value(struct mt_asm *as, int dst, int map_fd, uint32_t offset);

/* `op` is BPF_ADD, BPF_SUB …; 64-bit unless the name says 32. */
void mt_asm_alu(struct mt_asm *as, int op, int dst, int src);
void mt_asm_alu_imm(struct mt_asm *as, int op, int dst, int32_t imm);
void mt_asm_alu32(struct mt_asm *as, int op, int dst, int src);
void mt_asm_neg(struct mt_asm *as, int dst);

/* `size` in bytes: 1, 2, 4, 8. Loads zero-extend. */
void mt_asm_load(struct mt_asm *as, int size, int dst, int base, int offset);
void mt_asm_store(struct mt_asm *as, int size, int base, int offset, int src);
void mt_asm_store_imm(struct mt_asm *as, int size, int base, int offset, int32_t imm);
/* `op` is BPF_ADD, BPF_XCHG, BPF_FETCH | BPF_ADD …; 8 bytes. */
void mt_asm_atomic(struct mt_asm *as, int op, int base, int offset, int src);

/* Jumps: `op` is BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JSGT … */
void mt_asm_jump(struct mt_asm *as, mt_asm_label to);
void mt_asm_jump_if(struct mt_asm *as, int op, int dst, int src, mt_asm_label to);
void mt_asm_jump_if_imm(struct mt_asm *as, int op, int dst, int32_t imm, mt_asm_label to);
/* These compare the low 32 bits only. */
void mt_asm_jump32_if(struct mt_asm *as, int op, int dst, int src, mt_asm_label to);
void mt_asm_jump32_if_imm(struct mt_asm *as, int op, int dst, int32_t imm, mt_asm_label to);

void mt_asm_call(struct mt_asm *as, int helper);
void mt_asm_exit(struct mt_asm *as);
/* Reads `size` bytes of the kernel's memory, at register `from` + `offset`, to the stack at `to`;
 * r0 is 0 then. r1 to r5 are lost. */
void mt_asm_read_kernel(struct mt_asm *as, int to, int size, int from, int offset);

/* Patches the jumps. MT_ERR_NOMEM, or MT_ERR_UNSUPPORTED for a jump of more than 32767
 * instructions. */
struct mt_error *mt_asm_finish(struct mt_asm *as);

#endif
