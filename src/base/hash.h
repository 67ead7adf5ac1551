/* SPDX-License-Identifier: MIT */
/*
 * Hash tables: uthash, told not to end the process when memory runs out (its default). An element
 * that HASH_ADD() could not add is then simply not found later; who must know looks it up.
 */
#ifndef MT_BASE_HASH_H
#define MT_BASE_HASH_H

#define HASH_NONFATAL_OOM 1
/* The default, HASH_JEN, falls through its cases in a way that clang warns of. */
#define HASH_FUNCTION(key, length, hash) HASH_FNV(key, length, hash)

#include <uthash.h>

#endif
