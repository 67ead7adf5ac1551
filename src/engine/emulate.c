/* SPDX-License-Identifier: MIT */
/* Instructions carried out in the thread's registers: branches, and popf. */
#include <signal.h>
#include <string.h>

#include "engine/engine_private.h"
#include "insn/condition.h"
#include "target/process.h"
#include "target/step.h"

#define ZF (1U << 6)

/* Hints of old processors, and the prefix of branches that are not tracked (CET). */
static bool is_hint(uint8_t prefix)
{
	return prefix == 0x2e || prefix == 0x3e || prefix == 0xf2;
}

/* Of addresses, and of what is pushed. */
static size_t word_of(struct mt_thread *thread)
{
	return mt_machine_word(mt_proc_machine(thread->proc));
}

static uint64_t in_word(uint64_t value, size_t word)
{
	return word == sizeof(uint32_t) ? (uint32_t)value : value;
}

/* loopne, loope, loop, jrcxz. */
static bool is_loop_taken(uint8_t opcode, struct user_regs_struct *regs, size_t word)
{
	if (opcode == 0xe3)
		return regs->rcx == 0;
	regs->rcx = in_word(regs->rcx - 1, word);
	if (opcode == 0xe2)
		return regs->rcx != 0;
	return regs->rcx != 0 && !!(regs->eflags & ZF) == (opcode == 0xe1);
}

static bool jump(struct user_regs_struct *regs, const struct mt_insn *insn, size_t word)
{
	uint64_t next = insn->addr + insn->len;
	const uint8_t *code = insn->bytes;
	bool taken;

	while (is_hint(*code))
		code++;
	if (*code == 0xe9 || *code == 0xeb)
		taken = true;
	else if (*code >> 4 == 7)
		taken = mt_condition_met(*code & 15, regs->eflags);
	else if (code[0] == 0x0f && code[1] >> 4 == 8)
		taken = mt_condition_met(code[1] & 15, regs->eflags);
	else if (*code >= 0xe0 && *code <= 0xe3)
		taken = is_loop_taken(*code, regs, word);
	else
		return false;
	regs->rip = taken ? insn->target : in_word(next, word);
	return true;
}

/* call *%reg: the register; MT_REG_NONE: it is another form. */
static enum mt_reg called_register(const struct mt_insn *insn, size_t word)
{
	static const enum mt_reg by_number[] = { MT_REG_RAX, MT_REG_RCX, MT_REG_RDX, MT_REG_RBX,
		                                 MT_REG_RSP, MT_REG_RBP, MT_REG_RSI, MT_REG_RDI,
		                                 MT_REG_R8,  MT_REG_R9,  MT_REG_R10, MT_REG_R11,
		                                 MT_REG_R12, MT_REG_R13, MT_REG_R14, MT_REG_R15 };
	const uint8_t *code = insn->bytes;
	unsigned extended = 0;

	while (is_hint(*code))
		code++;
	if (word == sizeof(uint64_t) && *code >> 4 == 4)
		extended = (*code++ & 1U) * 8;
	return code[0] == 0xff && (code[1] & 0xf8) == 0xd0 ? by_number[extended + (code[1] & 7)]
	                                                   : MT_REG_NONE;
}

static bool read_target(struct mt_thread *thread, const struct mt_insn *call, uint64_t *target)
{
	size_t word = word_of(thread);
	struct mt_insn insn = *call;
	struct mt_regs regs;
	uint64_t place;
	struct mt_error *error;

	mt_regs_from_user(&thread->regs, &regs);
	mt_insn_resolve_segment(&insn, 'f', thread->regs.fs_base);
	mt_insn_resolve_segment(&insn, 'g', thread->regs.gs_base);
	for (size_t i = 0; i < insn.mem_count; i++) {
		if (insn.mem[i].access != MT_INSN_READ || insn.mem[i].size != word)
			continue;
		if (!mt_insn_mem_addr_before(&insn, i, &regs, &place))
			return false;
		*target = 0;
		error = mt_proc_read(thread->proc, place, target, word);
		mt_error_free(error);
		return !error;
	}
	return false;
}

