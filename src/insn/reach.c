/* SPDX-License-Identifier: MIT */
/* What an instruction will access, from all registers that are there before it. */
#include <string.h>

#include "insn/decoded.h"
#include "x86/regtable.h"

/* ---- The places of one operand -------------------------------------------- */

#define MAX_PLACES 64

struct place {
	uint64_t start;
	uint64_t size; /* up to the end of all addresses where that is unknown */
};

struct places {
	size_t count;
	struct place at[MAX_PLACES];
};

static void add(struct places *places, uint64_t start, uint64_t size)
{
	if (size && places->count < MAX_PLACES)
		places->at[places->count++] = (struct place){ start, size };
}

/* In 32-bit code, and with an override of the address size, each element's offset wraps. */
static uint64_t element_address(const struct mt_insn_mem *mem, uint64_t base, const uint8_t *index)
{
	int64_t number = 0;

	if (mem->vector_index_size == 4) {
		int32_t narrow;

		memcpy(&narrow, index, sizeof(narrow));
		number = narrow;
	} else {
		memcpy(&number, index, sizeof(number));
	}
	return mt_insn_linear(mem, base + (uint64_t)number * mem->scale);
}

static void add_elements(const struct mt_insn_mem *mem, uint64_t base,
                         const struct mt_insn_state *state, struct places *places)
{
	for (size_t i = 0; i < mem->mask_bits; i++)
		if (mt_insn_mask_lets(mem, state->mask, i))
			add(places,
			    element_address(mem, base, state->index + i * mem->vector_index_size),
			    mem->size);
}

static void add_masked(const struct mt_insn_mem *mem, uint64_t start,
                       const struct mt_insn_state *state, struct places *places)
{
	for (size_t i = 0; i < mem->size / mem->mask_size; i++)
		if (mt_insn_mask_lets(mem, state->mask, i))
			add(places, start + i * mem->mask_size, mem->mask_size);
}

/* ---- The state of the processor ------------------------------------------- */

/* Intel SDM volume 1, 13.4: the legacy region and the header. */
#define X87_CONTROL 24
#define MXCSR 24
#define MXCSR_MASK 28 /* is saved, and not loaded */
#define X87_DATA 32
#define XMM 160
#define HEADER 512
#define HEADER_END 576
#define HEADER_READ 24
#define X87_BIT (UINT64_C(1) << MT_XSTATE_X87)
#define SSE_BIT (UINT64_C(1) << MT_XSTATE_SSE)
#define AVX_BIT (UINT64_C(1) << MT_XSTATE_YMM)
#define COMPACTED (UINT64_C(1) << 63)

static bool loads(const struct mt_insn_mem *mem)
{
	return mem->saves == MT_INSN_FXRSTOR || mem->saves == MT_INSN_XRSTOR;
}

static void add_legacy(const struct mt_insn_mem *mem, uint64_t start, uint64_t features, bool mxcsr,
                       struct places *places)
{
	if (features & X87_BIT) {
		add(places, start, X87_CONTROL);
		add(places, start + X87_DATA, XMM - X87_DATA);
	}
	if (mxcsr)
		add(places, start + MXCSR, (loads(mem) ? MXCSR_MASK : X87_DATA) - MXCSR);
	if (features & SSE_BIT)
		add(places, start + XMM, 16u * mem->saves_vectors);
}

/* `has` of them have a place, side by side in the compacted form; `features` are accessed. */
static void add_components(const struct mt_xsave_layout *layout, uint64_t start, uint64_t has,
                           uint64_t features, bool compacted, struct places *places)
{
	uint64_t next = HEADER_END;

	for (unsigned i = MT_XSTATE_YMM; i < MT_XSTATE_COUNT; i++) {
		if (!(has >> i & 1))
			continue;
		if (layout->aligned >> i & 1)
			next = (next + 63) / 64 * 64;
		if (features >> i & 1)
			add(places, start + (compacted ? next : layout->offset[i]),
			    layout->length[i]);
		next += layout->length[i];
	}
}

/* SDM volume 1, 13.7 (XSAVE), 13.9 (XSAVEOPT), 13.10 (XSAVEC). What was not modified since it was
 * loaded from there XSAVEOPT may leave out, and nobody can tell. */
static void add_saved(const struct mt_insn_mem *mem, uint64_t start, uint64_t asked,
                      const struct mt_insn_state *state, struct places *places)
{
	bool all = mem->saves == MT_INSN_XSAVE, compacted = mem->saves == MT_INSN_XSAVEC;
	uint64_t saved = all ? asked : asked & state->in_use;
	bool mxcsr = compacted ? (saved & SSE_BIT) != 0 : (asked & (SSE_BIT | AVX_BIT)) != 0;

	add_legacy(mem, start, saved, mxcsr, places);
	add(places, start + HEADER, compacted ? 16 : 8);
	add_components(state->layout, start, asked, saved, compacted, places);
}

