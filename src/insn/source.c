/* SPDX-License-Identifier: MIT */
#include "insn/decoded.h"

static const struct mt_insn_mem *written_operand(const struct mt_insn *insn)
{
	for (size_t i = 0; i < insn->mem_count; i++) {
		if (insn->mem[i].access & MT_INSN_WRITE)
			return &insn->mem[i];
	}
	return NULL;
}

/* The instructions that store one operand as it is and leave it as it was. */
static bool copies_operand(ZydisMnemonic mnemonic)
{
	switch (mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_MOVNTI:
	case ZYDIS_MNEMONIC_PUSH:
	case ZYDIS_MNEMONIC_STOSB:
	case ZYDIS_MNEMONIC_STOSW:
	case ZYDIS_MNEMONIC_STOSD:
	case ZYDIS_MNEMONIC_STOSQ:
		return true;
	default:
		return false;
	}
}

static bool is_high_byte(ZydisRegister reg)
{
	return reg == ZYDIS_REGISTER_AH || reg == ZYDIS_REGISTER_BH || reg == ZYDIS_REGISTER_CH ||
	       reg == ZYDIS_REGISTER_DH;
}

static void from_register(const struct mt_decoded *decoded, const ZydisDecodedOperand *operand,
                          struct mt_insn *insn)
{
	uint8_t reg = mt_decoded_reg(operand->reg.value);

	/* Segment registers are not in mt_regs. */
	if (reg == MT_REG_NONE)
		return;
	/* A pushed rsp is the one before the push. */
	if (reg == MT_REG_RSP && decoded->insn.mnemonic == ZYDIS_MNEMONIC_PUSH)
		return;
	insn->source.kind = MT_INSN_FROM_REGISTER;
	insn->source.reg = reg;
	insn->source.shift = is_high_byte(operand->reg.value) ? 8 : 0;
}

static void from_immediate(uint64_t imm, struct mt_insn *insn)
{
	insn->source.kind = MT_INSN_FROM_IMMEDIATE;
	insn->source.imm = imm;
}

void mt_decoded_source(const struct mt_decoded *decoded, struct mt_insn *insn)
{
	const struct mt_insn_mem *written = written_operand(insn);

	insn->source.kind = MT_INSN_FROM_MEMORY;
	insn->source.reg = MT_REG_NONE;
	if (!written || written->size > 8)
		return;
	insn->source.size = (uint8_t)written->size;
	if (insn->klass == MT_INSN_CALL &&
	    decoded->insn.meta.branch_type == ZYDIS_BRANCH_TYPE_NEAR) {
		from_immediate(insn->addr + insn->len, insn);
		return;
	}
	if (!copies_operand(decoded->insn.mnemonic))
		return;
	for (size_t i = 0; i < decoded->insn.operand_count; i++) {
		const ZydisDecodedOperand *operand = &decoded->operands[i];

		if (mt_decoded_hidden(operand) && insn->klass != MT_INSN_STRING)
			continue;
		if (operand->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
			from_immediate(operand->imm.value.u, insn);
		else if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		         operand->actions == ZYDIS_OPERAND_ACTION_READ)
			from_register(decoded, operand, insn);
	}
}
