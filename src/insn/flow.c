/* SPDX-License-Identifier: MIT */
#include "insn/flow.h"

#include <string.h>

/* ---- Where it leads ------------------------------------------------------ */

/* Besides those that compilers make plain code of: what also does nothing but what its operands
 * say. */
static bool is_as_its_operands_say(const struct mt_decoded *decoded)
{
	switch (decoded->insn.meta.category) {
	case ZYDIS_CATEGORY_ADOX_ADCX:
	case ZYDIS_CATEGORY_AES:
	case ZYDIS_CATEGORY_BLEND:
	case ZYDIS_CATEGORY_BROADCAST:
	case ZYDIS_CATEGORY_CALL:
	case ZYDIS_CATEGORY_COND_BR:
	case ZYDIS_CATEGORY_FCMOV:
	case ZYDIS_CATEGORY_GFNI:
	case ZYDIS_CATEGORY_IFMA:
	case ZYDIS_CATEGORY_KMASK:
	case ZYDIS_CATEGORY_LZCNT:
	case ZYDIS_CATEGORY_MMX:
	case ZYDIS_CATEGORY_PCLMULQDQ:
	case ZYDIS_CATEGORY_POP:
	case ZYDIS_CATEGORY_PREFETCH:
	case ZYDIS_CATEGORY_PUSH:
	case ZYDIS_CATEGORY_RET:
	case ZYDIS_CATEGORY_SEMAPHORE:
	case ZYDIS_CATEGORY_SHA:
	case ZYDIS_CATEGORY_STTNI:
	case ZYDIS_CATEGORY_UNCOND_BR:
	case ZYDIS_CATEGORY_VAES:
	case ZYDIS_CATEGORY_VPCLMULQDQ:
		return true;
	default:
		break;
	}
	switch (decoded->insn.mnemonic) {
	case ZYDIS_MNEMONIC_CLC:
	case ZYDIS_MNEMONIC_CMC:
	case ZYDIS_MNEMONIC_CPUID:
	case ZYDIS_MNEMONIC_ENDBR32:
	case ZYDIS_MNEMONIC_ENDBR64:
	case ZYDIS_MNEMONIC_LAHF:
	case ZYDIS_MNEMONIC_LEAVE:
	case ZYDIS_MNEMONIC_LFENCE:
	case ZYDIS_MNEMONIC_MFENCE:
	case ZYDIS_MNEMONIC_PAUSE:
	case ZYDIS_MNEMONIC_RDTSC:
	case ZYDIS_MNEMONIC_RDTSCP:
	case ZYDIS_MNEMONIC_SAHF:
	case ZYDIS_MNEMONIC_SFENCE:
	case ZYDIS_MNEMONIC_STC:
	case ZYDIS_MNEMONIC_XGETBV:
		return true;
	default:
		return mt_decoded_plain(decoded);
	}
}

/* pushf shows the trap flag, iret and far transfers do more than that; and what is left out for
 * having more operands than Zydis tells. */
static bool is_excepted(const struct mt_decoded *decoded)
{
	switch (decoded->insn.mnemonic) {
	case ZYDIS_MNEMONIC_POPA:
	case ZYDIS_MNEMONIC_POPAD:
	case ZYDIS_MNEMONIC_PUSHA:
	case ZYDIS_MNEMONIC_PUSHAD:
	case ZYDIS_MNEMONIC_PUSHF:
	case ZYDIS_MNEMONIC_PUSHFD:
	case ZYDIS_MNEMONIC_PUSHFQ:
	case ZYDIS_MNEMONIC_POPF:
	case ZYDIS_MNEMONIC_POPFD:
	case ZYDIS_MNEMONIC_POPFQ:
		return true;
	case ZYDIS_MNEMONIC_RET:
		break;
	default:
		if (decoded->insn.meta.category == ZYDIS_CATEGORY_RET)
			return true;
		break;
	}
	return decoded->insn.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR;
}

static bool writes_segment(const struct mt_decoded *decoded)
{
	for (size_t i = 0; i < decoded->insn.operand_count; i++) {
		const ZydisDecodedOperand *operand = &decoded->operands[i];

		if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE &&
		    ZydisRegisterGetClass(operand->reg.value) == ZYDIS_REGCLASS_SEGMENT)
			return true;
	}
	return false;
}

/* jcc, of the one or the other length: not loop and jrcxz. */
static bool is_jcc(const ZydisDecodedInstruction *insn)
{
	return (insn->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && insn->opcode >> 4 == 7) ||
	       (insn->opcode_map == ZYDIS_OPCODE_MAP_0F && insn->opcode >> 4 == 8);
}

