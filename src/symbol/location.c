/* SPDX-License-Identifier: MIT */
#include "symbol/location.h"

#include <dwarf.h>

#include "symbol/where_private.h"

static bool in_segment(const struct mt_module_file *file, uint64_t addr)
{
	for (size_t i = 0; i < file->head.segment_count; i++) {
		const struct mt_segment *segment = &file->head.segments[i];

		if (addr >= segment->vaddr && addr - segment->vaddr < segment->memsz)
			return true;
	}
	return false;
}

/* There is no thread to ask: that it is asked for is the answer. */
static struct mt_error *keep_offset(void *arg, const struct mt_module *module, uint64_t offset,
                                    uint64_t *addr)
{
	uint64_t *kept = arg;

	(void)module;
	*kept = offset;
	*addr = 0;
	return NULL;
}

/* Linkers leave address 0 of what they dropped (--gc-sections). */
static enum mt_var_state classify(const struct mt_module_file *file, const struct mt_where *where,
                                  uint64_t *addr)
{
	const struct mt_where_piece *piece = where->data;

	if (where->len != 1 || piece->bits)
		return MT_VAR_GONE;
	if (piece->kind == MT_WHERE_REGISTER)
		return MT_VAR_REGISTER;
	if (piece->kind != MT_WHERE_MEMORY || !in_segment(file, piece->addr))
		return MT_VAR_GONE;
	*addr = piece->addr;
	return MT_VAR_FIXED;
}

/* Evaluates it without a frame: what needs one is a local. */
static enum mt_var_state evaluate(struct mt_module_file *file, Dwarf_Attribute *attr,
                                  uint64_t *addr)
{
	uint64_t offset = UINT64_MAX;
	const struct mt_where_frame frame = { .tls = keep_offset, .arg = &offset };
	unsigned steps = MT_WHERE_STEPS;
	const struct mt_where_scope scope = {
		.frame = &frame, .file = file, .cu = attr->cu, .steps = &steps
	};
	struct mt_where where = { 0 };
	struct mt_error *error = mt_where_attr(&scope, attr, &where);
	enum mt_var_state state = MT_VAR_GONE;

	if (!error && offset != UINT64_MAX) {
		*addr = offset;
		state = MT_VAR_THREAD;
	} else if (!error) {
		state = classify(file, &where, addr);
	} else if (mt_error_kind(error) != MT_ERR_FORMAT) {
		state = MT_VAR_LOCAL;
	}
	mt_error_free(error);
	mt_where_deinit(&where);
	return state;
}

bool mt_location_moves(Dwarf_Attribute *attr)
{
	switch (dwarf_whatform(attr)) {
	case DW_FORM_exprloc:
	case DW_FORM_block:
	case DW_FORM_block1:
	case DW_FORM_block2:
	case DW_FORM_block4:
		return false;
	default:
		return true;
	}
}

enum mt_var_state mt_location_of(struct mt_module_file *file, Dwarf_Die *die, uint64_t *addr)
{
	Dwarf_Attribute attr;

	if (!dwarf_attr(die, DW_AT_location, &attr))
		return MT_VAR_DECLARED;
	return mt_location_moves(&attr) ? MT_VAR_LOCAL : evaluate(file, &attr, addr);
}
