/* SPDX-License-Identifier: MIT */
#include "self/cell.h"

#include <string.h>

#include "self/peek.h"

static size_t words_of(const struct memtrap *trap)
{
	return (trap->spec.len + 7) / 8;
}

static bool read_memory(const struct memtrap *trap, uint64_t *words)
{
	return mt_peek((uintptr_t)trap->spec.addr, words, trap->spec.len) == trap->spec.len;
}

bool mt_cell_begin(struct memtrap *trap)
{
	return read_memory(trap, trap->value);
}

static void load(const struct memtrap *trap, uint64_t *words)
{
	for (size_t i = 0; i < words_of(trap); i++)
		words[i] = __atomic_load_n(&trap->value[i], __ATOMIC_SEQ_CST);
}

bool mt_cell_differs(const struct memtrap *trap)
{
	uint64_t was[MT_DR_MAX_RANGE / 8], is[MT_DR_MAX_RANGE / 8] = { 0 };

	load(trap, was);
	return read_memory(trap, is) && memcmp(was, is, trap->spec.len) != 0;
}

void mt_cell_settle(struct memtrap *trap)
{
	uint64_t was[MT_DR_MAX_RANGE / 8], is[MT_DR_MAX_RANGE / 8] = { 0 };

	load(trap, was);
	if (!read_memory(trap, is))
		return;
	/* A hit that came first knows better. */
	for (size_t i = 0; i < words_of(trap); i++)
		__atomic_compare_exchange_n(&trap->value[i], &was[i], is[i], false,
		                            __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* An instruction that only read found what the last access left: all writes are seen too. */
static void take_unchanged(const struct memtrap *trap, struct mt_cell_value *value)
{
	load(trap, value->was);
	memcpy(value->is, value->was, sizeof(value->is));
	value->known = true;
}

/* From the instruction where it tells of every byte, so that what other threads write meanwhile is
 * not taken for its; with memory's bytes where it tells of some. */
static void find_new(const struct memtrap *trap, const struct mt_event *event,
                     const struct mt_touch *touch, struct mt_cell_value *value)
{
	uintptr_t addr = (uintptr_t)trap->spec.addr;
	size_t len = trap->spec.len;
	uint8_t *bytes = (uint8_t *)value->is;

	/* A repetition tells of its last element, and may have stored others. */
	value->stored = event->known && !event->insn.rep &&
	                mt_insn_stored(&event->insn, &event->regs, addr, len, bytes);
	value->known = value->stored && touch->len == len;
	if (value->known)
		return;
	value->known = read_memory(trap, value->is);
	if (value->stored)
		mt_insn_stored(&event->insn, &event->regs, addr, len, bytes);
}

void mt_cell_exchange(struct memtrap *trap, const struct mt_event *event,
                      const struct mt_touch *touch, struct mt_cell_value *value)
{
	*value = (struct mt_cell_value){ .known = false };
	if (event->known && touch->access == MT_INSN_READ) {
		take_unchanged(trap, value);
		return;
	}
	find_new(trap, event, touch, value);
	for (size_t i = 0; i < words_of(trap) && value->known; i++)
		value->was[i] =
		    __atomic_exchange_n(&trap->value[i], value->is[i], __ATOMIC_SEQ_CST);
}
