/* SPDX-License-Identifier: MIT */
/* Some bytes as the code of a program, for what reads code through a function. */
#ifndef MT_TESTS_CODE_BYTES_H
#define MT_TESTS_CODE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct code_bytes {
	uint64_t start;
	const uint8_t *bytes;
	size_t len;
};

/* An mt_code_reader (insn/insn.h); `arg` is a struct code_bytes. */
static inline size_t code_bytes_read(void *arg, uint64_t addr, void *out, size_t len)
{
	const struct code_bytes *code = arg;
	uint64_t offset = addr - code->start;

	if (offset >= code->len)
		return 0;
	if (len > code->len - offset)
		len = (size_t)(code->len - offset);
	memcpy(out, code->bytes + offset, len);
	return len;
}

#endif
