/* SPDX-License-Identifier: MIT */
#include "self/number.h"

#include <string.h>

#define FROM_HERE_HEX_TOO (UINT64_C(1) << 16)
#define FROM_HERE_HEX_ALONE (UINT64_C(1) << 40)

bool mt_is_number(size_t len)
{
	return len == 1 || len == 2 || len == 4 || len == 8;
}

uint64_t memtrap_unsigned(const void *value, size_t len)
{
	uint64_t number = 0;

	if (value && mt_is_number(len))
		memcpy(&number, value, len);
	return number;
}

int64_t memtrap_signed(const void *value, size_t len)
{
	unsigned unused_bits = mt_is_number(len) ? (unsigned)(64 - 8 * len) : 0;

	return (int64_t)(memtrap_unsigned(value, len) << unused_bits) >> unused_bits;
}

double mt_number_floating(const void *value, size_t len)
{
	double wide = 0;
	float narrow;

	if (len == sizeof(wide))
		memcpy(&wide, value, len);
	if (len == sizeof(narrow)) {
		memcpy(&narrow, value, len);
		wide = (double)narrow;
	}
	return wide;
}

static void say_integer(struct mt_say *say, bool negative, uint64_t magnitude, uint64_t bits)
{
	bool in_decimal = magnitude < FROM_HERE_HEX_ALONE, in_hex = magnitude >= FROM_HERE_HEX_TOO;

	if (in_decimal) {
		mt_say_text(say, negative ? "-" : "");
		mt_say_unsigned(say, magnitude);
	}
	if (!in_hex)
		return;
	mt_say_text(say, in_decimal ? " (" : "");
	mt_say_hex(say, bits, 1);
	mt_say_text(say, in_decimal ? ")" : "");
}

void mt_number_say(struct mt_say *say, const void *value, size_t len, enum memtrap_number number)
{
	uint64_t bits = memtrap_unsigned(value, len);
	int64_t as_signed = memtrap_signed(value, len);

	if (number == MEMTRAP_FLOATING)
		mt_say_floating(say, mt_number_floating(value, len));
	else if (number == MEMTRAP_SIGNED && as_signed < 0)
		say_integer(say, true, -(uint64_t)as_signed, bits);
	else
		say_integer(say, false, bits, bits);
}
