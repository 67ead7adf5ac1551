/* SPDX-License-Identifier: MIT */
#include <dwarf.h>
#include <inttypes.h>
#include <string.h>

#include "symbol/cfi.h"
#include "symbol/function.h"
#include "symbol/units.h"
#include "symbol/where_private.h"

void mt_where_state(const struct mt_where_scope *scope, struct mt_cfi_state *state)
{
	const struct mt_where_frame *frame = scope->frame;

	*state = (struct mt_cfi_state){ .machine = scope->file->head.machine };
	if (!frame->regs)
		return;
	state->regs = *frame->regs;
	state->known = frame->known & ((1U << MT_CFI_REGS) - 1);
}

void mt_where_note_used(const struct mt_where_frame *frame, uint32_t regs)
{
	if (frame->uses)
		frame->uses->regs |= regs;
}

struct mt_error *mt_where_unsaved(enum mt_machine machine, enum mt_reg reg)
{
	const char *name = mt_reg_name(reg);
	bool is_half = machine == MT_MACHINE_I386 && name[0] == 'r';

	return mt_error_new(MT_ERR_UNSUPPORTED, "register %s%s is not saved in this frame",
	                    is_half ? "e" : "", name + is_half);
}

struct mt_error *mt_where_cfa(const struct mt_where_scope *scope, struct mt_cfi_value *cfa)
{
	const struct mt_where_frame *frame = scope->frame;
	struct mt_cfi_state state;
	struct mt_cfi_row row;
	bool found;

	if (frame->has_cfa) {
		*cfa = (struct mt_cfi_value){ MT_REG_NONE, frame->cfa };
		return NULL;
	}
	mt_where_state(scope, &state);
	found = frame->image && mt_cfi_row_at(frame->image, frame->pc, &row) &&
	        mt_cfi_cfa(&state, &row, cfa);
	mt_where_note_used(frame, state.used);
	if (!found)
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "no call frame information tells where the frame is at "
		                    "0x%" PRIx64,
		                    frame->pc);
	return NULL;
}

struct mt_error *mt_where_frame_base(const struct mt_where_scope *scope, struct mt_cfi_value *base)
{
	struct mt_where_scope inner = *scope;
	Dwarf_Die function;
	Dwarf_Attribute attr;

	if (!scope->module)
		return mt_error_new(MT_ERR_UNSUPPORTED, "there is no frame");
	if (!mt_function_die_at(scope->file, scope->frame->pc - scope->bias, &inner.unit,
	                        &function) ||
	    !dwarf_attr(&function, DW_AT_frame_base, &attr))
		return mt_error_new(MT_ERR_FORMAT,
		                    "the function at 0x%" PRIx64 " has no frame base",
		                    scope->frame->pc);
	inner.cu = attr.cu;
	return mt_where_attr_base(&inner, &attr, base);
}

bool mt_where_keeps_registers(struct mt_image *image, uint64_t pc)
{
	const struct mt_module *module = mt_image_module_at(image, pc);
	const char *producer;
	Dwarf_Attribute attr;
	Dwarf_Die cu, whole;

	if (!module || !mt_units_cu_at(module->file, pc - module->bias, &cu) ||
	    !mt_unit_whole(module->file, &cu, &whole))
		return false;
	producer = dwarf_formstring(dwarf_attr(&whole, DW_AT_producer, &attr));
	return producer && !strncmp(producer, "GNU ", 4);
}
