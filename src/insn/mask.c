/* SPDX-License-Identifier: MIT */
/* Vector instructions that access some elements of their operand only. */
#include "insn/decoded.h"

/* ---- By k0 … k7 ----------------------------------------------------------- */

/* Instructions whose classes of exceptions end with NF suppress no fault: they read all of their
 * operand, whatever the mask says of the result (SDM volume 2, 2.8). */
static bool reads_all(const ZydisDecodedInstruction *insn)
{
	switch (insn->meta.exception_class) {
	case ZYDIS_EXCEPTION_CLASS_E1NF:
	case ZYDIS_EXCEPTION_CLASS_E2NF:
	case ZYDIS_EXCEPTION_CLASS_E3NF:
	case ZYDIS_EXCEPTION_CLASS_E4NF:
	case ZYDIS_EXCEPTION_CLASS_E5NF:
	case ZYDIS_EXCEPTION_CLASS_E6NF:
	case ZYDIS_EXCEPTION_CLASS_E9NF:
	case ZYDIS_EXCEPTION_CLASS_E10NF:
	case ZYDIS_EXCEPTION_CLASS_E11NF:
		return true;
	default:
		return false;
	}
}

static bool has_k(const struct mt_decoded *decoded)
{
	switch (decoded->insn.avx.mask.mode) {
	case ZYDIS_MASK_MODE_MERGING:
	case ZYDIS_MASK_MODE_ZEROING:
		return decoded->insn.avx.mask.reg != ZYDIS_REGISTER_NONE &&
		       !reads_all(&decoded->insn);
	default:
		return false;
	}
}

/* Into how many elements a broadcast makes what it reads. */
static uint8_t broadcast_count(ZydisBroadcastMode mode)
{
	switch (mode) {
	case ZYDIS_BROADCAST_MODE_1_TO_2:
		return 2;
	case ZYDIS_BROADCAST_MODE_1_TO_4:
	case ZYDIS_BROADCAST_MODE_2_TO_4:
		return 4;
	case ZYDIS_BROADCAST_MODE_1_TO_8:
	case ZYDIS_BROADCAST_MODE_2_TO_8:
	case ZYDIS_BROADCAST_MODE_4_TO_8:
		return 8;
	case ZYDIS_BROADCAST_MODE_1_TO_16:
	case ZYDIS_BROADCAST_MODE_2_TO_16:
	case ZYDIS_BROADCAST_MODE_4_TO_16:
	case ZYDIS_BROADCAST_MODE_8_TO_16:
		return 16;
	case ZYDIS_BROADCAST_MODE_1_TO_32:
		return 32;
	case ZYDIS_BROADCAST_MODE_1_TO_64:
		return 64;
	default:
		return 0;
	}
}

/* A bit is for an element of the result, for which the operand may have several smaller ones
 * (vpdpbusd) or, where it is wider, fewer (vcvtpd2ps). */
static unsigned element_count(const struct mt_decoded *decoded, const ZydisDecodedOperand *operand)
{
	const ZydisDecodedOperand *result = &decoded->operands[0];

	if (result->type != ZYDIS_OPERAND_TYPE_REGISTER ||
	    ZydisRegisterGetClass(result->reg.value) == ZYDIS_REGCLASS_MASK ||
	    result->element_count > operand->element_count)
		return operand->element_count;
	return result->element_count;
}

static enum mt_insn_mask kind_by_k(const struct mt_decoded *decoded)
{
	switch (decoded->insn.meta.category) {
	case ZYDIS_CATEGORY_COMPRESS:
	case ZYDIS_CATEGORY_EXPAND:
		return MT_INSN_MASK_K_PACKED;
	default:
		return decoded->insn.avx.broadcast.mode == ZYDIS_BROADCAST_MODE_INVALID
		           ? MT_INSN_MASK_K
		           : MT_INSN_MASK_K_REPEATED;
	}
}

/* A k that is the result, or the mask of a gather or scatter, which uses it up. */
static bool keeps_k(const struct mt_decoded *decoded, const struct mt_insn_mem *mem)
{
	const ZydisDecodedOperand *result = &decoded->operands[0];

	return mem->vector_index == MT_REG_NONE &&
	       (result->type != ZYDIS_OPERAND_TYPE_REGISTER ||
	        result->reg.value != decoded->insn.avx.mask.reg);
}

static void mask_by_k(const struct mt_decoded *decoded, const ZydisDecodedOperand *operand,
                      struct mt_insn_mem *mem)
{
	unsigned count = element_count(decoded, operand);
	uint8_t times = broadcast_count(decoded->insn.avx.broadcast.mode);

	if (mem->vector_index != MT_REG_NONE)
		count = mem->mask_bits;
	else if (!count || mem->size % count)
		return;
	mem->mask = (uint8_t)kind_by_k(decoded);
	mem->mask_reg = (uint8_t)ZydisRegisterGetId(decoded->insn.avx.mask.reg);
	mem->mask_size =
	    (uint8_t)(mem->vector_index != MT_REG_NONE ? mem->size : mem->size / count);
	mem->mask_bits = mem->mask == MT_INSN_MASK_K_REPEATED ? times : (uint8_t)count;
	mem->mask_kept = keeps_k(decoded, mem);
}

