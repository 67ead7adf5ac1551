/* SPDX-License-Identifier: MIT */
/* Vector instructions that access some elements of their operand only. */
#include "insn/decoded.h"

static bool by_k(const struct mt_decoded *decoded)
{
	switch (decoded->insn.avx.mask.mode) {
	case ZYDIS_MASK_MODE_MERGING:
	case ZYDIS_MASK_MODE_ZEROING:
		break;
	default:
		return false;
	}
	switch (decoded->insn.meta.category) {
	case ZYDIS_CATEGORY_BROADCAST: /* one element in memory is for several bits */
	case ZYDIS_CATEGORY_COMPRESS:
	case ZYDIS_CATEGORY_EXPAND: /* it is for those that are set, one after the other */
	case ZYDIS_CATEGORY_GATHER:
	case ZYDIS_CATEGORY_SCATTER: /* the mask is used up */
		return false;
	default:
		return decoded->insn.avx.broadcast.mode == ZYDIS_BROADCAST_MODE_INVALID;
	}
}

/* The number of the operand that is the mask; 0: none is. */
static size_t vector_mask(const struct mt_decoded *decoded)
{
	switch (decoded->insn.mnemonic) {
	case ZYDIS_MNEMONIC_MASKMOVDQU:
	case ZYDIS_MNEMONIC_VMASKMOVDQU:
	case ZYDIS_MNEMONIC_VMASKMOVPS:
	case ZYDIS_MNEMONIC_VMASKMOVPD:
	case ZYDIS_MNEMONIC_VPMASKMOVD:
	case ZYDIS_MNEMONIC_VPMASKMOVQ:
		return 1;
	default:
		return 0;
	}
}

static uint8_t element_size(const struct mt_decoded *decoded, const ZydisDecodedOperand *operand)
{
	switch (decoded->insn.mnemonic) {
	case ZYDIS_MNEMONIC_MASKMOVDQU:
	case ZYDIS_MNEMONIC_VMASKMOVDQU:
		return 1;
	case ZYDIS_MNEMONIC_VMASKMOVPS:
	case ZYDIS_MNEMONIC_VPMASKMOVD:
		return 4;
	case ZYDIS_MNEMONIC_VMASKMOVPD:
	case ZYDIS_MNEMONIC_VPMASKMOVQ:
		return 8;
	default:
		return (uint8_t)(operand->element_size / 8);
	}
}

/* A load may have its result where its mask was. */
static bool survives(const struct mt_decoded *decoded, ZydisRegister mask)
{
	const ZydisDecodedOperand *first = &decoded->operands[0];

	return first->type != ZYDIS_OPERAND_TYPE_REGISTER ||
	       !(first->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) ||
	       ZydisRegisterGetId(first->reg.value) != ZydisRegisterGetId(mask) ||
	       ZydisRegisterGetClass(mask) == ZYDIS_REGCLASS_MASK;
}

void mt_decoded_mask(const struct mt_decoded *decoded, const ZydisDecodedOperand *operand,
                     struct mt_insn_mem *mem)
{
	size_t vector = vector_mask(decoded);
	ZydisRegister reg = ZYDIS_REGISTER_NONE;
	uint8_t size = element_size(decoded, operand);

	if (vector)
		reg = decoded->operands[vector].reg.value;
	else if (by_k(decoded))
		reg = decoded->insn.avx.mask.reg;
	if (reg == ZYDIS_REGISTER_NONE || size == 0 || mem->size % size || !survives(decoded, reg))
		return;
	mem->mask = vector ? MT_INSN_MASK_VECTOR : MT_INSN_MASK_K;
	mem->mask_reg = (uint8_t)ZydisRegisterGetId(reg);
	mem->mask_size = size;
}

static bool lets_through(const struct mt_insn_mem *mem, const uint8_t *mask, size_t element)
{
	if (mem->mask == MT_INSN_MASK_K)
		return mask[element / 8] >> element % 8 & 1;
	return mask[(element + 1) * mem->mask_size - 1] & 0x80;
}

bool mt_insn_mask_touches(const struct mt_insn_mem *mem, const uint8_t *mask, uint64_t start,
                          uint64_t addr, size_t len)
{
	for (size_t i = 0; i < mem->size / mem->mask_size; i++) {
		uint64_t place = start + i * mem->mask_size;

		if (lets_through(mem, mask, i) &&
		    (addr - place < mem->mask_size || place - addr < len))
			return true;
	}
	return false;
}
