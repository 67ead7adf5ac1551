/* SPDX-License-Identifier: MIT */
#ifndef MT_BASE_PATH_H
#define MT_BASE_PATH_H

#include <string.h>

/* The last part of a path: "cache.c" of "/src/cache.c". */
static inline const char *mt_path_tail(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

#endif
