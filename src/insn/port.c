/* SPDX-License-Identifier: MIT */
/* in, out, ins, outs: SDM volume 1, chapter 19. */
#include "insn/decoded.h"

static bool is_port_insn(ZydisMnemonic mnemonic, struct mt_insn_port *port)
{
	switch (mnemonic) {
	case ZYDIS_MNEMONIC_IN:
		return true;
	case ZYDIS_MNEMONIC_OUT:
		port->out = true;
		return true;
	case ZYDIS_MNEMONIC_INSB:
	case ZYDIS_MNEMONIC_INSW:
	case ZYDIS_MNEMONIC_INSD:
		port->string = true;
		return true;
	case ZYDIS_MNEMONIC_OUTSB:
	case ZYDIS_MNEMONIC_OUTSW:
	case ZYDIS_MNEMONIC_OUTSD:
		port->out = port->string = true;
		return true;
	default:
		return false;
	}
}

/* That of al, ax or eax, or of what lies in memory: no prefix makes it 8. */
static uint8_t size_of(const struct mt_decoded *decoded)
{
	for (size_t i = 0; i < decoded->insn.operand_count; i++) {
		const ZydisDecodedOperand *operand = &decoded->operands[i];

		if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY)
			return (uint8_t)(operand->size / 8);
		if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    mt_decoded_reg(operand->reg.value) == MT_REG_RAX)
			return (uint8_t)(operand->size / 8);
	}
	return 0;
}

void mt_decoded_port(const struct mt_decoded *decoded, struct mt_insn *insn)
{
	struct mt_insn_port port = { .in_dx = true };

	if (!is_port_insn(decoded->insn.mnemonic, &port))
		return;
	for (size_t i = 0; i < decoded->insn.operand_count; i++) {
		const ZydisDecodedOperand *operand = &decoded->operands[i];

		if (operand->type != ZYDIS_OPERAND_TYPE_IMMEDIATE)
			continue;
		port.in_dx = false;
		port.number = (uint8_t)operand->imm.value.u;
	}
	port.size = size_of(decoded);
	insn->port = port;
}

/* Of a repetition the count is in rcx, ecx or cx, as wide as addresses are. */
static uint64_t count_of(const struct mt_insn *insn, const struct mt_regs *before)
{
	unsigned width = insn->mem_count ? insn->mem[0].address_size : 8;

	if (!insn->rep)
		return 1;
	return before->r[MT_REG_RCX] & (UINT64_MAX >> (64 - 8 * width));
}

bool mt_insn_port_access(const struct mt_insn *insn, const struct mt_regs *before,
                         struct mt_port_access *access)
{
	const struct mt_insn_port *port = &insn->port;

	if (!port->size)
		return false;
	*access = (struct mt_port_access){
		.port = port->in_dx ? (uint16_t)before->r[MT_REG_RDX] : port->number,
		.size = port->size,
		.out = port->out,
		.count = count_of(insn, before),
		.has_value = port->out && !port->string,
	};
	if (access->has_value)
		access->value =
		    (uint32_t)(before->r[MT_REG_RAX] & (UINT64_MAX >> (64 - 8 * port->size)));
	return true;
}
