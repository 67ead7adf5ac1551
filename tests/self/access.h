/* SPDX-License-Identifier: MIT */
/* Loads and stores that are one instruction each, whose address is known. */
#ifndef JUDGE_ACCESS_H
#define JUDGE_ACCESS_H

#include "judge.h"

/* Accesses `size` bytes (1, 2, 4 or 8) at any address. */
void store(volatile void *addr, size_t size, uint64_t value);
uint64_t load(const volatile void *addr, size_t size);

/* The addresses of the instructions that do it. */
uintptr_t store_at(size_t size);
uintptr_t load_at(size_t size);

/* `lock xadd` on a word of the machine: one read and one write. */
unsigned long fetch_and_add(volatile unsigned long *word, unsigned long n);

#endif