static enum mt_flow_next next_of_branch(const struct mt_decoded *decoded, struct mt_flow *flow)
{
	const ZydisDecodedOperand *to = &decoded->operands[0];

	if (decoded->insn.meta.category == ZYDIS_CATEGORY_COND_BR) {
		flow->condition = decoded->insn.opcode & 15;
		return flow->insn.direct && is_jcc(&decoded->insn) ? MT_FLOW_BRANCH
		                                                   : MT_FLOW_ELSEWHERE;
	}
	if (flow->insn.direct)
		return MT_FLOW_JUMP;
	if (to->type != ZYDIS_OPERAND_TYPE_REGISTER || to->size != decoded->insn.stack_width)
		return MT_FLOW_ELSEWHERE;
	flow->target_reg = mt_decoded_reg(to->reg.value);
	return MT_FLOW_REGISTER;
}

static enum mt_flow_next next_of(const struct mt_decoded *decoded, struct mt_flow *flow)
{
	if (!is_as_its_operands_say(decoded) || is_excepted(decoded) || writes_segment(decoded))
		return MT_FLOW_UNKNOWN;
	switch (flow->insn.klass) {
	case MT_INSN_CALL:
	case MT_INSN_JUMP:
		return next_of_branch(decoded, flow);
	case MT_INSN_RET:
		return MT_FLOW_ELSEWHERE;
	default:
		return MT_FLOW_ON;
	}
}

/* ---- What it makes of the registers -------------------------------------- */

static uint32_t registers_written(const struct mt_decoded *decoded)
{
	uint32_t written = 0;

	for (size_t i = 0; i < decoded->insn.operand_count; i++) {
		const ZydisDecodedOperand *operand = &decoded->operands[i];
		uint8_t reg;

		if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER ||
		    !(operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		reg = mt_decoded_reg(operand->reg.value);
		if (reg < MT_REG_RIP)
			written |= UINT32_C(1) << reg;
	}
	return written;
}

static bool writes_flags(const ZydisDecodedInstruction *insn)
{
	const ZydisAccessedFlags *flags = insn->cpu_flags;

	return flags && (flags->modified | flags->set_0 | flags->set_1 | flags->undefined);
}

static bool is_vector(const ZydisDecodedOperand *operand)
{
	if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER)
		return false;
	switch (ZydisRegisterGetClass(operand->reg.value)) {
	case ZYDIS_REGCLASS_X87:
	case ZYDIS_REGCLASS_MMX:
	case ZYDIS_REGCLASS_XMM:
	case ZYDIS_REGCLASS_YMM:
	case ZYDIS_REGCLASS_ZMM:
	case ZYDIS_REGCLASS_TMM:
	case ZYDIS_REGCLASS_MASK:
		return true;
	default:
		return false;
	}
}

