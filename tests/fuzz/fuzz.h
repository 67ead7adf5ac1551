/* SPDX-License-Identifier: MIT */
/* What a fuzz target defines: it is fed by libFuzzer, and by replay.c. Returns 0. */
#ifndef MT_TESTS_FUZZ_H
#define MT_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
