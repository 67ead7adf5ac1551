/* SPDX-License-Identifier: MIT */
/*
 * Inside src/self: the instruction that ends at a pc, so that code is decoded from the start of its
 * function once for each pc. An entry is only found while memory still has the bytes that were
 * decoded: code may be unloaded, and made anew in the same place. Signal-safe, without locks: an
 * entry that is being written is not found, and one that somebody writes is not written.
 */
#ifndef MT_SELF_CODE_CACHE_H
#define MT_SELF_CODE_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "insn/insn.h"

bool mt_code_cache_find(uintptr_t pc, struct mt_insn *insn);

/* `insn` ends where it is asked for: at insn->addr + insn->len. */
void mt_code_cache_keep(const struct mt_insn *insn);

#endif
