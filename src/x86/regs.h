/* SPDX-License-Identifier: MIT */
/*
 * The general registers of a thread, in DWARF's numbering (System V ABI x86-64, figure 3.36), so
 * that CFI rules, location expressions, eBPF records and decoded operands all index one array.
 */
#ifndef MT_X86_REGS_H
#define MT_X86_REGS_H

#include <stddef.h>
#include <stdint.h>

enum mt_reg {
	MT_REG_RAX,
	MT_REG_RDX,
	MT_REG_RCX,
	MT_REG_RBX,
	MT_REG_RSI,
	MT_REG_RDI,
	MT_REG_RBP,
	MT_REG_RSP,
	MT_REG_R8,
	MT_REG_R9,
	MT_REG_R10,
	MT_REG_R11,
	MT_REG_R12,
	MT_REG_R13,
	MT_REG_R14,
	MT_REG_R15,
	MT_REG_RIP, /* DWARF's column 16, the return address */
	MT_REG_RFLAGS,
	MT_REG_COUNT,
	MT_REG_NONE = 255,
};

struct mt_regs {
	uint64_t r[MT_REG_COUNT];
};

/*
 * One name that a person may write for a register or a part of it: "rax", "eax", "ax", "al", "ah",
 * "r8d", "rip" and "pc", "rsp" and "sp", "rbp" and "fp", "eflags". The value of the part is
 * (r[reg] >> shift) & mask-of-size.
 */
struct mt_reg_part {
	const char *name;
	uint8_t reg;   /* enum mt_reg */
	uint8_t shift; /* in bits */
	uint8_t size;  /* in bytes: 1, 2, 4 or 8 */
};

/* The part with that name (without '$'), or NULL. Static storage. */
const struct mt_reg_part *mt_reg_part_find(const char *name);

/* All of them, one after the other; NULL past the last. */
const struct mt_reg_part *mt_reg_part_at(size_t i);

uint64_t mt_reg_part_get(const struct mt_regs *regs, const struct mt_reg_part *part);

/* The 64-bit name: "rax" … "rip", and "eflags"; "none" for anything else. */
const char *mt_reg_name(enum mt_reg reg);

#endif