/* SDM volume 1, 13.8: what the header has not is set to its initial state without being read. */
static void add_loaded(const struct mt_insn_mem *mem, uint64_t start, uint64_t asked,
                       const struct mt_insn_state *state, struct places *places)
{
	uint64_t loaded = asked & state->header[0];
	bool compacted = state->header[1] & COMPACTED;
	bool mxcsr = compacted ? (loaded & SSE_BIT) != 0 : (asked & (SSE_BIT | AVX_BIT)) != 0;

	add_legacy(mem, start, loaded, mxcsr, places);
	add(places, start + HEADER, HEADER_READ);
	add_components(state->layout, start, compacted ? state->header[1] : asked, loaded,
	               compacted, places);
}

static uint64_t asked_for(const struct mt_regs *before, const struct mt_insn_state *state)
{
	uint64_t bits = (before->r[MT_REG_RDX] << 32) | (uint32_t)before->r[MT_REG_RAX];

	return bits & state->layout->enabled;
}

/* ---- All together ---------------------------------------------------------- */

static bool has_state(const struct mt_insn_mem *mem)
{
	return mem->mask || mem->saves || mem->vector_index != MT_REG_NONE;
}

bool mt_insn_has_state(const struct mt_insn *insn)
{
	for (size_t i = 0; i < insn->mem_count; i++)
		if (has_state(&insn->mem[i]))
			return true;
	return false;
}

/* False: they are not known. */
static bool find_places(const struct mt_insn *insn, size_t i, const struct mt_regs *before,
                        const struct mt_insn_state *state, struct places *places)
{
	const struct mt_insn_mem *mem = &insn->mem[i];
	uint64_t start;

	places->count = 0;
	if (mem->vector_index != MT_REG_NONE) {
		if (!state || !mt_insn_base_before(insn, i, before, &start))
			return false;
		add_elements(mem, start, state, places);
		return true;
	}
	if (!mt_insn_mem_addr_before(insn, i, before, &start))
		return false;
	if (!state || !has_state(mem))
		add(places, start, mem->size ? mem->size : UINT64_MAX - start);
	else if (mem->saves == MT_INSN_FXSAVE || mem->saves == MT_INSN_FXRSTOR)
		add_legacy(mem, start, X87_BIT | SSE_BIT, true, places);
	else if (mem->saves == MT_INSN_XRSTOR)
		add_loaded(mem, start, asked_for(before, state), state, places);
	else if (mem->saves)
		add_saved(mem, start, asked_for(before, state), state, places);
	else
		add_masked(mem, start, state, places);
	return true;
}

/* A repetition of no times does nothing. */
static bool does_nothing(const struct mt_insn *insn, const struct mt_regs *before)
{
	if (!insn->rep || !insn->mem_count)
		return false;
	return !(before->r[MT_REG_RCX] & (UINT64_MAX >> (64 - 8 * insn->mem[0].address_size)));
}

unsigned mt_insn_will_touch(const struct mt_insn *insn, const struct mt_regs *before,
                            const struct mt_insn_state *state, uint64_t addr, size_t len)
{
	unsigned touched = 0;
	struct places places;

	if (does_nothing(insn, before))
		return 0;
	for (size_t i = 0; i < insn->mem_count; i++) {
		if (!find_places(insn, i, before, state, &places)) {
			touched |= insn->mem[i].access;
			continue;
		}
		for (size_t j = 0; j < places.count; j++)
			if (addr - places.at[j].start < places.at[j].size ||
			    places.at[j].start - addr < len)
				touched |= insn->mem[i].access;
	}
	return touched;
}

/* The part of a place that is in [addr, addr+len). */
static bool cut(const struct place *place, uint64_t addr, size_t len, struct mt_insn_place *part)
{
	uint64_t before = addr - place->start, behind = place->start - addr;

	if (behind < len) {
		*part = (struct mt_insn_place){ place->start, len - behind };
		if (part->len > place->size)
			part->len = place->size;
		return true;
	}
	*part = (struct mt_insn_place){ addr, len };
	if (before >= place->size)
		return false;
	if (part->len > place->size - before)
		part->len = place->size - before;
	return true;
}

size_t mt_insn_places(const struct mt_insn *insn, const struct mt_regs *before,
                      const struct mt_insn_state *state, unsigned wanted, uint64_t addr, size_t len,
                      struct mt_insn_place *out)
{
	struct places places;
	size_t count = 0;

	if (does_nothing(insn, before))
		return 0;
	for (size_t i = 0; i < insn->mem_count; i++) {
		if (!(insn->mem[i].access & wanted))
			continue;
		if (!find_places(insn, i, before, state, &places)) {
			places.count = 0;
			add(&places, addr, len);
		}
		for (size_t j = 0; j < places.count && count < MT_INSN_MAX_PLACES; j++)
			count += cut(&places.at[j], addr, len, &out[count]);
	}
	return count;
}
