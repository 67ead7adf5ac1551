/* SPDX-License-Identifier: MIT */
/*
 * One row of the table that call frame information stands for (DWARF 5 section 6.4): where, at one
 * pc, the caller's registers are. It is small and made without allocation: a signal handler unwinds
 * with it, on whatever stack it has.
 */
#ifndef MT_CFI_ROW_H
#define MT_CFI_ROW_H

#include "cfi/table.h"
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
	uint16_t len;   /* of the expression */
	int32_t offset; /* in bytes; where the expression begins, from the row's `code` */
};

struct mt_cfi_row {
	const uint8_t *code;     /* the FDE's program */
	bool is_signal;          /* the caller was interrupted here, it did not call */
	struct mt_cfi_place cfa; /* IN_REGISTER or IS_EXPRESSION */
	struct mt_cfi_place regs[MT_CFI_REGS];
};

/* Runs the entry's program up to `addr`, an address that it covers. False for a program that breaks
 * the rules, leaves the CFA undefined, or has offsets beyond 2 GiB. */
bool mt_cfi_row_compute(const struct mt_cfi_section *section, const struct mt_cfi_fde *fde,
                        uint64_t addr, struct mt_cfi_row *row);

/* The expression of a place that has one. */
struct mt_cfi_span mt_cfi_expression(const struct mt_cfi_row *row,
                                     const struct mt_cfi_place *place);

#endif
