/* SPDX-License-Identifier: MIT */
#include "symbol/index_abbrev.h"

#include <dwarf.h>
#include <string.h>

/* Compilers count codes from 1; a table with larger gaps than this has no compiler behind it. */
#define MAX_CODE (1u << 20)

/* ---- Bytes --------------------------------------------------------------- */

void mt_cursor_skip(struct mt_cursor *cursor, uint64_t size)
{
	if (size > (size_t)(cursor->end - cursor->at)) {
		cursor->bad = true;
		cursor->at = cursor->end;
		return;
	}
	cursor->at += size;
}

uint64_t mt_cursor_fixed(struct mt_cursor *cursor, size_t size)
{
	const uint8_t *at = cursor->at;
	uint64_t value = 0;

	mt_cursor_skip(cursor, size);
	if (!cursor->bad)
		memcpy(&value, at, size);
	return value;
}

uint64_t mt_cursor_uleb(struct mt_cursor *cursor)
{
	uint64_t value = 0;

	for (unsigned shift = 0; cursor->at < cursor->end; shift += 7) {
		uint8_t byte = *cursor->at++;

		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	cursor->bad = true;
	return 0;
}

static void skip_text(struct mt_cursor *cursor)
{
	const uint8_t *nul = memchr(cursor->at, 0, (size_t)(cursor->end - cursor->at));

	cursor->bad = cursor->bad || !nul;
	cursor->at = nul ? nul + 1 : cursor->end;
}

void mt_cursor_step(struct mt_cursor *cursor, const struct mt_abbrev_step *step)
{
	switch (step->kind) {
	case MT_STEP_FIXED:
		mt_cursor_skip(cursor, step->size);
		break;
	case MT_STEP_LEB:
		mt_cursor_uleb(cursor);
		break;
	case MT_STEP_TEXT:
		skip_text(cursor);
		break;
	default:
		mt_cursor_skip(cursor, step->size ? mt_cursor_fixed(cursor, step->size)
		                                  : mt_cursor_uleb(cursor));
	}
}

/* ---- Forms: DWARF 5 section 7.5.6, and GNU's ------------------------------ */

static bool fixed(struct mt_abbrev_step *step, uint32_t size)
{
	step->kind = MT_STEP_FIXED;
	step->size = size;
	return true;
}

static bool other(struct mt_abbrev_step *step, enum mt_step_kind kind, uint32_t size)
{
	step->kind = (uint8_t)kind;
	step->size = size;
	return true;
}

/* The size of a form of as many bytes in every unit of 32-bit DWARF; -1: it is another one. */
static int plain_size(unsigned form)
{
	switch (form) {
	case DW_FORM_flag_present:
	case DW_FORM_implicit_const:
		return 0;
	case DW_FORM_data1:
	case DW_FORM_ref1:
	case DW_FORM_flag:
	case DW_FORM_strx1:
	case DW_FORM_addrx1:
		return 1;
	case DW_FORM_data2:
	case DW_FORM_ref2:
	case DW_FORM_strx2:
	case DW_FORM_addrx2:
		return 2;
	case DW_FORM_strx3:
	case DW_FORM_addrx3:
		return 3;
	case DW_FORM_data4:
	case DW_FORM_ref4:
	case DW_FORM_strx4:
	case DW_FORM_addrx4:
	case DW_FORM_strp:
	case DW_FORM_line_strp:
	case DW_FORM_sec_offset:
	case DW_FORM_strp_sup:
	case DW_FORM_ref_sup4:
	case DW_FORM_GNU_strp_alt:
	case DW_FORM_GNU_ref_alt:
		return 4;
	case DW_FORM_data8:
	case DW_FORM_ref8:
	case DW_FORM_ref_sig8:
	case DW_FORM_ref_sup8:
		return 8;
	case DW_FORM_data16:
		return 16;
	default:
		return -1;
	}
}

bool mt_form_step(unsigned form, unsigned version, unsigned address_size,
                  struct mt_abbrev_step *step)
{
	int size = plain_size(form);

	if (size >= 0)
		return fixed(step, (uint32_t)size);
	switch (form) {
	case DW_FORM_addr:
		return fixed(step, address_size);
	case DW_FORM_ref_addr:
		return fixed(step, version < 3 ? address_size : 4);
	case DW_FORM_string:
		return other(step, MT_STEP_TEXT, 0);
	case DW_FORM_block1:
		return other(step, MT_STEP_BLOCK, 1);
	case DW_FORM_block2:
		return other(step, MT_STEP_BLOCK, 2);
	case DW_FORM_block4:
		return other(step, MT_STEP_BLOCK, 4);
	case DW_FORM_block:
	case DW_FORM_exprloc:
		return other(step, MT_STEP_BLOCK, 0);
	case DW_FORM_sdata:
	case DW_FORM_udata:
	case DW_FORM_ref_udata:
	case DW_FORM_strx:
	case DW_FORM_addrx:
	case DW_FORM_loclistx:
	case DW_FORM_rnglistx:
	case DW_FORM_GNU_str_index:
	case DW_FORM_GNU_addr_index:
		return other(step, MT_STEP_LEB, 0);
	default:
		return false;
	}
}

/* ---- Tables -------------------------------------------------------------- */

static enum mt_step_kind kind_of_attribute(uint64_t attribute)
{
	switch (attribute) {
	case DW_AT_name:
		return MT_STEP_NAME;
	case DW_AT_specification:
	case DW_AT_abstract_origin:
		return MT_STEP_ORIGIN;
	case DW_AT_str_offsets_base:
		return MT_STEP_STR_BASE;
	default:
		return MT_STEP_FIXED;
	}
}

/* Attributes of fixed size that follow each other are passed over at once. */
static bool add_step(struct mt_abbrevs *abbrevs, struct mt_abbrev *abbrev,
                     const struct mt_abbrev_step *step)
{
	struct mt_abbrev_step *last =
	    abbrev->count ? &abbrevs->steps.data[abbrevs->steps.len - 1] : NULL;

	if (step->kind == MT_STEP_FIXED && last && last->kind == MT_STEP_FIXED) {
		last->size += step->size;
		return true;
	}
	abbrev->count++;
	return mt_vec_push(&abbrevs->steps, *step);
}

/* False at the end of the list, and when it is bad. */
static bool read_attribute(struct mt_cursor *cursor, struct mt_abbrevs *abbrevs,
                           struct mt_abbrev *abbrev, unsigned version, unsigned address_size)
{
	uint64_t attribute = mt_cursor_uleb(cursor), form = mt_cursor_uleb(cursor);
	struct mt_abbrev_step step = { .form = (uint16_t)form };
	enum mt_step_kind kind = kind_of_attribute(attribute);

	if (form == DW_FORM_implicit_const)
		mt_cursor_uleb(cursor);
	if (cursor->bad || (!attribute && !form))
		return false;
	if (attribute == DW_AT_external || attribute == DW_AT_declaration)
		abbrev->is_static = true;
	if (form > UINT16_MAX || !mt_form_step((unsigned)form, version, address_size, &step)) {
		cursor->bad = true;
		return false;
	}
	if (kind != MT_STEP_FIXED)
		step.kind = (uint8_t)kind;
	cursor->bad = !add_step(abbrevs, abbrev, &step);
	return !cursor->bad;
}

static bool add_abbrev(struct mt_abbrevs *abbrevs, uint64_t code, const struct mt_abbrev *abbrev)
{
	if (code > MAX_CODE)
		return false;
	while (abbrevs->all.len < code)
		if (!mt_vec_push(&abbrevs->all, (struct mt_abbrev){ 0 }))
			return false;
	if (abbrevs->all.data[code - 1].tag)
		return false;
	abbrevs->all.data[code - 1] = *abbrev;
	return true;
}

bool mt_abbrevs_read(struct mt_abbrevs *abbrevs, struct mt_bytes section, uint64_t offset,
                     unsigned version, unsigned address_size)
{
	struct mt_cursor cursor = { .at = section.data, .end = section.data + section.size };

	abbrevs->all.len = abbrevs->steps.len = 0;
	mt_cursor_skip(&cursor, offset);
	while (!cursor.bad) {
		uint64_t code = mt_cursor_uleb(&cursor);

		if (!code)
			return !cursor.bad;

		uint64_t tag = mt_cursor_uleb(&cursor);
		struct mt_abbrev abbrev = { .first = (uint32_t)abbrevs->steps.len,
			                    .tag = (uint16_t)tag,
			                    .has_children = mt_cursor_fixed(&cursor, 1) != 0 };

		while (read_attribute(&cursor, abbrevs, &abbrev, version, address_size))
			continue;
		if (cursor.bad || !tag || tag > UINT16_MAX || !add_abbrev(abbrevs, code, &abbrev))
			return false;
	}
	return false;
}

const struct mt_abbrev *mt_abbrev_of(const struct mt_abbrevs *abbrevs, uint64_t code)
{
	return code && code <= abbrevs->all.len && abbrevs->all.data[code - 1].tag
	           ? &abbrevs->all.data[code - 1]
	           : NULL;
}

void mt_abbrevs_deinit(struct mt_abbrevs *abbrevs)
{
	mt_vec_deinit(&abbrevs->all);
	mt_vec_deinit(&abbrevs->steps);
}
