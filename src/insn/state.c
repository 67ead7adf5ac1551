/* SPDX-License-Identifier: MIT */
/* What of the XSAVE area an instruction's accesses depend on. */
#include <stdio.h>
#include <string.h>

#include "insn/insn.h"
#include "x86/regtable.h"

#define XSAVE_HEADER 512

/* ---- Whether there may be such a thing ------------------------------------- */

static bool is_prefix(uint8_t byte)
{
	static const uint8_t prefixes[] = { 0x66, 0x67, 0xf2, 0xf3, 0x2e, 0x36,
		                            0x3e, 0x26, 0x64, 0x65, 0xf0 };

	return memchr(prefixes, byte, sizeof(prefixes)) || byte >> 4 == 4;
}

bool mt_insn_may_have_state(const uint8_t *code)
{
	size_t i = 0;

	while (i < 2 && is_prefix(code[i]))
		i++;
	switch (code[i]) {
	case 0xc4: /* VEX, and EVEX */
	case 0x62:
		return true;
	case 0xc5: /* VEX for the map that has vmaskmovdqu */
		return i > 1 || code[i + 2] == 0xf7;
	case 0x0f: /* xsave and its kin, xsavec, maskmov */
		return code[i + 1] == 0xae || code[i + 1] == 0xc7 || code[i + 1] == 0xf7;
	default:
		return is_prefix(code[i]);
	}
}

/* ---- Taking it ------------------------------------------------------------- */

/* What the processor has of the register; the rest is left. */
static bool take_register(const struct mt_register_areas *areas, const char *const *stems,
                          unsigned number, uint8_t *out)
{
	for (size_t i = 0; stems[i]; i++) {
		const struct mt_register *reg;
		char name[16];

		snprintf(name, sizeof(name), "%s%u", stems[i], number);
		reg = mt_register_find(name);
		if (reg && mt_register_exists(reg, areas->layout))
			return mt_register_get(reg, areas, out);
	}
	return false;
}

static bool take_mask(const struct mt_insn_mem *mem, const struct mt_register_areas *areas,
                      struct mt_insn_state *state)
{
	static const char *const vectors[] = { "zmm", "ymm", "xmm", NULL };
	static const char *const ks[] = { "k", NULL }, *const mms[] = { "mm", NULL };

	switch (mem->mask) {
	case MT_INSN_MASK_NONE:
		return true;
	case MT_INSN_MASK_VECTOR:
		return take_register(areas, vectors, mem->mask_reg, state->mask);
	case MT_INSN_MASK_MMX:
		return take_register(areas, mms, mem->mask_reg, state->mask);
	default:
		return take_register(areas, ks, mem->mask_reg, state->mask);
	}
}

static bool take_index(const struct mt_insn_mem *mem, const struct mt_register_areas *areas,
                       struct mt_insn_state *state)
{
	static const char *const vectors[] = { "zmm", "ymm", "xmm", NULL };

	return mem->vector_index == MT_REG_NONE ||
	       take_register(areas, vectors, mem->vector_index, state->index);
}

static bool take_header(const struct mt_insn *insn, size_t i, const struct mt_regs *before,
                        mt_code_reader read, void *arg, struct mt_insn_state *state)
{
	uint64_t start;

	if (insn->mem[i].saves != MT_INSN_XRSTOR)
		return true;
	return mt_insn_mem_addr_before(insn, i, before, &start) &&
	       read(arg, start + XSAVE_HEADER, state->header, sizeof(state->header)) ==
	           sizeof(state->header);
}

bool mt_insn_state_take(const struct mt_insn *insn, const struct mt_regs *before,
                        const struct mt_register_areas *areas, mt_code_reader read, void *arg,
                        struct mt_insn_state *state)
{
	*state = (struct mt_insn_state){ .layout = areas->layout };
	if (areas->xsave_size < XSAVE_HEADER + sizeof(state->in_use))
		return false;
	memcpy(&state->in_use, areas->xsave + XSAVE_HEADER, sizeof(state->in_use));
	for (size_t i = 0; i < insn->mem_count; i++)
		if (!take_mask(&insn->mem[i], areas, state) ||
		    !take_index(&insn->mem[i], areas, state) ||
		    !take_header(insn, i, before, read, arg, state))
			return false;
	return true;
}
