/* SPDX-License-Identifier: MIT */
#include "self/registers.h"

#include <errno.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>

#include "self/raw.h"

#define DR6 6
#define DR7 7

/* ---- Which register holds what ------------------------------------------- */

static bool register_holds(const struct mt_registers *registers, unsigned index,
                           const struct mt_piece *piece)
{
	enum mt_dr_kind kind;
	unsigned len;

	return mt_dr7_decode(registers->dr7, index, &kind, &len) &&
	       registers->addr[index] == piece->range.addr && len == piece->range.len &&
	       kind == piece->kind;
}

static bool register_free(const struct mt_registers *registers, unsigned index)
{
	enum mt_dr_kind kind;
	unsigned len;

	return !mt_dr7_decode(registers->dr7, index, &kind, &len);
}

bool mt_registers_hold(const struct mt_registers *registers, const struct mt_piece *piece)
{
	for (unsigned i = 0; i < MT_DR_COUNT; i++)
		if (register_holds(registers, i, piece))
			return true;
	return false;
}

bool mt_registers_add(struct mt_registers *registers, const struct mt_piece *piece)
{
	if (mt_registers_hold(registers, piece))
		return true;
	for (unsigned i = 0; i < MT_DR_COUNT; i++) {
		if (!register_free(registers, i))
			continue;
		registers->addr[i] = piece->range.addr;
		registers->dr7 = mt_dr7_enable(registers->dr7, i, piece->kind, piece->range.len);
		return true;
	}
	return false;
}

void mt_registers_remove(struct mt_registers *registers, const struct mt_piece *piece)
{
	for (unsigned i = 0; i < MT_DR_COUNT; i++)
		if (register_holds(registers, i, piece))
			registers->dr7 = mt_dr7_disable(registers->dr7, i);
}

/* ---- A stopped thread ---------------------------------------------------- */

static long offset_of(unsigned index)
{
	return MT_ARG(offsetof(struct user, u_debugreg) +
	              index * sizeof(((struct user *)0)->u_debugreg[0]));
}

static int peek(pid_t tid, unsigned index, uint64_t *value)
{
	unsigned long word = 0;
	long result = mt_raw(SYS_ptrace, PTRACE_PEEKUSER, tid, offset_of(index), MT_ARG(&word), 0);

	if (result == 0)
		*value = word;
	return (int)result;
}

static int poke(pid_t tid, unsigned index, uint64_t value)
{
	return (int)mt_raw(SYS_ptrace, PTRACE_POKEUSER, tid, offset_of(index), MT_ARG(value), 0);
}

/*
 * A thread is born with a copy of its parent's DR7 as ptrace shows it, and with none of the
 * breakpoints: their addresses read as 0 (arch/x86/kernel/process.c, copy_thread() clears
 * ptrace_bps and not ptrace_dr7).
 */
int mt_registers_read(pid_t tid, struct mt_registers *registers)
{
	struct mt_registers found = { 0 };
	int error = peek(tid, DR7, &found.dr7);

	for (unsigned i = 0; i < MT_DR_COUNT && !error; i++) {
		if (register_free(&found, i))
			continue;
		error = peek(tid, i, &found.addr[i]);
		if (found.addr[i] == 0)
			found.dr7 = mt_dr7_disable(found.dr7, i);
	}
	if (!error)
		*registers = found;
	return error;
}

static bool same_register(const struct mt_registers *a, const struct mt_registers *b,
                          unsigned index)
{
	uint64_t field = mt_dr7_disable(~UINT64_C(0), index);

	return (a->dr7 | field) == (b->dr7 | field) && a->addr[index] == b->addr[index];
}

/*
 * The kernel checks each write against what the register's other fields say at that moment, also
 * while it is disabled: an address must be aligned to the length that stands in DR7. So registers
 * that change are emptied first.
 */
int mt_registers_write(pid_t tid, const struct mt_registers *from, const struct mt_registers *to)
{
	uint64_t kept = from->dr7;
	int error = 0;

	for (unsigned i = 0; i < MT_DR_COUNT; i++)
		if (!same_register(from, to, i) || register_free(to, i))
			kept = mt_dr7_disable(kept, i);
	if (kept != from->dr7)
		error = poke(tid, DR7, kept);
	for (unsigned i = 0; i < MT_DR_COUNT && !error; i++)
		if (!same_register(from, to, i) && !register_free(to, i))
			error = poke(tid, i, to->addr[i]);
	if (!error && to->dr7 != kept)
		error = poke(tid, DR7, to->dr7);
	return error;
}

unsigned mt_registers_fired(pid_t tid)
{
	uint64_t dr6 = 0;

	peek(tid, DR6, &dr6);
	return mt_dr6_hits(dr6);
}
