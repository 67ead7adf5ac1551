/* SPDX-License-Identifier: MIT */
/*
 * Straight code of a line is run through to a breakpoint at its end, not stepped: a stop for each
 * instruction costs some ten thousand times what the instruction does.
 */
#include "engine/engine_private.h"

/* Lines are rarely longer, and what follows is stepped the same way. */
#define MAX_BYTES 256u

bool mt_straight_end(struct mt_proc *proc, uint64_t pc, uint64_t end, struct mt_insn *insn)
{
	enum mt_machine machine = mt_proc_machine(proc);
	uint8_t code[MAX_BYTES];
	size_t len = mt_proc_read_some(proc, pc, code, sizeof(code)), at = 0;

	if (!mt_insn_decode(machine, code, len, pc, insn))
		return false;
	while (insn->straight && insn->addr < end) {
		struct mt_insn next;

		at += insn->len;
		if (!mt_insn_decode(machine, code + at, len - at, pc + at, &next))
			break;
		*insn = next;
	}
	return true;
}
