/* SPDX-License-Identifier: MIT */
/* Instructions as people read them, and what their operands hold. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "cli/debug/show.h"

struct mt_error *mt_insn_read(struct mt_shell *shell, uint64_t addr, struct mt_insn *insn)
{
	uint8_t code[MT_INSN_MAX_LEN];
	size_t len = sizeof(code);
	struct mt_error *error;

	/* The last instruction of a mapping is shorter than the longest one. */
	while ((error = mt_shell_read_memory(shell, addr, code, len)) && len > 1) {
		mt_error_free(error);
		len--;
	}
	MT_TRY(error);
	if (!mt_insn_decode(mt_shell_machine(shell), code, len, addr, insn))
		return mt_error_new(MT_ERR_FORMAT, "the bytes at 0x%" PRIx64 " are no instruction",
		                    addr);
	return NULL;
}

void mt_insn_show(struct mt_shell *shell, const struct mt_insn *insn, uint64_t pc)
{
	mt_say(shell, "%s%s0x%" PRIx64 "%s", insn->addr == pc ? "=> " : "   ",
	       mt_paint(shell, MT_PAINT_ADDRESS), insn->addr, mt_paint(shell, MT_PAINT_NONE));
	mt_symbol_show(shell, insn->addr, &shell->out);
	mt_say(shell, ":\t%s%s%s", insn->addr == pc ? mt_paint(shell, MT_PAINT_HERE) : "",
	       insn->text, insn->addr == pc ? mt_paint(shell, MT_PAINT_NONE) : "");
	if (insn->direct)
		mt_symbol_show(shell, insn->target, &shell->out);
}

/* ---- Operands -------------------------------------------------------------- */

static void separate(struct mt_buf *out, size_t begin)
{
	if (out->len > begin)
		mt_buf_text(out, ", ");
}

/* The registers that the text names, each once: the operands in any syntax. */
static void show_registers(const char *text, const struct mt_regs *regs, struct mt_buf *out,
                           size_t begin)
{
	uint32_t seen = 0;

	text += strcspn(text, " \t"); /* the mnemonic may be called as a register is */
	while (*text) {
		const struct mt_reg_part *part;
		char name[8] = "";
		size_t len = 0;

		while (isalnum((unsigned char)text[len]))
			len++;
		if (len && len < sizeof(name))
			memcpy(name, text, len);
		part = *name ? mt_reg_part_find(name) : NULL;
		if (part && part->reg != MT_REG_RIP && !(seen & 1u << part->reg)) {
			seen |= 1u << part->reg;
			separate(out, begin);
			mt_buf_printf(out, "%s = 0x%" PRIx64, name, mt_reg_part_get(regs, part));
		}
		text += len ? len : 1;
	}
}

static void show_memory(struct mt_shell *shell, const struct mt_insn *insn, size_t i,
                        const struct mt_regs *regs, struct mt_buf *out, size_t begin)
{
	const struct mt_insn_mem *mem = &insn->mem[i];
	uint8_t bytes[8] = { 0 };
	struct mt_error *error;
	uint64_t addr;

	if (!mt_insn_mem_addr_before(insn, i, regs, &addr))
		return;
	separate(out, begin);
	mt_buf_printf(out, "0x%" PRIx64, addr);
	mt_symbol_show(shell, addr, out);
	if (!mem->size || mem->size > sizeof(bytes))
		return;
	error = mt_shell_read_memory(shell, addr, bytes, mem->size);
	if (error) {
		mt_buf_text(out, ": cannot be read");
		mt_error_free(error);
		return;
	}
	mt_buf_text(out, ": ");
	mt_number_show(shell, 'x', bytes, mem->size, false, out);
}

/* Whether a conditional jump is taken: the letters after "j" are a condition of Intel SDM volume 1,
 * appendix B. -1: it is none of these. */
static int is_taken(const char *text, uint64_t flags)
{
	static const struct {
		const char *name;
		char condition; /* in pairs: the second is the first turned over */
	} conditions[] = {
		{ "jo", 0 },   { "jno", 1 },   { "jb", 2 },   { "jnb", 3 },  { "jae", 3 },
		{ "jz", 4 },   { "je", 4 },    { "jnz", 5 },  { "jne", 5 },  { "jbe", 6 },
		{ "ja", 7 },   { "jnbe", 7 },  { "js", 8 },   { "jns", 9 },  { "jp", 10 },
		{ "jnp", 11 }, { "jl", 12 },   { "jnl", 13 }, { "jge", 13 }, { "jle", 14 },
		{ "jg", 15 },  { "jnle", 15 },
	};
	bool carry = flags & 1, parity = flags >> 2 & 1, zero = flags >> 6 & 1,
	     sign = flags >> 7 & 1;
	bool overflow = flags >> 11 & 1;
	const bool holds[] = { overflow,
		               carry,
		               zero,
		               carry || zero,
		               sign,
		               parity,
		               sign != overflow,
		               zero || sign != overflow };
	size_t len = strcspn(text, " \t");

	for (size_t i = 0; i < sizeof(conditions) / sizeof(*conditions); i++)
		if (strlen(conditions[i].name) == len && !memcmp(conditions[i].name, text, len))
			return holds[conditions[i].condition / 2] != (conditions[i].condition & 1);
	return -1;
}

void mt_operands_show(struct mt_shell *shell, const struct mt_insn *insn,
                      const struct mt_regs *regs, struct mt_buf *out)
{
	int taken = is_taken(insn->text, regs->r[MT_REG_RFLAGS]);
	size_t begin = out->len;

	show_registers(insn->text, regs, out, begin);
	for (size_t i = 0; i < insn->mem_count; i++)
		show_memory(shell, insn, i, regs, out, begin);
	if (taken >= 0) {
		separate(out, begin);
		mt_buf_text(out, taken ? "taken" : "not taken");
	}
}
