/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "symbol/type.h"

bool mt_value_bit_field(const struct mt_member *member, const uint8_t *bytes, size_t size,
                        uint8_t out[MT_BIT_FIELD_MAX])
{
	unsigned __int128 bits = 0;
	size_t needed = (member->bit_offset + member->bit_size + 7u) / 8;

	if (member->offset > size || needed > size - member->offset)
		return false;
	memcpy(&bits, bytes + member->offset, needed < sizeof(bits) ? needed : sizeof(bits));
	bits >>= member->bit_offset;
	if (needed > sizeof(bits)) /* packed: the last bits are in a 17th byte */
		bits |= (unsigned __int128)bytes[member->offset + sizeof(bits)]
		        << (128u - member->bit_offset);
	if (member->bit_size < 128) {
		unsigned unused = 128u - member->bit_size;

		bits <<= unused;
		if (member->type->is_signed)
			bits = (unsigned __int128)((__int128)bits >> unused);
		else
			bits >>= unused;
	}
	memcpy(out, &bits, sizeof(bits));
	return true;
}
