/* SPDX-License-Identifier: MIT */
#include "insn/decoded.h"

/* ---- What the instruction does to its own address registers -------------- */

static bool moves_stack(const ZydisDecodedInstruction *insn)
{
	switch (insn->meta.category) {
	case ZYDIS_CATEGORY_PUSH:
	case ZYDIS_CATEGORY_POP:
	case ZYDIS_CATEGORY_CALL:
		return true;
	case ZYDIS_CATEGORY_RET:
		/* iret loads rsp from the stack. */
		return insn->mnemonic == ZYDIS_MNEMONIC_RET;
	default:
		return false;
	}
}

/* The stack operand of a push, pop, call or ret. */
static bool is_stack(const ZydisDecodedOperand *operand)
{
	return operand->type == ZYDIS_OPERAND_TYPE_MEMORY && mt_decoded_hidden(operand) &&
	       mt_decoded_reg(operand->mem.base) == MT_REG_RSP;
}

int64_t mt_decoded_stack_movement(const struct mt_decoded *decoded)
{
	const ZydisDecodedOperand *first = &decoded->operands[0];
	int64_t size = 0;

	if (!moves_stack(&decoded->insn))
		return 0;
	for (size_t i = 0; i < decoded->insn.operand_count; i++) {
		if (is_stack(&decoded->operands[i]))
			size = decoded->operands[i].size / 8;
	}
	switch (decoded->insn.meta.category) {
	case ZYDIS_CATEGORY_POP:
		return size;
	case ZYDIS_CATEGORY_RET:
		return first->type == ZYDIS_OPERAND_TYPE_IMMEDIATE
		           ? size + (int64_t)first->imm.value.u
		           : size;
	default:
		return -size;
	}
}

/* Whether `reg` has another value afterwards, and not one that is off by the stack's movement. */
static bool overwrites(const struct mt_decoded *decoded, uint8_t reg)
{
	/* A rip-relative address is told by the instruction's own place. */
	if (reg == MT_REG_NONE || reg == MT_REG_RIP)
		return false;
	for (size_t i = 0; i < decoded->insn.operand_count; i++) {
		const ZydisDecodedOperand *operand = &decoded->operands[i];

		if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER ||
		    !(operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) ||
		    mt_decoded_reg(operand->reg.value) != reg)
			continue;
		if (reg == MT_REG_RSP && mt_decoded_hidden(operand) && moves_stack(&decoded->insn))
			continue;
		return true;
	}
	return false;
}

/* ---- One operand --------------------------------------------------------- */

/* Instructions that name memory and leave it alone, as far as a debug register can see. */
static bool only_names(const ZydisDecodedInstruction *insn)
{
	switch (insn->meta.category) {
	case ZYDIS_CATEGORY_PREFETCH:
	case ZYDIS_CATEGORY_PREFETCHWT1:
	case ZYDIS_CATEGORY_NOP:
	case ZYDIS_CATEGORY_WIDENOP:
	case ZYDIS_CATEGORY_MPX:
		return true;
	default:
		return insn->mnemonic == ZYDIS_MNEMONIC_UD0 || insn->mnemonic == ZYDIS_MNEMONIC_UD1;
	}
}

static bool is_accessed(const ZydisDecodedOperand *operand)
{
	return operand->type == ZYDIS_OPERAND_TYPE_MEMORY && operand->actions != 0 &&
	       (operand->mem.type == ZYDIS_MEMOP_TYPE_MEM ||
	        operand->mem.type == ZYDIS_MEMOP_TYPE_VSIB);
}

