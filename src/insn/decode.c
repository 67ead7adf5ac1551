/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "insn/decoded.h"

/*
 * Setting up a decoder costs a few stores, so that each use has its own: no state to be initialised
 * first, none to be shared by threads and signal handlers.
 */
static void decoder_init(ZydisDecoder *decoder, enum mt_machine machine)
{
	if (machine == MT_MACHINE_I386)
		ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LONG_COMPAT_32, ZYDIS_STACK_WIDTH_32);
	else
		ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
}

size_t mt_decoded_length(enum mt_machine machine, const uint8_t *code, size_t len)
{
	ZydisDecoder decoder;
	ZydisDecodedInstruction insn;

	decoder_init(&decoder, machine);
	ZydisDecoderEnableMode(&decoder, ZYDIS_DECODER_MODE_MINIMAL, ZYAN_TRUE);
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, NULL, code, len, &insn)))
		return 0;
	return insn.length;
}

uint8_t mt_decoded_reg(ZydisRegister reg)
{
	/* The processor's order of the first eight, in DWARF's numbers; the others agree. */
	static const uint8_t numbers[] = { MT_REG_RAX, MT_REG_RCX, MT_REG_RDX, MT_REG_RBX,
		                           MT_REG_RSP, MT_REG_RBP, MT_REG_RSI, MT_REG_RDI };
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);

	if (ZydisRegisterGetClass(reg) == ZYDIS_REGCLASS_IP)
		return MT_REG_RIP;
	if (ZydisRegisterGetClass(whole) != ZYDIS_REGCLASS_GPR64)
		return MT_REG_NONE;

	uint8_t id = (uint8_t)ZydisRegisterGetId(whole);

	return id < sizeof(numbers) ? numbers[id] : id;
}

bool mt_decoded_hidden(const ZydisDecodedOperand *operand)
{
	return operand->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN;
}

static enum mt_insn_class class_of(const ZydisDecodedInstruction *insn)
{
	switch (insn->meta.category) {
	case ZYDIS_CATEGORY_CALL:
		return MT_INSN_CALL;
	case ZYDIS_CATEGORY_RET:
		return MT_INSN_RET;
	case ZYDIS_CATEGORY_COND_BR:
	case ZYDIS_CATEGORY_UNCOND_BR:
		return MT_INSN_JUMP;
	case ZYDIS_CATEGORY_STRINGOP:
	case ZYDIS_CATEGORY_IOSTRINGOP:
		return MT_INSN_STRING;
	case ZYDIS_CATEGORY_SYSCALL:
	case ZYDIS_CATEGORY_INTERRUPT:
		return MT_INSN_SYSCALL;
	default:
		return MT_INSN_OTHER;
	}
}

/*
 * The bytes are asked, not Zydis' attributes: on a string instruction the processor takes either
 * prefix for a repetition, whatever the manual names it.
 */
static bool is_repeated(const ZydisDecodedInstruction *insn)
{
	for (size_t i = 0; i < insn->raw.prefix_count; i++) {
		uint8_t prefix = insn->raw.prefixes[i].value;

		if (prefix == 0xf2 || prefix == 0xf3)
			return true;
	}
	return false;
}

bool mt_decoded_plain(const struct mt_decoded *decoded)
{
	const ZydisDecodedInstruction *insn = &decoded->insn;

	switch (insn->meta.category) {
	case ZYDIS_CATEGORY_AVX:
	case ZYDIS_CATEGORY_AVX2:
	case ZYDIS_CATEGORY_AVX512:
	case ZYDIS_CATEGORY_BINARY:
	case ZYDIS_CATEGORY_BITBYTE:
	case ZYDIS_CATEGORY_BMI1:
	case ZYDIS_CATEGORY_BMI2:
	case ZYDIS_CATEGORY_CMOV:
	case ZYDIS_CATEGORY_CONVERT:
	case ZYDIS_CATEGORY_DATAXFER:
	case ZYDIS_CATEGORY_LOGICAL:
	case ZYDIS_CATEGORY_LOGICAL_FP:
	case ZYDIS_CATEGORY_NOP:
	case ZYDIS_CATEGORY_ROTATE:
	case ZYDIS_CATEGORY_SETCC:
	case ZYDIS_CATEGORY_SHIFT:
	case ZYDIS_CATEGORY_SSE:
	case ZYDIS_CATEGORY_STRINGOP:
	case ZYDIS_CATEGORY_VFMA:
	case ZYDIS_CATEGORY_WIDENOP:
	case ZYDIS_CATEGORY_X87_ALU:
		return true;
	default:
		return insn->mnemonic == ZYDIS_MNEMONIC_LEA;
	}
}

static bool moves_stack(const struct mt_decoded *decoded)
{
	for (size_t i = 0; i < decoded->insn.operand_count; i++) {
		const ZydisDecodedOperand *operand = &decoded->operands[i];

		if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE &&
		    mt_decoded_reg(operand->reg.value) == MT_REG_RSP)
			return true;
	}
	return false;
}

/* The operand is left as one from which Zydis, which wraps no address, makes the same target. */
static void fill_target(enum mt_machine machine, struct mt_decoded *decoded, struct mt_insn *insn)
{
	ZydisDecodedOperand *operand = &decoded->operands[0];
	ZyanU64 target;

	if (insn->klass != MT_INSN_CALL && insn->klass != MT_INSN_JUMP)
		return;
	if (operand->type != ZYDIS_OPERAND_TYPE_IMMEDIATE || !operand->imm.is_relative)
		return;
	if (!ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&decoded->insn, operand, insn->addr, &target)))
		return;
	insn->direct = true;
	insn->target = mt_machine_wrap(machine, target);
	operand->imm.value.u += insn->target - target;
}

static uint8_t rip_disp_of(const struct mt_decoded *decoded)
{
	for (size_t i = 0; i < decoded->insn.operand_count; i++)
		if (decoded->operands[i].type == ZYDIS_OPERAND_TYPE_MEMORY &&
		    decoded->operands[i].mem.base == ZYDIS_REGISTER_RIP)
			return decoded->insn.raw.disp.offset;
	return 0;
}

bool mt_decoded_read(enum mt_machine machine, const uint8_t *code, size_t len, uint64_t addr,
                     struct mt_decoded *decoded, struct mt_insn *insn)
{
	ZydisDecoder decoder;

	decoder_init(&decoder, machine);
	if (!ZYAN_SUCCESS(
	        ZydisDecoderDecodeFull(&decoder, code, len, &decoded->insn, decoded->operands)))
		return false;
	*insn = (struct mt_insn){ .addr = addr, .len = decoded->insn.length };
	memcpy(insn->bytes, code, insn->len);
	insn->klass = (uint8_t)class_of(&decoded->insn);
	insn->rep = insn->klass == MT_INSN_STRING && is_repeated(&decoded->insn);
	fill_target(machine, decoded, insn);
	mt_decoded_memory(decoded, insn);
	return true;
}

bool mt_insn_decode(enum mt_machine machine, const uint8_t *code, size_t len, uint64_t addr,
                    struct mt_insn *insn)
{
	struct mt_decoded decoded;
	struct mt_insn result;

	if (!mt_decoded_read(machine, code, len, addr, &decoded, &result))
		return false;
	result.straight = mt_decoded_plain(&decoded) && !moves_stack(&decoded);
	result.rip_disp = rip_disp_of(&decoded);
	mt_decoded_port(&decoded, &result);
	mt_decoded_source(&decoded, &result);
	mt_decoded_text(&decoded, &result);
	*insn = result;
	return true;
}
