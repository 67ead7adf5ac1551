/* SPDX-License-Identifier: MIT */
#include "self/culprit.h"

#include "self/code_cache.h"
#include "self/context.h"
#include "self/frames.h"
#include "self/peek.h"
#include "self/thread.h"

/* The segment whose base is the thread's own data (ELF TLS ABI, 3.4.6 and 3.4.2). */
#define SEGMENT_OF_THREAD (MT_MACHINE_SELF == MT_MACHINE_X86_64 ? 'f' : 'g')

#define FLAG_RF (UINT64_C(1) << 16)

/* ---- Which instruction --------------------------------------------------- */

/* Where to decode from to arrive at `pc`: the nearest start that is known. */
static uint64_t start_for(void *arg, uint64_t pc)
{
	struct mt_insn known;
	uintptr_t start, end;

	if (mt_code_cache_find((uintptr_t)pc, &known))
		return known.addr;
	return mt_function_bounds((uintptr_t)pc, &start, &end) ? start : 0;
}

static size_t read_memory(void *arg, uint64_t addr, void *out, size_t len)
{
	return mt_peek((uintptr_t)addr, out, len);
}

/* Deep stacks of ours, which an alternate one may have no room for: then the answer is unknown. */
#define ROOM_TO_DECODE 8192

static bool find(struct mt_culprit_query *query, struct mt_insn *insn)
{
	struct mt_culprit culprit;

	if (!mt_thread_has_room(ROOM_TO_DECODE))
		return false;
	query->function_start = start_for(NULL, query->after->r[MT_REG_RIP]);
	mt_culprit_find(query, &culprit);
	*insn = culprit.insn;
	if (culprit.how == MT_CULPRIT_DECODED || culprit.how == MT_CULPRIT_CALL)
		mt_code_cache_keep(insn);
	return culprit.how != MT_CULPRIT_UNKNOWN;
}

/*
 * What mt_culprit_find() would say, where it is known already which instruction ends at pc: a
 * thread that was interrupted inside a repetition (RF), or came by a jump, is another matter.
 */
static bool find_known(const struct mt_culprit_query *query, struct mt_insn *insn)
{
	const struct mt_regs *after = query->after;

	if (after->r[MT_REG_RFLAGS] & FLAG_RF)
		return false;
	if (!mt_code_cache_find((uintptr_t)after->r[MT_REG_RIP], insn))
		return false;
	if (insn->klass == MT_INSN_CALL || insn->klass == MT_INSN_JUMP ||
	    insn->klass == MT_INSN_RET)
		return false;
	return mt_insn_touched(insn, after, query->watch_addr, (size_t)query->watch_len) &
	       query->access;
}

bool mt_culprit_of(const struct mt_regs *after, const struct mt_dr_piece *range,
                   enum mt_dr_kind kind, struct mt_insn *insn)
{
	struct mt_culprit_query query = {
		.machine = MT_MACHINE_SELF,
		.after = after,
		.watch_addr = range->addr,
		.watch_len = range->len,
		.access = kind == MT_DR_WRITE ? MT_INSN_WRITE : MT_INSN_READ | MT_INSN_WRITE,
		.read_code = read_memory,
		.read_data = read_memory,
		.start_of = start_for,
	};

	if (!find_known(&query, insn) && !find(&query, insn))
		return false;
	mt_insn_resolve_segment(insn, SEGMENT_OF_THREAD, mt_thread_base());
	return true;
}

/* ---- What it touched ----------------------------------------------------- */

/* What a repeated string instruction went over before it trapped, at most (insn.h). */
#define BATCH 256

struct range {
	uint64_t start, end;
};

static bool overlap(const struct range *a, const struct range *b, struct range *both)
{
	both->start = a->start > b->start ? a->start : b->start;
	both->end = a->end < b->end ? a->end : b->end;
	return both->start < both->end;
}

/* Where the operand accessed last; false: that can't be told. */
static bool place_of(const struct mt_insn *insn, size_t mem, const struct mt_regs *after,
                     struct range *place)
{
	uint32_t size = insn->mem[mem].size;

	if (!size || !mt_insn_mem_addr_after(insn, mem, after, &place->start))
		return false;
	place->end = place->start + size;
	return true;
}

/* With the elements that it may have gone over before. */
static struct range with_batch(const struct mt_insn *insn, const struct range *last)
{
	struct range place = *last;

	if (insn->rep) {
		place.start -= place.start < BATCH ? place.start : BATCH;
		place.end += BATCH;
	}
	return place;
}

static void add_part(struct mt_touch *touch, const struct range *part)
{
	uint64_t start = touch->addr, end = touch->addr + touch->len;

	if (!touch->len || part->start < start)
		start = part->start;
	if (!touch->len || part->end > end)
		end = part->end;
	touch->addr = (uintptr_t)start;
	touch->len = (size_t)(end - start);
}

void mt_culprit_touch(const struct mt_insn *insn, const struct mt_regs *after, uintptr_t addr,
                      size_t len, struct mt_touch *touch)
{
	const struct range watched = { addr, (uint64_t)addr + len };
	unsigned possible = mt_insn_touched(insn, after, addr, len);

	*touch = (struct mt_touch){ 0 };
	for (size_t i = 0; i < insn->mem_count; i++) {
		struct range last, batch, part;

		if (!place_of(insn, i, after, &last) || !overlap(&last, &watched, &part))
			continue;
		batch = with_batch(insn, &last);
		overlap(&batch, &watched, &part);
		add_part(touch, &part);
		touch->access |= insn->mem[i].access;
		touch->certain = true;
	}
	if (!touch->certain)
		*touch = (struct mt_touch){ .access = possible, .addr = addr, .len = len };
}
