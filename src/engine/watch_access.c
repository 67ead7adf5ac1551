/* SPDX-License-Identifier: MIT */
/* Which instruction has touched a range of memory, and what it did to it. */
#include "engine/engine_private.h"

/* ---- What mt_culprit_find() asks for ------------------------------------- */

static size_t read_code(void *arg, uint64_t addr, void *out, size_t len)
{
	const struct mt_thread *thread = arg;

	return mt_proc_read_some(thread->proc, addr, out, len);
}

static uint64_t function_start(void *arg, uint64_t pc)
{
	const struct mt_thread *thread = arg;
	uint64_t start, end;

	return mt_image_function_bounds(mt_proc_memory(thread->proc)->image, pc, &start, &end)
	           ? start
	           : 0;
}

/* A trap's pc is just behind the culprit, which may be the last instruction of its function. */
static uint64_t start_for_trap(struct mt_thread *thread)
{
	uint64_t pc = thread->regs.rip;
	uint64_t at = function_start(thread, pc), before;

	if (at && at != pc)
		return at;
	before = function_start(thread, pc - 1);
	return before ? before : at;
}

/* ---- Finding it ---------------------------------------------------------- */

static void resolve(const struct mt_thread *thread, struct mt_insn *insn)
{
	mt_insn_resolve_segment(insn, 'f', thread->regs.fs_base);
	mt_insn_resolve_segment(insn, 'g', thread->regs.gs_base);
}

/* A filter holds what the kernel writes too; the thread then stands behind its system call. */
static bool is_behind_syscall(const struct mt_thread *thread)
{
	uint8_t code[2];

	return thread->decided == MT_PENDING_WATCH && (int64_t)thread->regs.orig_rax >= 0 &&
	       mt_proc_read_some(thread->proc, thread->regs.rip - 2, code, 2) == 2 &&
	       mt_trap_is_syscall(code);
}

/* Otherwise the one that ends where the thread stands, as far as that can be told. */
static void find_behind(const struct mt_culprit_query *query, struct mt_watch_doer *doer)
{
	struct mt_culprit culprit;

	mt_culprit_find(query, &culprit);
	if (culprit.how == MT_CULPRIT_UNKNOWN) {
		if (is_behind_syscall(query->arg))
			doer->who = MT_WATCH_BY_SYSCALL;
		return;
	}
	doer->insn = culprit.insn;
	doer->who = MT_WATCH_BY_INSN;
}

/* After a step it is the instruction that was stepped. */
void mt_watch_find_stepped(struct mt_thread *thread, struct mt_watch_doer *doer)
{
	*doer = (struct mt_watch_doer){ .who = MT_WATCH_BY_UNKNOWN };
	if (!mt_proc_decode(thread->proc, thread->stepped_pc, &doer->insn))
		return;
	doer->who = doer->insn.klass == MT_INSN_SYSCALL ? MT_WATCH_BY_SYSCALL : MT_WATCH_BY_INSN;
}

/* A step tells it exactly where all registers before it were kept. */
static unsigned stepped_did(struct mt_thread *thread, const struct mt_insn *insn,
                            const struct mt_regs *after, uint64_t addr, uint64_t len)
{
	struct mt_regs before;

	if (!thread->knows_before)
		return mt_insn_touched(insn, after, addr, (size_t)len);
	mt_regs_from_user(&thread->before, &before);
	return mt_insn_will_touch(insn, &before, thread->knows_state ? &thread->before_state : NULL,
	                          addr, (size_t)len);
}

/* ---- What it did ---------------------------------------------------------- */

/* Whether its one operand's elements that a mask lets through are elsewhere. The mask is the one
 * after the instruction, where that is the same. */
static bool is_masked_out(struct mt_thread *thread, const struct mt_insn *insn,
                          const struct mt_regs *after, uint64_t addr, uint64_t len)
{
	const struct mt_insn_mem *mem = &insn->mem[0];
	struct mt_insn_state state;
	uint64_t start;

	return insn->mem_count == 1 && mem->mask && mem->mask_kept &&
	       mt_insn_mem_addr_after(insn, 0, after, &start) &&
	       mt_thread_insn_state(thread, insn, &state) &&
	       !mt_insn_mask_touches(mem, state.mask, start, addr, (size_t)len);
}

#define COPIED_AT_ONCE 256
#define DF (1u << 10)

/* What a rep movs may have gone over before it trapped: its source and its target. */
struct copied {
	bool down;
	uint64_t start[2]; /* of the operands, in their order */
	uint8_t bytes[2][COPIED_AT_ONCE];
};

