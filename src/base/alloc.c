/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static long allowed = -1;

static bool refuse(void)
{
	if (allowed < 0)
		return false;
	if (allowed == 0)
		return true;
	allowed--;
	return false;
}

void mt_alloc_fail_after(long count)
{
	allowed = count;
}

void *mt_alloc(size_t size)
{
	return mt_alloc_array(1, size);
}

void *mt_alloc_array(size_t count, size_t size)
{
	return refuse() ? NULL : calloc(count, size);
}

void *mt_realloc_array(void *block, size_t count, size_t size)
{
	return refuse() ? NULL : reallocarray(block, count, size);
}

char *mt_strdup(const char *text)
{
	return refuse() ? NULL : strdup(text);
}

char *mt_strndup(const char *text, size_t len)
{
	return refuse() ? NULL : strndup(text, len);
}
