/* SPDX-License-Identifier: MIT */
#include "cfi/row.h"

#include "cfi/constants.h"
#include "cfi/entry.h"

/* How many states a program may remember at a time; compilers nest two deep. */
#define MAX_REMEMBERED 4

struct machine {
	const struct mt_cfi_section *section;
	const struct mt_cfi_cie *cie;
	uint64_t loc; /* where the row in the making starts to hold */
	uint64_t target;
	struct mt_cfi_row row;
	struct mt_cfi_row initial; /* as the CIE leaves it */
	struct mt_cfi_row remembered[MAX_REMEMBERED];
	size_t depth;
};

uint8_t mt_cfi_register(enum mt_machine machine, uint64_t column)
{
	/* System V ABI i386, table 2.14; x86-64's numbers are our own. */
	static const uint8_t of_i386[] = { MT_REG_RAX, MT_REG_RCX, MT_REG_RDX,
		                           MT_REG_RBX, MT_REG_RSP, MT_REG_RBP,
		                           MT_REG_RSI, MT_REG_RDI, MT_REG_RIP };

	if (machine == MT_MACHINE_I386)
		return column < sizeof(of_i386) ? of_i386[column] : MT_CFI_REGS;
	return column < MT_CFI_REGS ? (uint8_t)column : MT_CFI_REGS;
}

static uint8_t register_of(const struct machine *m, uint64_t column)
{
	return mt_cfi_register(m->section->machine, column);
}

static int64_t factored(const struct machine *m, uint64_t number)
{
	return (int64_t)(number * (uint64_t)m->cie->data_align);
}

static bool fits(int64_t offset)
{
	return offset >= INT32_MIN && offset <= INT32_MAX;
}

static void advance(struct machine *m, uint64_t delta)
{
	m->loc += delta * m->cie->code_align;
}

static void set_place(struct machine *m, uint64_t column, struct mt_cfi_place place)
{
	uint8_t reg = register_of(m, column);

	if (reg < MT_CFI_REGS)
		m->row.regs[reg] = place;
}

static bool set_offset(struct machine *m, uint64_t column, uint8_t how, uint64_t number)
{
	int64_t offset = factored(m, number);

	set_place(m, column, (struct mt_cfi_place){ .how = how, .offset = (int32_t)offset });
	return fits(offset);
}

static bool read_expression(const struct machine *m, struct mt_cfi_reader *in, uint8_t how,
                            struct mt_cfi_place *place)
{
	struct mt_cfi_span span = mt_cfi_read_span(in, mt_cfi_read_uleb(in));
	int64_t offset = (int64_t)((uintptr_t)span.bytes - (uintptr_t)m->row.code);

	*place = (struct mt_cfi_place){ .how = how,
		                        .len = (uint16_t)span.len,
		                        .offset = (int32_t)offset };
	return span.len <= UINT16_MAX && fits(offset);
}

struct mt_cfi_span mt_cfi_expression(const struct mt_cfi_row *row, const struct mt_cfi_place *place)
{
	return (struct mt_cfi_span){ row->code + place->offset, place->len };
}

static void restore(struct machine *m, uint64_t column)
{
	uint8_t reg = register_of(m, column);

	if (reg < MT_CFI_REGS)
		m->row.regs[reg] = m->initial.regs[reg];
}

/* A register's place as an instruction's operands have it: the column stands first. */
static bool run_register_rule(struct machine *m, uint8_t opcode, struct mt_cfi_reader *in)
{
	uint64_t column = mt_cfi_read_uleb(in);
	struct mt_cfi_place place = { 0 };

	switch (opcode) {
	case DW_CFA_offset_extended:
		return set_offset(m, column, MT_CFI_AT_OFFSET, mt_cfi_read_uleb(in));
	case DW_CFA_offset_extended_sf:
		return set_offset(m, column, MT_CFI_AT_OFFSET, (uint64_t)mt_cfi_read_sleb(in));
	case DW_CFA_GNU_negative_offset_extended:
		return set_offset(m, column, MT_CFI_AT_OFFSET, -mt_cfi_read_uleb(in));
	case DW_CFA_val_offset:
		return set_offset(m, column, MT_CFI_IS_OFFSET, mt_cfi_read_uleb(in));
	case DW_CFA_val_offset_sf:
		return set_offset(m, column, MT_CFI_IS_OFFSET, (uint64_t)mt_cfi_read_sleb(in));
	case DW_CFA_restore_extended:
		restore(m, column);
		return true;
	case DW_CFA_undefined:
		place.how = MT_CFI_UNDEFINED;
		break;
	case DW_CFA_same_value:
		place.how = MT_CFI_SAME_VALUE;
		break;
	case DW_CFA_register:
		place.reg = register_of(m, mt_cfi_read_uleb(in));
		place.how = place.reg < MT_CFI_REGS ? MT_CFI_IN_REGISTER : MT_CFI_UNDEFINED;
		break;
	case DW_CFA_expression:
		if (!read_expression(m, in, MT_CFI_AT_EXPRESSION, &place))
			return false;
		break;
	case DW_CFA_val_expression:
		if (!read_expression(m, in, MT_CFI_IS_EXPRESSION, &place))
			return false;
		break;
	default:
		return false;
	}
	set_place(m, column, place);
	return true;
}

