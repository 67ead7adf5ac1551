/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as code: decoding, the addresses and values it tells, the search for a culprit, and
 * what lies ahead. The registers come from the same bytes and lie close together, code and stack
 * included, so that everything may overlap.
 */
#include <string.h>

#include "../unit/code_bytes.h"
#include "fuzz.h"
#include "insn/ahead.h"
#include "insn/insn.h"
#include "x86/regtable.h"

#define START UINT64_C(0x401000)

static uint64_t start_of(void *arg, uint64_t pc)
{
	return pc >= START ? START : 0;
}

static void require(bool condition)
{
	if (!condition)
		__builtin_trap();
}

static struct mt_regs registers_of(const struct code_bytes *code)
{
	struct mt_regs regs;

	for (size_t i = 0; i < MT_REG_COUNT; i++)
		regs.r[i] = START + code->bytes[i % code->len];
	regs.r[MT_REG_RIP] = START + code->len;
	/* DF and RF are what the answers depend on. */
	regs.r[MT_REG_RFLAGS] = (code->len & 1) << 10 | (code->len & 2) << 15;
	return regs;
}

/* What it will touch, from any state of the processor, it touches. */
static void ask_for_reach(const struct mt_insn *insn, const struct mt_regs *regs)
{
	const struct mt_xsave_layout layout = { .size = 4096, .enabled = UINT64_MAX, .aligned = 4 };
	struct mt_insn_state state = { .layout = &layout, .in_use = regs->r[MT_REG_RBX] };
	struct mt_insn_place places[MT_INSN_MAX_PLACES];
	size_t count;

	for (size_t i = 0; i < sizeof(state.mask); i++)
		state.mask[i] = state.index[i] = (uint8_t)(regs->r[i % MT_REG_COUNT] >> i % 8);
	state.header[0] = regs->r[MT_REG_RCX];
	count = mt_insn_places(insn, regs, &state, MT_INSN_WRITE, START, 1 << 20, places);
	require(count <= MT_INSN_MAX_PLACES);
	for (size_t i = 0; i < count; i++) {
		require(places[i].len && places[i].addr >= START &&
		        places[i].addr + places[i].len <= START + (1 << 20));
		require(
		    mt_insn_will_touch(insn, regs, &state, places[i].addr, (size_t)places[i].len) &
		    MT_INSN_WRITE);
	}
	mt_insn_will_touch(insn, regs, NULL, START, 8);
	mt_insn_may_have_state(insn->bytes);
}

static void ask_of_instruction(const struct mt_insn *insn, const struct mt_regs *regs)
{
	uint8_t value[24] = { 0 };
	uint64_t addr;

	require(insn->len >= 1 && insn->len <= MT_INSN_MAX_LEN);
	require(insn->mem_count <= MT_INSN_MAX_MEM);
	require(memchr(insn->text, '\0', sizeof(insn->text)) != NULL);
	ask_for_reach(insn, regs);
	for (size_t i = 0; i < insn->mem_count; i++) {
		mt_insn_mem_addr_before(insn, i, regs, &addr);
		if (mt_insn_mem_addr_after(insn, i, regs, &addr))
			require(mt_insn_touched(insn, regs, addr, 1) & insn->mem[i].access);
	}
	if (mt_insn_stored(insn, regs, START, sizeof(value), value))
		require(mt_insn_touched(insn, regs, START, sizeof(value)) & MT_INSN_WRITE);
}

static void ask_for_culprit(enum mt_machine machine, struct code_bytes *code,
                            const struct mt_regs *regs, uint8_t access)
{
	const struct mt_culprit_query query = {
		.machine = machine,
		.after = regs,
		.watch_addr = START,
		.watch_len = 8,
		.access = access,
		.function_start = START,
		.read_code = code_bytes_read,
		.read_data = code_bytes_read,
		.start_of = start_of,
		.arg = code,
	};
	struct mt_culprit culprit;

	mt_culprit_find(&query, &culprit);
	if (culprit.how != MT_CULPRIT_UNKNOWN)
		require(mt_insn_touched(&culprit.insn, regs, query.watch_addr, query.watch_len) &
		        access);
}

/* Where a thread ends that is let run, it can be stopped: elsewhere than it stands. */
static void ask_ahead(enum mt_machine machine, struct code_bytes *code, const struct mt_regs *regs)
{
	const struct mt_ahead_range range = { START, 8, MT_INSN_READ | MT_INSN_WRITE };
	struct mt_regs at_start = *regs;
	const struct mt_ahead_query query = { .machine = machine,
		                              .regs = &at_start,
		                              .ranges = &range,
		                              .range_count = code->len % 2,
		                              .read_code = code_bytes_read,
		                              .arg = code };
	struct mt_ahead_code *known = mt_ahead_code_create();
	struct mt_ahead ahead;

	for (uint64_t at = 0; known && at < code->len && at < 32; at++) {
		at_start.r[MT_REG_RIP] = START + at;
		mt_ahead_look(known, &query, &ahead);
		if (ahead.how != MT_AHEAD_RUN)
			continue;
		require(ahead.end_count >= 1 && ahead.end_count <= MT_AHEAD_MAX_ENDS);
		for (size_t i = 0; i < ahead.end_count; i++)
			require(ahead.ends[i].addr != START + at && ahead.ends[i].count > 0);
	}
	mt_ahead_code_destroy(known);
}

static void ask_for(enum mt_machine machine, struct code_bytes *code, const struct mt_regs *regs)
{
	for (size_t at = 0; at < code->len;) {
		struct mt_insn insn;

		if (!mt_insn_decode(machine, code->bytes + at, code->len - at, START + at, &insn)) {
			at++;
			continue;
		}
		ask_of_instruction(&insn, regs);
		at += insn.len;
	}
	ask_for_culprit(machine, code, regs, MT_INSN_WRITE);
	ask_for_culprit(machine, code, regs, MT_INSN_READ | MT_INSN_WRITE);
	ask_ahead(machine, code, regs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct code_bytes code = { START, data, size };

	if (size == 0)
		return 0;

	struct mt_regs regs = registers_of(&code);

	ask_for(MT_MACHINE_X86_64, &code, &regs);
	ask_for(MT_MACHINE_I386, &code, &regs);
	return 0;
}
