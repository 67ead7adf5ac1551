/* SPDX-License-Identifier: MIT */
#include "symbol/cfi.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "cfi/walk.h"
#include "symbol/cfi_sections.h"
#include "symbol/unwind.h"

struct mt_file_cfi {
	struct mt_cfi_section eh_frame;
	struct mt_cfi_section debug_frame;
	bool tried_debug_frame;
};

/* ---- The tables of a file ------------------------------------------------ */

void mt_file_cfi_destroy(struct mt_file_cfi *cfi)
{
	if (!cfi)
		return;
	mt_cfi_section_deinit(&cfi->eh_frame);
	mt_cfi_section_deinit(&cfi->debug_frame);
	free(cfi);
}

static struct mt_file_cfi *file_cfi(struct mt_module_file *file)
{
	Elf *elf;

	if (file->cfi)
		return file->cfi;
	file->cfi = mt_alloc(sizeof(*file->cfi));
	elf = file->cfi ? mt_module_file_elf(file) : NULL;
	if (elf)
		mt_cfi_open_eh_frame(elf, &file->cfi->eh_frame);
	return file->cfi;
}

/* Opened late, since looking for debug files costs far more than .eh_frame, and few need it. */
static const struct mt_cfi_section *debug_frame(struct mt_module_file *file)
{
	struct mt_file_cfi *cfi = file->cfi;
	Elf *elf;

	if (!cfi->tried_debug_frame) {
		cfi->tried_debug_frame = true;
		elf = mt_module_file_debug_elf(file);
		if (elf)
			mt_cfi_open_debug_frame(elf, &cfi->debug_frame);
	}
	return &cfi->debug_frame;
}

/* The section that covers `addr`, and its entry; NULL when none does. */
static const struct mt_cfi_section *find_fde(struct mt_module_file *file, uint64_t addr,
                                             struct mt_cfi_fde *fde)
{
	const struct mt_cfi_section *section;
	struct mt_file_cfi *cfi = file_cfi(file);

	if (!cfi)
		return NULL;
	if (mt_cfi_section_find(&cfi->eh_frame, addr, fde))
		return &cfi->eh_frame;
	section = debug_frame(file);
	return mt_cfi_section_find(section, addr, fde) ? section : NULL;
}

bool mt_file_cfi_bounds(struct mt_module_file *file, uint64_t addr, uint64_t *start, uint64_t *end)
{
	struct mt_cfi_fde fde;

	if (!find_fde(file, addr, &fde))
		return false;
	*start = fde.start;
	*end = fde.end;
	return true;
}

bool mt_cfi_row_at(struct mt_image *image, uint64_t pc, struct mt_cfi_row *row)
{
	const struct mt_module *module = mt_image_module_at(image, pc);
	const struct mt_cfi_section *section;
	struct mt_cfi_fde fde;

	if (!module)
		return false;
	section = find_fde(module->file, pc - module->bias, &fde);
	return section &&
	       mt_cfi_frame_row(section, &fde, mt_image_machine(image), pc - module->bias, row);
}

/* ---- The rule in its small form ------------------------------------------ */

/* Whether the register is saved in memory at a fixed distance from the CFA. */
static bool offset_from_cfa(struct mt_cfi_state *state, const struct mt_cfi_row *row, uint8_t reg,
                            const struct mt_cfi_value *cfa, int64_t *offset)
{
	const struct mt_cfi_place *place = &row->regs[reg];
	struct mt_cfi_value addr;

	if (place->how == MT_CFI_AT_OFFSET) {
		*offset = place->offset;
		return true;
	}
	if (place->how != MT_CFI_AT_EXPRESSION ||
	    !mt_cfi_evaluate(state, mt_cfi_expression(row, place), cfa, &addr) ||
	    addr.base != cfa->base)
		return false;
	*offset = (int64_t)(addr.number - cfa->number);
	return true;
}

static bool fits_int32(int64_t value)
{
	return value >= INT32_MIN && value <= INT32_MAX;
}

/* Whether the caller's rsp is the CFA, as the ABI has it. */
static bool rsp_is_cfa(const struct mt_cfi_place *rsp)
{
	return rsp->how == MT_CFI_UNSPECIFIED || rsp->how == MT_CFI_UNDEFINED ||
	       (rsp->how == MT_CFI_IS_OFFSET && rsp->offset == 0);
}

static bool simplify(enum mt_machine machine, const struct mt_cfi_row *row, uint64_t pc,
                     struct mt_cfi_rule *rule)
{
	struct mt_cfi_state state = { .machine = machine,
		                      .regs.r[MT_REG_RIP] = pc,
		                      .known = 1U << MT_REG_RIP };
	const struct mt_cfi_place *rbp = &row->regs[MT_REG_RBP];
	struct mt_cfi_value cfa;
	int64_t return_offset, rbp_offset = 0;
	bool rbp_same = rbp->how == MT_CFI_UNSPECIFIED || rbp->how == MT_CFI_SAME_VALUE;

	if (row->is_signal || !mt_cfi_cfa(&state, row, &cfa) || !fits_int32((int64_t)cfa.number) ||
	    (cfa.base != MT_REG_RSP && cfa.base != MT_REG_RBP))
		return false;
	if (!offset_from_cfa(&state, row, MT_REG_RIP, &cfa, &return_offset) ||
	    return_offset != -(int64_t)mt_machine_word(machine) ||
	    !rsp_is_cfa(&row->regs[MT_REG_RSP]))
		return false;
	if (!rbp_same && (!offset_from_cfa(&state, row, MT_REG_RBP, &cfa, &rbp_offset) ||
	                  !fits_int32(rbp_offset)))
		return false;
	*rule = (struct mt_cfi_rule){ .kind = MT_CFI_SIMPLE,
		                      .cfa_reg = cfa.base,
		                      .rbp_saved = !rbp_same,
		                      .cfa_offset = (int32_t)(int64_t)cfa.number,
		                      .rbp_offset = (int32_t)rbp_offset };
	return true;
}

void mt_cfi_rule_at(struct mt_image *image, uint64_t pc, struct mt_cfi_rule *rule)
{
	struct mt_cfi_row row;

	*rule = (struct mt_cfi_rule){ .kind = MT_CFI_NONE };
	if (!mt_cfi_row_at(image, pc, &row))
		return;
	if (row.regs[MT_REG_RIP].how == MT_CFI_UNDEFINED)
		rule->kind = MT_CFI_END;
	else if (!simplify(mt_image_machine(image), &row, pc, rule))
		rule->kind = MT_CFI_COMPLEX;
}
