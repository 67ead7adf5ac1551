/* SPDX-License-Identifier: MIT */
/*
 * Inside src/symbol only: one row of the table that call frame information stands for (DWARF 5
 * section 6.4): where, at one pc, the caller's registers are.
 */
#ifndef MT_SYMBOL_CFI_ROW_H
#define MT_SYMBOL_CFI_ROW_H

#include "symbol/cfi_table.h"
#include "x86/regs.h"

/* The registers that are followed: not the vector and segment registers. */
#define MT_CFI_REGS (MT_REG_RIP + 1)

/* The register (enum mt_reg) that DWARF's `column` stands for; MT_CFI_REGS: one that is not
 * followed. */
uint8_t mt_cfi_register(enum mt_machine machine, uint64_t column);

enum mt_cfi_how {
	MT_CFI_UNSPECIFIED, /* what the ABI says: callee-saved ones are as they were, rsp is the CFA
	                     */
	MT_CFI_UNDEFINED,
	MT_CFI_SAME_VALUE,
	MT_CFI_AT_OFFSET,     /* in memory at CFA + offset */
	MT_CFI_IS_OFFSET,     /* CFA + offset itself */
	MT_CFI_IN_REGISTER,   /* register `reg` plus offset */
	MT_CFI_AT_EXPRESSION, /* in memory, at the address that the expression computes */
	MT_CFI_IS_EXPRESSION, /* the expression's value itself */
};

struct mt_cfi_place {
	uint8_t how; /* enum mt_cfi_how */
	uint8_t reg;
	int64_t offset;
	struct mt_cfi_span expression; /* in the section's bytes */
};

struct mt_cfi_row {
	bool is_signal;          /* the caller was interrupted here, it did not call */
	struct mt_cfi_place cfa; /* IN_REGISTER or IS_EXPRESSION */
	struct mt_cfi_place regs[MT_CFI_REGS];
};

/* Runs the entry's program up to `addr`, a file address that it covers. False for a program that
 * breaks the rules or leaves the CFA undefined. */
bool mt_cfi_row_compute(const struct mt_cfi_section *section, const struct mt_cfi_fde *fde,
                        uint64_t addr, struct mt_cfi_row *row);

#endif