/* What does it to all of them (vzeroupper, emms, fninit) has no such operands. */
static bool writes_vectors(const struct mt_decoded *decoded)
{
	bool has_any = false;

	for (size_t i = 0; i < decoded->insn.operand_count; i++) {
		const ZydisDecodedOperand *operand = &decoded->operands[i];

		has_any = has_any || is_vector(operand);
		if (is_vector(operand) && operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
			return true;
	}
	return decoded->insn.meta.category == ZYDIS_CATEGORY_X87_ALU ||
	       decoded->insn.meta.category == ZYDIS_CATEGORY_MMX ||
	       (!has_any && decoded->insn.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY);
}

/* All of a register, or its lower half, which takes the upper one with it. */
static bool is_whole(const ZydisDecodedOperand *operand)
{
	return operand->type == ZYDIS_OPERAND_TYPE_REGISTER && operand->size >= 32 &&
	       mt_decoded_reg(operand->reg.value) < MT_REG_RIP;
}

static struct mt_flow_sum sum_in(const ZydisDecodedOperand *target)
{
	return (struct mt_flow_sum){
		.reg = mt_decoded_reg(target->reg.value),
		.base = MT_REG_NONE,
		.index = MT_REG_NONE,
		.scale = 1,
		.size = (uint8_t)(target->size / 8),
	};
}

static void add(const ZydisDecodedOperand *target, const ZydisDecodedOperand *source,
                bool subtracts, struct mt_flow_sum *sum)
{
	if (source->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
		*sum = sum_in(target);
		sum->disp = subtracts ? (int64_t)-source->imm.value.u : source->imm.value.s;
		sum->base = sum->reg;
	} else if (is_whole(source) && !subtracts) {
		*sum = sum_in(target);
		sum->base = sum->reg;
		sum->index = mt_decoded_reg(source->reg.value);
	}
}

static void move(const ZydisDecodedOperand *target, const ZydisDecodedOperand *source,
                 struct mt_flow_sum *sum)
{
	if (source->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
		*sum = sum_in(target);
		sum->disp = source->imm.value.s;
	} else if (is_whole(source)) {
		*sum = sum_in(target);
		sum->base = mt_decoded_reg(source->reg.value);
	}
}

static void load_address(const struct mt_decoded *decoded, struct mt_flow_sum *sum)
{
	const ZydisDecodedOperandMem *mem = &decoded->operands[1].mem;

	if (decoded->insn.address_width < decoded->operands[0].size)
		return;
	*sum = sum_in(&decoded->operands[0]);
	sum->base = mt_decoded_reg(mem->base);
	sum->index = mt_decoded_reg(mem->index);
	sum->scale = mem->scale;
	sum->disp = mem->disp.value;
}

static void clear(const ZydisDecodedOperand *target, const ZydisDecodedOperand *source,
                  struct mt_flow_sum *sum)
{
	if (source->type == ZYDIS_OPERAND_TYPE_REGISTER && source->reg.value == target->reg.value)
		*sum = sum_in(target);
}

static struct mt_flow_sum sum_of(const struct mt_decoded *decoded)
{
	const ZydisDecodedOperand *target = &decoded->operands[0], *source = target + 1;
	const ZydisDecodedOperand one = { .type = ZYDIS_OPERAND_TYPE_IMMEDIATE, .imm.value.s = 1 };
	struct mt_flow_sum sum = { .reg = MT_REG_NONE };

	if (!is_whole(target))
		return sum;
	switch (decoded->insn.mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
		move(target, source, &sum);
		break;
	case ZYDIS_MNEMONIC_LEA:
		load_address(decoded, &sum);
		break;
	case ZYDIS_MNEMONIC_ADD:
		add(target, source, false, &sum);
		break;
	case ZYDIS_MNEMONIC_SUB:
		add(target, source, true, &sum);
		break;
	case ZYDIS_MNEMONIC_INC:
		add(target, &one, false, &sum);
		break;
	case ZYDIS_MNEMONIC_DEC:
		add(target, &one, true, &sum);
		break;
	case ZYDIS_MNEMONIC_XOR:
		clear(target, source, &sum);
		break;
	default:
		break;
	}
	return sum;
}

/* What is done to the stack pointer besides what the operands say. */
static struct mt_flow_sum stack_sum(const struct mt_decoded *decoded)
{
	struct mt_flow_sum sum = { .reg = MT_REG_NONE };
	int64_t movement = mt_decoded_stack_movement(decoded);

	if (!movement && decoded->insn.mnemonic != ZYDIS_MNEMONIC_LEAVE)
		return sum;
	sum = (struct mt_flow_sum){
		.reg = MT_REG_RSP,
		.base = movement ? MT_REG_RSP : MT_REG_RBP,
		.index = MT_REG_NONE,
		.scale = 1,
		.size = decoded->insn.stack_width / 8,
		.disp = movement ? movement : decoded->insn.stack_width / 8,
	};
	return sum;
}

/* pop %rsp leaves there what it has read. */
static bool pops_stack_pointer(const struct mt_decoded *decoded)
{
	const ZydisDecodedOperand *first = &decoded->operands[0];

	return decoded->insn.meta.category == ZYDIS_CATEGORY_POP &&
	       first->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       mt_decoded_reg(first->reg.value) == MT_REG_RSP;
}

static void fill_registers(const struct mt_decoded *decoded, struct mt_flow *flow)
{
	flow->writes = registers_written(decoded);
	flow->writes_flags = writes_flags(&decoded->insn);
	flow->writes_vectors = writes_vectors(decoded);
	flow->sum = sum_of(decoded);
	if (flow->sum.reg == MT_REG_NONE && !pops_stack_pointer(decoded))
		flow->sum = stack_sum(decoded);
}

/* ---- All of it ----------------------------------------------------------- */

bool mt_flow_decode(enum mt_machine machine, const uint8_t *code, size_t len, uint64_t addr,
                    struct mt_flow *flow)
{
	struct mt_decoded decoded;
	struct mt_flow result = { .target_reg = MT_REG_NONE };

	if (!mt_decoded_read(machine, code, len, addr, &decoded, &result.insn))
		return false;
	result.next = (uint8_t)next_of(&decoded, &result);
	fill_registers(&decoded, &result);
	*flow = result;
	return true;
}
