/* SPDX-License-Identifier: MIT */
#include "cfi/table.h"

#include <stdlib.h>

#include "cfi/constants.h"
#include "cfi/entry.h"

void mt_cfi_section_deinit(struct mt_cfi_section *section)
{
	mt_vec_deinit(&section->index);
	*section = (struct mt_cfi_section){ 0 };
}

/*
 * .eh_frame_hdr (LSB core 5.0, 10.6.2): where .eh_frame is, and a table to search. Linkers write
 * one kind of table only, pairs of 32-bit numbers relative to the header.
 */
bool mt_cfi_header_read(struct mt_cfi_span header, uint64_t addr, struct mt_cfi_section *section)
{
	struct mt_cfi_reader in = mt_cfi_reader_of(header);
	uint64_t version, frame_encoding, count_encoding, table_encoding, count = 0;

	if (!header.len)
		return false;
	version = mt_cfi_read_uint(&in, 1);
	frame_encoding = mt_cfi_read_uint(&in, 1);
	count_encoding = mt_cfi_read_uint(&in, 1);
	table_encoding = mt_cfi_read_uint(&in, 1);
	if (version != 1 || !mt_cfi_read_pointer(&in, section->machine, (uint8_t)frame_encoding,
	                                         addr + 4, &section->addr))
		return false;
	if (table_encoding == (DW_EH_PE_datarel | DW_EH_PE_sdata4) &&
	    mt_cfi_read_pointer(&in, section->machine, (uint8_t)count_encoding, 0, &count) &&
	    count <= mt_cfi_left(&in) / 8) {
		section->search_table = mt_cfi_read_span(&in, 8 * count);
		section->search_base = addr;
	}
	return true;
}

/* ---- Our own index, where the linker left none --------------------------- */

static int by_start(const void *a, const void *b)
{
	const struct mt_cfi_index_entry *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

void mt_cfi_section_index(struct mt_cfi_section *section)
{
	struct mt_cfi_fde fde;
	size_t offset = 0, next;

	for (; offset < section->span.len; offset = next) {
		if (!mt_cfi_fde_read(section, offset, &next, &fde))
			continue;
		if (!mt_vec_push(&section->index,
		                 ((struct mt_cfi_index_entry){ fde.start, offset })))
			break;
	}
	if (section->index.len)
		qsort(section->index.data, section->index.len, sizeof(*section->index.data),
		      by_start);
}

/* ---- Searching ----------------------------------------------------------- */

static uint64_t table_value(const struct mt_cfi_section *section, size_t i)
{
	int32_t relative;

	memcpy(&relative, section->search_table.bytes + 4 * i, sizeof(relative));
	return mt_machine_wrap(section->machine,
	                       section->search_base + (uint64_t)(int64_t)relative);
}

static uint64_t start_at(const struct mt_cfi_section *section, size_t i)
{
	return section->search_table.len ? table_value(section, 2 * i)
	                                 : section->index.data[i].start;
}

bool mt_cfi_section_find(const struct mt_cfi_section *section, uint64_t addr,
                         struct mt_cfi_fde *fde)
{
	size_t low = 0, high, middle, next;
	uint64_t offset;
	struct mt_cfi_fde found;

	high = section->search_table.len ? section->search_table.len / 8 : section->index.len;
	while (low < high) {
		middle = low + (high - low) / 2;
		if (start_at(section, middle) <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return false;
	offset = section->search_table.len ? table_value(section, 2 * low - 1) - section->addr
	                                   : section->index.data[low - 1].offset;
	if (offset >= section->span.len ||
	    !mt_cfi_fde_read(section, (size_t)offset, &next, &found) || addr < found.start ||
	    addr >= found.end)
		return false;
	*fde = found;
	return true;
}
