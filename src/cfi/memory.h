/* SPDX-License-Identifier: MIT */
/*
 * The memory that a walk may read: a copied piece of a stack, or one's own.
 */
#ifndef MT_CFI_MEMORY_H
#define MT_CFI_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct mt_cfi_memory {
	/* Reads `size` bytes, 1 to 8, as a little-endian number; false, and `value` untouched: they
	 * can't be read. */
	bool (*read)(void *arg, uint64_t addr, size_t size, uint64_t *value);
	void *arg;
	uint64_t start; /* what is below may have been written over since */
};

/* A copied piece of a thread's stack: `len` bytes that were at `addr` (normally from rsp upwards).
 */
struct mt_stack_copy {
	const uint8_t *bytes;
	uint64_t addr;
	size_t len;
};

static inline bool mt_stack_copy_read(void *arg, uint64_t addr, size_t size, uint64_t *value)
{
	const struct mt_stack_copy *copy = arg;
	uint64_t offset = addr - copy->addr, read = 0;

	if (addr < copy->addr || offset > copy->len || size > copy->len - offset)
		return false;
	memcpy(&read, copy->bytes + offset, size);
	*value = read;
	return true;
}

/* The copy as all the memory that there is. */
static inline struct mt_cfi_memory mt_stack_copy_memory(struct mt_stack_copy *copy)
{
	return (
	    struct mt_cfi_memory){ .read = mt_stack_copy_read, .arg = copy, .start = copy->addr };
}

#endif
