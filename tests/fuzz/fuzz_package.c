/* SPDX-License-Identifier: MIT */
/* The index of a .dwp package, and range lists. The first byte chooses, the next 8 are an address
 * or a signature. */
#include <string.h>

#include "base/cleanup.h"
#include "fuzz.h"
#include "symbol/package_private.h"

static void look_up(struct mt_bytes bytes, uint64_t signature)
{
	struct mt_package_index index;
	struct mt_package_row row, again;

	if (!mt_package_index_open(bytes, &index))
		return;
	mt_package_index_find(&index, signature, &row);
	for (uint32_t slot = 0; slot < index.slots; slot++)
		if (mt_package_index_slot(&index, slot, &row) && slot < 64)
			mt_package_index_find(&index, row.signature, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mt_buf out MT_AUTO_BUF = { 0 };
	uint8_t address_size;
	struct mt_bytes rest;
	uint64_t number;

	if (size < 9)
		return 0;
	memcpy(&number, data + 1, sizeof(number));
	address_size = data[0] & 4 ? 4 : 8;
	rest = (struct mt_bytes){ data + 9, size - 9 };
	if (data[0] % 3 == 0)
		look_up(rest, number);
	else if (data[0] % 3 == 1)
		mt_package_rnglists(rest, number, address_size, &out);
	else
		mt_package_ranges(rest, number, address_size, &out);
	return 0;
}
