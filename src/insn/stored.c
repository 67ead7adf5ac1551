/* SPDX-License-Identifier: MIT */
#include "insn/insn.h"

/* The value that was stored, in its low bytes. */
static uint64_t stored_value(const struct mt_insn_source *source, const struct mt_regs *after)
{
	if (source->kind == MT_INSN_FROM_IMMEDIATE)
		return source->imm;
	return after->r[source->reg] >> source->shift;
}

bool mt_insn_stored(const struct mt_insn *insn, const struct mt_regs *after, uint64_t addr,
                    size_t len, uint8_t *value)
{
	const struct mt_insn_source *source = &insn->source;
	uint64_t start;
	size_t mem = 0;
	bool replaced = false;

	if (source->kind == MT_INSN_FROM_MEMORY)
		return false;
	while (!(insn->mem[mem].access & MT_INSN_WRITE))
		mem++;
	if (!mt_insn_mem_addr_after(insn, mem, after, &start))
		return false;

	uint64_t stored = stored_value(source, after);

	for (unsigned i = 0; i < source->size; i++) {
		uint64_t place = start + i - addr;

		if (place >= len)
			continue;
		value[place] = (uint8_t)(stored >> (8 * i));
		replaced = true;
	}
	return replaced;
}
