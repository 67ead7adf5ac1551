/* SPDX-License-Identifier: MIT */
#include <dwarf.h>
#include <string.h>

#include "cfi/reader.h"
#include "symbol/package_private.h"

/* Of a section of DWARF with offsets of 32 bits: length, version, sizes, count of offsets (DWARF 5
 * section 7.28). */
enum { HEADER = 12, COUNT_AT = 8 };

static void write_number(struct mt_buf *out, uint64_t number, uint8_t size)
{
	mt_buf_bytes(out, &number, size);
}

/* Reads over one entry; false: it is the last one, or damaged. */
static bool skip_entry(struct mt_cfi_reader *in, uint8_t address_size)
{
	switch (mt_cfi_read_uint(in, 1)) {
	case DW_RLE_base_addressx:
		mt_cfi_read_uleb(in);
		break;
	case DW_RLE_startx_endx:
	case DW_RLE_startx_length:
	case DW_RLE_offset_pair:
		mt_cfi_read_uleb(in);
		mt_cfi_read_uleb(in);
		break;
	case DW_RLE_base_address:
		mt_cfi_read_uint(in, address_size);
		break;
	case DW_RLE_start_end:
		mt_cfi_read_uint(in, address_size);
		mt_cfi_read_uint(in, address_size);
		break;
	case DW_RLE_start_length:
		mt_cfi_read_uint(in, address_size);
		mt_cfi_read_uleb(in);
		break;
	default:
		return false;
	}
	return !in->failed;
}

/* The bytes of the list that starts at `at`, to the end of its last entry. */
static struct mt_bytes list_at(struct mt_bytes lists, size_t at, uint8_t address_size)
{
	struct mt_cfi_span span = { lists.data + at, lists.size - at };
	struct mt_cfi_reader in = mt_cfi_reader_of(span);

	while (skip_entry(&in, address_size))
		;
	return (struct mt_bytes){ span.bytes, span.len - mt_cfi_left(&in) };
}

/* The table's lists once more, behind all, each with the base before it; the table leads there. */
bool mt_package_rnglists(struct mt_bytes lists, uint64_t base, uint8_t address_size,
                         struct mt_buf *out)
{
	size_t start = out->len;
	uint32_t count, length, offset;

	if (lists.size < HEADER)
		return false;
	memcpy(&length, lists.data, sizeof(length));
	memcpy(&count, lists.data + COUNT_AT, sizeof(count));
	if (length == UINT32_MAX || count > (lists.size - HEADER) / sizeof(offset))
		return false;
	mt_buf_bytes(out, lists.data, lists.size);
	for (uint32_t i = 0; i < count && mt_buf_ok(out); i++) {
		size_t entry = HEADER + i * sizeof(offset);
		uint32_t moved = (uint32_t)(out->len - start - HEADER);

		memcpy(&offset, lists.data + entry, sizeof(offset));
		if (offset >= lists.size - HEADER || out->len - start > 64 * lists.size)
			return false;
		struct mt_bytes list = list_at(lists, HEADER + offset, address_size);

		memcpy(out->data + start + entry, &moved, sizeof(moved));
		write_number(out, DW_RLE_base_address, 1);
		write_number(out, base, address_size);
		mt_buf_bytes(out, list.data, list.size);
	}
	if (!mt_buf_ok(out))
		return false;
	length = (uint32_t)(out->len - start - sizeof(length));
	memcpy(out->data + start, &length, sizeof(length));
	return true;
}

/* Pairs up to (0, 0), from which the next list starts; a pair that sets a base begins with the
 * largest address (DWARF 4 section 2.17.3). */
void mt_package_ranges(struct mt_bytes ranges, uint64_t base, uint8_t address_size,
                       struct mt_buf *out)
{
	const uint64_t selects = address_size == 4 ? UINT32_MAX : UINT64_MAX;
	struct mt_cfi_reader in =
	    mt_cfi_reader_of((struct mt_cfi_span){ ranges.data, ranges.size });
	uint64_t added = base;

	while (mt_cfi_left(&in) >= 2u * address_size) {
		uint64_t start = mt_cfi_read_uint(&in, address_size);
		uint64_t end = mt_cfi_read_uint(&in, address_size);

		if (start == selects) {
			added = 0;
		} else if (!start && !end) {
			added = base;
		} else {
			start += added;
			end += added;
		}
		write_number(out, start, address_size);
		write_number(out, end, address_size);
	}
}
