/* SPDX-License-Identifier: MIT */
#include "x86/regs.h"

#include <string.h>

/* clang-format off */

/* rax, rbx, rcx and rdx: the only ones whose second byte has a name. */
#define LETTERED(reg, letter)                                                                      \
	{ "r" letter "x", reg, 0, 8 },                                                             \
	{ "e" letter "x", reg, 0, 4 },                                                             \
	{ letter "x", reg, 0, 2 },                                                                 \
	{ letter "l", reg, 0, 1 },                                                                 \
	{ letter "h", reg, 8, 1 }

#define POINTER(reg, name)                                                                         \
	{ "r" name, reg, 0, 8 },                                                                   \
	{ "e" name, reg, 0, 4 },                                                                   \
	{ name "l", reg, 0, 1 }

/* The low byte is "b" to Intel and the assembler, "l" to gdb. */
#define NUMBERED(reg, name)                                                                        \
	{ name, reg, 0, 8 },                                                                       \
	{ name "d", reg, 0, 4 },                                                                   \
	{ name "w", reg, 0, 2 },                                                                   \
	{ name "b", reg, 0, 1 },                                                                   \
	{ name "l", reg, 0, 1 }

static const struct mt_reg_part parts[] = {
	LETTERED(MT_REG_RAX, "a"),
	LETTERED(MT_REG_RDX, "d"),
	LETTERED(MT_REG_RCX, "c"),
	LETTERED(MT_REG_RBX, "b"),
	POINTER(MT_REG_RSI, "si"), { "si", MT_REG_RSI, 0, 2 },
	POINTER(MT_REG_RDI, "di"), { "di", MT_REG_RDI, 0, 2 },
	POINTER(MT_REG_RBP, "bp"), { "bp", MT_REG_RBP, 0, 2 },
	POINTER(MT_REG_RSP, "sp"),
	NUMBERED(MT_REG_R8, "r8"),
	NUMBERED(MT_REG_R9, "r9"),
	NUMBERED(MT_REG_R10, "r10"),
	NUMBERED(MT_REG_R11, "r11"),
	NUMBERED(MT_REG_R12, "r12"),
	NUMBERED(MT_REG_R13, "r13"),
	NUMBERED(MT_REG_R14, "r14"),
	NUMBERED(MT_REG_R15, "r15"),
	{ "rip", MT_REG_RIP, 0, 8 },
	{ "eip", MT_REG_RIP, 0, 4 },
	{ "rflags", MT_REG_RFLAGS, 0, 8 },
	{ "eflags", MT_REG_RFLAGS, 0, 4 },
	/* gdb's names for what every processor has; "sp" is not the 16-bit part there either. */
	{ "pc", MT_REG_RIP, 0, 8 },
	{ "sp", MT_REG_RSP, 0, 8 },
	{ "fp", MT_REG_RBP, 0, 8 },
};

/* clang-format on */

const struct mt_reg_part *mt_reg_part_find(const char *name)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (strcmp(parts[i].name, name) == 0)
			return &parts[i];
	}
	return NULL;
}

const struct mt_reg_part *mt_reg_part_at(size_t i)
{
	return i < sizeof(parts) / sizeof(*parts) ? &parts[i] : NULL;
}

uint64_t mt_reg_part_get(const struct mt_regs *regs, const struct mt_reg_part *part)
{
	return (regs->r[part->reg] >> part->shift) & (UINT64_MAX >> (64 - 8 * part->size));
}

const char *mt_reg_name(enum mt_reg reg)
{
	static const char *const names[MT_REG_COUNT] = {
		"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8",
		"r9",  "r10", "r11", "r12", "r13", "r14", "r15", "rip", "eflags",
	};

	return reg < MT_REG_COUNT ? names[reg] : "none";
}
