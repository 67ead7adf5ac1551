/* SPDX-License-Identifier: MIT */
#include "insn/decoded.h"

#define SCAN_LIMIT (UINT64_C(1) << 20)
#define WINDOW 4096

/*
 * Saved as set when a repetition was interrupted after any iteration but the last (SDM volume 3,
 * 18.3.1.1).
 */
#define FLAG_RF (UINT64_C(1) << 16)

/* ---- Decoding forward ---------------------------------------------------- */

/* A piece of code, read ahead. */
struct window {
	uint64_t addr;
	size_t len;
	uint8_t bytes[WINDOW];
};

/* What is readable of the code from `at` to `end`, as much as fits. */
static void window_fill(struct window *window, const struct mt_culprit_query *query, uint64_t at,
                        uint64_t end)
{
	size_t want = end - at < WINDOW ? (size_t)(end - at) : WINDOW;
	size_t got = query->read_code(query->arg, at, window->bytes, want);

	window->addr = at;
	window->len = got < want ? got : want;
}

static size_t length_at(struct window *window, const struct mt_culprit_query *query, uint64_t at,
                        uint64_t end)
{
	size_t offset = (size_t)(at - window->addr);

	if (window->len - offset < MT_INSN_MAX_LEN && window->addr + window->len < end) {
		window_fill(window, query, at, end);
		offset = 0;
	}
	return mt_decoded_length(query->machine, window->bytes + offset, window->len - offset);
}

/* The start of the instruction that ends exactly at `end`, decoding from `start`. */
static bool find_ending_at(const struct mt_culprit_query *query, uint64_t start, uint64_t end,
                           uint64_t *found)
{
	struct window window;
	uint64_t last = start;
	uint64_t at = start;

	if (start == 0 || start >= end || end - start > SCAN_LIMIT)
		return false;
	window_fill(&window, query, start, end);
	while (at < end) {
		size_t len = length_at(&window, query, at, end);

		if (len == 0)
			return false;
		last = at;
		at += len;
	}
	*found = last;
	return true;
}

static bool decode_at(const struct mt_culprit_query *query, uint64_t addr, struct mt_insn *insn)
{
	uint8_t code[MT_INSN_MAX_LEN];
	size_t len = query->read_code(query->arg, addr, code, sizeof(code));

	return mt_insn_decode(query->machine, code, len < sizeof(code) ? len : sizeof(code), addr,
	                      insn);
}

static bool decode_ending_at(const struct mt_culprit_query *query, uint64_t start, uint64_t end,
                             struct mt_insn *insn)
{
	uint64_t addr;

	return find_ending_at(query, start, end, &addr) && decode_at(query, addr, insn);
}

/* ---- Who it may have been ------------------------------------------------ */

static bool touched(const struct mt_culprit_query *query, const struct mt_insn *insn)
{
	return mt_insn_touched(insn, query->after, query->watch_addr, (size_t)query->watch_len) &
	       query->access;
}

/* A rep string instruction under way: pc stays on it between iterations. */
static bool is_self(const struct mt_culprit_query *query, uint64_t pc, struct mt_insn *insn)
{
	return decode_at(query, pc, insn) && insn->rep && touched(query, insn);
}

static bool is_before(const struct mt_culprit_query *query, uint64_t pc, struct mt_insn *insn)
{
	if (!decode_ending_at(query, query->function_start, pc, insn))
		return false;
	/* These do not arrive at the instruction that stands behind them. */
	if (insn->klass == MT_INSN_CALL || insn->klass == MT_INSN_JUMP ||
	    insn->klass == MT_INSN_RET)
		return false;
	return touched(query, insn);
}

/* The word at rsp, when pc can be where a call of interest arrived. */
static bool return_address(const struct mt_culprit_query *query, uint64_t pc, uint64_t *addr)
{
	uint64_t rsp = query->after->r[MT_REG_RSP];
	size_t size = mt_machine_word(query->machine);
	bool watched = rsp - query->watch_addr < query->watch_len || query->watch_addr - rsp < size;
	uint64_t word = 0;

	if (!query->read_data || !query->start_of)
		return false;
	if (!watched && pc != query->function_start && query->start_of(query->arg, pc) != pc)
		return false;
	if (query->read_data(query->arg, rsp, &word, size) != size)
		return false;
	*addr = word;
	return true;
}

/* A call that arrived at pc and pushed its return address, or read its target, where we watch. */
static bool is_call(const struct mt_culprit_query *query, uint64_t pc, struct mt_insn *insn)
{
	uint64_t back;

	if (!return_address(query, pc, &back))
		return false;
	/* Behind a call that does not return another function may begin. */
	if (!decode_ending_at(query, query->start_of(query->arg, back), back, insn) &&
	    !decode_ending_at(query, query->start_of(query->arg, back - 1), back, insn))
		return false;
	return insn->klass == MT_INSN_CALL && (!insn->direct || insn->target == pc) &&
	       touched(query, insn);
}

void mt_culprit_find(const struct mt_culprit_query *query, struct mt_culprit *culprit)
{
	uint64_t pc = query->after->r[MT_REG_RIP];
	bool resumes = query->after->r[MT_REG_RFLAGS] & FLAG_RF;
	bool unfinished = query->after->r[MT_REG_RCX] != 0;

	*culprit = (struct mt_culprit){ .how = MT_CULPRIT_UNKNOWN };
	if (resumes && is_self(query, pc, &culprit->insn))
		culprit->how = MT_CULPRIT_SELF;
	else if (is_before(query, pc, &culprit->insn))
		culprit->how = MT_CULPRIT_DECODED;
	else if (unfinished && is_self(query, pc, &culprit->insn))
		culprit->how = MT_CULPRIT_SELF;
	else if (is_call(query, pc, &culprit->insn))
		culprit->how = MT_CULPRIT_CALL;
	else
		culprit->insn = (struct mt_insn){ 0 };
}
