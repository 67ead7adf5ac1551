/* SPDX-License-Identifier: MIT */
#include "insn/decoded.h"

#define FLAG_DF (UINT64_C(1) << 10)

/* Where the element that holds a bit lies from the operand's own address; the offset is signed. */
static uint64_t bit_element(const struct mt_insn_mem *mem, uint64_t offset)
{
	switch (mem->size) {
	case 2:
		return (uint64_t)(((int16_t)offset >> 4) * 2);
	case 4:
		return (uint64_t)(((int64_t)(int32_t)offset >> 5) * 4);
	default:
		return (uint64_t)(((int64_t)offset >> 6) * 8);
	}
}

static uint64_t base_value(const struct mt_insn *insn, uint8_t base, const struct mt_regs *regs)
{
	if (base == MT_REG_NONE)
		return 0;
	return base == MT_REG_RIP ? insn->addr + insn->len : regs->r[base];
}

static uint64_t index_value(const struct mt_insn_mem *mem, const struct mt_regs *regs)
{
	if (mem->index == MT_REG_NONE)
		return 0;

	uint64_t index = regs->r[mem->index];

	return (mem->index_size == 1 ? index & 0xff : index) * mem->scale;
}

/* In 32-bit code a sum with a segment's base wraps, too: offsets from gs are negative there. In
 * 64-bit code an override of the address size is about the offset alone. */
uint64_t mt_insn_linear(const struct mt_insn_mem *mem, uint64_t offset)
{
	uint64_t sum = mem->segment_base + (offset & (UINT64_MAX >> (64 - 8 * mem->address_size)));

	return mem->address_size < 8 && mem->segment_base <= UINT32_MAX ? sum & UINT32_MAX : sum;
}

static bool evaluate(const struct mt_insn *insn, const struct mt_insn_mem *mem, uint8_t base,
                     int64_t disp, const struct mt_regs *regs, uint64_t *addr)
{
	if (mem->segment != MT_REG_NONE || mem->scattered)
		return false;

	uint64_t sum = base_value(insn, base, regs) + index_value(mem, regs) + (uint64_t)disp;

	if (mem->bit_offset != MT_REG_NONE)
		sum += bit_element(mem, regs->r[mem->bit_offset]);
	*addr = mt_insn_linear(mem, sum);
	return true;
}

bool mt_insn_base_before(const struct mt_insn *insn, size_t mem, const struct mt_regs *before,
                         uint64_t *base)
{
	const struct mt_insn_mem *operand = &insn->mem[mem];

	*base = base_value(insn, operand->base, before) + (uint64_t)operand->disp;
	return operand->segment == MT_REG_NONE;
}

bool mt_insn_mem_addr_before(const struct mt_insn *insn, size_t mem, const struct mt_regs *before,
                             uint64_t *addr)
{
	const struct mt_insn_mem *operand = &insn->mem[mem];

	return evaluate(insn, operand, operand->base, operand->disp, before, addr);
}

bool mt_insn_mem_addr_after(const struct mt_insn *insn, size_t mem, const struct mt_regs *after,
                            uint64_t *addr)
{
	const struct mt_insn_mem *operand = &insn->mem[mem];
	int64_t disp = operand->after_disp;

	if (insn->klass == MT_INSN_STRING)
		disp += after->r[MT_REG_RFLAGS] & FLAG_DF ? operand->size : -(int64_t)operand->size;
	else if (!operand->told_after)
		return false;
	return evaluate(insn, operand, operand->after_base, disp, after, addr);
}

/*
 * A repeated string instruction copies many elements in one go and traps only then. Nothing tells
 * how many: rr found 256 bytes on some processors (rr issue 2427), 128 were measured for this.
 */
#define FAST_STRING_BYTES 256

/* A place in memory, which ends beyond all addresses where its end is unknown. */
struct extent {
	uint64_t start;
	uint64_t size;
};

static bool extent_after(const struct mt_insn *insn, size_t mem, const struct mt_regs *after,
                         struct extent *extent)
{
	const struct mt_insn_mem *operand = &insn->mem[mem];
	uint64_t start;

	if (!mt_insn_mem_addr_after(insn, mem, after, &start))
		return false;
	extent->start = start;
	extent->size = operand->size ? operand->size : UINT64_MAX - start;
	if (insn->rep) {
		extent->size += FAST_STRING_BYTES;
		if (!(after->r[MT_REG_RFLAGS] & FLAG_DF))
			extent->start -= FAST_STRING_BYTES;
	}
	return true;
}

unsigned mt_insn_touched(const struct mt_insn *insn, const struct mt_regs *after, uint64_t addr,
                         size_t len)
{
	unsigned touched = 0;

	for (size_t i = 0; i < insn->mem_count; i++) {
		struct extent extent;

		if (!extent_after(insn, i, after, &extent) || addr - extent.start < extent.size ||
		    extent.start - addr < len)
			touched |= insn->mem[i].access;
	}
	return touched;
}

void mt_insn_resolve_segment(struct mt_insn *insn, uint8_t segment, uint64_t base)
{
	for (size_t i = 0; i < insn->mem_count; i++) {
		struct mt_insn_mem *mem = &insn->mem[i];

		if (mem->segment != segment)
			continue;
		mem->segment = MT_REG_NONE;
		mem->segment_base = base;
	}
}