/* ---- By the elements of a vector ------------------------------------------ */

/* The number of the operand that is the mask; 0: none is. */
static size_t vector_mask(const struct mt_decoded *decoded)
{
	switch (decoded->insn.mnemonic) {
	case ZYDIS_MNEMONIC_MASKMOVQ:
	case ZYDIS_MNEMONIC_MASKMOVDQU:
	case ZYDIS_MNEMONIC_VMASKMOVDQU:
	case ZYDIS_MNEMONIC_VMASKMOVPS:
	case ZYDIS_MNEMONIC_VMASKMOVPD:
	case ZYDIS_MNEMONIC_VPMASKMOVD:
	case ZYDIS_MNEMONIC_VPMASKMOVQ:
		return 1;
	default:
		return decoded->insn.meta.category == ZYDIS_CATEGORY_AVX2GATHER ? 2 : 0;
	}
}

static uint8_t element_size(const struct mt_decoded *decoded, const struct mt_insn_mem *mem)
{
	switch (decoded->insn.mnemonic) {
	case ZYDIS_MNEMONIC_VMASKMOVPS:
	case ZYDIS_MNEMONIC_VPMASKMOVD:
		return 4;
	case ZYDIS_MNEMONIC_VMASKMOVPD:
	case ZYDIS_MNEMONIC_VPMASKMOVQ:
		return 8;
	default:
		return mem->vector_index != MT_REG_NONE ? (uint8_t)mem->size : 1;
	}
}

/* A load may have its result where its mask was; a gather clears it. */
static bool keeps_vector(const struct mt_decoded *decoded, const struct mt_insn_mem *mem,
                         ZydisRegister mask)
{
	const ZydisDecodedOperand *first = &decoded->operands[0];

	return mem->vector_index == MT_REG_NONE &&
	       (first->type != ZYDIS_OPERAND_TYPE_REGISTER ||
	        !(first->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) ||
	        ZydisRegisterGetId(first->reg.value) != ZydisRegisterGetId(mask));
}

static void mask_by_vector(const struct mt_decoded *decoded, ZydisRegister mask,
                           struct mt_insn_mem *mem)
{
	mem->mask = ZydisRegisterGetClass(mask) == ZYDIS_REGCLASS_MMX ? MT_INSN_MASK_MMX
	                                                              : MT_INSN_MASK_VECTOR;
	mem->mask_reg = (uint8_t)ZydisRegisterGetId(mask);
	mem->mask_size = element_size(decoded, mem);
	if (mem->vector_index == MT_REG_NONE)
		mem->mask_bits = (uint8_t)(mem->size / mem->mask_size);
	mem->mask_kept = keeps_vector(decoded, mem, mask);
}

void mt_decoded_mask(const struct mt_decoded *decoded, const ZydisDecodedOperand *operand,
                     struct mt_insn_mem *mem)
{
	size_t vector = vector_mask(decoded);

	if (vector)
		mask_by_vector(decoded, decoded->operands[vector].reg.value, mem);
	else if (has_k(decoded))
		mask_by_k(decoded, operand, mem);
}

/* ---- Which elements ------------------------------------------------------- */

static bool bit(const uint8_t *mask, size_t i)
{
	return mask[i / 8] >> i % 8 & 1;
}

static bool any_repeated(const struct mt_insn_mem *mem, const uint8_t *mask, size_t element)
{
	for (size_t i = element; i < mem->mask_bits; i += mem->size / mem->mask_size)
		if (bit(mask, i))
			return true;
	return false;
}

static size_t count_bits(const struct mt_insn_mem *mem, const uint8_t *mask)
{
	size_t count = 0;

	for (size_t i = 0; i < mem->mask_bits; i++)
		count += bit(mask, i);
	return count;
}

bool mt_insn_mask_lets(const struct mt_insn_mem *mem, const uint8_t *mask, size_t element)
{
	switch (mem->mask) {
	case MT_INSN_MASK_K:
		return bit(mask, element);
	case MT_INSN_MASK_K_REPEATED:
		return any_repeated(mem, mask, element);
	case MT_INSN_MASK_K_PACKED:
		return element < count_bits(mem, mask);
	case MT_INSN_MASK_NONE:
		return true;
	default:
		return mask[(element + 1) * mem->mask_size - 1] & 0x80;
	}
}

bool mt_insn_mask_touches(const struct mt_insn_mem *mem, const uint8_t *mask, uint64_t start,
                          uint64_t addr, size_t len)
{
	for (size_t i = 0; i < mem->size / mem->mask_size; i++) {
		uint64_t place = start + i * mem->mask_size;

		if (mt_insn_mask_lets(mem, mask, i) &&
		    (addr - place < mem->mask_size || place - addr < len))
			return true;
	}
	return false;
}