/* Where the call goes; false: it cannot be told from here. */
static bool call_target(struct mt_thread *thread, const struct mt_insn *insn, uint64_t *target)
{
	enum mt_reg reg = called_register(insn, word_of(thread));

	*target = insn->target;
	if (insn->direct)
		return true;
	if (reg == MT_REG_NONE)
		return read_target(thread, insn, target);
	*target = *mt_user_reg(&thread->regs, reg);
	return true;
}

/* With it a call pushes, and keeps, 16 bits; or not, as the processor's maker has it. */
static bool has_operand_prefix(const struct mt_insn *insn)
{
	static const uint8_t prefixes[] = { 0x66, 0x67, 0xf2, 0xf3, 0x2e, 0x3e,
		                            0x26, 0x36, 0x64, 0x65, 0xf0 };

	for (size_t i = 0; i < insn->len; i++) {
		if (insn->bytes[i] == 0x66)
			return true;
		if (!memchr(prefixes, insn->bytes[i], sizeof(prefixes)))
			break;
	}
	return false;
}

static bool call(struct mt_thread *thread, const struct mt_insn *insn)
{
	size_t word = word_of(thread);
	uint64_t next = insn->addr + insn->len, slot = in_word(thread->regs.rsp - word, word);
	uint64_t target;
	struct mt_error *error;

	if (has_operand_prefix(insn) || !call_target(thread, insn, &target))
		return false;
	error = mt_process_write(thread->tid, slot, &next, word);
	mt_error_free(error);
	if (error)
		return false;
	thread->regs.rsp = slot;
	thread->regs.rip = target;
	return true;
}

/* ---- popf ---------------------------------------------------------------- */

#define POPF 0x9d

static size_t popf_size(struct mt_thread *thread, const struct mt_insn *insn)
{
	return mt_step_popf_size(insn->bytes, insn->len, word_of(thread));
}

static bool popf(struct mt_thread *thread, const struct mt_insn *insn)
{
	return mt_step_popf(thread->tid, insn->len, popf_size(thread, insn), &thread->regs);
}

bool mt_emulate(struct mt_thread *thread, const struct mt_insn *insn)
{
	bool done = false;

	if (mt_watches_care(thread, insn))
		return false;
	if (insn->klass == MT_INSN_CALL)
		done = call(thread, insn);
	else if (insn->klass == MT_INSN_JUMP && insn->direct)
		done = jump(&thread->regs, insn, word_of(thread));
	else if (popf_size(thread, insn))
		done = popf(thread, insn);
	thread->regs_changed = thread->regs_changed || done;
	return done;
}

/* ---- Instead of a step --------------------------------------------------- */

static bool may_be_popf(const uint8_t code[2])
{
	return code[0] == POPF || code[1] == POPF;
}

static bool may_be_jump(const uint8_t code[2])
{
	return code[0] >> 4 == 7 || code[0] == 0xe9 || code[0] == 0xeb ||
	       (code[0] == 0x0f && code[1] >> 4 == 8);
}

/* A breakpoint that is still to be hit must be run into. */
static bool is_free_of_breakpoints(struct mt_thread *thread)
{
	const struct mt_site *site = mt_site_find(thread->proc, thread->regs.rip);

	return !(site && site->inserted) && !mt_debugreg_at(thread->proc, thread->regs.rip);
}

static bool is_better_not_stepped(struct mt_thread *thread, const struct mt_insn *insn)
{
	if (insn->klass == MT_INSN_JUMP && insn->direct)
		return !thread->emulated && is_free_of_breakpoints(thread);
	return popf_size(thread, insn);
}

/* A popf that reads what is watched too: that it has been here is told as of any other step. */
static bool carry_out(struct mt_thread *thread, const struct mt_insn *insn)
{
	if (!popf_size(thread, insn))
		return mt_emulate(thread, insn);
	if (!popf(thread, insn))
		return false;
	thread->regs_changed = true;
	return true;
}

bool mt_emulate_step(struct mt_thread *thread)
{
	struct mt_insn insn;

	if ((!may_be_popf(thread->stepped_code) && !may_be_jump(thread->stepped_code)) ||
	    !mt_proc_decode(thread->proc, thread->regs.rip, &insn) ||
	    !is_better_not_stepped(thread, &insn) || !carry_out(thread, &insn))
		return false;
	thread->info.si_code = TRAP_TRACE;
	return true;
}
