/* SPDX-License-Identifier: MIT */
/*
 * Inside src/self: memory of this process, read by the kernel for us: what is not mapped is an
 * answer and no fault, and neither protection keys nor the debug registers mind. Signal-safe.
 */
#ifndef MT_SELF_PEEK_H
#define MT_SELF_PEEK_H

#include <stddef.h>
#include <stdint.h>

/* Reads what is readable of `len` bytes from `addr` on, and returns how many. */
size_t mt_peek(uintptr_t addr, void *out, size_t len);

#endif