static bool set_cfa(struct machine *m, uint8_t reg, int64_t offset)
{
	m->row.cfa = (struct mt_cfi_place){ .how = MT_CFI_IN_REGISTER,
		                            .reg = reg,
		                            .offset = (int32_t)offset };
	return reg < MT_CFI_REGS && fits(offset);
}

/* The register alone, or the offset alone, can change only where the CFA has both. */
static bool change_cfa(struct machine *m, uint8_t opcode, struct mt_cfi_reader *in)
{
	struct mt_cfi_place cfa = m->row.cfa;

	if (cfa.how != MT_CFI_IN_REGISTER)
		return false;
	if (opcode == DW_CFA_def_cfa_register)
		return set_cfa(m, register_of(m, mt_cfi_read_uleb(in)), cfa.offset);
	if (opcode == DW_CFA_def_cfa_offset)
		return set_cfa(m, cfa.reg, (int64_t)mt_cfi_read_uleb(in));
	return set_cfa(m, cfa.reg, factored(m, (uint64_t)mt_cfi_read_sleb(in)));
}

static bool run_cfa_rule(struct machine *m, uint8_t opcode, struct mt_cfi_reader *in)
{
	uint8_t reg;

	switch (opcode) {
	case DW_CFA_def_cfa:
		reg = register_of(m, mt_cfi_read_uleb(in));
		return set_cfa(m, reg, (int64_t)mt_cfi_read_uleb(in));
	case DW_CFA_def_cfa_sf:
		reg = register_of(m, mt_cfi_read_uleb(in));
		return set_cfa(m, reg, factored(m, (uint64_t)mt_cfi_read_sleb(in)));
	case DW_CFA_def_cfa_expression:
		return read_expression(m, in, MT_CFI_IS_EXPRESSION, &m->row.cfa);
	default:
		return change_cfa(m, opcode, in);
	}
}

static bool run_extended(struct machine *m, uint8_t opcode, struct mt_cfi_reader *in)
{
	switch (opcode) {
	case DW_CFA_nop:
		return true;
	case DW_CFA_set_loc:
		return mt_cfi_read_pointer(
		    in, m->section->machine, m->cie->pointer_encoding,
		    m->section->addr + (uint64_t)(in->at - m->section->span.bytes), &m->loc);
	case DW_CFA_advance_loc1:
		advance(m, mt_cfi_read_uint(in, 1));
		return true;
	case DW_CFA_advance_loc2:
		advance(m, mt_cfi_read_uint(in, 2));
		return true;
	case DW_CFA_advance_loc4:
		advance(m, mt_cfi_read_uint(in, 4));
		return true;
	case DW_CFA_remember_state:
		if (m->depth == MAX_REMEMBERED)
			return false;
		m->remembered[m->depth++] = m->row;
		return true;
	case DW_CFA_restore_state:
		if (!m->depth)
			return false;
		m->row = m->remembered[--m->depth];
		return true;
	case DW_CFA_GNU_args_size:
		mt_cfi_read_uleb(in);
		return true;
	case DW_CFA_def_cfa:
	case DW_CFA_def_cfa_sf:
	case DW_CFA_def_cfa_register:
	case DW_CFA_def_cfa_offset:
	case DW_CFA_def_cfa_offset_sf:
	case DW_CFA_def_cfa_expression:
		return run_cfa_rule(m, opcode, in);
	default:
		return run_register_rule(m, opcode, in);
	}
}

/* Runs until the program ends, or the next row starts beyond the target. */
static bool run(struct machine *m, struct mt_cfi_span program)
{
	struct mt_cfi_reader in = mt_cfi_reader_of(program);
	const uint8_t low_bits = 0x3f;
	uint8_t opcode, operand;
	bool ok = true;

	while (ok && mt_cfi_left(&in) && m->loc <= m->target) {
		opcode = (uint8_t)mt_cfi_read_uint(&in, 1);
		operand = opcode & low_bits;
		switch (opcode & ~low_bits) {
		case DW_CFA_advance_loc:
			advance(m, operand);
			break;
		case DW_CFA_offset:
			ok = set_offset(m, operand, MT_CFI_AT_OFFSET, mt_cfi_read_uleb(&in));
			break;
		case DW_CFA_restore:
			restore(m, operand);
			break;
		default:
			ok = run_extended(m, opcode, &in);
		}
		ok = ok && !in.failed;
	}
	return ok;
}

bool mt_cfi_row_compute(const struct mt_cfi_section *section, const struct mt_cfi_fde *fde,
                        uint64_t addr, struct mt_cfi_row *row)
{
	struct machine m;

	m.section = section;
	m.cie = &fde->cie;
	m.loc = fde->start;
	m.target = addr;
	m.depth = 0;
	m.row = (struct mt_cfi_row){ .code = fde->program.bytes, .is_signal = fde->cie.is_signal };
	m.initial = m.row;
	if (!run(&m, fde->cie.program))
		return false;
	m.initial = m.row;
	if (!run(&m, fde->program) || m.row.cfa.how == MT_CFI_UNSPECIFIED)
		return false;
	*row = m.row;
	return true;
}
