/* SPDX-License-Identifier: MIT */
#include "symbol/location.h"

#include <dwarf.h>

#include "symbol/die.h"

static bool in_segment(const struct mt_module_file *file, uint64_t addr)
{
	for (size_t i = 0; i < file->head.segment_count; i++) {
		const struct mt_segment *segment = &file->head.segments[i];

		if (addr >= segment->vaddr && addr - segment->vaddr < segment->memsz)
			return true;
	}
	return false;
}

/* An operand that is an address, by itself or as an index into .debug_addr. */
static bool address_operand(Dwarf_Attribute *attr, const Dwarf_Op *op, uint64_t *addr)
{
	Dwarf_Attribute indexed;
	Dwarf_Addr found;

	if (op->atom == DW_OP_addr) {
		*addr = op->number;
		return true;
	}
	if (op->atom != DW_OP_addrx && op->atom != DW_OP_GNU_addr_index)
		return false;
	if (dwarf_getlocation_attr(attr, op, &indexed) != 0 ||
	    dwarf_formaddr(&indexed, &found) != 0)
		return false;
	*addr = found;
	return true;
}

/* Merged globals are told as an address and a distance from it. */
static bool distance(const Dwarf_Op *ops, size_t count, uint64_t *value)
{
	if (count == 0) {
		*value = 0;
		return true;
	}
	if (count == 1 && ops[0].atom == DW_OP_plus_uconst) {
		*value = ops[0].number;
		return true;
	}
	if (count != 2 || ops[1].atom != DW_OP_plus)
		return false;
	if (ops[0].atom >= DW_OP_lit0 && ops[0].atom <= DW_OP_lit31)
		*value = ops[0].atom - DW_OP_lit0;
	else if (ops[0].atom >= DW_OP_const1u && ops[0].atom <= DW_OP_consts)
		*value = ops[0].number;
	else
		return false;
	return true;
}

static bool is_frame_op(uint8_t atom)
{
	return atom == DW_OP_fbreg || atom == DW_OP_call_frame_cfa || atom == DW_OP_bregx ||
	       (atom >= DW_OP_breg0 && atom <= DW_OP_breg31);
}

static bool is_register_op(uint8_t atom)
{
	return atom == DW_OP_regx || (atom >= DW_OP_reg0 && atom <= DW_OP_reg31);
}

static bool is_thread_op(uint8_t atom)
{
	return atom == DW_OP_form_tls_address || atom == DW_OP_GNU_push_tls_address;
}

/* Linkers leave address 0 of what they dropped (--gc-sections). */
static enum mt_var_state classify(const struct mt_module_file *file, Dwarf_Attribute *attr,
                                  const Dwarf_Op *ops, size_t count, uint64_t *addr)
{
	uint64_t base, more;

	if (!count)
		return MT_VAR_GONE;
	if (is_thread_op(ops[count - 1].atom))
		return MT_VAR_THREAD;
	if (is_frame_op(ops[0].atom))
		return MT_VAR_LOCAL;
	if (is_register_op(ops[0].atom))
		return MT_VAR_REGISTER;
	if (!address_operand(attr, &ops[0], &base) || !distance(ops + 1, count - 1, &more) ||
	    !in_segment(file, base + more))
		return MT_VAR_GONE;
	*addr = base + more;
	return MT_VAR_FIXED;
}

enum mt_var_state mt_location_of(const struct mt_module_file *file, Dwarf_Die *die, uint64_t *addr)
{
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t count;

	if (!dwarf_attr(die, DW_AT_location, &attr))
		return MT_VAR_DECLARED;
	if (dwarf_getlocation(&attr, &ops, &count) != 0)
		return MT_VAR_LOCAL; /* a location list: it moves while its function runs */
	return classify(file, &attr, ops, count, addr);
}
