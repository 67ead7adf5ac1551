/* SPDX-License-Identifier: MIT */
/*
 * Inside src/self: contracts, which are traps with a handler of the library's own that judges each
 * hit.
 */
#ifndef MT_SELF_CONTRACT_H
#define MT_SELF_CONTRACT_H

#include "memtrap/memtrap.h"
#include "self/say.h"

struct mt_contract;

/* NULL is allowed. Signal-safe. */
void mt_contract_destroy(struct mt_contract *contract);

/* How values under it are to be read; signed without one. Signal-safe. */
enum memtrap_number mt_contract_number(const struct mt_contract *contract);

/* What it asks for: "only cache_put, cache_drop may write it". Signal-safe. */
void mt_contract_say(struct mt_say *say, const struct mt_contract *contract);

#endif
