/* SPDX-License-Identifier: MIT */
#include "x86/debugreg.h"

/* The longest piece at the start of addr … addr+len-1. */
static uint8_t longest_piece(uint64_t addr, uint64_t len)
{
	uint8_t piece = 8;

	while (addr % piece != 0 || len < piece)
		piece /= 2;
	return piece;
}

/*
 * Taking the longest piece each time is optimal: of two aligned pieces of power-of-two lengths that
 * overlap, one contains the other.
 */
size_t mt_dr_split(uint64_t addr, uint64_t len, struct mt_dr_piece *pieces, size_t max)
{
	size_t count = 0;

	if (len == 0 || addr + (len - 1) < addr)
		return 0;
	while (len > 0) {
		uint8_t piece = longest_piece(addr, len);

		if (count < max) {
			pieces[count] = (struct mt_dr_piece){ .addr = addr, .len = piece };
		} else if (piece == 8) {
			/* Only counting is left: all whole pieces at once, however long. */
			count += (size_t)(len / 8);
			addr += len & ~UINT64_C(7);
			len %= 8;
			continue;
		}
		count++;
		addr += piece;
		len -= piece;
	}
	return count;
}

bool mt_dr_region_ok(enum mt_dr_kind kind, uint64_t addr, uint64_t len)
{
	size_t needed = mt_dr_split(addr, len, NULL, 0);

	if (kind == MT_DR_EXEC && len != 1)
		return false;
	return needed > 0 && needed <= MT_DR_COUNT;
}

/*
 * DR7's layout (SDM volume 3, figure 18-1): L0 G0 L1 G1 … in bits 0-7, and from bit 16 on four bits
 * for each register, LEN << 2 | R/W.
 */
static unsigned enable_shift(unsigned index)
{
	return 2 * index;
}

static unsigned control_shift(unsigned index)
{
	return 16 + 4 * index;
}

static const uint8_t rw_of_kind[] = {
	[MT_DR_EXEC] = 0, [MT_DR_WRITE] = 1, [MT_DR_IO] = 2, [MT_DR_READ] = 3, [MT_DR_ACCESS] = 3,
};

unsigned mt_dr7_control(enum mt_dr_kind kind, unsigned len)
{
	static const uint8_t field_of_len[] = { [1] = 0, [2] = 1, [8] = 2, [4] = 3 };

	return (unsigned)(field_of_len[len] << 2 | rw_of_kind[kind]);
}

uint64_t mt_dr7_enable(uint64_t dr7, unsigned index, enum mt_dr_kind kind, unsigned len)
{
	return mt_dr7_disable(dr7, index) | UINT64_C(1) << enable_shift(index) |
	       (uint64_t)mt_dr7_control(kind, len) << control_shift(index);
}

uint64_t mt_dr7_disable(uint64_t dr7, unsigned index)
{
	return dr7 & ~(UINT64_C(3) << enable_shift(index) | UINT64_C(15) << control_shift(index));
}

bool mt_dr7_decode(uint64_t dr7, unsigned index, enum mt_dr_kind *kind, unsigned *len)
{
	static const enum mt_dr_kind kind_of_rw[] = { MT_DR_EXEC, MT_DR_WRITE, MT_DR_IO,
		                                      MT_DR_ACCESS };
	static const uint8_t len_of_field[] = { 1, 2, 8, 4 };
	uint64_t control = dr7 >> control_shift(index);

	if ((dr7 >> enable_shift(index) & 3) == 0)
		return false;
	*kind = kind_of_rw[control & 3];
	*len = len_of_field[control >> 2 & 3];
	return true;
}

unsigned mt_dr6_hits(uint64_t dr6)
{
	return dr6 & 15;
}

bool mt_dr6_single_step(uint64_t dr6)
{
	return dr6 >> 14 & 1;
}
