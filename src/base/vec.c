/* SPDX-License-Identifier: MIT */
#include "base/vec.h"

#include "base/alloc.h"

bool mt_vec_grow(void **data, size_t *cap, size_t want, size_t size)
{
	size_t grown = *cap ? *cap * 2 : 8;

	if (grown < want)
		grown = want;

	void *block = mt_realloc_array(*data, grown, size);

	if (!block)
		return false;
	*data = block;
	*cap = grown;
	return true;
}