static uint8_t access_of(const ZydisDecodedOperand *operand)
{
	unsigned access = 0;

	if (operand->actions & ZYDIS_OPERAND_ACTION_MASK_READ)
		access |= MT_INSN_READ;
	if (operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
		access |= MT_INSN_WRITE;
	return (uint8_t)access;
}

/* How much xsave and its kin access depends on the features that are enabled. */
static uint32_t size_of(const struct mt_decoded *decoded, const ZydisDecodedOperand *operand)
{
	ZydisInstructionCategory category = decoded->insn.meta.category;

	if (category == ZYDIS_CATEGORY_XSAVE || category == ZYDIS_CATEGORY_XSAVEOPT)
		return 0;
	return operand->size / 8;
}

static uint8_t segment_of(const ZydisDecodedOperand *operand)
{
	switch (operand->mem.segment) {
	case ZYDIS_REGISTER_FS:
		return 'f';
	case ZYDIS_REGISTER_GS:
		return 'g';
	default:
		return MT_REG_NONE;
	}
}

static uint8_t address_size(const struct mt_decoded *decoded, const ZydisDecodedOperand *operand)
{
	/* Accesses of the stack itself ignore the override (SDM volume 1, 6.2.5). */
	if (mt_decoded_hidden(operand) && operand->mem.segment == ZYDIS_REGISTER_SS)
		return decoded->insn.stack_width / 8;
	return decoded->insn.address_width / 8;
}

static bool is_tile(ZydisMnemonic mnemonic)
{
	return mnemonic == ZYDIS_MNEMONIC_TILELOADD || mnemonic == ZYDIS_MNEMONIC_TILELOADDT1 ||
	       mnemonic == ZYDIS_MNEMONIC_TILESTORED;
}

static struct mt_insn_mem mem_of(const struct mt_decoded *decoded,
                                 const ZydisDecodedOperand *operand)
{
	struct mt_insn_mem mem = {
		.access = access_of(operand),
		.size = size_of(decoded, operand),
		.segment = segment_of(operand),
		.base = mt_decoded_reg(operand->mem.base),
		.index = mt_decoded_reg(operand->mem.index),
		.index_size = 8,
		.scale = operand->mem.scale,
		.bit_offset = MT_REG_NONE,
		.address_size = address_size(decoded, operand),
		.scattered =
		    operand->mem.type == ZYDIS_MEMOP_TYPE_VSIB || is_tile(decoded->insn.mnemonic),
		.disp = operand->mem.disp.value,
		.vector_index = MT_REG_NONE,
	};

	mem.told_after = !overwrites(decoded, mem.base) && !overwrites(decoded, mem.index);
	mem.after_base = mem.base;
	mem.after_disp = mem.disp;
	return mem;
}

/* ---- Vectors of addresses, and the state of the processor ------------------ */

static bool has_double_words(ZydisMnemonic mnemonic)
{
	switch (mnemonic) {
	case ZYDIS_MNEMONIC_VGATHERDPS:
	case ZYDIS_MNEMONIC_VGATHERDPD:
	case ZYDIS_MNEMONIC_VPGATHERDD:
	case ZYDIS_MNEMONIC_VPGATHERDQ:
	case ZYDIS_MNEMONIC_VSCATTERDPS:
	case ZYDIS_MNEMONIC_VSCATTERDPD:
	case ZYDIS_MNEMONIC_VPSCATTERDD:
	case ZYDIS_MNEMONIC_VPSCATTERDQ:
		return true;
	default:
		return false;
	}
}

/* As many elements as both the vector of indices and that of the data have. */
static unsigned count_of(const struct mt_decoded *decoded, const ZydisDecodedOperand *operand,
                         unsigned index_size)
{
	bool gathers = operand != decoded->operands;
	ZydisRegister data = decoded->operands[gathers ? 0 : 2].reg.value;
	unsigned indices =
	    ZydisRegisterGetWidth(ZYDIS_MACHINE_MODE_LONG_64, operand->mem.index) / 8 / index_size;
	unsigned elements = ZydisRegisterGetWidth(ZYDIS_MACHINE_MODE_LONG_64, data) / operand->size;

	return indices < elements ? indices : elements;
}

/* Those of AVX-512's that only prefetch are none: see only_names(). */
static void fill_indices(const struct mt_decoded *decoded, const ZydisDecodedOperand *operand,
                         struct mt_insn_mem *mem)
{
	if (operand->mem.type != ZYDIS_MEMOP_TYPE_VSIB)
		return;
	mem->vector_index = (uint8_t)ZydisRegisterGetId(operand->mem.index);
	mem->vector_index_size = has_double_words(decoded->insn.mnemonic) ? 4 : 8;
	mem->mask_bits = (uint8_t)count_of(decoded, operand, mem->vector_index_size);
}

static enum mt_insn_saves saves_of(ZydisMnemonic mnemonic)
{
	switch (mnemonic) {
	case ZYDIS_MNEMONIC_FXSAVE:
	case ZYDIS_MNEMONIC_FXSAVE64:
		return MT_INSN_FXSAVE;
	case ZYDIS_MNEMONIC_FXRSTOR:
	case ZYDIS_MNEMONIC_FXRSTOR64:
		return MT_INSN_FXRSTOR;
	case ZYDIS_MNEMONIC_XSAVE:
	case ZYDIS_MNEMONIC_XSAVE64:
		return MT_INSN_XSAVE;
	case ZYDIS_MNEMONIC_XSAVEOPT:
	case ZYDIS_MNEMONIC_XSAVEOPT64:
		return MT_INSN_XSAVEOPT;
	case ZYDIS_MNEMONIC_XSAVEC:
	case ZYDIS_MNEMONIC_XSAVEC64:
		return MT_INSN_XSAVEC;
	case ZYDIS_MNEMONIC_XRSTOR:
	case ZYDIS_MNEMONIC_XRSTOR64:
		return MT_INSN_XRSTOR;
	default: /* those of the kernel */
		return MT_INSN_SAVES_NOTHING;
	}
}

static void fill_saves(const struct mt_decoded *decoded, struct mt_insn_mem *mem)
{
	mem->saves = (uint8_t)saves_of(decoded->insn.mnemonic);
	mem->saves_vectors = decoded->insn.machine_mode == ZYDIS_MACHINE_MODE_LONG_64 ? 16 : 8;
}

/* ---- Instructions with an address of their own kind ---------------------- */

/*
 * SDM volume 2, PUSH and POP: a push computes the address of its source before it decrements rsp, a
 * pop that of its destination after it incremented rsp.
 */
static void adjust_stack(const struct mt_decoded *decoded, const ZydisDecodedOperand *operand,
                         struct mt_insn_mem *mem)
{
	int64_t movement = mt_decoded_stack_movement(decoded);

	if (movement == 0 || mem->base != MT_REG_RSP)
		return;
	if (is_stack(operand) == (movement < 0))
		mem->disp += movement;
	mem->after_disp = mem->disp - movement;
}

/* SDM volume 2, LEAVE: rsp becomes rbp, then rbp is popped. */
static void adjust_leave(struct mt_insn_mem *mem)
{
	mem->told_after = true;
	mem->after_base = MT_REG_RSP;
	mem->after_disp = -(int64_t)mem->size;
}

/*
 * SDM volume 2, ENTER: pushes rbp; at nesting level n > 0 then n - 1 frame pointers, read below
 * rbp, and the new one. Zydis tells of the first push alone.
 */
static void adjust_enter(const struct mt_decoded *decoded, struct mt_insn *insn)
{
	struct mt_insn_mem *pushed = &insn->mem[0];
	int64_t word = pushed->size;
	int64_t room = (int64_t)decoded->operands[0].imm.value.u;
	int64_t level = (int64_t)(decoded->operands[1].imm.value.u % 32);

	pushed->size = (uint32_t)(word * (level + 1));
	pushed->disp = -(int64_t)pushed->size;
	pushed->told_after = true;
	pushed->after_disp = room;
	if (level < 2)
		return;
	insn->mem[insn->mem_count++] = (struct mt_insn_mem){
		.access = MT_INSN_READ,
		.size = (uint32_t)(word * (level - 1)),
		.segment = MT_REG_NONE,
		.base = MT_REG_RBP,
		.index = MT_REG_NONE,
		.vector_index = MT_REG_NONE,
		.scale = 1,
		.bit_offset = MT_REG_NONE,
		.address_size = pushed->address_size,
		.disp = -word * (level - 1),
	};
}

/* SDM volume 2, XLAT: al is the index, and is overwritten. */
static void adjust_xlat(struct mt_insn_mem *mem)
{
	mem->index = MT_REG_RAX;
	mem->index_size = 1;
	mem->scale = 1;
	mem->told_after = false;
}

/* SDM volume 2, BT: a bit offset in a register reaches beyond the operand that is named. */
static void adjust_bit_test(const struct mt_decoded *decoded, struct mt_insn_mem *mem)
{
	const ZydisDecodedOperand *offset = &decoded->operands[1];

	if (offset->type == ZYDIS_OPERAND_TYPE_REGISTER)
		mem->bit_offset = mt_decoded_reg(offset->reg.value);
}

static void adjust(const struct mt_decoded *decoded, struct mt_insn *insn)
{
	switch (decoded->insn.mnemonic) {
	case ZYDIS_MNEMONIC_LEAVE:
		adjust_leave(&insn->mem[0]);
		break;
	case ZYDIS_MNEMONIC_ENTER:
		adjust_enter(decoded, insn);
		break;
	case ZYDIS_MNEMONIC_XLAT:
		adjust_xlat(&insn->mem[0]);
		break;
	case ZYDIS_MNEMONIC_BT:
	case ZYDIS_MNEMONIC_BTS:
	case ZYDIS_MNEMONIC_BTR:
	case ZYDIS_MNEMONIC_BTC:
		adjust_bit_test(decoded, &insn->mem[0]);
		break;
	default:
		break;
	}
}

void mt_decoded_memory(const struct mt_decoded *decoded, struct mt_insn *insn)
{
	if (only_names(&decoded->insn))
		return;
	for (size_t i = 0; i < decoded->insn.operand_count; i++) {
		const ZydisDecodedOperand *operand = &decoded->operands[i];

		if (!is_accessed(operand) || insn->mem_count == MT_INSN_MAX_MEM)
			continue;

		struct mt_insn_mem *mem = &insn->mem[insn->mem_count++];

		*mem = mem_of(decoded, operand);
		adjust_stack(decoded, operand, mem);
		fill_indices(decoded, operand, mem);
		fill_saves(decoded, mem);
		mt_decoded_mask(decoded, operand, mem);
	}
	if (insn->mem_count)
		adjust(decoded, insn);
}
