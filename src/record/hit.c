/* SPDX-License-Identifier: MIT */
#include "record/hit.h"

const char *mt_kind_name(enum mt_dr_kind kind)
{
	switch (kind) {
	case MT_DR_EXEC:
		return "exec";
	case MT_DR_WRITE:
		return "write";
	case MT_DR_READ:
		return "read";
	default:
		return "access";
	}
}

const char *mt_hit_access_name(const struct mt_hit *hit)
{
	if (hit->unmapped)
		return "unmap";
	if (hit->watch->kind == MT_DR_EXEC)
		return "exec";
	switch (hit->access) {
	case MT_INSN_READ:
		return "read";
	case MT_INSN_WRITE:
	case MT_INSN_READ | MT_INSN_WRITE:
		return "write";
	default:
		return "access";
	}
}
