/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "insn/decoded.h"

static enum mt_insn_syntax syntax = MT_INSN_ATT;

void mt_insn_set_syntax(enum mt_insn_syntax wanted)
{
	syntax = wanted;
}

static void formatter_init(ZydisFormatter *formatter)
{
	static const ZydisFormatterProperty unpadded[] = {
		ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE,
		ZYDIS_FORMATTER_PROP_ADDR_PADDING_RELATIVE,
		ZYDIS_FORMATTER_PROP_DISP_PADDING,
		ZYDIS_FORMATTER_PROP_IMM_PADDING,
	};

	ZydisFormatterInit(formatter, syntax == MT_INSN_ATT ? ZYDIS_FORMATTER_STYLE_ATT
	                                                    : ZYDIS_FORMATTER_STYLE_INTEL);
	for (size_t i = 0; i < sizeof(unpadded) / sizeof(*unpadded); i++)
		ZydisFormatterSetProperty(formatter, unpadded[i], ZYDIS_PADDING_DISABLED);
	ZydisFormatterSetProperty(formatter, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE);
	ZydisFormatterSetProperty(formatter, ZYDIS_FORMATTER_PROP_FORCE_RELATIVE_RIPREL, ZYAN_TRUE);
}

/* The assembler marks the operand of an indirect branch with a star, which Zydis leaves out. */
static void mark_indirect(const struct mt_insn *insn, char *text, size_t size)
{
	char *operand = strrchr(text, ' ');
	size_t len = strlen(text);

	if (insn->klass != MT_INSN_CALL && insn->klass != MT_INSN_JUMP)
		return;
	if (insn->direct || !operand || len + 1 >= size)
		return;
	memmove(operand + 2, operand + 1, len - (size_t)(operand - text));
	operand[1] = '*';
}

/* What a rip-relative operand amounts to, as gdb and objdump note it. */
static void note_address(const struct mt_decoded *decoded, const struct mt_insn *insn, char *text,
                         size_t size)
{
	size_t len = strlen(text);
	ZyanU64 addr;

	for (size_t i = 0; i < decoded->insn.operand_count_visible; i++) {
		const ZydisDecodedOperand *operand = &decoded->operands[i];

		if (operand->type != ZYDIS_OPERAND_TYPE_MEMORY ||
		    mt_decoded_reg(operand->mem.base) != MT_REG_RIP ||
		    !ZYAN_SUCCESS(
		        ZydisCalcAbsoluteAddress(&decoded->insn, operand, insn->addr, &addr)))
			continue;
		snprintf(text + len, size - len, "  # 0x%" PRIx64, (uint64_t)addr);
		return;
	}
}

void mt_decoded_text(const struct mt_decoded *decoded, struct mt_insn *insn)
{
	ZydisFormatter formatter;
	char text[256];

	formatter_init(&formatter);
	if (!ZYAN_SUCCESS(ZydisFormatterFormatInstruction(
	        &formatter, &decoded->insn, decoded->operands, decoded->insn.operand_count_visible,
	        text, sizeof(text), insn->addr, NULL)))
		snprintf(text, sizeof(text), "%s", ZydisMnemonicGetString(decoded->insn.mnemonic));
	if (syntax == MT_INSN_ATT)
		mark_indirect(insn, text, sizeof(text));
	note_address(decoded, insn, text, sizeof(text));
	snprintf(insn->text, sizeof(insn->text), "%s", text);
}
