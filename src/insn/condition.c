/* SPDX-License-Identifier: MIT */
#include "insn/condition.h"

#define CF (1U << 0)
#define PF (1U << 2)
#define ZF (1U << 6)
#define SF (1U << 7)
#define OF (1U << 11)

bool mt_condition_met(unsigned code, uint64_t rflags)
{
	bool met;

	switch (code >> 1) {
	case 0:
		met = rflags & OF;
		break;
	case 1:
		met = rflags & CF;
		break;
	case 2:
		met = rflags & ZF;
		break;
	case 3:
		met = rflags & (CF | ZF);
		break;
	case 4:
		met = rflags & SF;
		break;
	case 5:
		met = rflags & PF;
		break;
	case 6:
		met = !(rflags & SF) != !(rflags & OF);
		break;
	default:
		met = (rflags & ZF) || !(rflags & SF) != !(rflags & OF);
		break;
	}
	return met != (code & 1);
}
