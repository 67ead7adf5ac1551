/* SPDX-License-Identifier: MIT */
#include "self/report.h"

#include <string.h>

#define A_LINE 3

/* In the order that people know: by letter, not by number. */
static const uint8_t shown[] = {
	MT_REG_RAX, MT_REG_RBX, MT_REG_RCX, MT_REG_RDX, MT_REG_RSI,
	MT_REG_RDI, MT_REG_RBP, MT_REG_RSP, MT_REG_RIP,
#ifdef __x86_64__
	MT_REG_R8,  MT_REG_R9,  MT_REG_R10, MT_REG_R11, MT_REG_R12,
	MT_REG_R13, MT_REG_R14, MT_REG_R15,
#endif
};

/* Intel SDM volume 1, 3.4.3. */
static const struct flag {
	uint32_t bit;
	char name[3];
} flags[] = {
	{ 1 << 0, "CF" }, { 1 << 2, "PF" }, { 1 << 4, "AF" },  { 1 << 6, "ZF" },  { 1 << 7, "SF" },
	{ 1 << 8, "TF" }, { 1 << 9, "IF" }, { 1 << 10, "DF" }, { 1 << 11, "OF" },
};

static void say_register(struct mt_say *say, const struct mt_regs *regs, uint8_t reg)
{
	const char *name = mt_reg_name(reg);

	/* "r8  00…", and on i386 "eax 00…". */
	mt_say_text(say, sizeof(long) == 4 ? "e" : "r");
	mt_say_text(say, name + 1);
	mt_say_text(say, strlen(name) == 2 ? "  " : " ");
	mt_say_digits(say, regs->r[reg], 16, 2 * sizeof(long));
}

static void say_flags(struct mt_say *say, uint64_t eflags)
{
	mt_say_text(say, MT_INDENT "eflags ");
	mt_say_hex(say, eflags, 1);
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		if (!(eflags & flags[i].bit))
			continue;
		mt_say_text(say, " ");
		mt_say_text(say, flags[i].name);
	}
	mt_say_text(say, "\n");
}

void mt_report_registers(struct mt_say *say, const struct mt_regs *regs)
{
	for (size_t i = 0; i < sizeof(shown); i++) {
		mt_say_text(say, i % A_LINE ? "  " : MT_INDENT);
		say_register(say, regs, shown[i]);
		if (i % A_LINE == A_LINE - 1 || i + 1 == sizeof(shown))
			mt_say_text(say, "\n");
	}
	say_flags(say, regs->r[MT_REG_RFLAGS]);
}