static bool read_copied(struct mt_thread *thread, const struct mt_insn *insn,
                        const struct mt_regs *after, struct copied *copied)
{
	copied->down = after->r[MT_REG_RFLAGS] & DF;
	for (size_t i = 0; i < 2; i++) {
		uint64_t *start = &copied->start[i];

		if (!mt_insn_mem_addr_after(insn, i, after, start))
			return false;
		*start += copied->down ? 0 : insn->mem[i].size - COPIED_AT_ONCE;
		if (mt_proc_read_some(thread->proc, *start, copied->bytes[i], COPIED_AT_ONCE) !=
		    COPIED_AT_ONCE)
			return false;
	}
	return true;
}

/* Whether what it has read was written over afterwards, as by a memmove() to a lower address. */
static bool has_lost_source(const struct mt_insn *insn, const struct copied *copied)
{
	size_t target = insn->mem[0].access & MT_INSN_WRITE ? 0 : 1;
	uint64_t ahead = copied->start[target] - copied->start[1 - target];
	uint64_t size = insn->mem[0].size;

	return (copied->down ? ahead : -ahead) < COPIED_AT_ONCE || ahead < size || -ahead < size;
}

/*
 * Where both what it has read and what it has written there are watched, it has touched what it can
 * have copied: as far back as the two are the same. 0: that cannot be told.
 */
static unsigned copied_did(struct mt_thread *thread, const struct mt_insn *insn,
                           const struct mt_regs *after, uint64_t addr, uint64_t len)
{
	struct copied copied;
	unsigned did = 0;

	if (!read_copied(thread, insn, after, &copied) || has_lost_source(insn, &copied))
		return 0;
	for (size_t n = 0; n < COPIED_AT_ONCE; n++) {
		size_t at = copied.down ? n : COPIED_AT_ONCE - 1 - n;

		if (copied.bytes[0][at] != copied.bytes[1][at])
			break;
		for (size_t i = 0; i < 2; i++)
			if (copied.start[i] + at - addr < len)
				did |= insn->mem[i].access;
	}
	return did;
}

/* A repetition of reads and writes that has stopped late: its first elements are not known, and
 * both may have been there. */
static void find_copied(struct mt_thread *thread, const struct mt_regs *after, uint64_t addr,
                        uint64_t len, enum mt_dr_kind kind, struct mt_watch_doer *doer)
{
	enum mt_dr_written written = mt_hw_written(thread, addr, len);
	unsigned copied;

	if (kind == MT_DR_WRITE || written == MT_DR_WRITTEN) {
		doer->did = MT_INSN_WRITE; /* that is certain */
		return;
	}
	if (written == MT_DR_NOT_WRITTEN) {
		doer->did = MT_INSN_READ;
		return;
	}
	copied = copied_did(thread, &doer->insn, after, addr, len);
	doer->maybe_less = !copied;
	if (copied)
		doer->did = copied;
}

/* From what there is after it, and told exactly by a step where all registers before it are kept.
 */
static void find_did(struct mt_thread *thread, const struct mt_regs *after, uint64_t addr,
                     uint64_t len, enum mt_dr_kind kind, struct mt_watch_doer *doer)
{
	const struct mt_insn *insn = &doer->insn;
	bool stepped = thread->how == MT_RESUME_STEP;
	unsigned did = stepped ? stepped_did(thread, insn, after, addr, len)
	                       : mt_insn_touched(insn, after, addr, (size_t)len);
	bool exactly = stepped && thread->knows_before;

	if (!did || (!exactly && is_masked_out(thread, insn, after, addr, len)))
		return;
	doer->did = did;
	if (!stepped && insn->rep && insn->mem_count == 2 && did == (MT_INSN_READ | MT_INSN_WRITE))
		find_copied(thread, after, addr, len, kind, doer);
}

void mt_watch_find_doer(struct mt_thread *thread, uint64_t addr, uint64_t len, enum mt_dr_kind kind,
                        struct mt_watch_doer *doer)
{
	const struct mt_proc *memory = mt_proc_memory(thread->proc);
	struct mt_regs after;
	struct mt_culprit_query query = {
		.machine = mt_image_machine(memory->image),
		.after = &after,
		.watch_addr = addr,
		.watch_len = len,
		.access = kind == MT_DR_WRITE ? MT_INSN_WRITE : MT_INSN_READ | MT_INSN_WRITE,
		.read_code = read_code,
		.read_data = read_code,
		.start_of = function_start,
		.arg = thread,
	};

	*doer = (struct mt_watch_doer){ .who = MT_WATCH_BY_UNKNOWN };
	mt_regs_from_user(&thread->regs, &after);
	if (thread->how == MT_RESUME_STEP) {
		mt_watch_find_stepped(thread, doer);
	} else {
		query.function_start = start_for_trap(thread);
		find_behind(&query, doer);
	}
	if (doer->who != MT_WATCH_BY_INSN)
		return;
	resolve(thread, &doer->insn);
	find_did(thread, &after, addr, len, kind, doer);
}
